"""The threads that requests run in, and the bounds on those whose work takes long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from searchplane.api.operation import Operation, Pool
from searchplane.api.pipeline import RawAnswer, RawRequest, at_hand, handle, refuse, turn_away
from searchplane.api.services import Services
from searchplane.errors import Throttled

LOGINS_WAITING = 32
"""Logins that may wait for a worker; beyond that 429."""

CREATIONS_WAITING = 64
"""Creations that may wait for a worker, at most a third of a second each; beyond that 429."""

QUICK_WORKERS = 16

T = TypeVar("T")


class Workers:
    """The thread pools; only the HTTP loop calls it."""

    def __init__(self, services: Services) -> None:
        few = services.settings.hashing_workers
        self._services = services
        self._quick = ThreadPoolExecutor(QUICK_WORKERS, "request")
        self._slow = {
            Pool.LOGIN: _Slow(ThreadPoolExecutor(few, "login"), few + LOGINS_WAITING, "logins"),
            Pool.CREATION: _Slow(
                ThreadPoolExecutor(few, "creation"), few + CREATIONS_WAITING, "creations"
            ),
        }

    async def run(self, operation: Operation, request: RawRequest) -> RawAnswer:
        """Carry the request out."""
        ready = at_hand(operation, self._services, request)
        if ready is not None:
            return handle(operation, self._services, ready)
        slow = self._slow.get(operation.pool_for(request.presented.body))
        if slow is None:
            return await self._run(self._quick, handle, operation, request)
        if slow.now >= slow.most:
            busy = Throttled("APIGW.0308", f"too many {slow.what} at once", retry_after=1)
            source = request.presented.source
            return refuse(operation, self._services, busy, request.path, source)
        slow.now += 1
        try:
            return await self._run(slow.threads, handle, operation, request)
        finally:
            slow.now -= 1

    async def turn_away(self, operation: Operation, request: RawRequest) -> RawAnswer | None:
        """The answer for a request that is refused whatever its body holds."""
        return await self._run(self._quick, turn_away, operation, request)

    async def _run(
        self,
        threads: ThreadPoolExecutor,
        work: Callable[[Operation, Services, RawRequest], T],
        operation: Operation,
        request: RawRequest,
    ) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(threads, work, operation, self._services, request)

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
