"""Keep a node's start out of the way of everything else, the JVM's second compiler most of all.

A start is bound by CPU, and so is a machine on which several nodes start. For a minute, two things
yield:

- **The node**, to whatever else runs: the control plane must answer while it builds a cluster, and
  running nodes must search. Each node is a session of its own, and the kernel shares the CPU out
  between sessions (autogroup); the node's session gets a smaller share. Without autogroups this
  does nothing.
- **The second compiler** (C2), to the node's other threads. A quarter of a start is C2 working on
  code that a start runs once and a search never. While nodes start it gets what others leave over,
  its queue grows, and the JVM then lets the first compiler make cheaper code. It compiles by the
  JVM's own thresholds all the time, so a warm node is as fast as an untuned one (docs/adr/0007).

An ordinary user may lower a thread's priority and not raise it again: there C2 stays low, and a
node that is busy from its first minute takes longer to get warm. The session's share can be given
back by anybody. If the control plane ends within the minute, the next one undoes it (`restore`).
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
"""About a tenth of the share of a thread, or a session, that wants the same core."""

USUAL = 0

CALM_SECONDS = 60.0
"""How long, where it can be undone; a start takes a tenth to a half of it."""

SECONDS = 5.0
"""How long a JVM may take to make the thread."""
SHARE_SECONDS = 5.0
"""How long the kernel may be busy with the shares of others."""
POLL_SECONDS = 0.01


def calm(pid: int) -> None:
    """Let the JVM with this pid yield for a minute; returns at once.

    A process that ends, or has no such thread, is left as it is.
    """
    threading.Thread(target=_calm, args=(pid,), name=f"calm {pid}", daemon=True).start()


def restore(pid: int) -> None:
    """Give a node back what an earlier control plane did not come to give back."""
    _share(pid, USUAL)
    with suppress(OSError):
        thread = _find(pid)
        if thread is not None:
            _restore_thread(pid, thread)


def _calm(pid: int) -> None:
    _share(pid, NICE)
    with suppress(OSError):  # the process has ended, or may not be touched: it only starts slower
        thread = _awaited(pid)
        if thread is not None:
            os.setpriority(os.PRIO_PROCESS, thread, NICE)
    time.sleep(CALM_SECONDS)
    restore(pid)


def _share(pid: int, nice: int) -> None:
    """The session's share of the CPU.

    The kernel takes ten of these a second from all ordinary users together, and says "again" to
    the rest, as when several nodes start at once.
    """
    until = time.monotonic() + SHARE_SECONDS
    while time.monotonic() < until:
        try:
            Path(f"/proc/{pid}/autogroup").write_text(str(nice))
        except BlockingIOError:
            time.sleep(POLL_SECONDS)
        except OSError:
            return  # this kernel has no autogroups, or the process has ended
        else:
            return


def _restore_thread(pid: int, thread: int) -> None:
    usual = os.getpriority(os.PRIO_PROCESS, pid)
    if os.getpriority(os.PRIO_PROCESS, thread) != usual:
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
