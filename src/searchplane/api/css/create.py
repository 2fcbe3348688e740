"""Create a cluster (v1.0): one group of data nodes. The body, read leniently, to a draft."""

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
from searchplane.api.fields import Integer, Request, Text
from searchplane.api.operation import Answer, Call, Operation, Pool
from searchplane.domain.cluster import Network, Role, Security
from searchplane.domain.creation import Draft
from searchplane.domain.engines import DEFAULT_DATASTORE
from searchplane.domain.ids import ProjectId
from searchplane.domain.makeup import DraftGroup


class VolumeBody(Request):
    volume_type: Annotated[Text, Field(description="COMMON, HIGH, ULTRAHIGH or ESSD.")]
    size: Annotated[Integer, Field(description="GB, a multiple of 20 in the flavor's range.")]


class InstanceBody(Request):
    flavor_ref: Annotated[Text, Field(description="Name of a flavor; GET flavors lists them.")]
    volume: VolumeBody
    nics: NicsBody = NicsBody()
    availability_zone: Annotated[
        Text | None, Field(description="Zones, separated by commas; default: the first one.")
    ] = None


class ClusterBody(CreationBody):
    name: Annotated[Text, Field(description="4 to 32 letters, digits, - and _; a letter first.")]
    instance: InstanceBody
    instance_num: Annotated[Integer, Field(description="Number of nodes, 1 to 32.")]
    datastore: Annotated[
        DatastoreBody | None, Field(description="Default: elasticsearch 7.10.2.")
    ] = None


class CreateClusterRequest(Request):
    cluster: ClusterBody


def create_cluster(call: Call) -> Answer:
    return create(call, _draft(call.body.cluster, call.project.id))


def _draft(body: ClusterBody, project_id: ProjectId) -> Draft:
    instance, nics, volume = body.instance, body.instance.nics, body.instance.volume
    encryption = body.disk_encryption or DiskEncryptionBody()
    return Draft(
        name=body.name,
        datastore=to_datastore(body.datastore) or DEFAULT_DATASTORE,
        groups=(
            DraftGroup(
                Role.DATA, body.instance_num, instance.flavor_ref, volume.volume_type, volume.size
            ),
        ),
        network=Network(nics.vpc_id, nics.net_id, nics.security_group_id),
        availability_zone=instance.availability_zone or None,
        security=Security(bool(body.authority_enable), bool(body.https_enable)),
        password=body.admin_pwd,
        snapshots=to_snapshots(body.backup_strategy, project_id),
        backup=to_backup(body.backup_strategy),
        tags=to_tags(body.tags),
        description=body.desc or "",
        enterprise_project_id=body.enterprise_project_id or "0",
        cmk_id=encryption.system_cmkid,
        disk_encrypted=encryption.system_encrypted,
    )


OPERATIONS = [
    Operation(
        id="CreateCluster",
        method="POST",
        paths=("/v1.0/{project_id}/clusters",),
        handler=create_cluster,
        summary="Create a cluster of data nodes.",
        action="css:cluster:create",
        pool=Pool.CREATION,
        body=CreateClusterRequest,
        answer=CreateClusterReply,
        errors=ERRORS,
    )
]
