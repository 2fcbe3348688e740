"""More nodes and fewer, bigger disks, a node made anew (api/semantics.md, 4.1, 4.2, 4.10)."""

from __future__ import annotations

import uuid
from typing import Annotated

from pydantic import Field

from searchplane.api.css.changing import (
    GROWTH,
    STATE,
    ChangeQuery,
    DryRunReply,
    LoadCheck,
    change,
    nothing,
)
from searchplane.api.css.clusters import CLUSTER
from searchplane.api.fields import Boolean, Integer, Reply, Request, Text
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.change import Change
from searchplane.domain.cluster import Cluster, NodeGroup, Role
from searchplane.domain.departure import replace_node, shrink, take_offline
from searchplane.domain.growth import (
    Growth,
    Place,
    add_group,
    extend,
    fixed_volume,
    flavor_by_id,
    grow,
)
from searchplane.domain.ids import NodeId
from searchplane.errors import Refused


class ModifySizeBody(Request):
    modify_size: Annotated[Integer, Field(description="Nodes to add, 1 to 32.")]


class ExtendRequest(Request):
    grow: ModifySizeBody


class GrowBody(Request):
    type: Annotated[Text, Field(description="ess, ess-cold, ess-client or ess-master.")]
    nodesize: Annotated[Integer, Field(description="Nodes to add; may be 0.")] = 0
    disksize: Annotated[Integer, Field(description="GB to add to each node's disk; may be 0.")] = 0


class RoleExtendRequest(Request):
    grow: Annotated[list[GrowBody], Field(max_length=20)]


class IndependentBody(Request):
    flavor_ref: Annotated[Text, Field(description="Id of a flavor.")]
    node_size: Integer
    volume_type: Text = "COMMON"


class IndependentRequest(Request):
    type: IndependentBody


class ShrinkBody(Request):
    type: Text
    reduced_node_num: Integer


class ShrinkRequest(Request):
    shrink: Annotated[list[ShrinkBody], Field(max_length=20)]
    cluster_load_check: LoadCheck = True


class OfflineRequest(Request):
    shrink_nodes: Annotated[list[Text], Field(max_length=200)]
    migrate_data: Boolean = True


class ReplaceQuery(ChangeQuery):
    migrate_data: Boolean = True
    agency: Text | None = None


class ClusterIdReply(Reply):
    id: str


class EmptyReply(Reply):
    pass


def extend_cluster(call: Call) -> Answer:
    body: ExtendRequest = call.body
    size = body.grow.modify_size
    return change(call, lambda one: extend(one, size, _place(call), call.now), _empty)


def extend_by_role(call: Call) -> Answer:
    body: RoleExtendRequest = call.body
    wanted = [Growth(_role(one.type, "grow.type"), one.nodesize, one.disksize) for one in body.grow]
    return change(call, lambda one: grow(one, wanted, _place(call), call.now), _cluster_id)


def add_independent(call: Call) -> Answer:
    body: IndependentBody = call.body.type
    role = _role(call.path["type"], "type")
    volume = fixed_volume(body.volume_type)

    def rule(cluster: Cluster) -> Change:
        flavor = flavor_by_id(cluster.spec, role, body.flavor_ref, "type.flavor_ref")
        group = NodeGroup(role, body.node_size, flavor, volume)
        return add_group(cluster, role, group, _place(call), call.now)

    return change(call, rule, _cluster_id)


def shrink_by_role(call: Call) -> Answer:
    body: ShrinkRequest = call.body
    fewer = {_role(one.type, "shrink.type"): one.reduced_node_num for one in body.shrink}
    checks = body.cluster_load_check
    return change(call, lambda one: shrink(one, fewer, call.now, checks_load=checks), nothing)


def shrink_by_node(call: Call) -> Answer:
    body: OfflineRequest = call.body
    return change(
        call,
        lambda one: take_offline(one, body.shrink_nodes, call.now, drains=body.migrate_data),
        nothing,
    )


