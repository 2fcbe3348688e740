"""Lists of snapshots, cheap where there are thousands of them.

A row holds a snapshot as JSON. A list shows a part of it, and only that part is read: what an index
held and how it was verified are most of a row. Which rows, and how many, the database decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    cast,
    false,
    func,
    or_,
    select,
)

from searchplane.domain.engines import Datastore
from searchplane.domain.ids import ClusterId, ProjectId, SnapshotId
from searchplane.domain.index_patterns import ALL_INDICES
from searchplane.domain.snapshots import Method, RestoreStatus, Snapshot, SnapshotStatus
from searchplane.store.schema import snapshots
from searchplane.store.snapshots import newest_first


@dataclass(frozen=True)
class Place:
    bucket: str


@dataclass(frozen=True)
class Brief:
    """What the public list shows of a snapshot; the names are those of `Snapshot`."""

    id: SnapshotId
    cluster_id: ClusterId
    cluster_name: str
    name: str
    repository: Place
    datastore: Datastore
    method: Method
    created: datetime
    updated: datetime
    indices: str = ALL_INDICES
    description: str = ""
    frequency: str | None = None
    keepday: int | None = None
    status: SnapshotStatus = SnapshotStatus.BUILDING
    ended: datetime | None = None
    total_shards: int = 0
    failed_shards: int = 0
    restore_status: RestoreStatus = RestoreStatus.NONE


@dataclass(frozen=True)
class Part:
    """Which of a list: `limit` of them from the 1-based `start`; all without."""

    start: int = 1
    limit: int | None = None


@dataclass(frozen=True)
class Wanted:
    """Which of a project's: those of a cluster, or single ones; each by its id or name."""

    cluster: str | None = None
    snapshot: str | None = None


_BRIEF = TypeAdapter(Brief)
_SNAPSHOT = TypeAdapter(Snapshot)
_JSON = cast(snapshots.c.snapshot_json, Text)


def of_cluster(
    connection: Connection, project_id: ProjectId, cluster_id: str, part: Part
) -> list[Brief]:
    """Those of a cluster, gone or not, that are not about to be deleted; newest first."""
    mine = (
        snapshots.c.project_id == project_id,
        snapshots.c.cluster_id == cluster_id,
        snapshots.c.snapshot_json["is_leaving"].as_boolean() == false(),
    )
    wanted = _part(select(_JSON).where(*mine), part)
    return [_BRIEF.validate_json(one) for one in connection.execute(wanted).scalars()]


def of_project(
    connection: Connection, project_id: ProjectId, wanted: Wanted, part: Part
) -> tuple[int, list[Snapshot]]:
    """How many there are of what is wanted, and a part of them, newest first."""
    mine = _matching(project_id, wanted)
    total = connection.execute(select(func.count()).select_from(snapshots).where(*mine))
    rows = connection.execute(_part(select(_JSON).where(*mine), part)).scalars()
    return int(total.scalar_one()), [_SNAPSHOT.validate_json(one) for one in rows]


def count_by_bucket(connection: Connection, project_id: ProjectId) -> Mapping[str, int]:
    """How many snapshots are listed that lie in each of a project's buckets."""
    bucket = snapshots.c.snapshot_json["repository", "bucket"].as_string()
    wanted = select(bucket, func.count()).where(snapshots.c.project_id == project_id)
    rows = connection.execute(wanted.group_by(bucket))
    return {row[0]: row[1] for row in rows}


def _matching(project_id: ProjectId, wanted: Wanted) -> list[ColumnElement[bool]]:
    rows, found = snapshots.c, [snapshots.c.project_id == project_id]
    if wanted.cluster is not None:
        name = rows.snapshot_json["cluster_name"].as_string()
        found.append(or_(rows.cluster_id == wanted.cluster, name == wanted.cluster))
    if wanted.snapshot is not None:
        found.append(or_(rows.id == wanted.snapshot, rows.name == wanted.snapshot))
    return found


def _part(wanted: Select[Any], part: Part) -> Select[Any]:
    return newest_first(wanted).offset(part.start - 1).limit(part.limit)
