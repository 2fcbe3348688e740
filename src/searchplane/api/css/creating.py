"""What both forms of a create request share: parts of the body, and the one way to carry it out.

The handler checks, commits cluster, nodes, action and event in one transaction, wakes the loop
and answers. Nothing is started here. A password is hashed only for what passed every check, which
are made again in the transaction, as another request may have come first.
"""

from __future__ import annotations

import uuid
from typing import Annotated

from pydantic import Field

from searchplane.api.css.room import check_room
from searchplane.api.fields import Boolean, Integer, Reply, Request, Text, TextOrNumber
from searchplane.api.operation import Answer, Call
from searchplane.domain import quota
from searchplane.domain.backup import DEFAULT_PERIOD, default_bucket, rate_of
from searchplane.domain.cluster import (
    Action,
    ActionKind,
    BackupStrategy,
    Cluster,
    ClusterSpec,
    SnapshotSettings,
    Tag,
)
from searchplane.domain.creation import Draft, accept
from searchplane.domain.engines import Datastore
from searchplane.domain.ids import ClusterId, NodeId, ProjectId
from searchplane.domain.layout import lay_out, memory_needed_mb
from searchplane.domain.snapshots import Bucket
from searchplane.store import buckets, clusters, events
from searchplane.store.database import Transaction
from searchplane.store.secrets import ADMIN_HASH


class NicsBody(Request):
    """What is missing here is refused by the rules (CSS.5046, CSS.5021 ...), not by the types."""

    vpc_id: Text = ""
    net_id: Text = ""
    security_group_id: Text = ""


class DatastoreBody(Request):
    type: Text
    version: Text


class BackupStrategyBody(Request):
    period: Annotated[
        Text | None, Field(description='Whole hour with zone, such as "16:00 GMT+08:00".')
    ] = None
    prefix: Text
    keepday: Annotated[Integer, Field(description="Automatic snapshots kept, 1 to 90.")]
    frequency: Text = "DAY"
    bucket: Text | None = None
    base_path: Text | None = None
    agency: Text | None = None
    max_snapshot_bytes_per_seconds: TextOrNumber | None = None
    max_restore_bytes_per_seconds: TextOrNumber | None = None


class TagBody(Request):
    key: Text
    value: Text = ""


class DiskEncryptionBody(Request):
    system_encrypted: TextOrNumber = "0"
    system_cmkid: Text | None = None


class CreationBody(Request):
    """What both forms of the request have."""

    backup_strategy: BackupStrategyBody | None = None
    https_enable: Boolean | None = None
    authority_enable: Boolean | None = None
    admin_pwd: Text | None = None
    tags: Annotated[list[TagBody] | None, Field(max_length=100)] = None
    desc: Text | None = None
    enterprise_project_id: TextOrNumber | None = None
    disk_encryption: DiskEncryptionBody | None = None


class CreatedCluster(Reply):
    id: str
    name: str


class CreateClusterReply(Reply):
    cluster: CreatedCluster


def create(call: Call, draft: Draft) -> Answer:
    """Accept a cluster as it was asked for, or refuse with every rule that it breaks."""
    spec = accept(draft, call.services.settings.zones)
    cluster = _new(call, spec)
    with call.services.database.read() as connection:
        _check(call, connection, cluster)
    kept = _secrets(call, draft)
    with call.services.database.write() as connection:
        _check(call, connection, cluster)
        clusters.add(connection, cluster)
        if spec.snapshots is not None:
            bucket = Bucket(cluster.project_id, spec.snapshots.bucket, call.now)
            buckets.ensure(connection, bucket, is_shared=call.services.settings.has_bucket_store)
        call.services.secrets.add_missing(connection, cluster.id, kept)
        events.add(connection, cluster.id, call.now, events.ACCEPTED, _said(call, spec))
    call.services.wake(cluster.id)
    return Answer(CreateClusterReply(cluster=CreatedCluster(id=cluster.id, name=spec.name)))


