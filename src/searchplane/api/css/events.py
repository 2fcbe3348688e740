"""What happened to a cluster: the sentences of its passes.

An operation of ours; the public API has none. Clients that do not know it are not disturbed.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from searchplane.api.css.clusters import find_cluster
from searchplane.api.fields import Integer, Reply, Request
from searchplane.api.operation import Answer, Call, Operation
from searchplane.store import events


class EventReply(Reply):
    id: int
    at: Annotated[str, Field(description="UTC, ISO 8601 with microseconds.")]
    phase: str
    sentence: str


class EventsReply(Reply):
    events: list[EventReply]


class EventsQuery(Request):
    after: Annotated[
        Integer, Field(ge=0, le=2**62, description="Only events with a larger id.")
    ] = 0
    limit: Annotated[Integer, Field(ge=1, le=1000)] = 100


def list_events(call: Call) -> Answer:
    cluster = find_cluster(call)
    with call.services.database.read() as connection:
        found = events.after(connection, cluster.id, call.query.after, call.query.limit)
    return Answer(
        EventsReply(
            events=[
                EventReply(id=one.id, at=one.at.isoformat(), phase=one.phase, sentence=one.sentence)
                for one in found
            ]
        )
    )


OPERATIONS = [
    Operation(
        id="ListClusterEvents",
        method="GET",
        paths=("/v1.0/{project_id}/clusters/{cluster_id}/events",),
        handler=list_events,
        summary="What the service did to a cluster, and why it waited, oldest first.",
        action="css:cluster:get",
        query=EventsQuery,
        answer=EventsReply,
        errors=("CSS.0015",),
    )
]
