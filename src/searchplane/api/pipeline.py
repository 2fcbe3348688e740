"""What happens to every request, in order:

request id -> operation -> credential -> permission -> body and query -> handler -> answer ->
audit trail. While the trail cannot be written, nothing that changes something is begun.

Nothing about ASGI is known here; web.py translates. The whole of it runs in a worker thread, so
SQL and hashing never hold up the HTTP loop; only what is in memory (`at_hand`) is answered by the
loop itself. Whatever is raised on purpose becomes an error answer of the operation's envelope;
anything else is logged with the request id and becomes a 500 that says no more than that.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from searchplane.api import audit, problems, queries
from searchplane.api.operation import Answer, Call, Envelope, Operation, rendered
from searchplane.api.services import Services
from searchplane.domain.access import Actor, Asked, authorise, authorise_own
from searchplane.errors import Refused, SearchplaneError, Transient
from searchplane.iam.foresight import foresee
from searchplane.iam.presented import Presented

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 12 * 1024 * 1024
"""The public gateway's limit."""

MAX_BODY_VALUES = 100_000
"""Values in a body. Memory and time grow with them: 12 MB of empty lists are 4 million objects, for
whose seconds of reading nobody else would be answered."""

NO_OPERATION = "none"
"""The name under which requests are counted that no operation has."""


@dataclass(frozen=True)
class RawRequest:
    """A request as it came in; `path` are the values of the names in the operation's path."""

    path: Mapping[str, str]
    presented: Presented


@dataclass(frozen=True)
class RawAnswer:
    """`code` is that of an error."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    code: str = ""


def new_request_id() -> str:
    """32 hexadecimal digits, as the public gateway's."""
    return secrets.token_hex(16)


def at_hand(operation: Operation, services: Services, request: RawRequest) -> RawRequest | None:
    """The request with its tokens recalled, if `handle` then takes microseconds and waits for
    nobody; asked by the HTTP loop itself."""
    if operation.at_hand is None:
        return None
    recalled = services.identity.recall(request.presented)
    project_id = request.path.get("project_id", "")
    if recalled is None or not operation.at_hand(services, project_id, request.presented.query):
        return None
    return RawRequest(request.path, request.presented.with_sessions(recalled))


def handle(operation: Operation, services: Services, request: RawRequest) -> RawAnswer:
    """Carry one request out and answer it; never raises."""
    request_id = new_request_id()
    began = time.perf_counter()
    seen = audit.Seen(request.path, request.presented.source, request.presented.headers)
    answer = _answer(operation, services, request, seen, request_id)
    if audit.is_told(operation, answer.status, services):
        answer = _told(operation, services, seen, answer, request_id)
    services.metrics.answered(operation.id, answer.status, time.perf_counter() - began)
    return answer


def _answer(
    operation: Operation,
    services: Services,
    request: RawRequest,
    seen: audit.Seen,
    request_id: str,
) -> RawAnswer:
    try:
        if operation.is_change:
            services.audit.check()
        seen.answer = _carry_out(operation, services, request, seen)
        return _finish(operation, seen.answer, request_id)
    except SearchplaneError as error:
        unknown_cluster = services.settings.unknown_cluster_status
        return problems.answer(error, operation.envelope, request_id, unknown_cluster)
    except Exception:
        log.exception("request %s (%s) failed", request_id, operation.id)
        return problems.internal(operation.envelope, request_id)


def _told(
    operation: Operation,
    services: Services,
    seen: audit.Seen,
    answer: RawAnswer,
    request_id: str,
) -> RawAnswer:
    """The answer, once the audit trail has what it must have."""
    try:
        audit.tell(operation, services, seen, answer, request_id)
    except Transient as error:
        if answer.status < 500:
            return problems.answer(error, operation.envelope, request_id)
    return answer


