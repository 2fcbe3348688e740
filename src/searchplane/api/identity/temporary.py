"""Temporary access keys over HTTP (OS-CREDENTIAL): for a token, or to act through an agency."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, SecretStr

from searchplane.api.codes import CODES
from searchplane.api.fields import Integer, Reply, Request
from searchplane.api.identity.declaring import (
    EMPTY,
    FORBIDDEN,
    NOT_FOUND,
    WRONG,
    asked,
    identity_operation,
)
from searchplane.api.identity.replies import timestamp
from searchplane.api.identity.requests import AssumeMethod, Name
from searchplane.api.operation import Answer, Call
from searchplane.domain.policy_documents import read_document
from searchplane.errors import Refused
from searchplane.iam.temporary import LONGEST, SHORTEST
from searchplane.store.identity import Reference

PATH = "/v3.0/OS-CREDENTIAL/securitytokens"
TOKEN_HEADER = "x-auth-token"  # noqa: S105 - a header's name
MISSING = "IAM.0072"

Duration = Annotated[
    Integer, Field(ge=SHORTEST, le=LONGEST, description="Seconds; the token's end comes first.")
]


class ParentToken(Request):
    """The token that the key stands for; the header X-Auth-Token goes before `id`."""

    id: SecretStr | None = None
    duration_seconds: Duration = SHORTEST


class TemporaryAgency(AssumeMethod):
    """The agency that the key acts through; who may is proven by X-Auth-Token."""

    duration_seconds: Duration = SHORTEST


class TemporaryIdentity(Request):
    """`methods` is one of the two; `policy` is what the key may do at most."""

    methods: Annotated[list[Name], Field(min_length=1, max_length=8)]
    token: ParentToken = ParentToken()
    assume_role: TemporaryAgency | None = Field(default=None, alias="assume_role")
    policy: dict[str, Any] | None = None


class TemporaryAuth(Request):
    identity: TemporaryIdentity


class TemporaryBody(Request):
    auth: TemporaryAuth


class TemporaryReply(Reply):
    access: str
    secret: str
    securitytoken: str
    expires_at: str


class TemporaryAnswer(Reply):
    credential: TemporaryReply


def create(call: Call) -> Answer:
    body: TemporaryBody = call.body
    identity = body.auth.identity
    limit = read_document(identity.policy) if identity.policy is not None else None
    parent, seconds = _parent(call, identity)
    issued = call.services.identity.temporary.issue(
        parent, timedelta(seconds=seconds), limit, call.now
    )
    reply = TemporaryReply(
        access=issued.key.access,
        secret=issued.key.secret,
        securitytoken=issued.security_token,
        expires_at=timestamp(issued.key.expires),
    )
    return Answer(body=TemporaryAnswer(credential=reply))


def _parent(call: Call, identity: TemporaryIdentity) -> tuple[str, int]:
    """The token that the key is for, and for how many seconds."""
    match identity.methods:
        case ["token"]:
            return _shown(call.headers, identity.token), identity.token.duration_seconds
        case ["assume_role"] if identity.assume_role is not None:
            agency = identity.assume_role
            return _assumed(call, agency), agency.duration_seconds
        case ["assume_role"]:
            raise Refused(MISSING, "auth.identity.assume_role is missing")
        case methods:
            raise Refused(
                WRONG,
                f"auth.identity.methods is {methods!r:.80}; ['token'] or ['assume_role'] is right",
            )


def _shown(headers: Mapping[str, str], token: ParentToken) -> str:
    in_body = token.id.get_secret_value() if token.id is not None else ""
    found = headers.get(TOKEN_HEADER, "").strip() or in_body.strip()
    if not found:
        raise Refused(
            MISSING, "auth.identity.token.id is missing; it or the header X-Auth-Token is right"
        )
    return found


def _assumed(call: Call, agency: TemporaryAgency) -> str:
    name = agency.agency_name or agency.xrole_name
    if name is None or (agency.domain_id is None and agency.domain_name is None):
        raise Refused(
            MISSING,
            "auth.identity.assume_role needs agency_name, and domain_id or domain_name of the "
            "domain that trusts",
        )
    domain = Reference(id=agency.domain_id, name=agency.domain_name)
    shown = call.headers.get(TOKEN_HEADER, "")
    return call.services.identity.assume(shown, domain, name, None, asked(call)).token.value


_POLICY = tuple(code for code in CODES if code.startswith("IAM.10"))
"""What can be wrong with a policy document."""

OPERATIONS = (
    identity_operation(
        "createTemporaryAccessKey",
        "POST",
        PATH,
        create,
        summary="Create a temporary access key, for a token or an agency",
        action="iam:credentials:createTemporaryCredential",
        self_service=True,
        body=TemporaryBody,
        answer=TemporaryAnswer,
        status=201,
        errors=(FORBIDDEN, NOT_FOUND, EMPTY, MISSING, WRONG, *_POLICY),
    ),
)
