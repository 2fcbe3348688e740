"""How full the nodes' disks are: what the loop last saw, against what was ordered."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from searchplane.api.css.clusters import find_cluster
from searchplane.api.fields import Reply
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.cluster import Node

GIGABYTE = 1024**3


class DiskReply(Reply):
    """Figures are texts with two decimals, in GB and percent, as in the public service."""

    id: str
    name: str
    group: str
    role: str
    disk_type: Annotated[str, Field(alias="diskType")]
    disk_capacity: Annotated[str, Field(alias="diskCapacity")]
    disk_used: Annotated[str, Field(alias="diskUsed")]
    percentage: str


class VolumesReply(Reply):
    disk_info_list: Annotated[list[DiskReply], Field(alias="diskInfoList")]


def show_volumes(call: Call) -> Answer:
    nodes = find_cluster(call).nodes
    return Answer(VolumesReply(disk_info_list=[_disk(node) for node in nodes]))


def _disk(node: Node) -> DiskReply:
    used = (node.used_bytes or 0) / GIGABYTE
    return DiskReply(
        id=node.id,
        name=node.name,
        group=node.role.value,
        role=node.role.value,
        disk_type=node.volume.type,
        disk_capacity=f"{node.volume.size_gb:.2f}",
        disk_used=f"{used:.2f}",
        percentage=f"{100 * used / node.volume.size_gb:.2f}",
    )


OPERATIONS = [
    Operation(
        id="ShowClusterVolumeUsage",
        method="GET",
        paths=("/v1.0/{project_id}/clusters/{cluster_id}/volume",),
        handler=show_volumes,
        summary="How full the nodes' disks are.",
        action="css:cluster:getDiskUsage",
        answer=VolumesReply,
        errors=("CSS.0015",),
    )
]
