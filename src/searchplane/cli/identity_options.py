"""Options of the commands that talk to the identity API, and the login they make."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from searchplane.cli.options import data_option, settings_of

if TYPE_CHECKING:
    from searchplane.cli.new_password import Source

Command = Callable[..., Any]

domain_option = click.option(
    "--domain", metavar="ID-OR-NAME", help="The domain; without it the user's own."
)
description_option = click.option("--description", default="", help="What it is for.")


def with_login(command: Command) -> Command:
    """Give the command a `login` made from --data, --cloud or the environment."""
    return _with_login(command, needs_project=False)


def with_project(command: Command) -> Command:
    """The same with a login in a project, whose clusters and snapshots the command is about."""
    return _with_login(command, needs_project=True)


def _with_login(command: Command, *, needs_project: bool) -> Command:
    @functools.wraps(command)
    def run(data: Path | None, cloud: str | None, **given: Any) -> Any:
        from searchplane.cli.login import login_from_environment

        default = settings_of({}).data
        login = login_from_environment(data, cloud, default, needs_project=needs_project)
        return command(login=login, **given)

    cloud_option = click.option("--cloud", metavar="NAME", help="An entry of clouds.yaml.")
    return data_option(cloud_option(run))


def with_password(command: Command) -> Command:
    """Give the command the `source` of a password."""

    @functools.wraps(command)
    def run(password_file: Path | None, *, generate: bool, **given: Any) -> Any:
        from searchplane.cli.new_password import Source

        if password_file is not None and generate:
            raise click.UsageError("--password-file and --generate exclude each other")
        source: Source = Source(password_file, generate)
        return command(source=source, **given)

    file_option = click.option(
        "--password-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        metavar="FILE",
        help="Its first line is the password; without it, it is typed or read from a pipe.",
    )
    generate_option = click.option(
        "--generate", is_flag=True, help="Make a random password and show it once."
    )
    return file_option(generate_option(run))


def changes(**given: str | None) -> dict[str, str]:
    """What was given of fields that may be changed."""
    return {name: value for name, value in given.items() if value is not None}
