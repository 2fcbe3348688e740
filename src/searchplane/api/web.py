"""Operations as routes of the web framework. The only file that knows it.

One route handler a path, choosing the operation by method. Bodies are read with a limit; the rest
of the request runs in worker threads, hashing in its own small pool.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from litestar import Litestar, Request, Response, route
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from searchplane.api import problems
from searchplane.api.operation import Envelope, Operation, Pool
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

log = logging.getLogger(__name__)

MAX_HEADER_BYTES = 32 * 1024
"""One header; the public gateway's limit. Tokens of other identity services can be 20 KB."""

BODY_SECONDS = 60.0
"""How long a client may take to send its body."""

HASHING_QUEUE_PER_WORKER = 16
"""Logins that may wait for a hashing worker; beyond that 429."""

QUICK_WORKERS = 16


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
    operations: Iterable[Operation], services: Services, extra: Iterable[HTTPRouteHandler] = ()
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
        logging_config=None,
        request_max_body_size=None,  # the framework's own limit is smaller; _read has ours
        exception_handlers={HTTPException: _no_route, Exception: _fault},
        on_shutdown=[workers.close],
    )


def _route(
    path: str, methods: Mapping[str, Operation], services: Services, workers: Workers
) -> HTTPRouteHandler:
    answered = [HttpMethod(method) for method in methods]

    @route(
        path.replace("}", ":str}"),
        http_method=[*answered, HttpMethod.OPTIONS],  # else the framework answers it by itself
        status_code=200,  # only a default, without which DELETE would be refused a body
    )
    async def endpoint(request: Request[Any, Any, Any]) -> Response[bytes]:
        operation = methods.get(request.method)
        if operation is None:
            return _response(unknown_route(request.url.path))
        return _response(await _answer(operation, request, services, workers))

    return endpoint


async def _answer(
    operation: Operation, request: Request[Any, Any, Any], services: Services, workers: Workers
) -> RawAnswer:
    try:
        raw = RawRequest(
            path={name: str(value) for name, value in request.path_params.items()},
            query=request.scope["query_string"],
            headers=_headers(request.scope["headers"]),
            body=await asyncio.wait_for(_read(request), BODY_SECONDS),
        )
    except Refused as error:
        return problems.answer(error, operation.envelope, new_request_id())
    except TimeoutError:
        slow = Refused("CSS.0001", f"the body did not arrive within {BODY_SECONDS:.0f} s")
        return problems.answer(slow, operation.envelope, new_request_id())
    return await workers.run(operation, services, raw)


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        if len(value) > MAX_HEADER_BYTES:
            raise Refused("APIGW.0202", f"a header is longer than {MAX_HEADER_BYTES} bytes")
        key = name.decode("latin-1").lower()
        if key in found and key.startswith("x-"):
            raise Refused("CSS.0001", f"header {key} is sent twice")
        found[key] = value.decode("latin-1")
    return found


async def _read(request: Request[Any, Any, Any]) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise Refused("APIGW.0201", f"the body is larger than {MAX_BODY_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _response(answer: RawAnswer) -> Response[bytes]:
    headers = dict(answer.headers)
    media_type = headers.pop("Content-Type", "application/json")
    return Response(answer.body, status_code=answer.status, headers=headers, media_type=media_type)


def _fault(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """What the pipeline itself could not answer: a fault of ours outside every handler."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _response(problems.internal(Envelope.CSS, new_request_id()))


def _no_route(request: Request[Any, Any, Any], _error: HTTPException) -> Response[bytes]:
    return _response(unknown_route(request.url.path))
