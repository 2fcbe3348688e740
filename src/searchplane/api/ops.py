"""What tools ask without a token: /healthz and /metrics for operators, /openapi.json for all.

The operators' two are on the API's listener unless a listener of their own is set. On the API's
/metrics is for programs on the same machine alone: it tells what all projects do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import IPv6Address, ip_address

from searchplane.api.operation import Operation
from searchplane.api.pages import Page, Visit, shown
from searchplane.api.pipeline import RawAnswer
from searchplane.api.services import Services
from searchplane.errors import SearchplaneError
from searchplane.observability.metrics import CONTENT_TYPE
from searchplane.store import capacity, clusters

FORWARDING = ("forwarded", "via", "x-forwarded-for", "x-real-ip")
"""Headers by which a proxy tells that it asks for somebody else."""

LOOK_SECONDS = 60.0
"""How old the last look at the host may be; the loop looks every few seconds."""


JSON = "application/json"


def pages(services: Services, *, shared: bool = False) -> list[Page]:
    """The operators' two; figures on a listener `shared` with clients are for this machine only."""

    def healthz(_visit: Visit) -> RawAnswer:
        """200 when the database answers and clusters are tended, else 503 with the reason.

        A service that answers requests only does its part while the database answers; whether
        clusters are tended is said besides.
        """
        problem = _problem(services)
        body = {"status": "ok"} if problem is None else {"status": "failing", "reason": problem}
        if services.settings.api_only and problem is None:
            body["clusters"] = "tended" if services.is_tended() else "not tended"
        return shown(json.dumps(body).encode(), JSON, 200 if problem is None else 503)

    def metrics(visit: Visit) -> RawAnswer | None:
        if shared and not _is_near(visit):
            return None
        return shown(services.metrics.exposition(), CONTENT_TYPE)

    return [Page("/healthz", healthz), Page("/metrics", metrics)]


def description(operations: Iterable[Operation]) -> Page:
    """The OpenAPI description, which is made when first asked for."""

    @cache
    def document() -> bytes:
        from searchplane.api.openapi import describe  # a tenth of a second, not spent at start

        return json.dumps(describe(operations)).encode()

    return Page("/openapi.json", lambda _visit: shown(document(), JSON))


def _is_near(visit: Visit) -> bool:
    """Whether a program on this machine asks for itself; a proxy here asks for others."""
    if any(header in visit.headers for header in FORWARDING):
        return False
    try:
        address = ip_address(visit.peer)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _problem(services: Services) -> str | None:
    try:
        with services.database.read() as connection:
            clusters.all_ids(connection)
            seen = capacity.latest(connection)
    except SearchplaneError as error:
        return str(error)
    if services.settings.api_only:
        return None
    if not services.is_tended():
        return "the loop does not run, so no cluster is tended; start the service again"
    return _unseen(None if seen is None else datetime.now(UTC) - seen.observed)


def _unseen(age: timedelta | None) -> str | None:
    """What is wrong with a last look at the host this long ago, if anything.

    After a clock was set back it seems to lie ahead, until the next look.
    """
    if age is not None and abs(age.total_seconds()) <= LOOK_SECONDS:
        return None
    since = (
        "never recorded" if age is None else f"last recorded {abs(age.total_seconds()):.0f} s ago"
    )
    return f"what the host has left was {since}; the log says why"
