"""Operations as routes of the web framework. The only file that knows it.

One route handler a path, choosing the operation by method. Bodies are read with a limit; the rest
of the request runs in worker threads; what may hash a password has small pools of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from litestar import Litestar, Request, Response, route
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from searchplane.api.operation import Operation, Pool
from searchplane.api.pipeline import (
    MAX_BODY_BYTES,
    RawAnswer,
    RawRequest,
    fault,
    handle,
    new_request_id,
    refuse,
    unknown_route,
)
from searchplane.api.services import Services
from searchplane.api.sources import HEADER as FORWARDED_FOR
from searchplane.api.sources import Sources
from searchplane.errors import Refused, Throttled
from searchplane.iam.presented import Presented

log = logging.getLogger(__name__)

MAX_HEADER_BYTES = 32 * 1024
"""One header; the public gateway's limit. Tokens of other identity services can be 20 KB."""

BODY_SECONDS = 60.0
"""How long a client may take to send its body."""

LOGINS_WAITING = 32
"""Logins that may wait for a worker; beyond that 429."""

CREATIONS_WAITING = 64
"""Creations that may wait for a worker, at most a third of a second each; beyond that 429."""

FLUSH_SECONDS = 0.5
"""For the last lines of the audit trail, once no request is at work."""

QUICK_WORKERS = 16


class Workers:
    """The thread pools, and the bounds on those whose work takes long."""

    def __init__(self, services: Services) -> None:
        few = services.settings.hashing_workers
        self._services = services
        self.sources = Sources(services.settings.trusted_proxies)
        self._quick = ThreadPoolExecutor(QUICK_WORKERS, "request")
        self._slow = {
            Pool.LOGIN: _Slow(ThreadPoolExecutor(few, "login"), few + LOGINS_WAITING, "logins"),
            Pool.CREATION: _Slow(
                ThreadPoolExecutor(few, "creation"), few + CREATIONS_WAITING, "creations"
            ),
        }

    async def run(self, operation: Operation, request: RawRequest) -> RawAnswer:
        slow = self._slow.get(operation.pool_for(request.presented.body))
        if slow is None:
            return await self._run(self._quick, operation, request)
        if slow.now >= slow.most:
            busy = Throttled("APIGW.0308", f"too many {slow.what} at once", retry_after=1)
            source = request.presented.source
            return refuse(operation, self._services, busy, request.path, source)
        slow.now += 1
        try:
            return await self._run(slow.threads, operation, request)
        finally:
            slow.now -= 1

    async def _run(
        self, threads: ThreadPoolExecutor, operation: Operation, request: RawRequest
    ) -> RawAnswer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(threads, handle, operation, self._services, request)

    def close(self) -> None:
        for threads in (self._quick, *(slow.threads for slow in self._slow.values())):
            threads.shutdown(wait=False, cancel_futures=True)


@dataclass
class _Slow:
    """A pool for `most` requests, at work or waiting; only the HTTP loop counts them."""

    threads: ThreadPoolExecutor
    most: int
    what: str
    now: int = 0


def build(
    operations: Iterable[Operation], services: Services, extra: Iterable[HTTPRouteHandler] = ()
) -> Litestar:
    """The ASGI application that serves `operations`."""
    workers = Workers(services)
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
        exception_handlers={
            HTTPException: lambda request, _: _no_route(request, services),
            Exception: lambda request, error: _fault(request, error, services),
        },
        after_request=_named,
        on_shutdown=[workers.close, lambda: services.audit.flush(FLUSH_SECONDS)],
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
            return _response(unknown_route(request.url.path, services))
        return _response(await _answer(operation, request, services, workers))

    return endpoint


async def _answer(
    operation: Operation, request: Request[Any, Any, Any], services: Services, workers: Workers
) -> RawAnswer:
    source = request.client.host if request.client else ""
    path = {name: str(value) for name, value in request.path_params.items()}
    try:
        headers, repeated = _headers(request.scope["headers"])
        source = workers.sources.of(source, headers.get(FORWARDED_FOR))
        presented = Presented(
            method=request.method,
            path=request.scope["raw_path"].decode("latin-1"),
            query=request.scope["query_string"].decode("latin-1"),
            headers=headers,
            repeated=repeated,
            body=await asyncio.wait_for(_read(request), BODY_SECONDS),
            source=source,
        )
    except Refused as error:
        return refuse(operation, services, error, path, source)
    except TimeoutError:
        slow = Refused("CSS.0001", f"the body did not arrive within {BODY_SECONDS:.0f} s")
        return refuse(operation, services, slow, path, source)
    return await workers.run(operation, RawRequest(path, presented))


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


def _named(response: Response[Any]) -> Response[Any]:
    """Give an answer that no operation made, such as /healthz, its request id too."""
    response.headers.setdefault("X-Request-Id", new_request_id())
    return response


def _fault(
    request: Request[Any, Any, Any], error: Exception, services: Services
) -> Response[bytes]:
    """What the pipeline itself could not answer: a fault of ours outside every handler."""
    request_id = new_request_id()
    log.error("%s: %s %s failed", request_id, request.method, request.url.path, exc_info=error)
    return _response(fault(request.url.path, services, request_id))


def _no_route(request: Request[Any, Any, Any], services: Services) -> Response[bytes]:
    return _response(unknown_route(request.url.path, services))
