"""Operations and pages as an ASGI application. The only file that knows ASGI.

A request is taken as the server gives it: the requests and responses of a web framework would cost
more than all the rest, and to import one a tenth of each start. A large body is read in two steps:
who is asking, then the body. What follows runs in worker threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from searchplane.api import bodies
from searchplane.api.operation import Operation
from searchplane.api.pages import Page, Visit
from searchplane.api.paths import Paths
from searchplane.api.pipeline import (
    RawAnswer,
    RawRequest,
    at_hand,
    fault,
    handle,
    new_request_id,
    refuse,
    refuse_unread,
    unknown_route,
)
from searchplane.api.services import Services
from searchplane.api.sources import HEADER as FORWARDED_FOR
from searchplane.api.sources import Sources
from searchplane.api.workers import Workers
from searchplane.errors import Refused, SearchplaneError
from searchplane.iam.presented import Presented

log = logging.getLogger(__name__)

MAX_HEADER_BYTES = 32 * 1024
"""One header; the public gateway's limit. Tokens of other identity services can be 20 KB."""

NO_PART = (b"%2f", b"%5c")
"""Encoded, these are no part of any path: what is in front of us may have read them otherwise."""

WHOLE_ANSWER = "searchplane.whole_answer"
"""An extension of ASGI, where the server has it: takes an answer at once, and not in two parts."""

FLUSH_SECONDS = 0.5
"""For the last lines of the audit trail, once no request is at work."""

TOKEN = "x-auth-token"  # noqa: S105 - a header's name
CREDENTIALS = (TOKEN, "authorization")


class Application:
    """The ASGI application of the operations, and of the pages beside them."""

    def __init__(
        self, operations: Iterable[Operation], services: Services, pages: Iterable[Page] = ()
    ) -> None:
        self._edge = Edge(operations, services, pages)
        self.at_once = self._edge.at_once

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._edge.serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    def close(self) -> None:
        """End the workers, and have the last lines of the audit trail written."""
        self._edge.workers.close()
        self._edge.services.audit.flush(FLUSH_SECONDS)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.close()
        await send({"type": "lifespan.shutdown.complete"})


class Edge:
    """The operations as the HTTP loop sees them."""

    def __init__(
        self, operations: Iterable[Operation], services: Services, pages: Iterable[Page]
    ) -> None:
        by_path: dict[str, dict[str, Operation | Page]] = defaultdict(dict)
        for page in pages:
            by_path[page.path]["GET"] = page
        for operation in operations:
            for path in operation.paths:
                by_path[path][operation.method] = operation
        self._paths = Paths[Mapping[str, Operation | Page]](by_path.items())
        self.services = services
        self.workers = Workers(services)
        self.room = bodies.Room()
        self.sources = Sources(services.settings.trusted_proxies)

    def at_once(self, scope: Any) -> RawAnswer | None:
        """The answer to a request without a body, if it is in memory; None for all others.

        The HTTP server asks this before it begins a task for the request, which would cost as much
        as the answer. Whatever is not as usual is left to `serve`.
        """
        asked, names = self._find(scope)
        if not isinstance(asked, Operation) or asked.at_hand is None:
            return None
        try:
            request = _request(scope, names, self)
            if TOKEN not in request.presented.headers:  # strangers are counted by `serve`
                return None
            ready = at_hand(asked, self.services, request)
        except SearchplaneError:
            return None
        return handle(asked, self.services, ready) if ready is not None else None

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        asked, names = self._find(scope)
        try:
            if isinstance(asked, Page):
                answer = await _show(asked, scope, self)
            elif asked is not None:
                answer = await _answer(asked, names, scope, receive, self)
            else:
                answer = unknown_route(scope["path"], self.services)
        except bodies.Disconnected:
            return
        except Exception:
            request_id = new_request_id()
            log.exception("%s: %s %s failed", request_id, scope["method"], scope["path"])
            answer = fault(scope["path"], self.services, request_id)
        await _send(scope, send, answer)

    def _find(self, scope: Any) -> tuple[Operation | Page | None, dict[str, str]]:
        """What a request's method and path ask for, and what the path names."""
        found = self._paths.find(scope["path"])
        if found is None:
            return None, {}
        methods, names = found
        raw = scope["raw_path"]
        if b"%" in raw:
            if any(one in raw.lower() for one in NO_PART):
                return None, {}
            # No id has a NUL, and PostgreSQL is not even asked for one.
            names = {name: value.replace("\0", "\ufffd") for name, value in names.items()}
        return methods.get(scope["method"]), names


