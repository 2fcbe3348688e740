"""The catalogue: flavors by version and node type, one flavor, a datastore's, disk types."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated

from pydantic import Field

from searchplane.api.fields import Reply, Request, Text
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.flavors import (
    DATASTORE_IDS,
    DISK_TYPES,
    Offer,
    offer,
    offers,
    version_id,
)
from searchplane.errors import NotFound, Refused


class FlavorReply(Reply):
    cpu: int
    ram: int
    name: str
    region: str
    diskrange: Annotated[str, Field(description='"min,max" in GB.')]
    available_az: Annotated[str, Field(alias="availableAZ")]
    flavor_id: str


class VersionReply(Reply):
    type: str
    version: str
    flavors: list[FlavorReply]


class FlavorsReply(Reply):
    versions: list[VersionReply]


class AttributeReply(Reply):
    name: str
    value: str


class FlavorDetailReply(Reply):
    str_id: str
    name: str
    cond_operation_status: Annotated[str, Field(alias="condOperationStatus")]
    cond_operation_az: Annotated[str, Field(alias="condOperationAz")]
    flavor_detail: list[AttributeReply]


class DatastoreFlavorReply(Reply):
    str_id: str
    name: str
    cpu: int
    ram: int
    region: str
    typename: str
    diskrange: str
    cond_operation_status: Annotated[str, Field(alias="condOperationStatus")]
    cond_operation_az: Annotated[str, Field(alias="condOperationAz")]
    localdisk: str
    edge: bool


class DatastoreVersionReply(Reply):
    id: str
    name: str
    flavors: list[DatastoreFlavorReply]


class DatastoreFlavorsReply(Reply):
    id: str
    dbname: str
    versions: list[DatastoreVersionReply]


class DatastoreQuery(Request):
    datastore_version_id: Text | None = None


class DiskTypeReply(Reply):
    availability_zone: Annotated[str, Field(alias="availabilityZone")]
    volume_names: Annotated[list[str], Field(alias="volumeNames")]


class DiskTypesReply(Reply):
    disk_types: Annotated[list[DiskTypeReply], Field(alias="diskTypes")]


def list_flavors(call: Call) -> Answer:
    versions = [
        VersionReply(
            type=role, version=datastore.version, flavors=[_flavor(call, one) for one in group]
        )
        for (datastore, role), group in groupby(
            offers(), key=lambda one: (one.datastore, one.role.value)
        )
    ]
    return Answer(FlavorsReply(versions=versions))


def show_flavor(call: Call) -> Answer:
    wanted = call.path["flavor_id"]
    found = offer(wanted)
    if found is None:
        raise NotFound(
            "CSS.5007", f"flavor_id is {wanted[:64]!r}; GET flavors lists the ids there are"
        )
    flavor = found.flavor
    attributes = {"cpu": flavor.vcpu, "mem": flavor.ram_gb, "diskrange": flavor.disk_range}
    return Answer(
        FlavorDetailReply(
            str_id=found.id,
            name=flavor.name,
            cond_operation_status="normal",
            cond_operation_az=sold_in(call),
            flavor_detail=[
                AttributeReply(name=name, value=str(value)) for name, value in attributes.items()
            ],
        )
    )


def list_datastore_flavors(call: Call) -> Answer:
    wanted = call.path["datastore_id"]
    names = {known: name for name, known in DATASTORE_IDS.items()}
    if wanted not in names:
        known = ", ".join(f"{known} ({name})" for known, name in names.items())
        raise Refused("CSS.5036", f"datastore_id is {wanted[:64]!r}; there are {known}")
    mine = [one for one in offers() if one.datastore.type == names[wanted]]
    only = call.query.datastore_version_id
    versions = [
        DatastoreVersionReply(
            id=version_id(datastore),
            name=datastore.version,
            flavors=[_datastore_flavor(call, one) for one in group],
        )
        for datastore, group in groupby(mine, key=lambda one: one.datastore)
        if only in (None, version_id(datastore))
    ]
    return Answer(DatastoreFlavorsReply(id=wanted, dbname=names[wanted], versions=versions))


def list_disk_types(call: Call) -> Answer:
    names = list(DISK_TYPES.values())
    zones = call.services.settings.zones
    return Answer(
        DiskTypesReply(
            disk_types=[DiskTypeReply(availability_zone=zone, volume_names=names) for zone in zones]
        )
    )


def _flavor(call: Call, one: Offer) -> FlavorReply:
    return FlavorReply(
        cpu=one.flavor.vcpu,
        ram=one.flavor.ram_gb,
        name=one.flavor.name,
        region=call.services.settings.region,
        diskrange=one.flavor.disk_range,
        available_az=",".join(call.services.settings.zones),
        flavor_id=one.id,
    )


def _datastore_flavor(call: Call, one: Offer) -> DatastoreFlavorReply:
    return DatastoreFlavorReply(
        str_id=one.id,
        name=one.flavor.name,
        cpu=one.flavor.vcpu,
        ram=one.flavor.ram_gb,
        region=call.services.settings.region,
        typename=one.role.value,
        diskrange=one.flavor.disk_range,
        cond_operation_status="normal",
        cond_operation_az=sold_in(call),
        localdisk="false",
        edge=False,
    )


def sold_in(call: Call) -> str:
    """Where flavors can be had: everywhere."""
    return ",".join(f"{zone}(normal)" for zone in call.services.settings.zones)


OPERATIONS = [
    Operation(
        id="ListFlavors",
        method="GET",
        paths=("/v1.0/{project_id}/es-flavors", "/v1.0/{project_id}/flavors"),
        handler=list_flavors,
        summary="List the flavors by engine version and node type.",
        action="css:flavor:list",
        answer=FlavorsReply,
    ),
    Operation(
        id="ShowFlavorDetail",
        method="GET",
        paths=("/v1.0/{project_id}/flavors/{flavor_id}",),
        handler=show_flavor,
        summary="Show one flavor.",
        action="css:flavor:get",
        answer=FlavorDetailReply,
        errors=("CSS.5007",),
    ),
    Operation(
        id="ShowDataStoreFlavorDetail",
        method="GET",
        paths=("/v1.0/{project_id}/datastore/{datastore_id}/flavors",),
        handler=list_datastore_flavors,
        summary="List the flavors of one engine.",
        action="css:flavor:list",
        query=DatastoreQuery,
        answer=DatastoreFlavorsReply,
        errors=("CSS.5036",),
    ),
    Operation(
        id="ListDiskType",
        method="GET",
        paths=("/v1.0/{project_id}/disktypes",),
        handler=list_disk_types,
        summary="List the disk types of each availability zone.",
        action="css:flavor:list",
        answer=DiskTypesReply,
    ),
]
