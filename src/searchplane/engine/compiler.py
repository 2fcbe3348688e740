"""Keep the JVM's second compiler out of a start's way.

A start is bound by CPU, and a quarter of it is the second compiler (C2) working on code that a
start runs once and a search never. Its thread is given a lower scheduling priority for a minute:
while nodes start it gets what others leave over, its queue grows, and the JVM then lets the first
compiler make cheaper code. It compiles by the JVM's own thresholds all the time, so a warm node is
as fast as an untuned one (docs/adr/0007).

An ordinary user may lower a priority and not raise it again: there it stays low, and a node that
is busy from its first minute takes longer to get warm. JVM options cannot do this, since they set
one priority for both compilers.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

THREAD = "C2 CompilerThre"
"""The thread's name, as the kernel keeps it (15 characters). Those it starts inherit from it."""

NICE = 10
"""About a tenth of the share of a thread that wants the same core."""

CALM_SECONDS = 60.0
"""How long, where it can be undone; a start takes a tenth to a half of it."""

SECONDS = 5.0
"""How long a JVM may take to make the thread."""
POLL_SECONDS = 0.01


def calm_compiler(pid: int) -> None:
    """Do it as soon as the JVM with this pid has made the thread; returns at once.

    A process that ends, or has no such thread, is left as it is.
    """
    threading.Thread(target=_calm, args=(pid,), name=f"calm {pid}", daemon=True).start()


def _calm(pid: int) -> None:
    with suppress(OSError):  # the process has ended, or may not be touched: it only starts slower
        thread = _awaited(pid)
        if thread is not None:
            usual = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, NICE)
            time.sleep(CALM_SECONDS)
            if _find(pid) == thread:
                os.setpriority(os.PRIO_PROCESS, thread, usual)


def _awaited(pid: int) -> int | None:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        thread = _find(pid)
        if thread is not None:
            return thread
        time.sleep(POLL_SECONDS)
    return None


def _find(pid: int) -> int | None:
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == THREAD:
            return int(task.name)
    return None
