"""Show and list clusters."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from pydantic import Field

from searchplane.api.fields import Integer, Reply, Request, second
from searchplane.api.operation import Answer, Call, Operation, rendered
from searchplane.api.services import Services
from searchplane.domain import status
from searchplane.domain.cluster import Cluster, Fate, Node, Role
from searchplane.domain.engines import supports_security
from searchplane.domain.exposure import DashboardAccess, WhiteList
from searchplane.domain.networking import subnets
from searchplane.domain.ports import REST_PORT
from searchplane.errors import NotFound
from searchplane.store import clusters
from searchplane.store.cluster_pages import Listed
from searchplane.store.database import Transaction

LISTED = "listed"


CLUSTER = "/v1.0/{project_id}/clusters/{cluster_id}"
"""The path of one cluster; what is done to it lies below."""


class DatastoreReply(Reply):
    type: str
    version: str
    sub_version: Annotated[str, Field(alias="subVersion", description="The engine that runs.")]
    is_eos_cluster: Annotated[bool, Field(alias="isEosCluster")]
    support_securitymode: Annotated[bool, Field(alias="supportSecuritymode")]


class VolumeReply(Reply):
    type: str
    size: int
    resource_ids: Annotated[list[str], Field(alias="resourceIds")]


class InstanceReply(Reply):
    id: str
    name: str
    type: str
    status: Annotated[str, Field(pattern="^(100|200|303)$")]
    spec_code: Annotated[str, Field(alias="specCode")]
    az_code: Annotated[str, Field(alias="azCode")]
    ip: str | None
    volume: VolumeReply
    resource_id: Annotated[str, Field(alias="resourceId")]
    subnet_id: Annotated[str, Field(alias="subnetId")]


class TagReply(Reply):
    key: str
    value: str


class FailureReply(Reply):
    error_code: Annotated[str, Field(alias="errorCode")]
    error_msg: Annotated[str, Field(alias="errorMsg")]


class WhiteListReply(Reply):
    enable_white_list: Annotated[bool, Field(alias="enableWhiteList")]
    white_list: Annotated[str, Field(alias="whiteList")]


class PublicKibanaReply(Reply):
    """Access to the dashboard as it was asked for; it has no public address here."""

    eip_size: Annotated[int, Field(alias="eipSize")]
    public_kibana_ip: Annotated[str | None, Field(alias="publicKibanaIp")]
    elb_white_list_resp: Annotated[WhiteListReply, Field(alias="elbWhiteListResp")]


class SnapshotPolicyReply(Reply):
    backup_enable: Annotated[bool, Field(alias="backupEnable")]
    bak_period: Annotated[str | None, Field(alias="bakPeriod")]
    bak_frequency: Annotated[str | None, Field(alias="bakFrequency")]
    bak_keep_day: Annotated[int | None, Field(alias="bakKeepDay")]


class ClusterReply(Reply):
    """One cluster; `failedReason` and `failed_reasons` are absent while nothing failed.

    Extra fields: `sentence` is what the service is doing, or why it waits; `refusedBy` the name of
    the predicate because of which the next step of a change is not taken now, `refusedBecause` its
    sentence; `paused` and `skipped` what an operator has asked for.
    """

    id: str
    name: str
    desc: str
    status: Annotated[str, Field(pattern="^(100|200|303)$")]
    datastore: DatastoreReply
    instances: list[InstanceReply]
    endpoint: str | None
    vpc_id: Annotated[str, Field(alias="vpcId")]
    subnet_id: Annotated[str, Field(alias="subnetId")]
    current_subnet_ids: Annotated[str, Field(alias="currentSubnetIds")]
    security_group_id: Annotated[str, Field(alias="securityGroupId")]
    vpcep_ip: Annotated[str | None, Field(alias="vpcepIp")]
    support_vpcep: Annotated[bool, Field(alias="supportVpcep")]
    public_ip: Annotated[str | None, Field(alias="publicIp")]
    bandwidth_size: Annotated[int, Field(alias="bandwidthSize")]
    elb_white_list: Annotated[WhiteListReply | None, Field(alias="elbWhiteList")]
    public_kibana_resp: Annotated[PublicKibanaReply | None, Field(alias="publicKibanaResp")]
    https_enable: Annotated[bool, Field(alias="httpsEnable")]
    authority_enable: Annotated[bool, Field(alias="authorityEnable")]
    disk_encrypted: Annotated[bool, Field(alias="diskEncrypted")]
    cmk_id: Annotated[str, Field(alias="cmkId")]
    backup_available: Annotated[bool, Field(alias="backupAvailable")]
    action_progress: Annotated[dict[str, str], Field(alias="actionProgress")]
    actions: list[str]
    failed_reason: Annotated[FailureReply | None, Field(alias="failedReason")] = None
    failed_reasons: FailureReply | None = None
    enterprise_project_id: Annotated[str, Field(alias="enterpriseProjectId")]
    tags: list[TagReply]
    period: bool
    created: str
    updated: str
    sentence: str
    refused_by: Annotated[str | None, Field(alias="refusedBy")] = None
    refused_because: Annotated[str | None, Field(alias="refusedBecause")] = None
    paused: bool = False
    skipped: tuple[str, ...] = ()
    snapshot_policy: Annotated[SnapshotPolicyReply | None, Field(alias="snapshotPolicy")] = None


class ClusterListReply(Reply):
    total_size: Annotated[int, Field(alias="totalSize")]
    clusters: list[ClusterReply]


class Wanted(TypedDict):
    """Which part of a list is wanted."""

    datastore_type: str | None
    start: int
    limit: int


class ListQuery(Request):
    """`start` is the older name of `offset`; both are 1-based places in the list."""

    offset: Annotated[Integer | None, Field(ge=1, le=1_000_000)] = None
    start: Annotated[Integer | None, Field(ge=1, le=1_000_000)] = None
    limit: Annotated[Integer, Field(ge=1, le=1000)] = 10
    datastore_type: Literal["elasticsearch", "opensearch", "logstash"] | None = None


def find_cluster(call: Call) -> Cluster:
    """The cluster named in the path; NotFound if it is missing or another project's."""
    with call.services.database.read() as connection:
        return find_in(call, connection)


