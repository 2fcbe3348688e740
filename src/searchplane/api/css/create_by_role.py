"""Create a cluster (v2.0): groups of nodes by type, and how it is reached from elsewhere.

What is missing is refused by the rules (CSS.5004, CSS.5046, CSS.5068 ...), not by the types.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from searchplane.api.css.creating import (
    ERRORS,
    CreateClusterReply,
    CreationBody,
    DatastoreBody,
    DiskEncryptionBody,
    NicsBody,
    create,
    to_backup,
    to_datastore,
    to_snapshots,
    to_tags,
)
from searchplane.api.fields import Boolean, Integer, Request, Text
from searchplane.api.operation import Answer, Call, Operation, Pool
from searchplane.domain.cluster import Network, Security
from searchplane.domain.creation import Draft
from searchplane.domain.exposure import (
    AUTO_ASSIGN,
    DashboardAccess,
    Exposure,
    PrivateEndpoint,
    PublicAccess,
    WhiteList,
)
from searchplane.domain.ids import ProjectId
from searchplane.domain.makeup import ROLES, DraftGroup


class RoleVolumeBody(Request):
    volume_type: Annotated[Text, Field(description="COMMON, HIGH, ULTRAHIGH or ESSD.")]
    size: Annotated[
        Integer | None,
        Field(description="GB, a multiple of 20 in the flavor's range; 40 for masters, clients."),
    ] = None


class RoleBody(Request):
    type: Annotated[Text, Field(description="ess, ess-master, ess-client or ess-cold.")]
    flavor_ref: Annotated[Text, Field(description="Name of a flavor; GET es-flavors lists them.")]
    instance_num: Annotated[Integer, Field(description="Number of nodes.")]
    volume: RoleVolumeBody | None = None


class WhiteListBody(Request):
    enable_white_list: Boolean = False
    white_list: Annotated[
        Text | None, Field(description="IPv4 addresses and networks, comma separated.")
    ] = None


class BandwidthBody(Request):
    size: Annotated[Integer, Field(description="Mbit/s, 1 to 200.")] = 1


class AddressBody(Request):
    band_width: BandwidthBody = BandwidthBody()


class PublicAccessBody(Request):
    eip: AddressBody = AddressBody()
    elb_white_list_req: WhiteListBody = WhiteListBody()
    public_bind_type: Text = AUTO_ASSIGN


class DashboardAccessBody(Request):
    eip_size: Annotated[Integer, Field(description="Mbit/s, 1 to 200.")] = 1
    elb_white_list: WhiteListBody


class LoadBalanceBody(Request):
    endpoint_with_dns_name: Boolean = False
    vpc_permissions: Annotated[list[Text] | None, Field(max_length=1000)] = None


class ClusterV2Body(CreationBody):
    name: Annotated[
        Text, Field(description="4 to 32 letters, digits, -, _ and dots; a letter first.")
    ]
    roles: Annotated[list[RoleBody], Field(max_length=20)]
    nics: NicsBody = NicsBody()
    datastore: DatastoreBody | None = None
    availability_zone: Annotated[
        Text | None, Field(description="Zones, separated by commas; default: the first one.")
    ] = None
    public_ip_req: PublicAccessBody | None = None
    public_kibana_req: DashboardAccessBody | None = None
    load_balance: LoadBalanceBody | None = None


class CreateClusterV2Request(Request):
    cluster: ClusterV2Body


def create_cluster(call: Call) -> Answer:
    return create(call, _draft(call.body.cluster, call.project.id))


def _draft(body: ClusterV2Body, project_id: ProjectId) -> Draft:
    nics, encryption = body.nics, body.disk_encryption or DiskEncryptionBody()
    return Draft(
        name=body.name,
        datastore=to_datastore(body.datastore),
        groups=tuple(_group(place, one) for place, one in enumerate(body.roles)),
        network=Network(nics.vpc_id, nics.net_id, nics.security_group_id),
        availability_zone=body.availability_zone or None,
        security=Security(bool(body.authority_enable), bool(body.https_enable)),
        password=body.admin_pwd,
        snapshots=to_snapshots(body.backup_strategy, project_id),
        backup=to_backup(body.backup_strategy),
        tags=to_tags(body.tags),
        description=body.desc or "",
        enterprise_project_id=body.enterprise_project_id or "0",
        cmk_id=encryption.system_cmkid,
        disk_encrypted=encryption.system_encrypted,
        exposure=_exposure(body),
        at="cluster",
        dotted=True,
    )


def _group(place: int, body: RoleBody) -> DraftGroup:
    at, volume = f"{ROLES}[{place}]", body.volume
    return DraftGroup(
        type=body.type,
        count=body.instance_num,
        flavor=body.flavor_ref,
        disk_type=volume.volume_type if volume else None,
        disk_gb=volume.size if volume else None,
        at=at,
        counted=f"{at}.instanceNum",
    )


def _exposure(body: ClusterV2Body) -> Exposure:
    public, dashboard, endpoint = body.public_ip_req, body.public_kibana_req, body.load_balance
    return Exposure(
        public=PublicAccess(
            public.eip.band_width.size,
            _white_list(public.elb_white_list_req),
            public.public_bind_type,
        )
        if public
        else None,
        dashboard=DashboardAccess(dashboard.eip_size, _white_list(dashboard.elb_white_list))
        if dashboard
        else None,
        endpoint=PrivateEndpoint(
            endpoint.endpoint_with_dns_name, tuple(endpoint.vpc_permissions or ())
        )
        if endpoint
        else None,
    )


def _white_list(body: WhiteListBody) -> WhiteList:
    return WhiteList(body.enable_white_list, body.white_list or "")


OPERATIONS = [
    Operation(
        id="CreateClusterV2",
        method="POST",
        paths=("/v2.0/{project_id}/clusters",),
        handler=create_cluster,
        summary="Create a cluster of nodes of several types.",
        action="css:cluster:create",
        pool=Pool.CREATION,
        body=CreateClusterV2Request,
        answer=CreateClusterReply,
        errors=ERRORS,
    )
]
