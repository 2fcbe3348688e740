"""Lists of the directory, by name, whole or in parts.

A part is asked for by its number (the public API's `page`) or by the last id seen (Keystone's
`marker`). Both are over the same order, by name and id, so a list that is paged through shows
everything that was there all the time exactly once when it is paged by marker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, RowMapping, Select, Table, and_, or_

from searchplane.errors import Refused

Item = TypeVar("Item")


@dataclass(frozen=True)
class Part:
    """Which part of a list is wanted: at most `limit`, after `offset` items or after an id."""

    limit: int | None = None
    offset: int = 0
    marker: str | None = None


WHOLE = Part()


@dataclass(frozen=True)
class Listed(Generic[Item]):
    """A part of a list, and whether there is more behind it."""

    items: tuple[Item, ...]
    is_last: bool


def listed(
    connection: Connection,
    statement: Select[Any],
    table: Table,
    part: Part,
    make: Callable[[RowMapping], Item],
) -> Listed[Item]:
    """The wanted part of `statement`. Raises Refused when the marker is unknown."""
    wanted = statement.order_by(table.c.name, table.c.id).offset(part.offset)
    if part.marker is not None:
        wanted = wanted.where(_after(connection, statement, table, part.marker))
    if part.limit is not None:
        wanted = wanted.limit(part.limit + 1)
    rows = connection.execute(wanted).mappings().all()
    shown = rows if part.limit is None else rows[: part.limit]
    return Listed(tuple(make(row) for row in shown), is_last=len(shown) == len(rows))


def _after(connection: Connection, statement: Select[Any], table: Table, marker: str) -> Any:
    last = connection.execute(statement.where(table.c.id == marker)).mappings().first()
    if last is None:
        raise Refused("IAM.0073", "marker is not the id of an item of this list")
    name = last["name"]
    return or_(table.c.name > name, and_(table.c.name == name, table.c.id > marker))