def find_in(call: Call, connection: Transaction) -> Cluster:
    """The same in an open transaction."""
    return find(connection, call, call.path["cluster_id"])


def find(connection: Transaction, call: Call, cluster_id: str) -> Cluster:
    """The project's cluster with this id; NotFound if it is missing or another project's."""
    cluster = clusters.find_in_project(connection, call.project.id, cluster_id)
    if cluster is None:
        raise NotFound("CSS.0015", f"cluster_id is {cluster_id[:64]!r}")
    return cluster


def show_cluster(call: Call) -> Answer:
    return Answer(cluster_reply(find_cluster(call)))


def list_clusters(call: Call) -> Answer:
    total, found = call.services.cluster_pages.page(call.project.id, **_wanted(call.query))
    clusters_of_page = b",".join(map(_listed, found))
    # A ClusterListReply, put together from its parts as they were made the last time.
    return Answer(content=b'{"totalSize":%d,"clusters":[%b]}' % (total, clusters_of_page))


def is_list_at_hand(services: Services, project_id: str, query: str) -> bool:
    """Whether the list is in memory as it is now; only for those that ask for nothing special."""
    return not query and services.cluster_pages.is_at_hand(project_id, **_wanted(ListQuery()))


def _wanted(query: ListQuery) -> Wanted:
    return {
        "datastore_type": query.datastore_type,
        "start": query.offset or query.start or 1,
        "limit": query.limit,
    }


def _listed(one: Listed) -> bytes:
    """A cluster as a list shows it."""
    known = one.descriptions.get(LISTED)
    if known is None:
        known = one.descriptions[LISTED] = rendered(cluster_reply(one.cluster, listed=True))
    return known


def cluster_reply(cluster: Cluster, *, listed: bool = False) -> ClusterReply:
    """A cluster as the public API shows it; a list has the snapshot policy besides."""
    spec, failure = cluster.spec, cluster.failure
    reply = ClusterReply(
        id=cluster.id,
        name=spec.name,
        desc=spec.description,
        status=status.cluster_status(cluster),
        datastore=_datastore(cluster),
        instances=[_instance(cluster, node) for node in cluster.nodes],
        endpoint=_endpoint(cluster),
        vpc_id=spec.network.vpc_id,
        subnet_id=spec.network.subnet_id,
        current_subnet_ids=",".join(subnets(cluster)),
        security_group_id=spec.network.security_group_id,
        vpcep_ip=_private_address(cluster),
        support_vpcep=True,
        public_ip=_public_address(cluster),
        bandwidth_size=spec.exposure.public.bandwidth if spec.exposure.public else 0,
        elb_white_list=_white_list(spec.exposure.public.white_list)
        if spec.exposure.public
        else None,
        public_kibana_resp=_dashboard(spec.exposure.dashboard),
        https_enable=spec.security.https,
        authority_enable=spec.security.authority,
        disk_encrypted=spec.cmk_id is not None,
        cmk_id=spec.cmk_id or "",
        backup_available=spec.snapshots is not None,
        action_progress=status.action_progress(cluster),
        actions=list(status.actions(cluster)),
        enterprise_project_id=spec.enterprise_project_id,
        tags=[TagReply(key=tag.key, value=tag.value) for tag in spec.tags],
        period=False,
        created=second(cluster.created),
        updated=second(cluster.updated),
        sentence=cluster.sentence,
        refused_by=cluster.refusal.predicate if cluster.refusal else None,
        refused_because=cluster.refusal.sentence if cluster.refusal else None,
        paused=cluster.paused,
        skipped=tuple(sorted(cluster.skipped)),
    )
    extra: dict[str, object] = {}
    if failure is not None:
        reason = FailureReply(error_code=failure.code, error_msg=failure.message)
        extra |= {"failed_reason": reason, "failed_reasons": reason}
    if listed:
        extra["snapshot_policy"] = _policy(cluster)
    return reply.model_copy(update=extra)


