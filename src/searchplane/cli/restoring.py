"""`searchplane restore`: a service again from a backup, and what of its nodes is here."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from searchplane.app import make_data_folder
from searchplane.backup.restoring import Restored, restore
from searchplane.cli.backup import STREAM, telling
from searchplane.cli.local import operators_line
from searchplane.cli.view import open_view
from searchplane.domain.cluster import Cluster
from searchplane.drivers.base import NodeRef
from searchplane.errors import Permanent
from searchplane.hosting import nodes_there
from searchplane.lock import NAME as LOCK_FILE
from searchplane.settings import Settings

OPERATION = "controlPlaneRestore"
"""The operation of the line in the audit trail."""


def run(settings: Settings, file: str) -> None:
    """Restore the backup; `-` is standard input. Raises Permanent or Transient with a sentence."""
    line = operators_line(OPERATION, file)
    with _named(file) as source, _folder(settings.data), open_view() as view:
        restored = restore(settings, source, line, telling(view))
    there = asyncio.run(nodes_there(settings))
    click.echo(
        f"{settings.data} holds the state of {restored.manifest.place} as of "
        f"{restored.manifest.made:%Y-%m-%d %H:%M:%S} UTC."
    )
    for sentence in _sentences(settings.data, restored, there):
        click.echo(sentence)
    click.echo(f"searchplane serve --data {settings.data} starts it.")


@contextmanager
def _named(file: str) -> Iterator[BinaryIO]:
    """The backup's bytes; what is wrong with them is said with the file's name."""
    try:
        if file == STREAM:
            yield sys.stdin.buffer
        else:
            with Path(file).open("rb") as source:
                yield source
    except Permanent as error:
        raise Permanent(f"{file} is not restored: {error}") from error


@contextmanager
def _folder(data: Path) -> Iterator[None]:
    """The data folder; one that was not there before is not there after a failure either."""
    is_new = not data.exists()
    make_data_folder(data)
    try:
        yield
    except BaseException:
        if is_new:
            (data / LOCK_FILE).unlink(missing_ok=True)
            data.rmdir()
        raise


def _sentences(data: Path, restored: Restored, there: tuple[NodeRef, ...]) -> Iterator[str]:
    """What the operator has to know of each cluster before the service is started."""
    for cluster in restored.clusters:
        yield f"  {cluster.spec.name}: {_nodes(data, cluster, there)}"
    for cluster in restored.paused:
        yield (
            f"  {cluster.spec.name} is paused, as it was being created then and may have formed "
            f"since: searchplane cluster resume {cluster.spec.name}, once none of its nodes is "
            "elsewhere"
        )
    known = {cluster.id for cluster in restored.clusters}
    strange = sorted({ref.cluster_id for ref in there} - known)
    if strange:
        yield (
            f"  {data} has nodes of clusters that are younger than the backup, and leaves them "
            f"alone: {', '.join(strange)}"
        )


def _nodes(data: Path, cluster: Cluster, there: tuple[NodeRef, ...]) -> str:
    wanted = {NodeRef(cluster.id, node.id) for node in cluster.nodes}
    found = len(wanted & set(there))
    if found == len(wanted):
        return f"the folders of all {found} nodes are here"
    if not cluster.bootstrapped:
        return f"the folders of {found} of {len(wanted)} nodes are here; it had not formed yet"
    return (
        f"the folders of {found} of {len(wanted)} nodes are here; bring the others to "
        f"{data / 'nodes' / cluster.id} before it is started"
    )
