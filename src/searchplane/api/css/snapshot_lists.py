"""Which snapshots there are: of a cluster, be it there or gone, and of all of a project.

The list of a cluster is the public API's, with the fields of its older forms. What is being
deleted is not in it: a client that has deleted a snapshot looks there whether it is gone. The list
of a project is this service's own: other clouds have none like it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from searchplane.api.css.clusters import CLUSTER, find_in
from searchplane.api.fields import Reply, second
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.cluster import BackupStrategy
from searchplane.domain.ids import ClusterId
from searchplane.domain.snapshots import Method, Snapshot, Verified
from searchplane.store import clusters, snapshots

TYPES = {Method.AUTO: "0", Method.MANUAL: "1"}


class KeptDatastoreReply(Reply):
    type: str
    version: str


class SnapshotReply(Reply):
    """One snapshot. Times with a number are milliseconds since 1970; the last four are older."""

    id: str
    name: str
    description: str
    cluster_id: Annotated[str, Field(alias="clusterId")]
    cluster_name: Annotated[str, Field(alias="clusterName")]
    status: Annotated[str, Field(pattern="^(BUILDING|COMPLETED|FAILED|PART_FAILED)$")]
    backup_type: Annotated[str, Field(alias="backupType", description="0 automatic, 1 by hand.")]
    backup_method: Annotated[str, Field(alias="backupMethod", pattern="^(auto|manual)$")]
    backup_frequency: Annotated[str | None, Field(alias="backupFrequency")]
    datastore: KeptDatastoreReply
    indices: str
    total_shards: Annotated[int, Field(alias="totalShards")]
    failed_shards: Annotated[int, Field(alias="failedShards")]
    restore_status: Annotated[
        str, Field(alias="restoreStatus", pattern="^(none|restoring|success|failed)$")
    ]
    start_time: Annotated[int, Field(alias="startTime")]
    end_time: Annotated[int | None, Field(alias="endTime", description="Null while it is made.")]
    bucket_name: Annotated[str, Field(alias="bucketName")]
    version: str
    created: str
    updated: str
    backup_keep_day: Annotated[int, Field(alias="backupKeepDay", description="0 by hand.")]
    backup_period: Annotated[str | None, Field(alias="backupPeriod")]
    backup_expected_start_time: Annotated[str | None, Field(alias="backupExpectedStartTime")]


class SnapshotsReply(Reply):
    backups: list[SnapshotReply]


class VerifiedReply(Reply):
    """What came of restoring it into a cluster of its own; null if that could not be found out."""

    at: str
    succeeded: bool | None
    sentence: str


class IndexReply(Reply):
    """`documents` were counted when it was taken; null where that is not known."""

    name: str
    documents: int | None


class ProjectSnapshotReply(SnapshotReply):
    """`reason` is why it failed. Bytes are those that were not in the bucket before. A snapshot in
    an attached bucket is `readOnly`."""

    reason: str | None
    verified: VerifiedReply | None
    verified_in: Annotated[
        str | None,
        Field(alias="verifiedIn", description="Id of the scratch cluster that verifies it now."),
    ]
    deleting: bool
    cluster_exists: Annotated[bool, Field(alias="clusterExists")]
    engine: str
    read_only: Annotated[bool, Field(alias="readOnly")]
    bytes_total: Annotated[int, Field(alias="bytesTotal")]
    bytes_done: Annotated[int, Field(alias="bytesDone")]
    contents: list[IndexReply]


class ProjectSnapshotsReply(Reply):
    snapshots: list[ProjectSnapshotReply]


def list_snapshots(call: Call) -> Answer:
    """Newest first, and all of them: the public list has no pages."""
    project_id, cluster_id = call.project.id, call.path["cluster_id"]
    with call.services.database.read() as connection:
        found = snapshots.of_cluster(connection, project_id, cluster_id)
        cluster = clusters.find_in_project(connection, project_id, cluster_id)
        if cluster is None and not found:
            find_in(call, connection)
    policy = cluster.spec.backup if cluster else None
    shown = [SnapshotReply(**_shown(one, policy)) for one in found if not one.is_leaving]
    return Answer(SnapshotsReply(backups=shown))


def list_all_snapshots(call: Call) -> Answer:
    with call.services.database.read() as connection:
        found = snapshots.of_project(connection, call.project.id)
        there = {one.id: one for one in clusters.of_project(connection, call.project.id)}
    verifying = {
        one.spec.verifies.snapshot_id: one.id for one in there.values() if one.spec.verifies
    }
    shown = [
        ProjectSnapshotReply(
            **_shown(one, there[one.cluster_id].spec.backup if one.cluster_id in there else None),
            **_more(one, cluster_exists=one.cluster_id in there, verified_in=verifying.get(one.id)),
        )
        for one in found
    ]
    return Answer(ProjectSnapshotsReply(snapshots=shown))


def _shown(one: Snapshot, policy: BackupStrategy | None) -> dict[str, Any]:
    """The fields of a reply; `policy` is what its cluster has now."""
    is_automatic = one.method is Method.AUTO
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "cluster_id": one.cluster_id,
        "cluster_name": one.cluster_name,
        "status": one.status.value,
        "backup_type": TYPES[one.method],
        "backup_method": one.method.value,
        "backup_frequency": one.frequency,
        "datastore": KeptDatastoreReply(type=one.datastore.type, version=one.datastore.version),
        "indices": one.indices,
        "total_shards": one.total_shards,
        "failed_shards": one.failed_shards,
        "restore_status": one.restore_status.value,
        "start_time": _milliseconds(one.created),
        "end_time": _milliseconds(one.ended) if one.ended else None,
        "bucket_name": one.repository.bucket,
        "version": one.datastore.version,
        "created": second(one.created),
        "updated": second(one.updated),
        "backup_keep_day": one.keepday or 0,
        "backup_period": policy.period if policy and is_automatic else None,
        "backup_expected_start_time": second(one.created) if is_automatic else None,
    }


def _more(one: Snapshot, *, cluster_exists: bool, verified_in: ClusterId | None) -> dict[str, Any]:
    return {
        "reason": one.reason,
        "verified": _verified(one.verified),
        "verified_in": verified_in,
        "deleting": one.is_leaving,
        "cluster_exists": cluster_exists,
        "engine": str(one.engine),
        "read_only": one.repository.read_only,
        "bytes_total": one.bytes_total,
        "bytes_done": one.bytes_done,
        "contents": [IndexReply(name=kept.name, documents=kept.documents) for kept in one.contents],
    }


def _verified(found: Verified | None) -> VerifiedReply | None:
    if found is None:
        return None
    return VerifiedReply(at=second(found.at), succeeded=found.succeeded, sentence=found.sentence)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


OPERATIONS = [
    Operation(
        id="ListSnapshots",
        method="GET",
        paths=(f"{CLUSTER}/index_snapshots",),
        handler=list_snapshots,
        summary="List the snapshots of a cluster, be it there or gone; newest first.",
        action="css:snapshot:list",
        answer=SnapshotsReply,
        errors=("CSS.0015",),
    ),
    Operation(
        id="ListProjectSnapshots",
        method="GET",
        paths=("/v1.0/{project_id}/snapshots",),
        handler=list_all_snapshots,
        summary="List all snapshots of a project, newest first, with what is known of each.",
        action="css:snapshot:list",
        answer=ProjectSnapshotsReply,
    ),
]
