"""The audit trail's table. Lines are added and read; nothing changes one.

The only way a line goes is `prune`, by its age. Ids grow in the order in which lines become
visible, as writers come one after another (database.py), so a reader that asks for those after
the last it has seen misses none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    delete,
    insert,
    or_,
    select,
)

from searchplane.domain.audit import AuditLine, Outcome, Who
from searchplane.store.database import Database
from searchplane.store.own_connections import Compiled, OwnConnections, stored_time
from searchplane.store.schema import audit, projects

_INSERT = insert(audit)


@dataclass(frozen=True)
class Entry:
    """A stored line; ids grow."""

    id: int
    line: AuditLine


@dataclass(frozen=True)
class Wanted:
    """Which lines are asked for; None asks for all. `user` and `project` are ids or names."""

    since: datetime | None = None
    until: datetime | None = None
    user: str | None = None
    project: str | None = None
    operation: str | None = None
    outcome: Outcome | None = None
    resource: str | None = None


def append(connection: Connection, lines: Sequence[AuditLine]) -> None:
    """Add lines in their order."""
    connection.execute(_INSERT, [_row(line) for line in lines])


class Writer:
    """Adds the lines of one process's trail, each time in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._own = None if database.is_shared else OwnConnections(database.engine)
        columns = tuple(column.name for column in audit.columns if not column.primary_key)
        self._insert = Compiled.of(_INSERT, columns)

    def append(self, lines: Sequence[AuditLine]) -> None:
        """Returns once the lines are stored. Raises a SearchplaneError when they are not."""
        if self._own is None:
            with self._database.write() as connection:
                append(connection, lines)
            return
        rows = [self._insert.values(_row(line) | {"at": stored_time(line.at)}) for line in lines]
        with self._database.alone():
            self._own.write(self._insert.sql, rows)


def newest(connection: Connection, wanted: Wanted, limit: int) -> list[Entry]:
    """The last `limit` lines that are wanted, oldest first."""
    statement = select(audit).where(*_conditions(wanted)).order_by(audit.c.id.desc()).limit(limit)
    return [_entry(row) for row in connection.execute(statement).mappings()][::-1]


def after(connection: Connection, wanted: Wanted, last_seen: int, limit: int) -> list[Entry]:
    """The next lines that are wanted after the one with id `last_seen`, oldest first."""
    statement = (
        select(audit)
        .where(audit.c.id > last_seen, *_conditions(wanted))
        .order_by(audit.c.id)
        .limit(limit)
    )
    return [_entry(row) for row in connection.execute(statement).mappings()]


def prune(connection: Connection, before: datetime, most: int) -> int:
    """Drop the oldest lines from before that time, at most `most`; how many there were."""
    oldest = select(audit.c.id).where(audit.c.at < before).order_by(audit.c.at).limit(most)
    return connection.execute(delete(audit).where(audit.c.id.in_(oldest))).rowcount


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    asked = ((make, getattr(wanted, name)) for name, make in _CONDITIONS.items())
    return [make(value) for make, value in asked if value is not None]


def _of_project(wanted: str) -> ColumnElement[bool]:
    named = select(projects.c.id).where(projects.c.name == wanted)
    return or_(audit.c.project_id == wanted, audit.c.project_id.in_(named))


_CONDITIONS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "since": lambda at: audit.c.at >= at,
    "until": lambda at: audit.c.at < at,
    "user": lambda user: or_(audit.c.user_id == user, audit.c.user_name == user),
    "project": _of_project,
    "operation": lambda operation: audit.c.operation == operation,
    "outcome": lambda outcome: audit.c.outcome == outcome,
    "resource": lambda part: audit.c.resource.contains(part, autoescape=True),
}
"""What each field of `Wanted` asks of a line; of a resource, a part is enough."""


def _row(line: AuditLine) -> dict[str, Any]:
    who = line.who
    return {
        "at": line.at,
        "request_id": line.request_id,
        "outcome": line.outcome.value,
        "operation": line.operation,
        "action": line.action,
        "resource": line.resource,
        "domain_id": who.domain_id,
        "project_id": line.project_id,
        "user_id": who.user_id,
        "user_name": who.user_name,
        "domain_name": who.domain_name,
        "credential": who.credential,
        "source": line.source,
        "status": line.status,
        "code": line.code,
    }


def _entry(row: RowMapping) -> Entry:
    who = Who(*(row[name] for name in Who.__dataclass_fields__))
    return Entry(
        row["id"],
        AuditLine(
            at=row["at"],
            request_id=row["request_id"],
            outcome=Outcome(row["outcome"]),
            operation=row["operation"],
            action=row["action"],
            resource=row["resource"],
            project_id=row["project_id"],
            who=who,
            source=row["source"],
            status=row["status"],
            code=row["code"],
        ),
    )
