"""The options of `searchplane snapshot`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from searchplane.cli.identity_options import changes, with_project
from searchplane.cli.options import json_option, limit_option

if TYPE_CHECKING:
    from searchplane.cli.login import Login

Command = Callable[..., Any]

wanted_argument = click.argument("wanted", metavar="ID-OR-NAME")
wait_option = click.option("--wait", is_flag=True, help="Show how far it is until it is over.")
timeout_option = click.option(
    "--timeout", type=float, metavar="SECONDS", help="With --wait: give up watching after that."
)
indices_option = click.option(
    "--indices", metavar="NAMES", help="Such as logs-*,items,-logs-old; all without."
)


@click.group()
def snapshot() -> None:
    """Snapshots of clusters, over HTTP like any client.

    What is asked for is done by the service: Ctrl-C ends only the watching of --wait. Exit codes
    with --wait: 0 it came off, 1 it did not, 2 the time is over.
    """


@snapshot.command("list")
@click.argument("cluster", required=False, metavar="[CLUSTER]")
@limit_option
@with_project
@json_option
def snapshot_list(*, login: Login, cluster: str | None, limit: int, as_json: bool) -> None:
    """List the project's snapshots, newest first, or those of one cluster; it may be gone."""
    from searchplane.cli import snapshot as command

    command.show_all(login, cluster, limit=limit, as_json=as_json)


@snapshot.command("show")
@wanted_argument
@with_project
@json_option
def snapshot_show(*, login: Login, wanted: str, as_json: bool) -> None:
    """Show a snapshot, its indices, and what came of verifying it."""
    from searchplane.cli import snapshot as command

    command.show_one(login, wanted, as_json=as_json)


@snapshot.command("create")
@click.argument("cluster", metavar="CLUSTER")
@click.option("--name", metavar="NAME", help="4 to 64 lower-case characters; else by the time.")
@indices_option
@click.option("--description", metavar="TEXT", help="What it is for.")
@wait_option
@timeout_option
@with_project
@json_option
def snapshot_create(
    *,
    login: Login,
    cluster: str,
    name: str | None,
    indices: str | None,
    description: str | None,
    wait: bool,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Take a snapshot of a cluster."""
    from searchplane.cli import snapshot as command

    body = changes(indices=indices, description=description)
    _exit(command.create(login, cluster, name, body, wait=wait, timeout=timeout, as_json=as_json))


@snapshot.command("restore")
@wanted_argument
@click.option("--into", metavar="CLUSTER", help="Another cluster than the snapshot's own.")
@indices_option
@click.option("--rename-pattern", metavar="REGEX", help="What of the names is to be replaced.")
@click.option("--rename-replacement", metavar="TEXT", help="And by what; $1 is a group.")
@click.option("--replace", is_flag=True, help="Write over indices that have the names.")
@wait_option
@timeout_option
@with_project
def snapshot_restore(
    *,
    login: Login,
    wanted: str,
    into: str | None,
    replace: bool,
    wait: bool,
    timeout: float | None,
    **names: str | None,
) -> None:
    """Restore a snapshot, into its own cluster or another one."""
    from searchplane.cli import snapshot as command

    body = {"replace_exist_indices": replace, **changes(**names)}
    _exit(command.restore(login, wanted, into, body, wait=wait, timeout=timeout))


@snapshot.command("delete")
@wanted_argument
@wait_option
@timeout_option
@with_project
def snapshot_delete(*, login: Login, wanted: str, wait: bool, timeout: float | None) -> None:
    """Delete a snapshot and its files."""
    from searchplane.cli import snapshot as command

    _exit(command.delete(login, wanted, wait=wait, timeout=timeout))


@snapshot.command("verify")
@wanted_argument
@wait_option
@timeout_option
@with_project
@json_option
def snapshot_verify(
    *, login: Login, wanted: str, wait: bool, timeout: float | None, as_json: bool
) -> None:
    """Restore a snapshot into a scratch cluster, and compare what is there.

    Counts are compared with those of the time it was taken, contents with those of the
    verification before. The scratch cluster counts in the project's quotas, and is deleted.
    """
    from searchplane.cli import snapshot as command

    _exit(command.verify(login, wanted, wait=wait, timeout=timeout, as_json=as_json))


def _exit(code: int) -> None:
    if code:
        raise click.exceptions.Exit(code)
