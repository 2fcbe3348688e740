"""Security group, subnet and private endpoint of a cluster (api/semantics.md, 4.5 and 4.11)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from searchplane.api.css.changing import STATE, ChangeQuery, DryRunReply, change, nothing
from searchplane.api.css.clusters import CLUSTER, find_cluster
from searchplane.api.fields import Integer, Reply, Request, Text, second
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.networking import change_security_group, change_subnet
from searchplane.errors import Refused


class SecurityGroupRequest(Request):
    security_group_ids: Annotated[Text, Field(description="The id of one security group.")]


class SubnetRequest(Request):
    subnet_id: Annotated[Text, Field(description="The subnet of nodes that are added later.")]


class ConnectionsQuery(Request):
    offset: Annotated[Integer, Field(ge=0, le=1_000_000)] = 0
    limit: Annotated[Integer, Field(ge=1, le=1000)] = 10


class ConnectionReply(Reply):
    id: str
    status: str


class PermissionReply(Reply):
    id: str
    permission: str
    permission_type: str
    created_at: str


class ConnectionsReply(Reply):
    """Nobody is connected: other networks do not exist on this installation."""

    connections: list[ConnectionReply]
    vpc_service_name: Annotated[str, Field(alias="vpcServiceName")]
    permissions: list[PermissionReply]
    vpcep_update_switch: Annotated[bool, Field(alias="vpcepUpdateSwitch")]
    total_count: int


def change_group(call: Call) -> Answer:
    body: SecurityGroupRequest = call.body
    group_id = body.security_group_ids
    return change(call, lambda one: change_security_group(one, group_id, call.now), nothing)


def change_subnet_of_later_nodes(call: Call) -> Answer:
    body: SubnetRequest = call.body
    return change(call, lambda one: change_subnet(one, body.subnet_id, call.now), nothing)


def list_connections(call: Call) -> Answer:
    cluster = find_cluster(call)
    endpoint = cluster.spec.exposure.endpoint
    if endpoint is None:
        raise Refused("CSS.5182", "the cluster has no private endpoint")
    created = second(cluster.created)
    return Answer(
        ConnectionsReply(
            connections=[],
            vpc_service_name=f"{call.services.settings.region}.{cluster.id}",
            permissions=[
                PermissionReply(
                    id=account,
                    permission=f"iam:domain::{account}",
                    permission_type="domainId",
                    created_at=created,
                )
                for account in endpoint.permissions
            ],
            vpcep_update_switch=False,
            total_count=0,
        )
    )


OPERATIONS = [
    Operation(
        id="ChangeSecurityGroup",
        method="POST",
        paths=(f"{CLUSTER}/sg/change",),
        handler=change_group,
        summary="Change the security group.",
        action="css:cluster:update",
        query=ChangeQuery,
        preview=DryRunReply,
        body=SecurityGroupRequest,
        errors=(*STATE, "CSS.5023"),
    ),
    Operation(
        id="ChangeClusterSubnet",
        method="POST",
        paths=(f"{CLUSTER}/subnet/change",),
        handler=change_subnet_of_later_nodes,
        summary="Change the subnet of nodes that are added later.",
        action="css:cluster:update",
        query=ChangeQuery,
        preview=DryRunReply,
        body=SubnetRequest,
        errors=(*STATE, "CSS.5022", "CSS.5140"),
    ),
    Operation(
        id="ShowVpcepConnection",
        method="GET",
        paths=(f"{CLUSTER}/vpcepservice/connections",),
        handler=list_connections,
        summary="List who is connected to the private endpoint.",
        action="css:cluster:get",
        query=ConnectionsQuery,
        answer=ConnectionsReply,
        errors=("CSS.0015", "CSS.5182"),
    ),
]
