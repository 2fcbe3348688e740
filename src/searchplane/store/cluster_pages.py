"""Pages of a project's clusters: read as they are stored, decoded when they have changed.

Clients list clusters again and again while they wait, and nearly all of a list's cost is decoding
what was decoded before. So rows are read raw; a cluster whose rows are the same as the last time
is the same cluster. What comes out of it is kept beside it for as long.

The thread that answers requests may ask whether a page is at hand: it is while nothing at all was
committed since before it was read. That costs microseconds and waits for nobody.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Select, bindparam, func, select

from searchplane.domain.cluster import Cluster
from searchplane.domain.ids import ProjectId
from searchplane.store import clusters as records
from searchplane.store.database import Database
from searchplane.store.own_connections import Compiled, OwnConnections, Stamp
from searchplane.store.schema import clusters, nodes, projects

MOST = 2048
"""Clusters that are kept decoded."""

MOST_PAGES = 64

Row = Sequence[Any]


@dataclass(frozen=True)
class Listed:
    """A cluster of a list; `descriptions` are what the API has made of it already."""

    cluster: Cluster
    descriptions: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)


Page = tuple[int, list[Listed]]
"""How many clusters there are, and those of the page."""

_Wanted = tuple[str, str | None, int, int]
Key = TypeVar("Key")
Kept = TypeVar("Kept")


@dataclass(frozen=True)
class _Stored:
    """A cluster's rows as they were read; equal rows are the same state."""

    row: Row
    members: tuple[Row, ...]

    @property
    def id(self) -> str:
        return str(self.row[0])


class ClusterPages:
    """Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._own = None if database.is_shared else OwnConnections(database.engine)
        self._known: OrderedDict[str, tuple[_Stored, Listed]] = OrderedDict()
        self._asked: OrderedDict[_Wanted, Stamp] = OrderedDict()
        self._pages: OrderedDict[_Wanted, tuple[Stamp, Page]] = OrderedDict()
        self._lock = threading.Lock()
        self._compiled = {
            key: [Compiled.of(statement) for statement in both] for key, both in _STATEMENTS.items()
        }

    def is_at_hand(
        self, project_id: str, *, datastore_type: str | None, start: int, limit: int
    ) -> bool:
        """Whether `page` would answer this thread from memory."""
        if self._own is None:
            return False
        wanted = (project_id, datastore_type, start, limit)
        stamp = self._own.stamp()
        with self._lock:
            kept = self._pages.get(wanted)
            if kept is not None and kept[0] == stamp:
                return True
            _keep(self._asked, wanted, stamp, MOST_PAGES)
        return False

    def page(
        self, project_id: ProjectId, *, datastore_type: str | None, start: int, limit: int
    ) -> Page:
        """How many clusters the project has, and `limit` of them from the 1-based `start`, newest
        first."""
        wanted = (project_id, datastore_type, start, limit)
        with self._lock:
            kept, asked = self._pages.get(wanted), self._asked.get(wanted)
        if kept is not None and self._own is not None and kept[0] == self._own.stamp():
            return kept[1]
        found = self._read(project_id, datastore_type, start, limit)
        if asked is not None:  # before this was read, so a change in between makes it old
            with self._lock:
                _keep(self._pages, wanted, (asked, found), MOST_PAGES)
        return found

    def _read(self, project_id: str, datastore_type: str | None, start: int, limit: int) -> Page:
        values: dict[str, Any] = {"project": project_id, "skip": start - 1, "most": limit}
        of_a_type = datastore_type is not None
        rows, member_rows = self._rows(of_a_type, values | {"type": datastore_type})
        if not rows and start > 1:  # behind the last one there is no row that has the number
            first = values | {"skip": 0, "most": 1, "type": datastore_type}
            found, _ = self._rows(of_a_type, first)
            return (found[0][-1] if found else 0), []
        members: dict[str, list[Row]] = defaultdict(list)
        for row in member_rows:
            members[row[1]].append(row)
        # The last column is how many there are: no part of the cluster.
        stored = [_Stored(row[:-1], tuple(members[row[0]])) for row in rows]
        return (rows[0][-1] if rows else 0), self._listed(stored)

    def _rows(self, of_a_type: bool, values: dict[str, Any]) -> list[Sequence[Row]]:
        if self._own is not None:
            return list(self._own.all(*(one.bound(values) for one in self._compiled[of_a_type])))
        with self._database.read() as connection:
            return [connection.execute(one, values).all() for one in _STATEMENTS[of_a_type]]

    def _listed(self, stored: list[_Stored]) -> list[Listed]:
        with self._lock:
            known = {one.id: self._known[one.id] for one in stored if one.id in self._known}
        changed = [one for one in stored if one.id not in known or known[one.id][0] != one]
        for one in changed:
            known.pop(one.id, None)  # it may be gone by now
        if changed:
            known |= self._decoded(changed)
        return [known[one.id][1] for one in stored if one.id in known]

    def _decoded(self, changed: list[_Stored]) -> dict[str, tuple[_Stored, Listed]]:
        """Decoded after the rows were read: what changed meanwhile is seen once more next time."""
        with self._database.read() as connection:
            found = records.find_all(connection, [one.id for one in changed])
        fresh = {one.id: (one, Listed(found[one.id])) for one in changed if one.id in found}
        with self._lock:
            for one_id, entry in fresh.items():
                _keep(self._known, one_id, entry, MOST)
        return fresh


def _keep(kept: OrderedDict[Key, Kept], key: Key, value: Kept, most: int) -> None:
    """Put it in as the newest; the oldest goes when there are too many."""
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)


def _statements(*, of_a_type: bool) -> tuple[Select[Any], Select[Any]]:
    matching = [clusters.c.project_id == bindparam("project")]
    if of_a_type:
        matching.append(clusters.c.datastore_type == bindparam("type"))
    how_many = func.count().over()
    page = (
        select(clusters, projects.c.number, how_many)
        .join(projects, projects.c.id == clusters.c.project_id)
        .where(*matching)
        .order_by(clusters.c.created.desc(), clusters.c.id)
        .offset(bindparam("skip"))
        .limit(bindparam("most"))
    )
    ids = page.with_only_columns(clusters.c.id).subquery()
    members = (
        select(nodes)
        .where(nodes.c.cluster_id.in_(select(ids.c.id)))
        .order_by(nodes.c.cluster_id, nodes.c.position)
    )
    return page, members


_STATEMENTS = {of_a_type: _statements(of_a_type=of_a_type) for of_a_type in (False, True)}
"""A page and its nodes, by whether one type of datastore is asked for."""
