"""Error answers: one shape for the service, two for the identity paths.

The service's body holds the native pair (errCode, externalMessage), the pair the Python SDK's
default parser reads (error_code, error_msg) and the message that openstacksdk shows. Identity
paths use the envelope of the public identity API, with the code beside it where there is one; its
extensions (`/v3.0/OS-...`) have the pair alone.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from searchplane.api.codes import CODES
from searchplane.api.field_errors import right
from searchplane.api.operation import Envelope
from searchplane.errors import (
    Permanent,
    Refused,
    SearchplaneError,
    Throttled,
    Transient,
    Unauthenticated,
)

if TYPE_CHECKING:
    from searchplane.api.pipeline import RawAnswer

SECRET_WORDS = ("password", "pwd", "token", "secret")
"""A field with one of them in its name, in any case, has a value that is never repeated, nor is
that of a field inside."""

IDENTITY_CODES = {
    "CSS.0001": "IAM.0073",
    "CSS.0005": "IAM.0006",
    "CSS.0006": "IAM.0011",
    "CSS.0051": "IAM.0002",
}
"""The identity API's own codes for what any operation may answer."""

UNKNOWN_CLUSTER = "CSS.0015"
"""Its HTTP status differs between clouds and is a setting."""

MAX_SHOWN = 80
"""Characters of a wrong value that are repeated in a message."""


def headers(request_id: str) -> dict[str, str]:
    """What every answer carries."""
    return {
        "X-Request-Id": request_id,
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
    }


def answer(
    error: SearchplaneError,
    envelope: Envelope,
    request_id: str,
    unknown_cluster: int = HTTPStatus.NOT_FOUND,
) -> RawAnswer:
    """The answer for an error raised on purpose; `unknown_cluster` is a setting."""
    refused = _as_refused(error)
    extra = _extra_headers(error)
    if envelope.is_identity:
        refused = Refused(IDENTITY_CODES.get(refused.code, refused.code), refused.detail)
    status = unknown_cluster if refused.code == UNKNOWN_CLUSTER else CODES[refused.code].status
    return _raw(status, refused, envelope, request_id, extra)


def internal(envelope: Envelope, request_id: str) -> RawAnswer:
    """The answer for a fault of ours; the log has the rest under the request id."""
    detail = f"it is logged under request id {request_id}"
    return answer(Refused("CSS.0005", detail), envelope, request_id)


def invalid(error: ValidationError, where: str) -> Refused:
    """Every field that does not fit, as one refusal."""
    found = [_sentence(item, where) for item in error.errors(include_url=False)]
    return Refused("CSS.0001", "; ".join(found[:5]))


def is_secret(name: str) -> bool:
    """Whether a field of this name holds what must not be shown."""
    return any(word in name.lower() for word in SECRET_WORDS)


def _extra_headers(error: SearchplaneError) -> dict[str, str]:
    if isinstance(error, Throttled):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, Unauthenticated) and error.challenge is not None:
        return {"WWW-Authenticate": error.challenge}
    return {}


def _as_refused(error: SearchplaneError) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, Transient | Permanent):
        return Refused("APIGW.0613", str(error))
    return Refused("CSS.0005", "see the log")


def _sentence(item: ErrorDetails, where: str) -> str:
    name = ".".join(str(part) for part in item["loc"]) or where
    if item["type"] == "missing":
        return f"{name} is missing"
    return f"{name} is {_shown(item)}: {right(item)}"


def _shown(item: ErrorDetails) -> str:
    """The wrong value, unless it is a secret or may hold one."""
    value = item["input"]
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if any(is_secret(str(part)) for part in item["loc"]):
        return "not as it must be (the value is not repeated)"
    shown = repr(value)
    return shown if len(shown) <= MAX_SHOWN else shown[:MAX_SHOWN] + "..."


def _raw(
    status: int, refused: Refused, envelope: Envelope, request_id: str, extra: dict[str, str]
) -> RawAnswer:
    from searchplane.api.pipeline import RawAnswer

    content = json.dumps(_BODIES[envelope](status, refused, request_id)).encode()
    all_headers = headers(request_id) | extra | {"Content-Type": "application/json"}
    return RawAnswer(status, all_headers, content, refused.code)


def _css_body(_status: int, refused: Refused, request_id: str) -> dict[str, Any]:
    text = f"{CODES[refused.code].meaning} ({refused.detail})"
    return {
        "errCode": refused.code,
        "externalMessage": f"{refused.code} : {text}",
        "error_code": refused.code,
        "error_msg": text,
        "message": f"{refused.code} : {text}",
        "request_id": request_id,
    }


def _identity_body(status: int, refused: Refused, request_id: str) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    return {
        "error": {"code": status, "title": title, "message": refused.detail},
        "error_code": refused.code,
        "error_msg": refused.detail,
        "request_id": request_id,
    }


def _extension_body(_status: int, refused: Refused, request_id: str) -> dict[str, Any]:
    return {
        "error_code": refused.code,
        "error_msg": refused.detail,
        "request_id": request_id,
    }


_BODIES = {
    Envelope.CSS: _css_body,
    Envelope.IDENTITY: _identity_body,
    Envelope.EXTENSION: _extension_body,
}
