"""Restart a cluster, a part of it, or its nodes one after the other (api/semantics.md, 4.4)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from searchplane.api.css.changing import STATE, ChangeQuery, DryRunReply, change, nothing
from searchplane.api.fields import Request, Text
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.restarts import restart, restart_part, restart_rolling


class RestartRequest(Request):
    type: Annotated[Text, Field(description="node or role.")]
    value: Annotated[Text, Field(description="An instance's id, or node types, comma separated.")]


class RollingRestartRequest(Request):
    type: Annotated[Text, Field(description="role.")] = "role"
    value: Annotated[Text, Field(description="Node types, comma separated, or all.")] = "all"


def restart_cluster(call: Call) -> Answer:
    return change(call, lambda one: restart(one, call.now), nothing)


def restart_nodes(call: Call) -> Answer:
    body: RestartRequest = call.body
    return change(call, lambda one: restart_part(one, body.type, body.value, call.now), nothing)


def restart_nodes_rolling(call: Call) -> Answer:
    body: RollingRestartRequest = call.body
    return change(call, lambda one: restart_rolling(one, body.type, body.value, call.now), nothing)


OPERATIONS = [
    Operation(
        id="RestartCluster",
        method="POST",
        paths=("/v1.0/{project_id}/clusters/{cluster_id}/restart",),
        handler=restart_cluster,
        summary="Restart all nodes at once.",
        action="css:cluster:restart",
        query=ChangeQuery,
        preview=DryRunReply,
        errors=STATE,
    ),
    Operation(
        id="RestartClusterV2",
        method="POST",
        paths=("/v2.0/{project_id}/clusters/{cluster_id}/restart",),
        handler=restart_nodes,
        summary="Restart one node, or all of some types at once.",
        action="css:cluster:restart",
        query=ChangeQuery,
        preview=DryRunReply,
        body=RestartRequest,
        errors=(*STATE, "CSS.5042", "CSS.5073"),
    ),
    Operation(
        id="RollingRestart",
        method="POST",
        paths=(
            "/v2.0/{project_id}/clusters/{cluster_id}/rolling-restart",
            "/v2.0/{project_id}/clusters/{cluster_id}/rolling_restart",
        ),
        handler=restart_nodes_rolling,
        summary="Restart nodes one after the other, while the cluster serves.",
        action="css:cluster:restart",
        query=ChangeQuery,
        preview=DryRunReply,
        body=RollingRestartRequest,
        errors=(*STATE, "CSS.5073"),
    ),
]