def replace_instance(call: Call) -> Answer:
    query: ReplaceQuery = call.query
    node_id = call.path["instance_id"]
    return change(
        call,
        lambda one: replace_node(one, node_id, call.now, drains=query.migrate_data),
        nothing,
    )


def _place(call: Call) -> Place:
    return Place(call.services.limits, lambda: NodeId(str(uuid.uuid4())))


def _role(name: str, field: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        types = ", ".join(Role)
        raise Refused("CSS.0076", f"{field} is {name[:64]!r}: one of {types} is right") from None


def _cluster_id(wanted: Change) -> ClusterIdReply:
    return ClusterIdReply(id=wanted.before.id)


def _empty(_wanted: Change) -> EmptyReply:
    return EmptyReply()


OPERATIONS = [
    Operation(
        id="UpdateExtendCluster",
        method="POST",
        paths=(f"{CLUSTER}/extend",),
        handler=extend_cluster,
        summary="Add data nodes.",
        action="css:cluster:scaleOut",
        query=ChangeQuery,
        preview=DryRunReply,
        body=ExtendRequest,
        answer=EmptyReply,
        errors=(*STATE, *GROWTH, "CSS.5047", "CSS.5140"),
    ),
    Operation(
        id="UpdateExtendInstanceStorage",
        method="POST",
        paths=(f"{CLUSTER}/role_extend",),
        handler=extend_by_role,
        summary="Add nodes and disk by node type.",
        action="css:cluster:expand",
        query=ChangeQuery,
        preview=DryRunReply,
        body=RoleExtendRequest,
        answer=ClusterIdReply,
        errors=(
            *STATE,
            *GROWTH,
            "CSS.0076",
            "CSS.5009",
            "CSS.5033",
            "CSS.5038",
            "CSS.5047",
            "CSS.5095",
            "CSS.5134",
        ),
    ),
    Operation(
        id="AddIndependentNode",
        method="POST",
        paths=(f"{CLUSTER}/type/{{type}}/independent",),
        handler=add_independent,
        summary="Add dedicated masters or clients where there are none.",
        action="css:cluster:expand",
        query=ChangeQuery,
        preview=DryRunReply,
        body=IndependentRequest,
        answer=ClusterIdReply,
        errors=(
            *STATE,
            *GROWTH,
            "CSS.0076",
            "CSS.5007",
            "CSS.5008",
            "CSS.5047",
            "CSS.5134",
            "CSS.5172",
        ),
    ),
    Operation(
        id="UpdateShrinkCluster",
        method="POST",
        paths=("/v1.0/extend/{project_id}/clusters/{cluster_id}/role/shrink",),
        handler=shrink_by_role,
        summary="Take nodes away by node type, after their data was moved.",
        action="css:cluster:shrink",
        query=ChangeQuery,
        preview=DryRunReply,
        body=ShrinkRequest,
        errors=(*STATE, "CSS.0076", "CSS.5047", "CSS.5134"),
    ),
    Operation(
        id="UpdateShrinkNodes",
        method="POST",
        paths=(f"{CLUSTER}/node/offline",),
        handler=shrink_by_node,
        summary="Take these nodes away, after their data was moved unless told otherwise.",
        action="css:cluster:shrink",
        query=ChangeQuery,
        preview=DryRunReply,
        body=OfflineRequest,
        errors=(*STATE, "CSS.5042", "CSS.5047", "CSS.5134"),
    ),
    Operation(
        id="UpdateInstance",
        method="PUT",
        paths=(f"{CLUSTER}/instance/{{instance_id}}/replace",),
        handler=replace_instance,
        summary="Make a node anew, with its id and address.",
        action="css:cluster:replace",
        query=ReplaceQuery,
        preview=DryRunReply,
        errors=(*STATE, "CSS.5042", "CSS.5047"),
    ),
]
