"""How many requests may wait for another service at once.

Requests are handled in few threads, and one that waits for another service holds its thread for
as long. So only some may wait there, and once the other hangs, one too many is refused at once:
requests that need not ask go on. A burst while it answers well is waited for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from searchplane.errors import Transient
from searchplane.iam.believed import Clock

MOST_WAITING = 12
"""Requests that wait for Keystone at once; the API has a few more threads than that."""

HANGS_SECONDS = 1.0
"""A question that takes longer than this means that Keystone hangs."""


class Queue:
    """Those who wait for Keystone. Raises Transient for one too many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._places = threading.Semaphore(MOST_WAITING)
        self._began: dict[object, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def place(self) -> Iterator[None]:
        patience = 0 if self._hangs() else HANGS_SECONDS
        if not self._places.acquire(timeout=patience):
            raise Transient("too many requests wait for Keystone; try again in a few seconds")
        me = object()
        with self._lock:
            self._began[me] = self._clock()
        try:
            yield
        finally:
            with self._lock:
                del self._began[me]
            self._places.release()

    def _hangs(self) -> bool:
        with self._lock:
            oldest = min(self._began.values(), default=None)
        return oldest is not None and self._clock() - oldest > HANGS_SECONDS
