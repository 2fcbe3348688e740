"""A new name and description for a cluster (api/semantics.md, section 4.5)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from searchplane.api.css.changing import STATE, ChangeQuery, DryRunReply, change, nothing
from searchplane.api.fields import Request, Text
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.renaming import rename


class ChangeNameRequest(Request):
    """One of the two is needed; what is absent or null stays."""

    display_name: Annotated[
        Text | None, Field(description="4 to 32 letters, digits, -, _ and dots; a letter first.")
    ] = None
    desc: Annotated[Text | None, Field(description="At most 128 characters.")] = None


def change_name(call: Call) -> Answer:
    body: ChangeNameRequest = call.body
    return change(call, lambda one: rename(one, body.display_name, body.desc, call.now), nothing)


OPERATIONS = [
    Operation(
        id="UpdateClusterName",
        method="POST",
        paths=("/v1.0/{project_id}/clusters/{cluster_id}/changename",),
        handler=change_name,
        summary="Change the name and description; the engine keeps its own.",
        action="css:cluster:update",
        query=ChangeQuery,
        preview=DryRunReply,
        body=ChangeNameRequest,
        errors=(*STATE, "CSS.5049", "CSS.5050", "CSS.5056"),
    )
]
