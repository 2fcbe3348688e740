"""Commands of the operator that read and write the service's database: their options.

They run on the service's own machine, while it runs or not, and need no login: whoever can read
the data folder, or knows the database's URL, is the operator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from searchplane.cli.options import data_option, json_option, limit_option, settings_of

RESOURCES = {
    "clusters": "Clusters",
    "nodes": "Nodes",
    "vcpu": "vCPU of all nodes",
    "memory_gb": "GB of memory of all nodes",
    "disks": "Disks",
    "disk_gb": "GB of disk of all nodes",
}
"""The quotas there are; a test holds them against the rules."""


@click.command()
@click.option("--since", metavar="TIME", help="From then on: 2026-11-24, 2026-11-24T12:00Z or 7d.")
@click.option("--until", metavar="TIME", help="Up to then, as --since.")
@click.option("--user", metavar="ID-OR-NAME", help="Of this user.")
@click.option("--project", metavar="ID-OR-NAME", help="In this project.")
@click.option("--operation", metavar="NAME", help="Such as CreateCluster.")
@click.option(
    "--outcome", type=click.Choice(["allowed", "refused", "failed"]), help="That ended so."
)
@click.option("--resource", metavar="ID", help="About this resource; a part of its id will do.")
@limit_option
@click.option("--follow", "-f", is_flag=True, help="Go on as lines come, until Ctrl-C.")
@data_option
@json_option
def audit(*, limit: int, follow: bool, as_json: bool, data: Any, **wanted: str | None) -> None:
    """Show who did what to which resource, from where, and how it ended.

    Reads the database itself, so it also works while the service does not run.
    """
    from searchplane.cli import audit as command

    command.run(settings_of({"data": data}), wanted, limit, follow=follow, as_json=as_json)


@click.group()
def quota() -> None:
    """What a project may have at most."""


@quota.command("show")
@click.argument("project", metavar="ID-OR-NAME")
@data_option
@json_option
def quota_show(project: str, data: Any, *, as_json: bool) -> None:
    """Show what a project has and what it may have."""
    from searchplane.cli import quota as command

    command.show(settings_of({"data": data}), project, as_json=as_json)


def _resources(command: Callable[..., None]) -> Callable[..., None]:
    for name, text in reversed(RESOURCES.items()):
        option = f"--{name.replace('_', '-')}"
        command = click.option(option, name, metavar="N", help=f"{text}.")(command)
    return command


@quota.command("set")
@click.argument("project", metavar="ID-OR-NAME")
@_resources
@data_option
@json_option
def quota_set(project: str, data: Any, *, as_json: bool, **given: str | None) -> None:
    """Set what a project may have; what it has already it keeps.

    N is a number, `unlimited`, or `default` for what the settings say.
    """
    from searchplane.cli import quota as command

    command.change(settings_of({"data": data}), project, given, as_json=as_json)


@click.group()
def keys() -> None:
    """The keys that tokens are made with, and those that seal stored secrets."""


@keys.command("list")
@data_option
@json_option
def keys_list(data: Any, *, as_json: bool) -> None:
    """List the keys, and until when old ones are kept."""
    from searchplane.cli import keys as command

    command.show(settings_of({"data": data}), as_json=as_json)


@keys.command("rotate")
@data_option
@json_option
def keys_rotate(data: Any, *, as_json: bool) -> None:
    """Make new tokens with a new key.

    A running service notices within a second. Tokens that exist stay valid: their key is kept
    until the last of them has expired.
    """
    from searchplane.cli import keys as command

    command.rotate(settings_of({"data": data}), as_json=as_json)


@keys.command("seal")
@data_option
@json_option
def keys_seal(data: Any, *, as_json: bool) -> None:
    """Seal all stored secrets with a new key.

    A running service seals with it too from then on. The older keys stay in the folder `seals`:
    temporary access keys that are in use need theirs for a day, a backup of the database for as
    long as it is kept.
    """
    from searchplane.cli import keys as command

    command.seal(settings_of({"data": data}), as_json=as_json)


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--domain", metavar="NAME", help="The user's domain; the first one unless given.")
@data_option
def unlock(name: str, domain: str | None, data: Any) -> None:
    """Hear a user again who was locked by wrong passwords.

    Works through the database, so that nobody has to log in for it.
    """
    from searchplane.cli import unlock as command

    command.run(settings_of({"data": data}), name, domain)
