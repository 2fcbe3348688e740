"""Databases with something in them, their copies, and what either holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select
from tests.support.cluster_examples import NOW, cluster

from searchplane.store import clusters, events
from searchplane.store.copying import copy_out
from searchplane.store.database import Database
from searchplane.store.schema import metadata


def ignore(_done: int, _total: int) -> None:
    """Nobody looks on."""


def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    with database.read() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


@contextmanager
def copied(database: Database, folder: Path) -> Iterator[Database]:
    file = folder / "copy"
    file.touch()
    copy_out(database, file, ignore)
    copy = Database(f"sqlite:///{file}")
    try:
        yield copy
    finally:
        copy.close()


def fill(database: Database) -> None:
    """A cluster and more events than fit into one batch; `project-1` is there."""
    with database.write() as connection:
        clusters.add(connection, cluster())
        for number in range(2500):
            events.add(connection, cluster().id, NOW, "form", f"event {number} größe ☃")
