"""Other engines and other zones for a cluster, and the tasks that tell of both
(api/semantics.md, section 4.10)."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from searchplane.api.css.changing import (
    STATE,
    ChangeQuery,
    DryRunReply,
    LoadCheck,
    change,
    change_inside,
    nothing,
)
from searchplane.api.css.clusters import CLUSTER, find_cluster, find_in
from searchplane.api.fields import Boolean, Integer, Reply, Request, Text, second
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain import upgrades
from searchplane.domain.change import Change
from searchplane.domain.cluster import ActionKind, Cluster
from searchplane.domain.retries import give_up, retry
from searchplane.domain.snapshotting import is_full
from searchplane.domain.tasks import Mode, NodeStep, Task, standing
from searchplane.domain.upgrades import Image, UpgradeKind, Wish, targets, upgrade
from searchplane.domain.zones import Move, MoveKind, move
from searchplane.errors import NotFound, Refused
from searchplane.store import clusters, snapshots, tasks
from searchplane.store.database import Transaction


class ImagesQuery(Request):
    offset: Annotated[Integer, Field(ge=0, le=1000, description="0-based.")] = 0
    limit: Annotated[Integer, Field(ge=1, le=1000)] = 10


class ImageReply(Reply):
    id: str
    display_name: Annotated[str, Field(alias="displayName")]
    image_desc: Annotated[str, Field(alias="imageDesc")]
    datastore_type: Annotated[str, Field(alias="datastoreType")]
    datastore_version: Annotated[str, Field(alias="datastoreVersion")]
    priority: Annotated[int, Field(description="The bigger is preferred.")]


class ImagesReply(Reply):
    need_upload_upgrade_plugin: Annotated[bool, Field(alias="needUploadUpgradePlugin")]
    image_info_list: Annotated[list[ImageReply], Field(alias="imageInfoList")]
    total_size: Annotated[int, Field(alias="totalSize")]


class UpgradeRequest(Request):
    target_image_id: Text
    upgrade_type: UpgradeKind
    indices_backup_check: Annotated[
        Boolean, Field(description="true: refuse unless there is a snapshot of all indices.")
    ]
    agency: Text
    cluster_load_check: LoadCheck = True
    batch_size: Annotated[
        Integer,
        Field(
            ge=1,
            le=200,
            description="So many nodes at once, where they are of one type, one has a vote at most "
            "and each shard keeps a copy; else fewer.",
        ),
    ] = 1


class MigrateRequest(Request):
    source_az: Text
    target_az: Annotated[Text, Field(description="Zones, comma separated.")]
    migrate_type: Annotated[
        MoveKind,
        Field(
            description="az_migrate: the nodes of source_az go to one other zone; "
            "multi_az_change: nodes are spread over the zones, source_az among them."
        ),
    ]
    agency: Text
    indices_backup_check: Boolean = True


class DetailQuery(Request):
    action_mode: Mode = Mode.UPGRADING
    offset: Annotated[Integer, Field(ge=1, le=1000, description="1-based.")] = 1
    limit: Annotated[Integer, Field(ge=1, le=1000)] = 10


class StepReply(Reply):
    order: int
    name: str
    status: str
    desc: str
    begin_time: Annotated[str, Field(alias="beginTime")]
    end_time: Annotated[str, Field(alias="endTime")]


class TaskReply(Reply):
    id: str
    start_time: Annotated[str, Field(alias="startTime")]
    end_time: Annotated[str, Field(alias="endTime", description="Empty while it runs.")]
    status: Annotated[str, Field(pattern="^(RUNNING|SUCCESS|FAILED)$")]
    agency_name: Annotated[str, Field(alias="agencyName")]
    image_info: Annotated[ImageReply | None, Field(alias="imageInfo")]
    total_nodes: Annotated[str, Field(alias="totalNodes")]
    completed_nodes: Annotated[str, Field(alias="completedNodes")]
    current_node_name: Annotated[str, Field(alias="currentNodeName")]
    execute_times: Annotated[str, Field(alias="executeTimes")]
    migrate_param: Annotated[str | None, Field(alias="migrateParam")]
    final_az_info_map: Annotated[str | None, Field(alias="finalAzInfoMap")]
    current_node_detail: Annotated[list[StepReply], Field(alias="currentNodeDetail")]
    batch_size: Annotated[int, Field(alias="batchSize")]
    current_batch_nodes: Annotated[str, Field(alias="currentBatchNodes")]


class TasksReply(Reply):
    total_size: Annotated[int, Field(alias="totalSize")]
    detail_list: Annotated[list[TaskReply], Field(alias="detailList")]


class RetryQuery(ChangeQuery):
    retry_mode: Annotated[
        Literal["abort"] | None, Field(description="abort: give the task up.")
    ] = None


def list_images(call: Call) -> Answer:
    query: ImagesQuery = call.query
    found = targets(find_cluster(call), _kind(call.path["upgrade_type"]))
    shown = found[query.offset : query.offset + query.limit]
    return Answer(
        ImagesReply(
            need_upload_upgrade_plugin=False,
            image_info_list=[_image(one) for one in shown],
            total_size=len(found),
        )
    )


def upgrade_core(call: Call) -> Answer:
    body: UpgradeRequest = call.body
    types = call.path["inst_type"]
    if types != "all":
        raise Refused("CSS.0076", f"inst_type is {types[:64]!r}: all is right, for an upgrade")
    wish = Wish(
        body.target_image_id,
        body.upgrade_type,
        checks_backup=body.indices_backup_check,
        agency=body.agency,
        batch_size=body.batch_size,
        checks_load=body.cluster_load_check,
    )
    task_id = str(uuid.uuid4())

    def rule(cluster: Cluster, connection: Transaction) -> Change:
        is_safe = _is_backed_up(connection, cluster)
        wanted = upgrade(cluster, wish, task_id, call.now, is_backed_up=is_safe)
        kind = ActionKind.UPGRADING
        upgrades.check_others(clusters.count_being(connection, cluster.project_id, kind))
        return wanted

    return change_inside(call, rule, nothing)


def migrate_zones(call: Call) -> Answer:
    body: MigrateRequest = call.body
    wish = Move(
        call.path["inst_type"],
        body.source_az,
        tuple(zone.strip() for zone in body.target_az.split(",") if zone.strip()),
        body.migrate_type,
        checks_backup=body.indices_backup_check,
        agency=body.agency,
    )
    task_id, zones = str(uuid.uuid4()), call.services.settings.zones

    def rule(cluster: Cluster, connection: Transaction) -> Change:
        is_safe = _is_backed_up(connection, cluster)
        return move(cluster, wish, zones, task_id, call.now, is_backed_up=is_safe)

    return change_inside(call, rule, nothing)


def show_tasks(call: Call) -> Answer:
    query: DetailQuery = call.query
    with call.services.database.read() as connection:
        cluster = find_in(call, connection)
        total, found = tasks.page(
            connection,
            cluster.id,
            query.action_mode,
            start=query.offset,
            limit=query.limit,
        )
    return Answer(TasksReply(total_size=total, detail_list=[_task(one, cluster) for one in found]))


def retry_task(call: Call) -> Answer:
    query: RetryQuery = call.query
    task_id = call.path["action_id"]
    with call.services.database.read() as connection:
        task = tasks.find(connection, call.path["cluster_id"], task_id)

    def rule(cluster: Cluster) -> Change:
        if task is None:
            raise Refused("CSS.0082", f"action_id is {task_id[:64]!r}: the id of a task is right")
        decide = give_up if query.retry_mode else retry
        return decide(cluster, task, call.now)

    return change(call, rule, nothing)


def _is_backed_up(connection: Transaction, cluster: Cluster) -> bool:
    return any(map(is_full, snapshots.of_cluster(connection, cluster.project_id, cluster.id)))


def _kind(name: str) -> UpgradeKind:
    try:
        return UpgradeKind(name)
    except ValueError:
        kinds = ", ".join(UpgradeKind)
        raise NotFound(
            "CSS.0016", f"upgrade_type is {name[:64]!r}: one of {kinds} is right"
        ) from None


def _image(one: Image) -> ImageReply:
    return ImageReply(
        id=one.id,
        display_name=one.name,
        image_desc=str(one.engine),
        datastore_type=one.datastore.type,
        datastore_version=one.datastore.version,
        priority=one.priority,
    )


def _task(task: Task, cluster: Cluster) -> TaskReply:
    seen = standing(task, cluster)
    image = upgrades.image(task.image_id) if task.image_id else None
    return TaskReply(
        id=task.id,
        start_time=_time(task.started),
        end_time=_time(task.ended),
        status=seen.outcome.value,
        agency_name=task.agency,
        image_info=_image(image) if image else None,
        total_nodes=",".join(task.nodes),
        completed_nodes=",".join(seen.completed),
        current_node_name=seen.current or "",
        execute_times=str(task.attempts),
        migrate_param=task.request,
        final_az_info_map=_zones(cluster) if task.mode is Mode.AZ_MIGRATION else None,
        current_node_detail=[_step(one) for one in seen.steps],
        batch_size=task.batch_size,
        current_batch_nodes=",".join(seen.batch),
    )


def _step(one: NodeStep) -> StepReply:
    return StepReply(
        order=one.order,
        name=one.name,
        status=one.state,
        desc=one.said,
        begin_time=_time(one.began),
        end_time="",
    )


def _zones(cluster: Cluster) -> str:
    """Names of nodes by zone, as JSON."""
    found: dict[str, list[str]] = defaultdict(list)
    for node in cluster.nodes:
        found[node.zone].append(node.name)
    return json.dumps(found)


def _time(moment: datetime | None) -> str:
    return second(moment) if moment else ""


OPERATIONS = [
    Operation(
        id="ListImages",
        method="GET",
        paths=(f"{CLUSTER}/target/{{upgrade_type}}/images",),
        handler=list_images,
        summary="List the engines that the cluster can be upgraded to.",
        action="css:cluster:get",
        query=ImagesQuery,
        answer=ImagesReply,
        errors=("CSS.0015", "CSS.0016"),
    ),
    Operation(
        id="UpgradeCore",
        method="POST",
        paths=(f"{CLUSTER}/inst-type/{{inst_type}}/image/upgrade",),
        handler=upgrade_core,
        summary="Start nodes again on another engine, one after the other.",
        action="css:cluster:upgrade",
        query=ChangeQuery,
        preview=DryRunReply,
        body=UpgradeRequest,
        errors=(*STATE, "CSS.0074", "CSS.0076", "CSS.0078", "CSS.0083"),
    ),
    Operation(
        id="UpgradeDetail",
        method="GET",
        paths=(f"{CLUSTER}/upgrade/detail",),
        handler=show_tasks,
        summary="List upgrades or moves between zones, newest first.",
        action="css:cluster:get",
        query=DetailQuery,
        answer=TasksReply,
        errors=("CSS.0015",),
    ),
    Operation(
        id="RetryUpgradeTask",
        method="PUT",
        paths=(f"{CLUSTER}/upgrade/{{action_id}}/retry",),
        handler=retry_task,
        summary="Try a failed upgrade or move again, or give it up.",
        action="css:cluster:upgrade",
        query=RetryQuery,
        preview=DryRunReply,
        errors=("CSS.0015", "CSS.0078", "CSS.0082"),
    ),
    Operation(
        id="UpdateAzByInstanceType",
        method="POST",
        paths=(f"{CLUSTER}/inst-type/{{inst_type}}/azmigrate",),
        handler=migrate_zones,
        summary="Move nodes to another availability zone, or spread them over several.",
        action="css:cluster:azMigrate",
        query=ChangeQuery,
        preview=DryRunReply,
        body=MigrateRequest,
        errors=(*STATE, "CSS.0074", "CSS.0076", "CSS.0083", "CSS.5052", "CSS.5172"),
    ),
]
