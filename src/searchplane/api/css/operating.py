"""Pausing a cluster, and setting a predicate aside: for those who run the service.

These are operations of this service; other clouds have none like them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from searchplane.api.css.changing import ChangeQuery, DryRunReply, change
from searchplane.api.css.clusters import CLUSTER
from searchplane.api.fields import Reply, Request, Text
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.change import Change
from searchplane.domain.operating import pause, resume, set_aside


class SkipPredicateRequest(Request):
    predicate: Annotated[Text, Field(description="Its name; refusedBy of the cluster says it.")]


class OperatedReply(Reply):
    """What holds now."""

    id: str
    paused: bool
    skipped: list[str]
    said: str


def pause_cluster(call: Call) -> Answer:
    return change(call, pause, _operated)


def resume_cluster(call: Call) -> Answer:
    return change(call, resume, _operated)


def skip_predicate(call: Call) -> Answer:
    body: SkipPredicateRequest = call.body
    return change(call, lambda one: set_aside(one, body.predicate), _operated)


def _operated(wanted: Change) -> OperatedReply:
    after = wanted.after
    return OperatedReply(
        id=after.id, paused=after.paused, skipped=sorted(after.skipped), said=wanted.said
    )


OPERATIONS = [
    Operation(
        id="PauseCluster",
        method="POST",
        paths=(f"{CLUSTER}/pause",),
        handler=pause_cluster,
        summary="Look at a cluster and do nothing to it until it is resumed.",
        action="css:cluster:operate",
        query=ChangeQuery,
        preview=DryRunReply,
        answer=OperatedReply,
        errors=("CSS.0015", "CSS.5090"),
    ),
    Operation(
        id="ResumeCluster",
        method="POST",
        paths=(f"{CLUSTER}/resume",),
        handler=resume_cluster,
        summary="Go on with what a paused cluster was being done.",
        action="css:cluster:operate",
        query=ChangeQuery,
        preview=DryRunReply,
        answer=OperatedReply,
        errors=("CSS.0015",),
    ),
    Operation(
        id="SkipPredicate",
        method="POST",
        paths=(f"{CLUSTER}/skip-predicate",),
        handler=skip_predicate,
        summary="Set a predicate aside until the cluster's action is over.",
        action="css:cluster:operate",
        query=ChangeQuery,
        preview=DryRunReply,
        body=SkipPredicateRequest,
        answer=OperatedReply,
        errors=("CSS.0001", "CSS.0015"),
    ),
]
