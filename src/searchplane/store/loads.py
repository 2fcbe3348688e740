"""How loaded clusters were when the loop last looked; handlers read it with the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, bindparam, update

from searchplane.domain.cluster import LoadSeen
from searchplane.domain.ids import ClusterId
from searchplane.store.schema import clusters

_SEEN = TypeAdapter(LoadSeen)
_LOAD = (
    update(clusters)
    .where(clusters.c.id == bindparam("cluster"))
    .values(load_json=bindparam("seen"))
)


def record(connection: Connection, seen: Mapping[ClusterId, LoadSeen]) -> None:
    """Store looks; no request and no pass is held up by it. A cluster that is gone is none."""
    if seen:
        rows = [
            {"cluster": one, "seen": _SEEN.dump_python(load, mode="json")}
            for one, load in seen.items()
        ]
        connection.execute(_LOAD, rows)


def load_of(kept: dict[str, Any] | None) -> LoadSeen | None:
    """The look in a cluster's row."""
    return _SEEN.validate_python(kept) if kept else None
