"""What is in a node's folder now: is it locked, who runs, was it told to stop.

Two witnesses say whether a node runs: the record names a living process, or the lock is held.
They agree except for the milliseconds in which a launcher has locked and not yet written, or after
somebody tampered; then the answer is Unknown, and nothing is started or removed. A process that is
ending is shown as a zombie before its last threads are gone: it runs as long as the lock is held.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from searchplane.domain.observed import Absent, NodeState, Running, Stopped, Unknown
from searchplane.drivers.process import identity, logs
from searchplane.drivers.process.folder import aside
from searchplane.drivers.process.identity import MalformedRecord, ProcessRecord
from searchplane.drivers.process.launcher import LOCK_FILE, RECORD_FILE

STOP_FILE = "stop.asked"
"""Its time is when the node was first told to end; gone again before the next start."""

LARGEST_RECORD = 1024 * 1024

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True)
class Process:
    """A living process that is proven to be the node; `owner` is its user number."""

    record: ProcessRecord
    owner: int


def look(folder: Path) -> NodeState:
    """The node's state. Never raises: what cannot be read is Unknown."""
    try:
        return _look(folder)
    except OSError as error:
        return Unknown(f"{error.filename or folder} cannot be read: {error.strerror}")


def _look(folder: Path) -> NodeState:
    try:
        folder.lstat()
    except FileNotFoundError:
        return Stopped() if os.path.lexists(aside(folder)) else Absent()
    try:
        process = running(folder)
    except MalformedRecord as error:
        return Unknown(f"{folder / RECORD_FILE} is {error}") if is_held(folder) else Stopped()
    if process is not None:
        return Running(process.record.pid)
    if is_held(folder):
        return Unknown(
            f"{folder / LOCK_FILE} is held by a process that {RECORD_FILE} does not name"
        )
    return Stopped(_last_error(folder))


def running(folder: Path) -> Process | None:
    """The node's process if it lives; an ended child of ours is collected on the way.

    Raises MalformedRecord and OSError.
    """
    record = _record(folder)
    if record is None:
        return None
    owner = folder.lstat().st_uid
    letter = identity.state_of(record, owner)
    if letter is None:
        return None
    if letter in identity.DEAD_STATES and not is_held(folder):
        identity.reap(record.pid)
        return None
    return Process(record, owner)


def _record(folder: Path) -> ProcessRecord | None:
    try:
        handle = os.open(folder / RECORD_FILE, _READ)
    except FileNotFoundError:
        return None
    with os.fdopen(handle, encoding="utf-8", errors="replace") as file:
        return identity.parse_record(file.read(LARGEST_RECORD))


def _last_error(folder: Path) -> str | None:
    record = _record(folder)
    if record is None or os.path.lexists(folder / STOP_FILE):
        return None
    return logs.last_error(folder, record.log_sizes)


def is_held(folder: Path) -> bool:
    """Whether a process holds the node's lock."""
    with _locked(folder, fcntl.LOCK_SH) as free:
        return not free


def is_running(folder: Path) -> bool:
    """Whether the record names a living process; for a caller who holds the lock."""
    try:
        record = _record(folder)
    except MalformedRecord:
        return False
    if record is None:
        return False
    letter = identity.state_of(record, folder.lstat().st_uid)
    return letter is not None and letter not in identity.DEAD_STATES


@contextmanager
def unstartable(folder: Path) -> Iterator[bool]:
    """Keep any launcher from starting the node meanwhile; yields False if one has the lock."""
    with _locked(folder, fcntl.LOCK_EX) as free:
        yield free


@contextmanager
def _locked(folder: Path, kind: int) -> Iterator[bool]:
    try:
        handle = os.open(folder / LOCK_FILE, _READ)
    except FileNotFoundError:
        yield True
        return
    try:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
            # A child that was forked meanwhile shares the lock: closing alone would not end it.
            fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)


def seconds_since_stop(folder: Path) -> float:
    """Note that the node was told to stop, unless it was before; returns how long ago that was."""
    path = folder / STOP_FILE
    with suppress(FileExistsError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        os.close(os.open(path, flags, 0o600))
    return time.time() - path.lstat().st_mtime


def forget_stop(folder: Path) -> None:
    (folder / STOP_FILE).unlink(missing_ok=True)


def forget_process(folder: Path) -> None:
    """Remove what a process left behind and nothing else."""
    for name in (RECORD_FILE, STOP_FILE, LOCK_FILE):
        (folder / name).unlink(missing_ok=True)
