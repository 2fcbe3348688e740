"""Records of restores, running and over. The newest of each cluster are kept.

A snapshot is held while a restore reads it, and before that by a cluster that is formed anew and
names it: then it must not be deleted.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from searchplane.domain.cluster import ActionKind
from searchplane.domain.ids import ClusterId, ProjectId, SnapshotId
from searchplane.domain.snapshots import Restore
from searchplane.store.schema import clusters, restores, snapshots

KEPT = 50
"""Restores into one cluster that are kept."""

_RESTORE = TypeAdapter(Restore)


def save(connection: Connection, restore: Restore) -> None:
    """Store one that begins or has changed, and forget those that are too old to be kept."""
    row = _row(restore)
    mine = restores.c.id == restore.id
    if connection.execute(update(restores).where(mine).values(row)).rowcount:
        return
    connection.execute(insert(restores).values(row))
    target = restores.c.cluster_id == restore.cluster_id
    kept = select(restores.c.id).where(target).order_by(restores.c.started.desc(), restores.c.id)
    newest = [*connection.execute(kept.limit(KEPT)).scalars()]
    connection.execute(delete(restores).where(target, restores.c.id.not_in(newest)))


def find(connection: Connection, restore_id: str) -> Restore | None:
    wanted = select(restores.c.restore_json).where(restores.c.id == restore_id)
    found = connection.execute(wanted).scalar_one_or_none()
    return None if found is None else _RESTORE.validate_python(found)


def running_of(connection: Connection, snapshot_id: SnapshotId) -> list[Restore]:
    """Those that read the snapshot now."""
    return _where(connection, restores.c.snapshot_id == snapshot_id)


def running_into(connection: Connection, cluster_id: ClusterId) -> list[Restore]:
    return _where(connection, restores.c.cluster_id == cluster_id)


def held(connection: Connection, snapshot_id: SnapshotId) -> str | None:
    """What somebody wants of the snapshot that must stay for it, as a sentence that its name
    begins; None if nobody does."""
    read = restores.c.snapshot_id == snapshot_id
    return _held(connection, read, _NAMED.in_([snapshot_id])).get(snapshot_id)


def held_of(
    connection: Connection, project_id: ProjectId, cluster_id: ClusterId
) -> dict[SnapshotId, str]:
    """The same for all snapshots of a cluster that are held."""
    mine = select(snapshots.c.id).where(
        snapshots.c.project_id == project_id, snapshots.c.cluster_id == cluster_id
    )
    return _held(connection, restores.c.snapshot_id.in_(mine), _NAMED.in_(mine))


_NAMED = clusters.c.action_json["id"].as_string()


def _held(
    connection: Connection, read: ColumnElement[bool], named: ColumnElement[bool]
) -> dict[SnapshotId, str]:
    reading = select(restores.c.snapshot_id).where(read, restores.c.ended.is_(None))
    forming = select(_NAMED, clusters.c.name).where(
        clusters.c.action == ActionKind.CREATING.value, named
    )
    found = {
        SnapshotId(one): f"is what the cluster {name} is formed anew from"
        for one, name in connection.execute(forming)
    }
    running = connection.execute(reading).scalars()
    return found | {SnapshotId(one): "is being restored" for one in running}


def _where(connection: Connection, mine: Any) -> list[Restore]:
    wanted = select(restores.c.restore_json).where(mine, restores.c.ended.is_(None))
    return [_RESTORE.validate_python(one) for one in connection.execute(wanted).scalars()]


def _row(restore: Restore) -> dict[str, Any]:
    return {
        "id": restore.id,
        "snapshot_id": restore.snapshot_id,
        "cluster_id": restore.cluster_id,
        "started": restore.started,
        "ended": restore.ended,
        "restore_json": _RESTORE.dump_python(restore, mode="json"),
    }
