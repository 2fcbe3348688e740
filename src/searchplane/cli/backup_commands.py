"""Commands that keep and bring back the control plane's own state, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from searchplane.cli.options import data_option, json_option, settings_of


@click.command()
@click.argument("file", metavar="FILE")
@data_option
def backup(file: str, data: Any) -> None:
    """Save the service's own state in FILE, while it runs or not; `-` is standard output.

    That is the database, the keys, the authorities and admin.json: whoever reads FILE has them.
    What the clusters hold is kept by snapshots.
    """
    from searchplane.cli import backup as command

    command.run(settings_of({"data": data}), file)


@click.command()
@click.argument("file", metavar="FILE")
@data_option
def restore(file: str, data: Any) -> None:
    """Make a data folder a service again, from a backup; `-` is standard input.

    The folder must not hold a service; folders of nodes and buckets may be there already.
    """
    from searchplane.cli import restoring as command

    command.run(settings_of({"data": data}), file)


@click.group()
def bucket() -> None:
    """Where snapshots lie: buckets of a project, and folders of elsewhere to restore from."""


@bucket.command("list")
@click.option("--cloud", metavar="NAME", help="An entry of clouds.yaml.")
@data_option
@json_option
def bucket_list(cloud: str | None, data: Path | None, *, as_json: bool) -> None:
    """List the project's buckets, over HTTP like any client."""
    from searchplane.cli import bucket as command
    from searchplane.cli.login import login_from_environment

    login = login_from_environment(data, cloud, settings_of({}).data)
    command.show(login, as_json=as_json)


project_option = click.option(
    "--project", required=True, metavar="ID-OR-NAME", help="Whose clusters may read it."
)


@bucket.command("attach")
@click.argument("folder", type=click.Path(path_type=Path), metavar="FOLDER")
@project_option
@click.option("--name", metavar="NAME", help="What the bucket is called; the folder's name.")
@data_option
def bucket_attach(folder: Path, project: str, name: str | None, data: Any) -> None:
    """Let a project restore snapshots from a folder of this machine; nothing is written to it.

    FOLDER is a bucket's: of another service, or of this one before its data was lost.
    """
    from searchplane.cli import bucket as command

    command.attach(settings_of({"data": data}), folder, project, name)


@bucket.command("detach")
@click.argument("name", metavar="NAME")
@project_option
@data_option
def bucket_detach(name: str, project: str, data: Any) -> None:
    """Let go of an attached bucket; the folder stays as it is."""
    from searchplane.cli import bucket as command

    command.detach(settings_of({"data": data}), name, project)
