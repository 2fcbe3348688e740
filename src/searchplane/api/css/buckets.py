"""The buckets of a project: those its snapshots go to, and those attached to restore from.

An operation of ours; the public API has none, as buckets are another service's there.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from searchplane.api.fields import Reply
from searchplane.api.operation import Answer, Call, Operation
from searchplane.store import buckets, snapshot_pages


class BucketReply(Reply):
    name: str
    read_only: Annotated[
        bool,
        Field(alias="readOnly", description="Attached by an operator, to restore from."),
    ]
    problem: Annotated[
        str | None, Field(description="Why an attached one could not be read at the last look.")
    ]
    snapshots: Annotated[int, Field(description="How many are listed that lie in it.")]
    created: Annotated[str, Field(description="UTC, ISO 8601.")]


class BucketsReply(Reply):
    buckets: list[BucketReply]


def list_buckets(call: Call) -> Answer:
    with call.services.database.read() as connection:
        found = buckets.of_project(connection, call.project.id)
        count = snapshot_pages.count_by_bucket(connection, call.project.id)
    return Answer(
        BucketsReply(
            buckets=[
                BucketReply(
                    name=one.name,
                    read_only=one.read_only,
                    problem=one.problem,
                    snapshots=count.get(one.name, 0),
                    created=one.created.isoformat(),
                )
                for one in found
            ]
        )
    )


OPERATIONS = [
    Operation(
        id="ListBuckets",
        method="GET",
        paths=("/v1.0/{project_id}/buckets",),
        handler=list_buckets,
        summary="The buckets the project's snapshots lie in, and those attached to restore from.",
        action="css:snapshot:list",
        answer=BucketsReply,
    )
]
