"""Operations as routes of the web framework. The only file that knows it.

An operation's request is taken as the server gives it (ASGI): the framework's own requests and
responses would cost more than all the rest, and it serves what is not an operation. A large body is
read in two steps: who is asking, then the body. What follows runs in worker threads.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.plugins import PluginProtocol

from searchplane.api import bodies
from searchplane.api.operation import Operation
from searchplane.api.paths import Paths
from searchplane.api.pipeline import (
    RawAnswer,
    RawRequest,
    fault,
    new_request_id,
    refuse,
    unknown_route,
)
from searchplane.api.services import Services
from searchplane.api.sources import HEADER as FORWARDED_FOR
from searchplane.api.sources import Sources
from searchplane.api.workers import Workers
from searchplane.errors import Refused
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

CREDENTIALS = ("x-auth-token", "authorization")


class Framework(Litestar):
    """The framework's application without its plugins for models of other libraries: no route that
    it serves takes one, and importing them would cost each start a twentieth of a second."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return plugins


class Application(Framework):
    """The framework's application, with the operations in front of what it serves itself."""

    def __init__(
        self,
        operations: Iterable[Operation],
        services: Services,
        extra: Iterable[HTTPRouteHandler] = (),
    ) -> None:
        edge = Edge(operations, services)
        super().__init__(
            route_handlers=list(extra),
            openapi_config=None,
            logging_config=None,
            exception_handlers={
                HTTPException: lambda request, _: _no_route(request, services),
                Exception: lambda request, error: _fault(request, error, services),
            },
            after_request=named,
            on_shutdown=[edge.workers.close, lambda: services.audit.flush(FLUSH_SECONDS)],
        )
        self._edge = edge

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        found = self._edge.find(scope)
        if found is None:
            await super().__call__(scope, receive, send)
        else:
            await self._edge.serve(*found, scope, receive, send)


build = Application
"""The ASGI application that serves `operations`."""


async def named(response: Response[Any]) -> Response[Any]:
    """Give an answer that no operation made, such as /healthz, its request id too."""
    response.headers.setdefault("X-Request-Id", new_request_id())
    return response


class Edge:
    """The operations as the HTTP loop sees them."""

    def __init__(self, operations: Iterable[Operation], services: Services) -> None:
        by_path: dict[str, dict[str, Operation]] = defaultdict(dict)
        for operation in operations:
            for path in operation.paths:
                by_path[path][operation.method] = operation
        self._paths = Paths[Mapping[str, Operation]](by_path.items())
        self.services = services
        self.workers = Workers(services)
        self.room = bodies.Room()
        self.sources = Sources(services.settings.trusted_proxies)

    def find(self, scope: Any) -> tuple[Mapping[str, Operation], dict[str, str]] | None:
        """The operations at a request's path by method, and what the path names."""
        return self._paths.find(scope["path"]) if scope["type"] == "http" else None

    async def serve(
        self,
        methods: Mapping[str, Operation],
        path: dict[str, str],
        scope: Any,
        receive: Any,
        send: Any,
    ) -> None:
        operation = methods.get(scope["method"])
        try:
            if operation is None or any(one in scope["raw_path"].lower() for one in NO_PART):
                answer = unknown_route(scope["path"], self.services)
            else:
                answer = await _answer(operation, path, scope, receive, self)
        except bodies.Disconnected:
            return
        except Exception:
            request_id = new_request_id()
            log.exception("%s: %s %s failed", request_id, scope["method"], scope["path"])
            answer = fault(scope["path"], self.services, request_id)
        await _send(scope, send, answer)


async def _answer(
    operation: Operation, path: dict[str, str], scope: Any, receive: Any, edge: Edge
) -> RawAnswer:
    source = scope["client"][0] if scope["client"] else ""
    # No id has a NUL, and PostgreSQL is not even asked for one.
    path = {name: value.replace("\0", "\ufffd") for name, value in path.items()}
    try:
        headers, repeated = _headers(scope["headers"])
        source = edge.sources.of(source, headers.get(FORWARDED_FOR))
        presented = _presented(scope, headers, repeated, source)
        if operation.action is None or not any(one in presented.headers for one in CREDENTIALS):
            edge.services.throttle.count_stranger(source)
        size = bodies.announced(presented.headers)
        if bodies.is_large(size):
            return await _answer_large(operation, RawRequest(path, presented), receive, edge)
        if size:
            presented = replace(presented, body=await bodies.read_small(receive))
    except Refused as error:
        return _parting(refuse(operation, edge.services, error, path, source))
    return await edge.workers.run(operation, RawRequest(path, presented))


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


def _presented(
    scope: Any, headers: dict[str, str], repeated: frozenset[str], source: str
) -> Presented:
    """The request but for its body."""
    return Presented(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        repeated=repeated,
        body=b"",
        source=source,
    )


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


def _response(answer: RawAnswer) -> Response[bytes]:
    headers = dict(answer.headers)
    media_type = headers.pop("Content-Type", "application/json")
    return Response(answer.body, status_code=answer.status, headers=headers, media_type=media_type)


def _fault(
    request: Request[Any, Any, Any], error: Exception, services: Services
) -> Response[bytes]:
    """What the pipeline itself could not answer: a fault of ours outside every handler."""
    request_id = new_request_id()
    log.error("%s: %s %s failed", request_id, request.method, request.url.path, exc_info=error)
    return _response(fault(request.url.path, services, request_id))


def _no_route(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    return _response(unknown_route(request.url.path, services))