def _datastore(cluster: Cluster) -> DatastoreReply:
    asked, engine = cluster.spec.datastore, cluster.spec.engine
    return DatastoreReply(
        type=asked.type,
        version=asked.version,
        sub_version=f"{engine.family.value}-{engine.version}",
        is_eos_cluster=False,
        support_securitymode=supports_security(asked),
    )


def _instance(cluster: Cluster, node: Node) -> InstanceReply:
    return InstanceReply(
        id=node.id,
        name=node.name,
        type=node.role.value,
        status=status.node_status(cluster, node),
        spec_code=node.flavor,
        az_code=node.zone,
        ip=node.address,
        volume=VolumeReply(type=node.volume.type, size=node.volume.size_gb, resource_ids=[]),
        resource_id=node.id,
        subnet_id=node.subnet_id or cluster.spec.network.subnet_id,
    )


def _public_address(cluster: Cluster) -> str | None:
    """The first of the endpoint, once public access was asked for: it is reached from here."""
    endpoint = _endpoint(cluster)
    return endpoint.split(",")[0] if endpoint and cluster.spec.exposure.public else None


def _private_address(cluster: Cluster) -> str | None:
    """Where a private endpoint leads, without the port."""
    endpoint = _endpoint(cluster)
    return endpoint.split(":")[0] if endpoint and cluster.spec.exposure.endpoint else None


def _white_list(white_list: WhiteList) -> WhiteListReply:
    return WhiteListReply(enable_white_list=white_list.enabled, white_list=white_list.addresses)


def _dashboard(dashboard: DashboardAccess | None) -> PublicKibanaReply | None:
    if dashboard is None:
        return None
    return PublicKibanaReply(
        eip_size=dashboard.bandwidth,
        public_kibana_ip=None,
        elb_white_list_resp=_white_list(dashboard.white_list),
    )


def _endpoint(cluster: Cluster) -> str | None:
    """The client nodes if one of them is there, else all that hold data, once a cluster has formed.

    Null before, as on a failed creation. A node that is about to go is not named any longer, and
    clients that were asked for are not named before one can answer.
    """
    if not cluster.bootstrapped:
        return None
    serving = [node for node in cluster.nodes if node.fate is not Fate.LEAVE and node.address]
    clients = [node for node in serving if node.role is Role.CLIENT]
    holders = [node for node in serving if node.role in (Role.DATA, Role.COLD)]
    named = clients if any(node.ready for node in clients) else holders
    return ",".join(f"{node.address}:{REST_PORT}" for node in named)


def _policy(cluster: Cluster) -> SnapshotPolicyReply:
    backup = cluster.spec.backup
    return SnapshotPolicyReply(
        backup_enable=backup is not None,
        bak_period=backup.period if backup else None,
        bak_frequency=backup.frequency if backup else None,
        bak_keep_day=backup.keepday if backup else None,
    )


OPERATIONS = [
    Operation(
        id="ListClustersDetails",
        method="GET",
        paths=("/v1.0/{project_id}/clusters",),
        handler=list_clusters,
        summary="List the project's clusters, newest first.",
        action="css:cluster:list",
        at_hand=is_list_at_hand,
        query=ListQuery,
        answer=ClusterListReply,
    ),
    Operation(
        id="ShowClusterDetail",
        method="GET",
        paths=(CLUSTER,),
        handler=show_cluster,
        summary="Show one cluster.",
        action="css:cluster:get",
        answer=ClusterReply,
        errors=("CSS.0015",),
    ),
]
