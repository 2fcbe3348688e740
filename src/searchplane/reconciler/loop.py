"""Which cluster is looked at when.

Each cluster has one task: a pass, then a wait until the pass asked to be repeated, or until
somebody wakes it (a request was accepted, a process died). A bounded number of passes run at the
same time. A pass that fails by a fault of ours is logged and tried again ever more slowly; the
other clusters do not notice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import HostCapacity
from searchplane.errors import Permanent, Transient
from searchplane.reconciler.one_pass import OnePass
from searchplane.reconciler.ports import Ports
from searchplane.store import capacity, clusters

log = logging.getLogger(__name__)

AT_WORK = 8
"""Passes that may run at the same time."""
CAPACITY_SECONDS = 5.0
"""Between two looks at the host."""
DATABASE_SECONDS = 1.0
"""Until the database is asked again for the clusters there are."""
LONGEST_BACKOFF = 60.0


class Loop:
    """Runs in one event loop; `wake` may be called from any thread."""

    def __init__(self, ports: Ports, one_pass: OnePass) -> None:
        self._ports = ports
        self._pass = one_pass
        self._wakes: dict[ClusterId, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(AT_WORK)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken_early: list[ClusterId] = []

    def wake(self, cluster_id: ClusterId) -> None:
        """Look at this cluster now; returns at once."""
        if self._loop is None:
            self._woken_early.append(cluster_id)
            return
        with suppress(RuntimeError):  # the loop has ended: the next start looks at everything
            self._loop.call_soon_threadsafe(self._wake, cluster_id)

    async def run(self, stopping: asyncio.Event) -> None:
        """Tend all clusters until `stopping` is set; passes at work are then cut off."""
        self._loop = asyncio.get_running_loop()
        self._begin(self._watch_capacity())
        self._begin(self._wake_all())
        await stopping.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _wake(self, cluster_id: ClusterId) -> None:
        event = self._wakes.get(cluster_id)
        if event is None:
            event = self._wakes[cluster_id] = asyncio.Event()
            self._begin(self._tend(cluster_id, event))
        event.set()

    async def _wake_all(self) -> None:
        """Look at every cluster there is, however long the database takes to answer."""
        while True:
            try:
                known = await asyncio.to_thread(self._all_ids)
                break
            except Transient as error:
                log.warning("the clusters cannot be listed yet: %s", error)
                await asyncio.sleep(DATABASE_SECONDS)
        for cluster_id in (*known, *self._woken_early):
            self._wake(cluster_id)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tend(self, cluster_id: ClusterId, wake: asyncio.Event) -> None:
        failures = 0
        while True:
            wake.clear()
            try:
                async with self._slots:
                    outcome = await self._pass.run(cluster_id)
            except Exception:
                failures += 1
                log.exception("the pass over cluster %s failed", cluster_id)
                after = min(LONGEST_BACKOFF, 2.0**failures)
            else:
                if outcome.after is None:
                    del self._wakes[cluster_id]
                    return
                failures, after = 0, outcome.after
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), after)

    async def _watch_capacity(self) -> None:
        while True:
            await record_capacity(self._ports)
            await asyncio.sleep(CAPACITY_SECONDS)

    def _all_ids(self) -> list[ClusterId]:
        with self._ports.database.read() as connection:
            return clusters.all_ids(connection)


async def record_capacity(ports: Ports) -> None:
    """Look at the host and store what it has left, for the handlers that admit clusters.

    A host that cannot be looked at, or a full disk, is logged: clusters are tended all the same.
    """

    def store(seen: HostCapacity) -> None:
        with ports.database.write() as connection:
            capacity.record(connection, seen)

    try:
        await asyncio.to_thread(store, await ports.driver.capacity())
    except (Transient, Permanent) as error:
        log.warning("what the host has left cannot be recorded: %s", error)
