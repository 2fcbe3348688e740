"""Which cluster is looked at when.

Each cluster has one task: a pass, then a wait until the pass asked to be repeated, or until
somebody wakes it (a request was accepted, a process died). A bounded number of passes run at the
same time. Work that fails, be it by a fault of ours, is logged and tried again ever more slowly;
the other clusters do not notice, and the loop goes on.

Requests are also accepted by processes that cannot wake it, so it asks twice a second which
records have grown a revision. It asks over what holds its right to tend (Tenure): while that does
not answer, no pass is begun, and when another process has the right, the loop ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import HostCapacity
from searchplane.errors import SearchplaneError
from searchplane.reconciler.one_pass import OnePass, Outcome
from searchplane.reconciler.ports import Ports, Tenure
from searchplane.reconciler.usage import USAGE_SECONDS, record_usage
from searchplane.store import capacity, clusters
from searchplane.store.lease import TendedByAnother

log = logging.getLogger(__name__)

AT_WORK = 8
"""Passes that may run at the same time."""
CAPACITY_SECONDS = 5.0
"""Between two looks at the host."""
POLL_SECONDS = 0.5
"""Between two questions for what other processes have accepted."""
NOT_HELD = Outcome(POLL_SECONDS)
LONGEST_BACKOFF = 60.0
"""Between two passes over a cluster that fail."""
LONGEST_RETRY = 5.0
"""Between two attempts at what all clusters need."""


class Loop:
    """Runs in one event loop; `wake` may be called from any thread."""

    def __init__(self, ports: Ports, one_pass: OnePass, tenure: Tenure) -> None:
        self._ports = ports
        self._pass = one_pass
        self._tenure = tenure
        self._revisions: dict[ClusterId, int] = {}
        self._wakes: dict[ClusterId, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(AT_WORK)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_running(self) -> bool:
        return self._loop is not None

    def wake(self, cluster_id: ClusterId) -> None:
        """Look at this cluster now; returns at once.

        Before the start and after the end there is nothing to do: what was asked for is recorded
        already, and a start looks at everything.
        """
        if self._loop is None:
            return
        with suppress(RuntimeError):  # it ended in this moment
            self._loop.call_soon_threadsafe(self._wake, cluster_id)

    async def run(self, stopping: asyncio.Event, looked: Callable[[], None] = lambda: None) -> None:
        """Tend all clusters until `stopping` is set; passes at work are then cut off.

        `looked` is called when the host was looked at for the first time, or could not be. Raises
        TendedByAnother when the right to tend was lost.
        """
        self._loop = asyncio.get_running_loop()
        self._begin(self._watch_capacity(looked))
        self._begin(self._watch_usage())
        watching = self._begin(self._watch_clusters())
        ends: list[asyncio.Task[Any]] = [watching, asyncio.create_task(stopping.wait())]
        self._tasks.update(ends)
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()
        finally:
            self._loop = None
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _wake(self, cluster_id: ClusterId) -> None:
        event = self._wakes.get(cluster_id)
        if event is None:
            event = self._wakes[cluster_id] = asyncio.Event()
            self._begin(self._tend(cluster_id, event))
        event.set()

    async def _watch_clusters(self) -> None:
        while True:
            await supervised("listing the clusters", self._wake_changed, ends_with=TendedByAnother)
            await asyncio.sleep(POLL_SECONDS)

    async def _wake_changed(self) -> None:
        """Look at every cluster with a wish that was not there at the last question."""
        found = await asyncio.to_thread(self._wishes)
        before, self._revisions = self._revisions, found
        for cluster_id, revision in found.items():
            if before.get(cluster_id) != revision:
                self._wake(cluster_id)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _tend(self, cluster_id: ClusterId, wake: asyncio.Event) -> None:
        failures, is_unchanged, is_held = 0, False, False
        while True:
            wake.clear()
            try:
                async with self._slots:
                    is_held = self._tenure.is_held
                    outcome = (
                        await self._pass.run(cluster_id, is_unchanged=is_unchanged)
                        if is_held
                        else NOT_HELD
                    )
            except Exception:
                failures += 1
                log.exception("the pass over cluster %s failed", cluster_id)
                after = _backoff(failures, LONGEST_BACKOFF)
            else:
                if outcome.after is None:
                    del self._wakes[cluster_id]
                    return
                failures, after = 0, outcome.after
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), after)
            is_unchanged = is_held and not wake.is_set()

    async def _watch_capacity(self, looked: Callable[[], None]) -> None:
        async def look() -> None:
            try:
                await record_capacity(self._ports)
            finally:
                looked()

        while True:
            await supervised("looking at the host", look)
            await asyncio.sleep(CAPACITY_SECONDS)

    async def _watch_usage(self) -> None:
        while True:
            await asyncio.sleep(USAGE_SECONDS)
            await supervised("looking at the nodes' storage", lambda: record_usage(self._ports))
            await supervised("storing how loaded nodes are", self._pass.loads.store)

    def _wishes(self) -> dict[ClusterId, int]:
        with self._tenure.read() as connection:
            return clusters.revisions(connection)


async def supervised(
    doing: str,
    work: Callable[[], Awaitable[None]],
    ends_with: type[Exception] | tuple[()] = (),
) -> None:
    """Do the work; after every fault but `ends_with` again, ever more slowly."""
    failures = 0
    while True:
        try:
            await work()
            return
        except ends_with:
            raise
        except Exception as error:  # whatever it is, the clusters stay tended
            failures += 1
            # Only a fault of ours is told with where it comes from.
            trace = None if isinstance(error, SearchplaneError) else error
            log.warning("%s failed: %s", doing, error, exc_info=trace)
        await asyncio.sleep(_backoff(failures, LONGEST_RETRY))


def _backoff(failures: int, longest: float) -> float:
    return min(longest, 2.0 ** (min(failures, 10) - 1))


async def record_capacity(ports: Ports) -> None:
    """Look at the host and store what it has left, for the handlers that admit clusters."""

    def store(seen: HostCapacity) -> None:
        with ports.database.write() as connection:
            capacity.record(connection, seen)

    await asyncio.to_thread(store, await ports.driver.capacity())
