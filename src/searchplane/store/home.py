"""Where the nodes of this database live: one data folder, on one machine.

Nodes are processes beside their data. A service on another folder would find none of them and
begin every cluster anew, empty; so the folder that is first is remembered, and no other may tend.
What one of its nodes may take at most is here too, for those who accept requests elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, insert, select

from searchplane.domain.layout import HostLimits
from searchplane.errors import Permanent
from searchplane.store.schema import clusters, home


@dataclass(frozen=True)
class Home:
    """`folder` is the id of a data folder, `place` its machine and path."""

    folder: str
    place: str
    limits: HostLimits


def claim(connection: Connection, mine: Home) -> None:
    """Make this the nodes' home. Raises Permanent when another is, and has clusters."""
    there = find(connection)
    if there is not None and there.folder != mine.folder and _has_clusters(connection):
        raise Permanent(
            f"the clusters of this database live in {there.place}, and {mine.place} is another "
            f"data folder; serve --api-only is right here. If that folder is lost for good, "
            f"write {there.folder} into the file folder.id of this one"
        )
    connection.execute(delete(home))
    connection.execute(
        insert(home).values(
            id=1,
            folder=mine.folder,
            place=mine.place,
            max_heap_mb=mine.limits.max_heap_mb,
            processors=mine.limits.processors,
        )
    )


def find(connection: Connection) -> Home | None:
    """None until a service has been started that tends clusters."""
    row = connection.execute(select(home)).mappings().first()
    if row is None:
        return None
    limits = HostLimits(max_heap_mb=row["max_heap_mb"], processors=row["processors"])
    return Home(row["folder"], row["place"], limits)


def _has_clusters(connection: Connection) -> bool:
    return bool(connection.execute(select(exists(select(clusters.c.id)))).scalar_one())