def to_datastore(body: DatastoreBody | None) -> Datastore | None:
    return Datastore(body.type, body.version) if body else None


def to_tags(body: list[TagBody] | None) -> tuple[Tag, ...]:
    return tuple(Tag(tag.key, tag.value) for tag in body or ())


def to_backup(body: BackupStrategyBody | None) -> BackupStrategy | None:
    if body is None:
        return None
    return BackupStrategy(
        period=body.period or DEFAULT_PERIOD,
        prefix=body.prefix,
        keepday=body.keepday,
        frequency=body.frequency,
    )


def to_snapshots(body: BackupStrategyBody | None, project_id: ProjectId) -> SnapshotSettings | None:
    """A strategy turns snapshots on; without a bucket they go to the project's own."""
    if body is None:
        return None
    return SnapshotSettings(
        bucket=body.bucket or default_bucket(project_id),
        base_path=body.base_path or "",
        agency=body.agency or "",
        max_snapshot_rate=rate_of(body.max_snapshot_bytes_per_seconds),
        max_restore_rate=rate_of(body.max_restore_bytes_per_seconds),
    )


def _new(call: Call, spec: ClusterSpec) -> Cluster:
    return Cluster(
        id=ClusterId(str(uuid.uuid4())),
        project_id=call.project.id,
        tenant=call.project.number,
        spec=spec,
        nodes=lay_out(spec, call.services.limits, lambda: NodeId(str(uuid.uuid4()))),
        created=call.now,
        updated=call.now,
        action=Action(ActionKind.CREATING, call.now),
        sentence="accepted; not looked at yet",
        unhealthy_since=call.now,
    )


def _check(call: Call, connection: Transaction, cluster: Cluster) -> None:
    """The name is free, the project may have that much, and the host can carry the nodes."""
    clusters.check_name(connection, cluster.project_id, cluster.spec.name)
    check_room(
        call,
        connection,
        cluster.project_id,
        asked=quota.asked_by(cluster.spec),
        memory_mb=memory_needed_mb(cluster.nodes),
    )


def _said(call: Call, spec: ClusterSpec) -> str:
    count = sum(group.count for group in spec.groups)
    nodes = f"{count} node{'' if count == 1 else 's'} of {spec.engine}"
    return f"create {nodes}, asked for by {call.user.user_name}"


def _secrets(call: Call, draft: Draft) -> dict[str, str]:
    """The password's hash; the password itself goes no further than here."""
    if not draft.security.authority or draft.password is None:
        return {}
    return {ADMIN_HASH: call.services.hash_engine_password(draft.password)}


ERRORS = (
    "CSS.0006",
    "CSS.0023",
    "CSS.0050",
    "CSS.0052",
    "CSS.0053",
    "CSS.0054",
    "CSS.0055",
    "CSS.0060",
    "CSS.0066",
    "CSS.0071",
    "CSS.0076",
    "CSS.1112",
    "CSS.2026",
    "CSS.3011",
    "CSS.5002",
    "CSS.5003",
    "CSS.5004",
    "CSS.5007",
    "CSS.5008",
    "CSS.5009",
    "CSS.5018",
    "CSS.5021",
    "CSS.5022",
    "CSS.5023",
    "CSS.5033",
    "CSS.5038",
    "CSS.5039",
    "CSS.5044",
    "CSS.5046",
    "CSS.5047",
    "CSS.5049",
    "CSS.5050",
    "CSS.5051",
    "CSS.5052",
    "CSS.5056",
    "CSS.5068",
    "CSS.5098",
    "CSS.5134",
    "CSS.5137",
    "CSS.5138",
    "CSS.5167",
    "CSS.5169",
    "CSS.5171",
    "CSS.5172",
    "CSS.5178",
    "CSS.5181",
    "CSS.5310",
)
"""What a create request may be refused with."""