def refuse(
    operation: Operation,
    services: Services,
    error: SearchplaneError,
    path: Mapping[str, str],
    source: str,
) -> RawAnswer:
    """The answer for a request of the operation that is not even begun; it never waits."""
    request_id = new_request_id()
    answer = problems.answer(error, operation.envelope, request_id)
    if audit.is_told(operation, answer.status, services):
        audit.tell(operation, services, audit.Seen(path, source), answer, request_id)
    services.metrics.refused(operation.id, answer.status)
    return answer


def turn_away(operation: Operation, services: Services, request: RawRequest) -> RawAnswer | None:
    """The answer for a request that is refused whatever its body holds; None for all others.

    What a signature says of the body is left for later.
    """
    try:
        foresee(services.authenticator, services.database, request.presented, datetime.now(UTC))
    except SearchplaneError as error:
        return refuse(operation, services, error, request.path, request.presented.source)
    return None


def unknown_route(path: str, services: Services) -> RawAnswer:
    """The answer for a path or method that no operation has."""
    error = Refused("APIGW.0101", "no operation has this path and method")
    answer = problems.answer(error, _envelope(path), new_request_id())
    services.metrics.refused(NO_OPERATION, answer.status)
    return answer


def refuse_unread(services: Services, error: Refused) -> RawAnswer:
    """The answer for a request that cannot be read far enough to know its operation."""
    answer = problems.answer(error, Envelope.CSS, new_request_id())
    services.metrics.refused(NO_OPERATION, answer.status)
    return answer


def fault(path: str, services: Services, request_id: str) -> RawAnswer:
    """The answer for a fault of ours outside every operation."""
    answer = problems.internal(_envelope(path), request_id)
    services.metrics.refused(NO_OPERATION, answer.status)
    return answer


def _envelope(path: str) -> Envelope:
    if path.startswith("/v3.0/OS-"):
        return Envelope.EXTENSION
    return Envelope.IDENTITY if path.startswith("/v3") else Envelope.CSS


def _carry_out(
    operation: Operation, services: Services, request: RawRequest, seen: audit.Seen
) -> Answer:
    presented, now = request.presented, datetime.now(UTC)
    if operation.action is not None:
        actor = seen.actor = services.authenticator.authenticate(presented, now)
        services.throttle.count_actor(actor)
        asked = Asked(now, presented.source, services.settings.region, request.path)
        _permit(operation.action, operation, actor, asked)
    seen.body = _body(operation.body, presented.body) if operation.body else None
    call = Call(
        services=services,
        now=now,
        path=request.path,
        headers=presented.headers,
        source=presented.source,
        recalled=presented.recalled,
        actor=seen.actor,
        query=queries.read(operation, presented.query),
        body=seen.body,
    )
    return operation.handler(call)


def _permit(action: str, operation: Operation, actor: Actor, asked: Asked) -> None:
    """Raises Forbidden when the actor may not do this."""
    if operation.self_service:
        authorise_own(actor, action, asked)
        return
    for one in (action, *operation.besides):
        authorise(actor, one, asked.parameters.get("project_id"), asked)


def _body(model: type[BaseModel], content: bytes) -> BaseModel:
    if not content.strip():
        raise Refused("CSS.0006", "a JSON object is needed")
    if sum(map(content.count, (b",", b"[", b"{"))) > MAX_BODY_VALUES:  # in texts too; none is long
        raise Refused("APIGW.0201", f"the body has more than {MAX_BODY_VALUES} values")
    try:
        value = from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise Refused("CSS.0001", f"the body is not valid JSON: {error}") from None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise problems.invalid(error, "body") from None


def _finish(operation: Operation, answer: Answer, request_id: str) -> RawAnswer:
    content, content_type = answer.content, answer.content_type
    if answer.body is not None:
        content = rendered(answer.body)
    headers = problems.headers(request_id) | dict(answer.headers)
    if content:
        headers["Content-Type"] = content_type
    return RawAnswer(answer.status or operation.status, headers, content or b"")
