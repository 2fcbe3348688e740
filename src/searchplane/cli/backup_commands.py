"""Commands that keep and bring back the control plane's own state, and their options."""

from __future__ import annotations

from typing import Any

import click

from searchplane.cli.options import data_option, settings_of


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
