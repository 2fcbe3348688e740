"""The identity API where an external Keystone knows the users: it is there, not here.

Discovery answers with Keystone's address. Everything else of identity is refused with one sentence
that names the address, for clients that do not follow such a link to another host, as the
OpenStack ones do not; no credential is asked for, as none could help.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from searchplane.api.identity import discovery
from searchplane.api.operation import Answer, Call, Operation, Pool
from searchplane.errors import NotFound
from searchplane.settings import IamMode, Settings

SEARCH = "css:"
"""How the actions of the search service begin: only those are served besides discovery."""


def served(operations: Iterable[Operation], settings: Settings) -> tuple[Operation, ...]:
    """The operations as this service serves them."""
    if settings.iam_mode is IamMode.LOCAL:
        return tuple(operations)
    return tuple(one if _is_here(one) else _elsewhere(one) for one in operations)


def described(operations: Iterable[Operation], settings: Settings) -> tuple[Operation, ...]:
    """Those of them that do something."""
    is_local = settings.iam_mode is IamMode.LOCAL
    return tuple(one for one in operations if is_local or _is_here(one))


def _is_here(operation: Operation) -> bool:
    return operation in discovery.OPERATIONS or (operation.action or "").startswith(SEARCH)


def _elsewhere(operation: Operation) -> Operation:
    return replace(operation, handler=_refuse, action=None, body=None, query=None, pool=Pool.QUICK)


def _refuse(call: Call) -> Answer:
    url = call.services.settings.auth_url
    raise NotFound(
        "APIGW.0101",
        f"users and tokens of this service are Keystone's at {url}; use that as auth_url",
    )
