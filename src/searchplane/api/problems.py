"""Error answers: one shape for the service, one for the identity paths.

The service's body holds the native pair (errCode, externalMessage) and the pair the Python SDK's
default parser reads (error_code, error_msg). Identity paths use the envelope of the public
identity API, with the code beside it where there is one.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from searchplane.api.codes import CODES
from searchplane.api.operation import Envelope
from searchplane.errors import Permanent, Refused, SearchplaneError, Throttled, Transient

if TYPE_CHECKING:
    from searchplane.api.pipeline import RawAnswer

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


def answer(error: SearchplaneError, envelope: Envelope, request_id: str) -> RawAnswer:
    """The answer for an error raised on purpose."""
    refused = _as_refused(error)
    extra = {}
    if isinstance(refused, Throttled):
        extra["Retry-After"] = str(refused.retry_after)
    return _raw(
        CODES[refused.code].status, refused.code, refused.detail, envelope, request_id, extra
    )


def internal(envelope: Envelope, request_id: str) -> RawAnswer:
    """The answer for a fault of ours; the log has the rest under the request id."""
    detail = f"it is logged under request id {request_id}"
    return _raw(500, "CSS.0005", detail, envelope, request_id, {})


def invalid(error: ValidationError, where: str) -> Refused:
    """Every field that does not fit, as one refusal."""
    found = [_sentence(item, where) for item in error.errors(include_url=False)]
    return Refused("CSS.0001", "; ".join(found[:5]))


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
    text = item["msg"].removeprefix("Value error, ")
    shown = repr(item["input"])
    if len(shown) > MAX_SHOWN:
        shown = shown[:MAX_SHOWN] + "..."
    return f"{name} is {shown}: {text}"


def _raw(
    status: int,
    code: str,
    detail: str,
    envelope: Envelope,
    request_id: str,
    extra: dict[str, str],
) -> RawAnswer:
    from searchplane.api.pipeline import RawAnswer

    shape = _identity_body if envelope is Envelope.IDENTITY else _css_body
    content = json.dumps(shape(status, code, detail, request_id)).encode()
    all_headers = headers(request_id) | extra | {"Content-Type": "application/json"}
    return RawAnswer(status, all_headers, content)


def _css_body(status: int, code: str, detail: str, request_id: str) -> dict[str, Any]:
    meaning = CODES[code].meaning
    return {
        "errCode": code,
        "externalMessage": f"{code} : {meaning} ({detail})",
        "error_code": code,
        "error_msg": f"{meaning} ({detail})",
        "request_id": request_id,
    }


def _identity_body(status: int, code: str, detail: str, request_id: str) -> dict[str, Any]:
    return {
        "error": {"code": status, "title": HTTPStatus(status).phrase, "message": detail},
        "error_code": code,
        "error_msg": detail,
        "request_id": request_id,
    }
