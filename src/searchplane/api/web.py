"""Operations as routes of the web framework. The only file that knows it.

One ASGI handler a path, choosing the operation by method. Bodies are read with a limit; the rest
of the request runs in worker threads, hashing in its own small pool.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from litestar import Litestar, Request, Response, asgi
from litestar.exceptions import HTTPException
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from searchplane.api import problems
from searchplane.api.operation import Operation, Pool
from searchplane.api.pipeline import (
    MAX_BODY_BYTES,
    RawAnswer,
    RawRequest,
    handle,
    new_request_id,
    unknown_route,
)
from searchplane.api.services import Services
from searchplane.errors import Refused, Throttled

MAX_HEADER_BYTES = 32 * 1024
"""One header; the public gateway's limit. Tokens of other identity services can be 20 KB."""

BODY_SECONDS = 60.0
"""How long a client may take to send its body."""

HASHING_QUEUE_PER_WORKER = 16
"""Logins that may wait for a hashing worker; beyond that 429."""

QUICK_WORKERS = 16


class _Disconnected(Exception):
    """The client went away while sending; there is nobody to answer."""


class Workers:
    """The two thread pools, and the bound on the hashing one."""

    def __init__(self, hashing_workers: int) -> None:
        self._quick = ThreadPoolExecutor(QUICK_WORKERS, "request")
        self._hashing = ThreadPoolExecutor(hashing_workers, "hashing")
        self._most = hashing_workers * (1 + HASHING_QUEUE_PER_WORKER)
        self._hashing_now = 0

    async def run(self, operation: Operation, services: Services, request: RawRequest) -> RawAnswer:
        loop = asyncio.get_running_loop()
        if operation.pool is Pool.QUICK:
            return await loop.run_in_executor(self._quick, handle, operation, services, request)
        if self._hashing_now >= self._most:
            busy = Throttled("APIGW.0308", "too many logins at once", retry_after=1)
            return problems.answer(busy, operation.envelope, new_request_id())
        self._hashing_now += 1
        try:
            return await loop.run_in_executor(self._hashing, handle, operation, services, request)
        finally:
            self._hashing_now -= 1

    def close(self) -> None:
        self._quick.shutdown(wait=False, cancel_futures=True)
        self._hashing.shutdown(wait=False, cancel_futures=True)


def build(
    operations: Iterable[Operation], services: Services, extra: Iterable[ASGIRouteHandler] = ()
) -> Litestar:
    """The ASGI application that serves `operations`."""
    workers = Workers(services.settings.hashing_workers)
    by_path: dict[str, dict[str, Operation]] = defaultdict(dict)
    for operation in operations:
        for path in operation.paths:
            by_path[path][operation.method] = operation
    routes = [_route(path, methods, services, workers) for path, methods in by_path.items()]
    return Litestar(
        route_handlers=[*routes, *extra],
        openapi_config=None,
        exception_handlers={HTTPException: _no_route},
        on_shutdown=[workers.close],
    )


def _route(
    path: str, methods: Mapping[str, Operation], services: Services, workers: Workers
) -> ASGIRouteHandler:
    @asgi(path.replace("}", ":str}"), copy_scope=False)
    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        operation = methods.get(scope["method"])
        if operation is None:
            await _send(send, unknown_route(path), scope["method"])
            return
        try:
            answer = await _answer(operation, scope, receive, services, workers)
        except _Disconnected:
            return
        await _send(send, answer, scope["method"])

    return endpoint


async def _answer(
    operation: Operation, scope: Scope, receive: Receive, services: Services, workers: Workers
) -> RawAnswer:
    try:
        request = RawRequest(
            path={name: str(value) for name, value in scope["path_params"].items()},
            query=scope.get("query_string", b""),
            headers=_headers(scope),
            body=await asyncio.wait_for(_read(receive), BODY_SECONDS),
        )
    except Refused as error:
        return problems.answer(error, operation.envelope, new_request_id())
    except TimeoutError:
        slow = Refused("CSS.0001", f"the body did not arrive within {BODY_SECONDS:.0f} s")
        return problems.answer(slow, operation.envelope, new_request_id())
    return await workers.run(operation, services, request)


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if len(value) > MAX_HEADER_BYTES:
            raise Refused("APIGW.0202", f"a header is longer than {MAX_HEADER_BYTES} bytes")
        key = name.decode("latin-1").lower()
        if key in found and key.startswith("x-"):
            raise Refused("CSS.0001", f"header {key} is sent twice")
        found[key] = value.decode("latin-1")
    return found


async def _read(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise Refused("APIGW.0201", f"the body is larger than {MAX_BODY_BYTES} bytes")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _send(send: Send, answer: RawAnswer, method: str) -> None:
    body = b"" if method == "HEAD" else answer.body
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    if method != "HEAD" and answer.status != 204:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _no_route(request: Request[Any, Any, Any], _error: HTTPException) -> Response[bytes]:
    answer = unknown_route(request.url.path)
    return Response(answer.body, status_code=answer.status, headers=dict(answer.headers))
