"""Snapshots, restores and buckets as the service knows them; they outlive their cluster.

A snapshot lies in a repository: a folder of a bucket that belongs to one cluster, `location` below
the project's buckets. What is in it, only an engine can read; this record says what there is, and
passes keep the two alike (snapshot_plan.py). Like every change, what was asked for is recorded
before anything is done, so a record can be without its files, and never files without a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from searchplane.domain.cluster import SnapshotSettings
from searchplane.domain.engines import Datastore, Engine
from searchplane.domain.ids import ClusterId, ProjectId, RestoreId, SnapshotId
from searchplane.domain.index_patterns import ALL_INDICES


class Method(StrEnum):
    AUTO = "auto"
    MANUAL = "manual"


class SnapshotStatus(StrEnum):
    """As the public API spells it."""

    BUILDING = "BUILDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    PART_FAILED = "PART_FAILED"


RESTORABLE = frozenset({SnapshotStatus.COMPLETED, SnapshotStatus.PART_FAILED})


class RestoreFailure(StrEnum):
    """Why a restore failed."""

    GIVEN_UP = "given up"
    """For the sake of the cluster that it went into, or of its host: no word on the snapshot."""
    REFUSED = "refused"
    """Its snapshot, or what the cluster held, did not allow it."""


class RestoreStatus(StrEnum):
    """Of the newest restore of a snapshot, as the public API spells it."""

    NONE = "none"
    RESTORING = "restoring"
    SUCCESS = "success"
    FAILED = "failed"


@dataclass(frozen=True)
class Repository:
    """Where snapshots lie. `location` is below the project's buckets: bucket, base path, cluster.

    `read_only` where the bucket was attached and is not ours to write.
    """

    bucket: str
    location: str
    read_only: bool = False


@dataclass(frozen=True)
class IndexKept:
    """One index in a snapshot. `documents` were counted before it was taken, and again after;
    `writes` is what the engine counts of them.

    `exact` is whether nothing was written to it meanwhile, so that a restore must have as many.
    """

    name: str
    documents: int | None = None
    documents_after: int | None = None
    writes: int | None = None
    writes_after: int | None = None

    @property
    def exact(self) -> bool:
        before, after = (self.documents, self.writes), (self.documents_after, self.writes_after)
        return self.documents is not None and before == after


@dataclass(frozen=True)
class Verified:
    """What came of restoring it into a scratch cluster; `sentence` says what was compared.

    `succeeded` is None where it could not be found out. `digests` are over all documents of an
    index, by its name: a later verification must find the same.
    """

    at: datetime
    succeeded: bool | None
    sentence: str
    digests: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """One snapshot. `name` is its name in the repository as well.

    `worker` is the cluster whose engine does what is to be done with it: its own, or another one
    of the project when that is gone. `begun` is set once the engine has taken the order.
    `touched` is the newest engine that has written to its repository, where that is newer than
    `engine`, which took it (heirs.py). `indices` is what was asked for, `contents` what is in it.
    `is_leaving` is set when it is to be deleted, `is_swept` besides when that is only for having
    failed and nobody named it: then it stays if it turns out to be whole. `adopted` is when it was
    found in its bucket and in no list, until the policy is set after that (retention.py).
    `frequency` and `keepday` are of the policy that took it. Bytes are of what had to be copied
    (`total`), and of that done. `reason` is why it failed.
    """

    id: SnapshotId
    project_id: ProjectId
    cluster_id: ClusterId
    cluster_name: str
    name: str
    repository: Repository
    datastore: Datastore
    engine: Engine
    method: Method
    created: datetime
    updated: datetime
    worker: ClusterId | None
    indices: str = ALL_INDICES
    description: str = ""
    frequency: str | None = None
    keepday: int | None = None
    status: SnapshotStatus = SnapshotStatus.BUILDING
    begun: bool = False
    is_leaving: bool = False
    ended: datetime | None = None
    total_shards: int = 0
    failed_shards: int = 0
    bytes_total: int = 0
    bytes_done: int = 0
    contents: tuple[IndexKept, ...] = ()
    reason: str | None = None
    restore_status: RestoreStatus = RestoreStatus.NONE
    verified: Verified | None = None
    adopted: datetime | None = None
    is_swept: bool = False
    touched: Engine | None = None

    @property
    def is_restorable(self) -> bool:
        return self.status in RESTORABLE and not self.is_leaving


@dataclass(frozen=True)
class Renaming:
    """`pattern` is a regular expression, `replacement` may hold $1."""

    pattern: str
    replacement: str


@dataclass(frozen=True)
class TargetIndex:
    """An index to restore and what it is to be called.

    `before` is the engine's id of the index that had the name when the restore was ordered, None
    where there was none. `after` is that of the index that the restore was seen to make or to write
    over: nothing else is its own. `done` is whether all of that was there once; from then on it is
    the user's.
    """

    source: str
    name: str
    before: str | None = None
    after: str | None = None
    done: bool = False


@dataclass(frozen=True)
class Restore:
    """A restore that was accepted. `targets` are chosen at acceptance, from what the snapshot
    holds. `begun` is set when `before` of the targets was stored, before the engine is told.

    `replaces` is whether indices of the same name may be overwritten. `updated` is when its figures
    last changed. One that has failed and not ended yet is being taken back; `failure` is the kind
    of that, `reason` the sentence.
    """

    id: RestoreId
    snapshot_id: SnapshotId
    cluster_id: ClusterId
    targets: tuple[TargetIndex, ...]
    replaces: bool
    started: datetime
    rename: Renaming | None = None
    begun: bool = False
    updated: datetime | None = None
    ended: datetime | None = None
    succeeded: bool | None = None
    reason: str | None = None
    failure: RestoreFailure | None = None
    shards_total: int = 0
    shards_done: int = 0
    bytes_total: int = 0
    bytes_done: int = 0


@dataclass(frozen=True)
class Bucket:
    """`path` is where an attached bucket lies on the service's machine; None for those it made.
    `problem` is why it could not be read at the last look.
    """

    project_id: ProjectId
    name: str
    created: datetime
    path: str | None = None
    problem: str | None = None

    @property
    def read_only(self) -> bool:
        return self.path is not None


def repository_of(settings: SnapshotSettings, cluster_id: ClusterId) -> Repository:
    """The repository that a cluster writes to."""
    parts = (settings.bucket, *(part for part in settings.base_path.split("/") if part), cluster_id)
    return Repository(settings.bucket, "/".join(parts))


def writer_of(place: Repository) -> ClusterId:
    """The cluster that writes to it, or did."""
    return ClusterId(place.location.rpartition("/")[2])
