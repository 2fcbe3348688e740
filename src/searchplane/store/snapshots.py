"""Records of snapshots. They outlive their cluster, as the files do.

A name is the snapshot's in its repository too, so it is taken until the files are gone.
"""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from searchplane.domain.ids import ClusterId, ProjectId, SnapshotId
from searchplane.domain.snapshots import Snapshot
from searchplane.errors import Refused
from searchplane.store.schema import clusters, snapshots

_SNAPSHOT = TypeAdapter(Snapshot)


def add(connection: Connection, snapshot: Snapshot) -> None:
    """Store a new one. Raises Refused CSS.0043 if its cluster has one of that name."""
    try:
        connection.execute(insert(snapshots).values(_row(snapshot)))
    except IntegrityError as error:
        raise Refused(
            "CSS.0043", f"name is {snapshot.name!r}: another snapshot of the cluster has it"
        ) from error


def save(connection: Connection, snapshot: Snapshot) -> bool:
    """Store what changed; False if it is gone."""
    changed = {name: value for name, value in _row(snapshot).items() if name != "id"}
    mine = snapshots.c.id == snapshot.id
    return bool(connection.execute(update(snapshots).where(mine).values(changed)).rowcount)


def forget(connection: Connection, snapshot_id: SnapshotId) -> None:
    connection.execute(delete(snapshots).where(snapshots.c.id == snapshot_id))


def find(connection: Connection, snapshot_id: str) -> Snapshot | None:
    """The snapshot, whoever's it is; for the loop."""
    found = _load(connection, _select().where(snapshots.c.id == snapshot_id))
    return found[0] if found else None


def find_in_project(
    connection: Connection, project_id: ProjectId, cluster_id: str, snapshot_id: str
) -> Snapshot | None:
    """The snapshot if it is of this cluster, gone or not, and that of this project."""
    mine = (
        snapshots.c.id == snapshot_id,
        snapshots.c.cluster_id == cluster_id,
        snapshots.c.project_id == project_id,
    )
    found = _load(connection, _select().where(*mine))
    return found[0] if found else None


def of_cluster(connection: Connection, project_id: ProjectId, cluster_id: str) -> list[Snapshot]:
    """All of a cluster, gone or not, newest first."""
    mine = (snapshots.c.project_id == project_id, snapshots.c.cluster_id == cluster_id)
    return _load(connection, newest_first(_select().where(*mine)))


def names_of_cluster(
    connection: Connection, project_id: ProjectId, cluster_id: str
) -> frozenset[str]:
    """Of all of a cluster, gone or not."""
    mine = (snapshots.c.project_id == project_id, snapshots.c.cluster_id == cluster_id)
    return frozenset(connection.execute(select(snapshots.c.name).where(*mine)).scalars())


def has_any(connection: Connection, project_id: ProjectId, cluster_id: str) -> bool:
    """Whether there is one of a cluster, gone or not."""
    mine = (snapshots.c.project_id == project_id, snapshots.c.cluster_id == cluster_id)
    return connection.execute(select(snapshots.c.id).where(*mine).limit(1)).first() is not None


def of_project(connection: Connection, project_id: ProjectId) -> list[Snapshot]:
    """All of a project, newest first."""
    return _load(connection, newest_first(_select().where(snapshots.c.project_id == project_id)))


def work_of(connection: Connection, cluster_id: ClusterId) -> list[Snapshot]:
    """Those that this cluster's engine has something to do with, oldest first."""
    mine = _select().where(snapshots.c.worker == cluster_id)
    return _load(connection, mine.order_by(snapshots.c.created, snapshots.c.id))


def of_the_gone(connection: Connection, project_id: ProjectId) -> list[Snapshot]:
    """Those of a project of clusters that are none of its own, any longer or ever."""
    there = select(clusters.c.id).where(clusters.c.project_id == project_id)
    mine = (snapshots.c.project_id == project_id, snapshots.c.cluster_id.not_in(there))
    return _load(connection, newest_first(_select().where(*mine)))


def _select() -> Select[Any]:
    return select(snapshots.c.snapshot_json)


def newest_first(wanted: Select[Any]) -> Select[Any]:
    return wanted.order_by(snapshots.c.created.desc(), snapshots.c.id)


def _load(connection: Connection, wanted: Select[Any]) -> list[Snapshot]:
    return [_SNAPSHOT.validate_python(one) for one in connection.execute(wanted).scalars()]


def _row(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "id": snapshot.id,
        "project_id": snapshot.project_id,
        "cluster_id": snapshot.cluster_id,
        "name": snapshot.name,
        "status": snapshot.status.value,
        "worker": snapshot.worker,
        "created": snapshot.created,
        "snapshot_json": _SNAPSHOT.dump_python(snapshot, mode="json"),
    }
