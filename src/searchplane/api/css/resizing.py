"""Other flavors and disk types for a cluster's nodes (api/semantics.md, section 4.3)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from searchplane.api.css.changing import GROWTH, ChangeQuery, DryRunReply, LoadCheck, change
from searchplane.api.css.clusters import CLUSTER, find
from searchplane.api.css.flavors import sold_in
from searchplane.api.fields import Boolean, Integer, Reply, Request, Text
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.change import Change
from searchplane.domain.cluster import Role
from searchplane.domain.flavor_change import FlavorWish, change_flavor
from searchplane.domain.flavors import DATASTORE_IDS, Offer, offers, version_id


class FlavorRequest(Request):
    new_flavor_id: Annotated[Text, Field(description="Id of a flavor, or a disk type.")]
    operation_type: Annotated[
        Text, Field(description="vm: another flavor; volume: another disk type.")
    ] = "vm"
    need_check_replica: Annotated[
        Boolean, Field(description="Refuse if an index has no replica.")
    ] = True
    need_check_cluster_status: Annotated[
        Boolean, Field(description="Refuse if the cluster is not whole.")
    ] = True
    cluster_load_check: LoadCheck = True
    is_auto_pay: Integer = 0


class FlavorChangeReply(Reply):
    cluster_id: Annotated[str, Field(alias="clusterId")]


class ResizeQuery(Request):
    cluster_id: Text


class ResizeFlavorReply(Reply):
    str_id: str
    cpu: int
    ram: int
    name: str
    region: str
    diskrange: Annotated[str, Field(description='"min,max" in GB.')]
    typename: str
    cond_operation_status: Annotated[str, Field(alias="condOperationStatus")]
    cond_operation_az: Annotated[str, Field(alias="condOperationAz")]
    localdisk: str
    edge: bool


class ResizeVersionReply(Reply):
    id: str
    name: str
    flavors: list[ResizeFlavorReply]


class ResizeFlavorsReply(Reply):
    id: str
    dbname: str
    versions: list[ResizeVersionReply]


def change_data_flavor(call: Call) -> Answer:
    return _change(call, Role.DATA, "newFlavorId")


def change_flavor_by_type(call: Call) -> Answer:
    return _change(call, call.path["types"], "new_flavor_id")


def list_resize_flavors(call: Call) -> Answer:
    """Those of the cluster's engine version, for the node types it has, less what they are."""
    query: ResizeQuery = call.query
    with call.services.database.read() as connection:
        spec = find(connection, call, query.cluster_id).spec
    present = {group.role: group.flavor for group in spec.groups}
    fitting = [
        one
        for one in offers()
        if one.datastore == spec.datastore
        and one.role in present
        and one.flavor.name != present[one.role]
    ]
    version = ResizeVersionReply(
        id=version_id(spec.datastore),
        name=spec.datastore.version,
        flavors=[_flavor(call, one) for one in fitting],
    )
    kind = spec.datastore.type
    return Answer(ResizeFlavorsReply(id=DATASTORE_IDS[kind], dbname=kind, versions=[version]))


def _change(call: Call, role: str, field: str) -> Answer:
    body: FlavorRequest = call.body
    wish = FlavorWish(
        role,
        body.operation_type,
        body.new_flavor_id,
        field,
        needs_replicas=body.need_check_replica,
        needs_whole=body.need_check_cluster_status,
        checks_load=body.cluster_load_check,
    )
    limits = call.services.limits
    return change(call, lambda one: change_flavor(one, wish, limits, call.now), _cluster_id)


def _cluster_id(wanted: Change) -> FlavorChangeReply:
    return FlavorChangeReply(cluster_id=wanted.before.id)


def _flavor(call: Call, one: Offer) -> ResizeFlavorReply:
    return ResizeFlavorReply(
        str_id=one.id,
        cpu=one.flavor.vcpu,
        ram=one.flavor.ram_gb,
        name=one.flavor.name,
        region=call.services.settings.region,
        diskrange=one.flavor.disk_range,
        typename=one.role.value,
        cond_operation_status="normal",
        cond_operation_az=sold_in(call),
        localdisk="false",
        edge=False,
    )


_ERRORS = (
    "CSS.0015",
    "CSS.0074",
    "CSS.0075",
    "CSS.0076",
    "CSS.0077",
    "CSS.5007",
    "CSS.5008",
    "CSS.5009",
    "CSS.5038",
    "CSS.5047",
    "CSS.5061",
    "CSS.5090",
    *GROWTH,
)

OPERATIONS = [
    Operation(
        id="UpdateFlavor",
        method="POST",
        paths=(f"{CLUSTER}/flavor",),
        handler=change_data_flavor,
        summary="Give data nodes another flavor or disk type, one node after the other.",
        action="css:cluster:expand",
        query=ChangeQuery,
        preview=DryRunReply,
        body=FlavorRequest,
        answer=FlavorChangeReply,
        errors=_ERRORS,
    ),
    Operation(
        id="UpdateFlavorByType",
        method="POST",
        paths=(f"{CLUSTER}/{{types}}/flavor",),
        handler=change_flavor_by_type,
        summary="Give the nodes of a type another flavor or disk type, one node after the other.",
        action="css:cluster:expand",
        query=ChangeQuery,
        preview=DryRunReply,
        body=FlavorRequest,
        answer=FlavorChangeReply,
        errors=_ERRORS,
    ),
    Operation(
        id="ShowResizeFlavors",
        method="GET",
        paths=("/v1.0/{project_id}/resize-flavors",),
        handler=list_resize_flavors,
        summary="List the flavors that a cluster's nodes may be changed to.",
        action="css:flavor:list",
        query=ResizeQuery,
        answer=ResizeFlavorsReply,
        errors=("CSS.0015",),
    ),
]
