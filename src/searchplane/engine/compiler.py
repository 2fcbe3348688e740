"""Keep the JVM's second compiler out of a start's way.

A start is bound by CPU, and a quarter of it is the second compiler (C2) working on code that a
start runs once and a search never. Its thread is given a lower scheduling priority: while nodes
start it gets what others leave over, its queue grows, and the JVM then lets the first compiler
make cheaper code. Afterwards there is CPU to spare, and it compiles what searches run by the
JVM's own thresholds, so a warm node is as fast as an untuned one (docs/adr/0007).

The priority stays: an ordinary user may lower it and never raise it again. JVM options cannot do
this, since they set one priority for both compilers.
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

SECONDS = 5.0
POLL_SECONDS = 0.01


def calm_compiler(pid: int) -> None:
    """Do it as soon as the JVM with this pid has made the thread; returns at once.

    A process that ends, or has no such thread, is left as it is.
    """
    threading.Thread(target=_calm, args=(pid,), name=f"calm {pid}", daemon=True).start()


def _calm(pid: int) -> None:
    until = time.monotonic() + SECONDS
    with suppress(OSError):  # the process has ended, or may not be touched: it only starts slower
        while time.monotonic() < until:
            thread = _find(pid)
            if thread is not None:
                os.setpriority(os.PRIO_PROCESS, thread, NICE)
                return
            time.sleep(POLL_SECONDS)


def _find(pid: int) -> int | None:
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == THREAD:
            return int(task.name)
    return None
