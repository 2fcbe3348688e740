"""What nodes' storage held when the loop last looked; handlers read it with the nodes."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, select, update

from searchplane.domain.ids import NodeId
from searchplane.store.schema import nodes

_USED = update(nodes).where(nodes.c.id == bindparam("node")).values(used_bytes=bindparam("bytes"))


def known(connection: Connection) -> dict[NodeId, int | None]:
    """The last figure of every node; None for one that was not looked at yet."""
    return {NodeId(one): used for one, used in connection.execute(select(*_COLUMNS))}


def record(connection: Connection, used: Mapping[NodeId, int]) -> None:
    """Store figures, in bytes; no request and no pass is held up by it."""
    if used:
        connection.execute(_USED, [{"node": one, "bytes": size} for one, size in used.items()])


_COLUMNS = (nodes.c.id, nodes.c.used_bytes)
