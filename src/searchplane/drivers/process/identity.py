"""Is the process that a node's record names still that node?

A number alone proves nothing: it is given out again, and after a reboot all numbers are. So the
launcher also writes the kernel's start time and the boot id, and a record is believed only if the
process belongs to the owner of the folder. That last rule is for the service that runs as root: a
record is written by the node's own user, who must not be able to have another's process killed.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from searchplane.drivers.process.launcher import start_time

PROC = Path("/proc")
DEAD_STATES = frozenset({"Z", "X"})
"""Of the first thread. While a JVM ends, its others may live on for a moment, ports and all."""


LARGEST = 2**31
"""What the kernel's own type for process numbers holds."""

_NOT_OURS = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading a text that some tenant's engine may have written can end in."""


class MalformedRecord(ValueError):
    """The record is not what the launcher writes."""


@dataclass(frozen=True)
class ProcessRecord:
    """What the launcher wrote. `log_sizes` are bytes by file name at the moment of the start."""

    pid: int
    start: int
    boot: str
    log_sizes: Mapping[str, int]


def parse_record(text: str) -> ProcessRecord:
    """Raises MalformedRecord unless every field is there and of its kind."""
    try:
        found = json.loads(text)
        sizes = {str(name): max(0, int(size)) for name, size in found["logs"].items()}
        record = ProcessRecord(int(found["pid"]), int(found["start"]), str(found["boot"]), sizes)
    except _NOT_OURS as error:
        raise MalformedRecord(f"not a process record: {error}") from error
    if not 0 < record.pid < LARGEST:
        raise MalformedRecord(f"not a process record: pid is {record.pid}")
    return record


def boot_id() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def state_of(record: ProcessRecord, owner: int) -> str | None:
    """The kernel's letter for the recorded process; None if it is gone or is not user `owner`'s.

    See DEAD_STATES: a process in one of them has ended, or is about to.
    """
    if record.boot != boot_id():
        return None
    try:
        stat = (PROC / str(record.pid) / "stat").read_text(encoding="utf-8", errors="replace")
        status = (PROC / str(record.pid) / "status").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    if start_time(stat) != record.start or _user(status) != owner:
        return None
    return stat.rpartition(")")[2].split()[0]


def _user(status: str) -> int:
    """The real user number in /proc/PID/status."""
    line = next(line for line in status.splitlines() if line.startswith("Uid:"))
    return int(line.split()[1])


def reap(pid: int) -> None:
    """Collect `pid` if it is an ended child of ours; nobody else would, and it stays a zombie."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def send(record: ProcessRecord, owner: int, number: signal.Signals) -> None:
    """Signal the recorded process, and never one that was given its number since."""
    try:
        handle = os.pidfd_open(record.pid)
    except ProcessLookupError:
        return
    try:
        if state_of(record, owner) is not None:
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return  # it ended by itself in this moment
    finally:
        os.close(handle)