async def _show(page: Page, scope: Any, edge: Edge) -> RawAnswer:
    try:
        headers, _repeated = _headers(scope["headers"])
    except Refused as error:
        return _parting(refuse_unread(edge.services, error))
    answer = await asyncio.to_thread(page.answer, Visit(_peer(scope), headers))
    return answer if answer is not None else unknown_route(scope["path"], edge.services)


async def _answer(
    operation: Operation, path: dict[str, str], scope: Any, receive: Any, edge: Edge
) -> RawAnswer:
    source = _peer(scope)
    try:
        request = _request(scope, path, edge)
        presented = request.presented
        source = presented.source
        if operation.action is None or not any(one in presented.headers for one in CREDENTIALS):
            edge.services.throttle.count_stranger(source)
        size = bodies.announced(presented.headers)
        if bodies.is_large(size):
            return await _answer_large(operation, request, receive, edge)
        if size:
            body = await bodies.read_small(receive)
            request = replace(request, presented=replace(presented, body=body))
    except Refused as error:
        return _parting(refuse(operation, edge.services, error, path, source))
    return await edge.workers.run(operation, request)


async def _answer_large(
    operation: Operation, request: RawRequest, receive: Any, edge: Edge
) -> RawAnswer:
    if operation.action is None:
        body = await bodies.read_small(receive)
        request = replace(request, presented=replace(request.presented, body=body))
        return await edge.workers.run(operation, request)
    refused = await edge.workers.turn_away(operation, request)
    if refused is not None:
        return _parting(refused)
    with edge.room.share() as take:
        body = await bodies.read_large(receive, take)
        request = replace(request, presented=replace(request.presented, body=body))
        return await edge.workers.run(operation, request)


def _request(scope: Any, names: dict[str, str], edge: Edge) -> RawRequest:
    """The request but for its body. Raises Refused."""
    headers, repeated = _headers(scope["headers"])
    presented = Presented(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        repeated=repeated,
        body=b"",
        source=edge.sources.of(_peer(scope), headers.get(FORWARDED_FOR)),
    )
    return RawRequest(names, presented)


def _peer(scope: Any) -> str:
    return scope["client"][0] if scope["client"] else ""


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> tuple[dict[str, str], frozenset[str]]:
    """The headers by name in lower case, and the names that came more than once."""
    found: dict[str, str] = {}
    repeated: set[str] = set()
    for name, value in pairs:
        if len(value) > MAX_HEADER_BYTES:
            raise Refused("APIGW.0202", f"a header is longer than {MAX_HEADER_BYTES} bytes")
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        if key in found:
            if key == FORWARDED_FOR:  # each proxy may add one of its own
                text = f"{found[key]}, {text}"
            elif key.startswith("x-"):
                raise Refused("CSS.0001", f"header {key} is sent twice")
            repeated.add(key)
        found[key] = text
    return found, frozenset(repeated)


def _parting(answer: RawAnswer) -> RawAnswer:
    """An answer before the whole request was read: what still comes is not the next request."""
    return replace(answer, headers={**answer.headers, "Connection": "close"})


async def _send(scope: Any, send: Any, answer: RawAnswer) -> None:
    whole = scope.get("extensions", {}).get(WHOLE_ANSWER)
    if whole is not None:
        await whole(answer)
        return
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in answer.headers.items()
    ]
    if answer.status != 204:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
