"""Tell the loop at once when a node dies, whoever started it.

A pidfd becomes readable when its process ends, also for a process that an earlier run of the
service started and that is nobody's child here. Where the kernel has none (before Linux 5.3),
deaths are seen at the next observation.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from searchplane.domain.ids import ClusterId
from searchplane.drivers.base import NodeRef


@dataclass(frozen=True)
class _Watch:
    pid: int
    handle: int
    loop: asyncio.AbstractEventLoop


class Watches:
    """One watch for each running node, on the event loop that asked for it."""

    def __init__(self, on_change: Callable[[ClusterId], None]) -> None:
        self._on_change = on_change
        self._watches: dict[NodeRef, _Watch] = {}

    def add(self, ref: NodeRef, pid: int) -> bool:
        """Watch the node's process; False if that is nothing new. Called on the loop."""
        loop = asyncio.get_running_loop()
        known = self._watches.get(ref)
        if known is not None and (known.pid, known.loop) == (pid, loop):
            return False
        self._release(ref)
        with suppress(OSError):  # it has ended already, or this kernel has no pidfd
            handle = os.pidfd_open(pid)
            self._watches[ref] = _Watch(pid, handle, loop)
            loop.add_reader(handle, self._ended, ref, handle)
        return True

    def close(self) -> None:
        for ref in tuple(self._watches):
            self._release(ref)

    def _ended(self, ref: NodeRef, handle: int) -> None:
        watch = self._watches.get(ref)
        if watch is not None and watch.handle == handle:
            self._release(ref)
            self._on_change(ref.cluster_id)

    def _release(self, ref: NodeRef) -> None:
        watch = self._watches.pop(ref, None)
        if watch is None:
            return
        if not watch.loop.is_closed():
            watch.loop.remove_reader(watch.handle)
        with suppress(ChildProcessError):  # not our child: whoever is its parent collects it
            os.waitid(os.P_PIDFD, watch.handle, os.WEXITED | os.WNOHANG)
        os.close(watch.handle)
