"""What of a request goes into the audit trail.

Derived from the operation's declaration and from what the pipeline saw of the request; handlers do
nothing. Told always: logins, changes, and whoever is refused (401, 403, 429); all else only by a
setting. Nothing of a body, a query or a header is repeated but the name that a login was tried
with and the public id of an access key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from searchplane.api.operation import Answer, Operation
from searchplane.domain.access import Actor
from searchplane.domain.audit import AuditLine, Outcome, Who, outcome_of, project_of, who_is

if TYPE_CHECKING:
    from searchplane.api.pipeline import RawAnswer
    from searchplane.api.services import Services

REFUSALS = (401, 403, 429)
"""Of these it is always told, also of a read."""

PROJECT = "project_id"
"""The name in a path of the project that a request is for."""

MADE = ("id", "access")
"""The fields of an answer that name what was made; no secret has one of these names."""

_NAME_IN_PATH = re.compile(r"{(\w+)}")
_ACCESS_KEY = re.compile(r"(?:Access|Credential)=([A-Za-z0-9]{1,32})(?![A-Za-z0-9])")
"""A secret key is longer: one that is sent in its place by mistake is not repeated."""


@dataclass
class Seen:
    """A request's way through the pipeline, filled in as it goes."""

    path: Mapping[str, str]
    source: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    actor: Actor | None = None
    body: Any = field(default=None, repr=False)
    answer: Answer | None = field(default=None, repr=False)


def is_told(operation: Operation, status: int, services: Services) -> bool:
    """Whether a request with this answer goes into the trail."""
    return operation.is_change or status in REFUSALS or services.settings.audit_reads


def tell(
    operation: Operation, services: Services, seen: Seen, answer: RawAnswer, request_id: str
) -> None:
    """Hand the line to the trail; what was changed, and a login, waits until it is stored.

    Raises Transient when the trail cannot take it, never for a refusal that has a budget.
    """
    line = _line(operation, seen, answer, request_id)
    if operation.is_change and line.outcome is Outcome.ALLOWED:
        services.audit.commit(line)
    elif _is_stranger(seen, line):
        services.audit.note_within_budget(line)
    elif seen.actor is not None and _is_refused_read(operation, line):
        services.audit.note_within_budget(line, seen.actor.person)
    else:
        services.audit.note(line)


def _is_stranger(seen: Seen, line: AuditLine) -> bool:
    """Anybody can be refused so, and as often as they like; a password that is tried takes time."""
    if seen.actor is not None or line.outcome is Outcome.ALLOWED:
        return False
    return line.status == 429 or not (line.who.user_id or line.who.user_name)


def _is_refused_read(operation: Operation, line: AuditLine) -> bool:
    """Whoever has a credential can ask for what they may not see as often as they like."""
    return not operation.is_change and line.outcome is Outcome.REFUSED


def _line(operation: Operation, seen: Seen, answer: RawAnswer, request_id: str) -> AuditLine:
    actor = seen.actor or _logged_in(operation, seen)
    return AuditLine(
        at=datetime.now(UTC),
        request_id=request_id,
        outcome=outcome_of(answer.status),
        operation=operation.id,
        action=operation.action or "",
        resource=_resource(operation, seen),
        project_id=seen.path.get(PROJECT) or project_of(actor),
        who=who_is(actor) if actor is not None else _claimed(operation, seen),
        source=seen.source,
        status=answer.status,
        code=answer.code,
    )


def _logged_in(operation: Operation, seen: Seen) -> Actor | None:
    """Who a login turned out to be, with the credential that it showed."""
    actor = seen.answer.proved if seen.answer is not None else None
    if actor is None or operation.claims is None:
        return actor
    return replace(actor, credential=operation.claims(seen.body).credential)


def _claimed(operation: Operation, seen: Seen) -> Who:
    """Who an unproven request says it is from."""
    if operation.claims is not None and seen.body is not None:
        return operation.claims(seen.body)
    signature = seen.headers.get("authorization")
    if signature is not None:
        found = _ACCESS_KEY.search(signature)
        return Who(credential=found[1] if found else "signature")
    return Who(credential="token") if "x-auth-token" in seen.headers else Who()


def _resource(operation: Operation, seen: Seen) -> str:
    named = operation.resource
    names = (named,) if named is not None else _names(operation.paths[0])
    found = "/".join(seen.path[name] for name in names if name in seen.path)
    if seen.answer is None or seen.answer.body is None or not operation.is_change:
        return found
    return found or _made(seen.answer.body)


@cache
def _names(path: str) -> tuple[str, ...]:
    """What a path names beside the project."""
    return tuple(name for name in _NAME_IN_PATH.findall(path) if name != PROJECT)


def _made(body: BaseModel) -> str:
    """The id in an answer such as {"cluster": {"id": ...}}; empty where there is none."""
    inner = (getattr(body, name) for name in type(body).model_fields)
    for thing in (body, *inner):
        for name in MADE:
            value = getattr(thing, name, None)
            if isinstance(value, str):
                return value
    return ""
