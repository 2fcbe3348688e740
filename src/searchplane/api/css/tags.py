"""Tags of a cluster, and those of all clusters of a project (api/semantics.md, section 4.9).

The official path names the type of resource, which is always `css-cluster`; older clients have it
written into the path.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated

from pydantic import Field

from searchplane.api.css.changing import ChangeQuery, DryRunReply, Rule, change, nothing
from searchplane.api.css.clusters import TagReply, find_cluster
from searchplane.api.fields import Reply, Request, Text
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.cluster import Tag
from searchplane.domain.tagging import add_tags, remove_tags
from searchplane.errors import NotFound, Refused
from searchplane.store import clusters

RESOURCE_TYPE = "css-cluster"
PROJECT = "/v1.0/{project_id}/{resource_type}"
TAGS = f"{PROJECT}/{{cluster_id}}/tags"


class OneTagBody(Request):
    key: Text
    value: Text = ""


class AddTagRequest(Request):
    tag: OneTagBody


class ChangeTagsRequest(Request):
    action: Annotated[Text, Field(description="create or delete.")]
    tags: Annotated[list[OneTagBody], Field(max_length=100)]


class TagsReply(Reply):
    tags: list[TagReply]


class KeyReply(Reply):
    key: str
    values: list[str]


class KeysReply(Reply):
    """Each key once, with the different values it has in the project's clusters."""

    tags: list[KeyReply]


def add_tag(call: Call) -> Answer:
    _check_type(call)
    body: AddTagRequest = call.body
    tags = [Tag(body.tag.key, body.tag.value)]
    return change(call, lambda one: add_tags(one, tags, call.now, "tag"), nothing)


def change_tags(call: Call) -> Answer:
    _check_type(call)
    body: ChangeTagsRequest = call.body
    return change(call, _rule(body, call), nothing)


def _rule(body: ChangeTagsRequest, call: Call) -> Rule:
    if body.action == "create":
        tags = [Tag(tag.key, tag.value) for tag in body.tags]
        return lambda one: add_tags(one, tags, call.now)
    if body.action == "delete":
        keys = [tag.key for tag in body.tags]
        return lambda one: remove_tags(one, keys, call.now)
    raise Refused("CSS.0001", f"action is {body.action[:64]!r}: create or delete is right")


def delete_tag(call: Call) -> Answer:
    _check_type(call)
    return change(call, lambda one: remove_tags(one, [call.path["key"]], call.now), nothing)


def show_tags(call: Call) -> Answer:
    _check_type(call)
    tags = find_cluster(call).spec.tags
    return Answer(TagsReply(tags=[TagReply(key=tag.key, value=tag.value) for tag in tags]))


def list_tags(call: Call) -> Answer:
    _check_type(call)
    with call.services.database.read() as connection:
        found = clusters.specs(connection, call.project.id)
    values: dict[str, set[str]] = defaultdict(set)
    for spec in found:
        for tag in spec.tags:
            values[tag.key].add(tag.value)
    return Answer(
        KeysReply(tags=[KeyReply(key=key, values=sorted(values[key])) for key in sorted(values)])
    )


def _check_type(call: Call) -> None:
    kind = call.path.get("resource_type", RESOURCE_TYPE)
    if kind != RESOURCE_TYPE:
        raise NotFound("CSS.0016", f"resource_type is {kind[:64]!r}: {RESOURCE_TYPE} is right")


def _paths(official: str) -> tuple[str, str]:
    return official, official.replace("{resource_type}", RESOURCE_TYPE)


_CHANGE = ("CSS.0015", "CSS.0016", "CSS.5090")
_RULES = ("CSS.5038", "CSS.5137", "CSS.5138", "CSS.5141")

OPERATIONS = [
    Operation(
        id="CreateClustersTags",
        method="POST",
        paths=_paths(TAGS),
        handler=add_tag,
        summary="Tag a cluster; a key that it has gets the new value.",
        action="css:tag:add",
        query=ChangeQuery,
        preview=DryRunReply,
        body=AddTagRequest,
        status=204,
        errors=(*_CHANGE, *_RULES),
    ),
    Operation(
        id="UpdateBatchClustersTags",
        method="POST",
        paths=_paths(f"{TAGS}/action"),
        handler=change_tags,
        summary="Add or remove several tags at once.",
        action="css:tag:edit",
        query=ChangeQuery,
        preview=DryRunReply,
        body=ChangeTagsRequest,
        status=204,
        errors=(*_CHANGE, *_RULES),
    ),
    Operation(
        id="DeleteClustersTags",
        method="DELETE",
        paths=_paths(f"{TAGS}/{{key}}"),
        handler=delete_tag,
        summary="Remove a tag.",
        action="css:tag:delete",
        query=ChangeQuery,
        preview=DryRunReply,
        status=204,
        errors=(*_CHANGE, "CSS.5141"),
    ),
    Operation(
        id="ShowClusterTag",
        method="GET",
        paths=_paths(TAGS),
        handler=show_tags,
        summary="The tags of a cluster.",
        action="css:tag:get",
        answer=TagsReply,
        errors=("CSS.0015", "CSS.0016"),
    ),
    Operation(
        id="ListClustersTags",
        method="GET",
        paths=_paths(f"{PROJECT}/tags"),
        handler=list_tags,
        summary="Keys and values of tags in the project.",
        action="css:tag:get",
        answer=KeysReply,
        errors=("CSS.0016",),
    ),
]
