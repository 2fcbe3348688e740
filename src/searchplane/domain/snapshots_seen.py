"""What an engine says of snapshots, restores and indices. What is not said here nobody knows.

A `Label` is what we write into a snapshot: a bucket alone then tells what is in it, to any cluster
that reads it later. The engine keeps 1024 bytes of it, so the longest parts go first where all of
it does not fit (engine/labels.py).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from searchplane.domain.engines import Datastore, Engine
from searchplane.domain.ids import ClusterId, SnapshotId
from searchplane.domain.index_patterns import ALL_INDICES
from searchplane.domain.snapshots import Method, Snapshot, SnapshotStatus

OWN_REPOSITORY = "repo_auto"
"""What a cluster's engine calls the repository that it writes to."""


@dataclass(frozen=True)
class Label:
    """What the one who took a snapshot wrote into it.

    `indices` and `description` are None where they were too long to be kept.
    """

    snapshot_id: SnapshotId
    cluster_id: ClusterId
    cluster_name: str
    method: Method
    datastore: Datastore
    engine: Engine
    created: datetime
    indices: str | None = ALL_INDICES
    description: str | None = ""
    frequency: str | None = None
    keepday: int | None = None


@dataclass(frozen=True)
class SnapshotSeen:
    """One snapshot of a repository; BUILDING while the engine is at work on it.

    `label` is None for one that is not ours. `indices` are their names. Shards and bytes are of
    what had to be copied; bytes are 0 where they were not asked for. `reason` is why it, or a part
    of it, failed.
    """

    name: str
    status: SnapshotStatus
    label: Label | None
    indices: tuple[str, ...]
    began: datetime
    ended: datetime | None = None
    shards_total: int = 0
    shards_done: int = 0
    shards_failed: int = 0
    bytes_total: int = 0
    bytes_done: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class SnapshotsView:
    """The snapshots of one repository that were asked for, or all of them, by name."""

    snapshots: Mapping[str, SnapshotSeen]

    def is_building(self) -> bool:
        return any(one.status is SnapshotStatus.BUILDING for one in self.snapshots.values())


@dataclass(frozen=True)
class IndexCount:
    """`documents` that a search finds; `writes` only grows, so the same again means no write."""

    documents: int
    writes: int


@dataclass(frozen=True)
class IndexSeen:
    """One index as the master knows it.

    `identity` is the engine's id of it, and after a slash that of its history once it was restored
    over. `restored_from` is the repository and the snapshot, with a slash between them, of which a
    restore is at work on it or its shards came from; None as soon as that is forgotten, which it is
    when its nodes start anew. Shards are primaries:
    `restoring` are at work or wait for it, `started` serve, `failed` are those whose restore came
    to its end without them, `emptied` came up without what the snapshot has of them (the engine
    forgets a restore when all its nodes end). Bytes are of the restore, as far as is known.
    """

    identity: str
    is_open: bool
    shards: int
    started: int = 0
    restoring: int = 0
    failed: int = 0
    emptied: int = 0
    bytes_total: int = 0
    bytes_done: int = 0
    reason: str | None = None
    restored_from: str | None = None

    @property
    def pending(self) -> int:
        """Shards that may still come up by themselves."""
        return self.shards - self.started - self.restoring - self.failed

    @property
    def is_restored(self) -> bool:
        """Whether nothing of a restore is under way, and it came off."""
        return self.is_open and self.started == self.shards and not self.emptied


@dataclass(frozen=True)
class Contents:
    """All documents of an index: how many, and a digest that their order does not change."""

    documents: int
    digest: str


def repository_name(cluster_id: ClusterId, of: ClusterId) -> str:
    """What the engine of `cluster_id` calls the repository that `of` wrote.

    In an attached bucket `of` is a folder's name, and so may be anything: a wildcard in the name of
    a repository would mean all of them.
    """
    if cluster_id == of:
        return OWN_REPOSITORY
    is_plain = re.fullmatch("[0-9a-f]{8}", of[:8]) is not None
    return f"repo_{of[:8] if is_plain else hashlib.sha256(of.encode()).hexdigest()[:8]}"


def second_id(snapshot: Snapshot) -> SnapshotId:
    """The id of a snapshot whose own is listed in another project: the same whenever asked."""
    place = f"{snapshot.project_id}/{snapshot.repository.location}/{snapshot.id}"
    return SnapshotId(str(uuid5(NAMESPACE_URL, place)))


def is_same(snapshot: Snapshot, seen: SnapshotSeen) -> bool:
    """Whether what lies in its repository under its name is this snapshot of this cluster, be it
    listed under its second id. Nothing else may be done with its files in its name."""
    label = seen.label
    if label is None or label.cluster_id != snapshot.cluster_id:
        return False
    second = second_id(replace(snapshot, id=label.snapshot_id))
    return snapshot.id in (label.snapshot_id, second)


def label_of(snapshot: Snapshot) -> Label:
    """What is written into the snapshot when it is taken."""
    return Label(
        snapshot_id=snapshot.id,
        cluster_id=snapshot.cluster_id,
        cluster_name=snapshot.cluster_name,
        method=snapshot.method,
        datastore=snapshot.datastore,
        engine=snapshot.engine,
        created=snapshot.created,
        indices=snapshot.indices,
        description=snapshot.description,
        frequency=snapshot.frequency,
        keepday=snapshot.keepday,
    )
