"""What the declarations of directory operations have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from searchplane.api.operation import Answer, Call, Envelope, Operation
from searchplane.domain.access import Asked

FORBIDDEN = "IAM.0002"
NOT_FOUND = "IAM.0004"
TAKEN = "IAM.0005"
EMPTY = "IAM.0011"
WRONG = "IAM.0073"


def identity_operation(
    operation_id: str,
    method: str,
    path: str,
    handler: Callable[[Call], Answer],
    *,
    summary: str,
    action: str,
    **more: Any,
) -> Operation:
    """An operation with the identity API's error bodies; DELETE and HEAD answer 204.

    The extensions have an error body of their own, but for that of credentials.
    """
    extension = path.startswith("/v3.0/OS-") and not path.startswith("/v3.0/OS-CREDENTIAL")
    if method in ("DELETE", "HEAD"):
        more.setdefault("status", 204)
    return Operation(
        id=operation_id,
        method=method,
        paths=(path,),
        handler=handler,
        summary=summary,
        action=action,
        envelope=Envelope.EXTENSION if extension else Envelope.IDENTITY,
        **more,
    )


def asked(call: Call) -> Asked:
    """What policies may depend on, for a handler that decides by itself whose thing it is."""
    return Asked(call.now, call.source, call.services.settings.region, call.path)
