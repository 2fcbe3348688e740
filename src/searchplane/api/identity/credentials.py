"""Permanent access keys over HTTP (OS-CREDENTIAL)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from searchplane.api.fields import Reply, Request
from searchplane.api.identity.declaring import (
    EMPTY,
    FORBIDDEN,
    NOT_FOUND,
    WRONG,
    asked,
    identity_operation,
)
from searchplane.api.identity.replies import timestamp
from searchplane.api.identity.requests import NO_NUL, Name
from searchplane.api.operation import Answer, Call
from searchplane.iam.permanent import CREATE, DELETE, LIST, SHOW, UPDATE, PermanentKeys
from searchplane.store.access_keys import AccessKey

PATH = "/v3.0/OS-CREDENTIAL/credentials"
ONE_PATH = f"{PATH}/{{access_key}}"

ACTIVE, INACTIVE = "active", "inactive"

Description = Annotated[str, Field(max_length=255, pattern=NO_NUL)]


class NewKey(Request):
    """The owner is the caller when none is named."""

    user_id: Name | None = None
    description: Description = ""


class NewKeyBody(Request):
    credential: NewKey


class KeyChange(Request):
    """What is absent or null stays."""

    status: Literal["active", "inactive"] | None = None
    description: Description | None = None


class KeyChangeBody(Request):
    credential: KeyChange


class KeysQuery(Request):
    user_id: Name | None = None


class KeyReply(Reply):
    access: str
    user_id: str
    status: str
    create_time: str
    description: str


class NewKeyReply(KeyReply):
    """The only answer that ever holds the secret."""

    secret: str


class UsedKeyReply(KeyReply):
    """`last_use_time` is exact to a minute, and empty for a key that was never used."""

    last_use_time: str


class NewKeyAnswer(Reply):
    credential: NewKeyReply


class KeyAnswer(Reply):
    credential: KeyReply


class UsedKeyAnswer(Reply):
    credential: UsedKeyReply


class KeysAnswer(Reply):
    credentials: list[UsedKeyReply]


def create(call: Call) -> Answer:
    body: NewKeyBody = call.body
    wanted = body.credential
    key, secret = _keys(call).create(call.user, wanted.user_id, wanted.description, asked(call))
    return Answer(body=NewKeyAnswer(credential=NewKeyReply(**_fields(key), secret=secret)))


def list_all(call: Call) -> Answer:
    query: KeysQuery = call.query
    found = _keys(call).listed(call.user, query.user_id, asked(call))
    return Answer(body=KeysAnswer(credentials=[_used(key) for key in found]))


def show(call: Call) -> Answer:
    key = _keys(call).show(call.user, call.path["access_key"], asked(call))
    return Answer(body=UsedKeyAnswer(credential=_used(key)))


def update(call: Call) -> Answer:
    body: KeyChangeBody = call.body
    wanted = body.credential
    key = _keys(call).change(
        call.user,
        call.path["access_key"],
        active=None if wanted.status is None else wanted.status == ACTIVE,
        description=wanted.description,
        asked=asked(call),
    )
    return Answer(body=KeyAnswer(credential=KeyReply(**_fields(key))))


def delete(call: Call) -> Answer:
    _keys(call).delete(call.user, call.path["access_key"], asked(call))
    return Answer()


def _keys(call: Call) -> PermanentKeys:
    return call.services.identity.permanent


def _fields(key: AccessKey) -> dict[str, str]:
    return {
        "access": key.access,
        "user_id": key.user_id,
        "status": ACTIVE if key.active else INACTIVE,
        "create_time": timestamp(key.created),
        "description": key.description,
    }


def _used(key: AccessKey) -> UsedKeyReply:
    last = timestamp(key.last_used) if key.last_used is not None else ""
    return UsedKeyReply(**_fields(key), last_use_time=last)


OPERATIONS = (
    identity_operation(
        "createAccessKey",
        "POST",
        PATH,
        create,
        summary="Create a permanent access key; its secret is shown this once",
        action=CREATE,
        self_service=True,
        body=NewKeyBody,
        answer=NewKeyAnswer,
        status=201,
        errors=(FORBIDDEN, NOT_FOUND, EMPTY, WRONG),
    ),
    identity_operation(
        "listAccessKeys",
        "GET",
        PATH,
        list_all,
        summary="List a user's permanent access keys",
        action=LIST,
        self_service=True,
        query=KeysQuery,
        answer=KeysAnswer,
        errors=(FORBIDDEN, NOT_FOUND),
    ),
    identity_operation(
        "showAccessKey",
        "GET",
        ONE_PATH,
        show,
        summary="Show a permanent access key and when it was used last",
        action=SHOW,
        self_service=True,
        answer=UsedKeyAnswer,
        errors=(FORBIDDEN, NOT_FOUND),
    ),
    identity_operation(
        "updateAccessKey",
        "PUT",
        ONE_PATH,
        update,
        summary="Make a permanent access key active or inactive, or describe it",
        action=UPDATE,
        self_service=True,
        body=KeyChangeBody,
        answer=KeyAnswer,
        errors=(FORBIDDEN, NOT_FOUND, EMPTY),
    ),
    identity_operation(
        "deleteAccessKey",
        "DELETE",
        ONE_PATH,
        delete,
        summary="Delete a permanent access key",
        action=DELETE,
        self_service=True,
        errors=(FORBIDDEN, NOT_FOUND),
    ),
)
