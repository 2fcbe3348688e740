"""Which snapshots there are: of a cluster, be it there or gone, and of all of a project.

The list of a cluster is the public API's, with the fields of its older forms. What is being
deleted is not in it: a client that has deleted a snapshot looks there whether it is gone. It is
whole unless a part is asked for, as the public one has no parts. The list of a project is this
service's own: other clouds have none like it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from pydantic_core import to_json

from searchplane.api.css.clusters import CLUSTER, find_in
from searchplane.api.fields import Integer, Reply, Request, Text, second
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.cluster import BackupStrategy
from searchplane.domain.ids import ClusterId
from searchplane.domain.snapshots import Method, Snapshot, Verified
from searchplane.store import clusters, scratch, snapshot_pages, snapshots
from searchplane.store.snapshot_pages import Brief, Part, Wanted

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
    total_size: Annotated[int, Field(alias="totalSize", description="With those of other parts.")]
    snapshots: list[ProjectSnapshotReply]


class PartQuery(Request):
    """`start` is the older name of `offset`; both are 1-based places in the list."""

    offset: Annotated[Integer | None, Field(ge=1, le=1_000_000)] = None
    start: Annotated[Integer | None, Field(ge=1, le=1_000_000)] = None
    limit: Annotated[
        Integer | None, Field(ge=1, le=1000, description="So many at most; all without.")
    ] = None


class ProjectSnapshotsQuery(PartQuery):
    limit: Annotated[Integer, Field(ge=1, le=1000)] = 100
    cluster: Annotated[
        Text | None, Field(description="Only those of this cluster, by its id or name.")
    ] = None
    snapshot: Annotated[Text | None, Field(description="Only those of this id or name.")] = None


def list_snapshots(call: Call) -> Answer:
    project_id, cluster_id = call.project.id, call.path["cluster_id"]
    with call.services.database.read() as connection:
        found = snapshot_pages.of_cluster(connection, project_id, cluster_id, _part(call.query))
        spec = clusters.specs_of(connection, project_id, [ClusterId(cluster_id)]).get(
            ClusterId(cluster_id)
        )
        if spec is None and not found and not snapshots.has_any(connection, project_id, cluster_id):
            find_in(call, connection)
    policy = spec.backup if spec else None
    # A SnapshotsReply, written without making one: there may be thousands in it.
    return Answer(content=to_json({"backups": [_shown(one, policy) for one in found]}))


def list_all_snapshots(call: Call) -> Answer:
    query: ProjectSnapshotsQuery = call.query
    wanted = Wanted(query.cluster, query.snapshot)
    with call.services.database.read() as connection:
        total, found = snapshot_pages.of_project(connection, call.project.id, wanted, _part(query))
        ids = {one.cluster_id for one in found}
        specs = clusters.specs_of(connection, call.project.id, ids)
        verifying = scratch.verifying(connection, call.project.id, [one.id for one in found])
    shown = [
        ProjectSnapshotReply.model_validate(
            _shown(one, specs[one.cluster_id].backup if one.cluster_id in specs else None)
            | _more(one, cluster_exists=one.cluster_id in specs, verified_in=verifying.get(one.id))
        )
        for one in found
    ]
    return Answer(ProjectSnapshotsReply(total_size=total, snapshots=shown))


def _part(query: PartQuery) -> Part:
    return Part(query.offset or query.start or 1, query.limit)


def _shown(one: Snapshot | Brief, policy: BackupStrategy | None) -> dict[str, Any]:
    """The fields of a reply as they are spelled; `policy` is what its cluster has now."""
    is_automatic = one.method is Method.AUTO
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "clusterId": one.cluster_id,
        "clusterName": one.cluster_name,
        "status": one.status,
        "backupType": TYPES[one.method],
        "backupMethod": one.method,
        "backupFrequency": one.frequency,
        "datastore": {"type": one.datastore.type, "version": one.datastore.version},
        "indices": one.indices,
        "totalShards": one.total_shards,
        "failedShards": one.failed_shards,
        "restoreStatus": one.restore_status,
        "startTime": _milliseconds(one.created),
        "endTime": _milliseconds(one.ended) if one.ended else None,
        "bucketName": one.repository.bucket,
        "version": one.datastore.version,
        "created": second(one.created),
        "updated": second(one.updated),
        "backupKeepDay": one.keepday or 0,
        "backupPeriod": policy.period if policy and is_automatic else None,
        "backupExpectedStartTime": second(one.created) if is_automatic else None,
    }


def _more(one: Snapshot, *, cluster_exists: bool, verified_in: ClusterId | None) -> dict[str, Any]:
    return {
        "reason": one.reason,
        "verified": _verified(one.verified),
        "verifiedIn": verified_in,
        "deleting": one.is_leaving,
        "clusterExists": cluster_exists,
        "engine": str(one.engine),
        "readOnly": one.repository.read_only,
        "bytesTotal": one.bytes_total,
        "bytesDone": one.bytes_done,
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
        query=PartQuery,
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
        query=ProjectSnapshotsQuery,
        answer=ProjectSnapshotsReply,
    ),
]
