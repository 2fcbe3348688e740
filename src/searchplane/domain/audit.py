"""A line of the audit trail: who did what to which resource, from where, and how it ended.

Much of a line is what a client sent, who may not even be known. So a line is made fit whatever it
is made of: texts hold printable characters only and are no longer than the trail keeps. No field
is for anything secret: a credential is named by its kind, an access key by its public id.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from searchplane.domain.access import Actor, ProjectScope

LENGTHS = {
    "request_id": 32,
    "operation": 64,
    "action": 64,
    "resource": 128,
    "project_id": 64,
    "source": 64,
    "code": 16,
    "user_id": 64,
    "user_name": 64,
    "domain_id": 64,
    "domain_name": 64,
    "credential": 64,
}
"""The most characters of each text; a test holds the table's columns against it."""

NO_CREDENTIAL = "none"
OPERATOR = "operator"
"""The credential of a command that is run on the service's own machine."""
LOCAL = "local"
"""The source of such a command."""


class Outcome(StrEnum):
    """`REFUSED` is an answer from 400 on, `FAILED` one from 500 on: a fault or a part missing."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class Who:
    """Who asked, or who they said they were: an unproven name stands on refused lines only."""

    user_id: str = ""
    user_name: str = ""
    domain_id: str = ""
    domain_name: str = ""
    credential: str = NO_CREDENTIAL

    def __post_init__(self) -> None:
        _fit(self)


@dataclass(frozen=True)
class AuditLine:
    """`status` and `code` are those of the answer; `resource` is empty where none is named."""

    at: datetime
    request_id: str
    outcome: Outcome
    operation: str
    action: str
    resource: str
    project_id: str
    who: Who
    source: str
    status: int
    code: str = ""

    def __post_init__(self) -> None:
        _fit(self)


def outcome_of(status: int) -> Outcome:
    """How an answer with this HTTP status ended."""
    if status < 400:
        return Outcome.ALLOWED
    return Outcome.REFUSED if status < 500 else Outcome.FAILED


def who_is(actor: Actor) -> Who:
    """A proven identity: the person, also where they act through an agency."""
    person, credential = actor.assumed_by or actor, actor.credential
    if actor.assumed_by is not None:
        credential = f"{credential} as {actor.user_name}"
    return Who(
        user_id=person.user_id,
        user_name=person.user_name,
        domain_id=person.domain_id,
        domain_name=person.domain_name,
        credential=credential,
    )


def project_of(actor: Actor | None) -> str:
    """The project an actor works in; empty for a domain and for no scope."""
    scope = actor.scope if actor is not None else None
    return scope.id if isinstance(scope, ProjectScope) else ""


def clean(text: str, most: int) -> str:
    """`text` in `most` printable characters; what is cut off leaves a mark."""
    if len(text) <= most and text.isprintable():
        return text
    shown = "".join(each if each.isprintable() else "?" for each in text[:most])
    return shown if len(text) <= most else shown[:-1] + "…"


def _fit(line: Any) -> None:
    for each in fields(line):
        most = LENGTHS.get(each.name)
        if most is not None:
            object.__setattr__(line, each.name, clean(getattr(line, each.name), most))
