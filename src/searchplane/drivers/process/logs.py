"""The last error of a node's log as one line a person can act on.

Only what was written since the last start counts: the launcher recorded how long each log was
then, and the console log starts empty. Lines are picked by shape, not by a list of known errors,
so that an unforeseen one is shown as the engine wrote it; the commonest, a port that is taken, is
said in plain words.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from searchplane.drivers.process.launcher import CONSOLE_LOG

TAIL = 256 * 1024
LONGEST_LINE = 2048
"""Characters of a line that are looked at: the patterns below take long on longer ones."""
NEWEST = 4
"""Logs that are read."""
MOST_ENTRIES = 1000
LONGEST = 300

_ERROR = re.compile(
    r"\]\[\s*(?:ERROR|FATAL)\s*\]|\b(?:ERROR|FATAL)\b|\w(?:Exception|Error)\b|^Error"
)
_FRAME = re.compile(r"^\s+at |^\s*\.\.\. \d+ (?:more|common)|^\s*Likely root cause: *$")
_GENERAL = re.compile(
    r"^Error: (?:Could not create the Java Virtual Machine|A fatal exception has occurred)"
)
_NO_ERROR = re.compile(r"warning|\]\[\s*(?:TRACE|DEBUG|INFO|WARN|DEPRECATION)\s*\]", re.IGNORECASE)
_HEADER = re.compile(r"^(?:\[[^\]]*\]\s*)+")
_CAUSE = re.compile(r"^\s*(?:(?:Caused by|Likely root cause|Suppressed):\s*)+")
_PACKAGE = re.compile(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])")
_BIND = re.compile(r"Failed to bind to (?P<host>[\d.]+):\[?(?P<port>\d+)")


def last_error(folder: Path, sizes: Mapping[str, int]) -> str | None:
    """The error in `folder`/logs; `sizes` are the logs' lengths when the node was started.

    The folder is the node's user's, who may have put anything there; we may be root. So nothing
    follows a link, only that user's own plain files are read, and little of them.
    """
    try:
        logs = os.open(folder / "logs", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # none yet, or not a folder: there is nothing to tell
        return None
    try:
        owner = folder.lstat().st_uid
        names = _newest_last(logs)
        lines = [line for name in names for line in _lines(name, logs, owner, sizes)]
    finally:
        os.close(logs)
    return summary(lines)


def _newest_last(logs: int) -> list[str]:
    with os.scandir(logs) as found:
        times = {
            entry.name: entry.stat(follow_symlinks=False).st_mtime_ns
            for entry in islice(found, MOST_ENTRIES)
            if entry.name.endswith(".log")
        }
    return sorted(times, key=lambda name: times[name])[-NEWEST:]


def _lines(name: str, logs: int, owner: int, sizes: Mapping[str, int]) -> Iterator[str]:
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=logs)
    except OSError:  # a link, or gone meanwhile
        return
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != owner:
            return
        started_at = 0 if name == CONSOLE_LOG else sizes.get(name, 0)
        since = started_at if started_at <= status.st_size else 0  # shorter now: it has rotated
        file.seek(max(since, status.st_size - TAIL))
        for line in file.read(TAIL).decode(errors="replace").splitlines():
            yield line[:LONGEST_LINE]


def summary(lines: list[str]) -> str | None:
    """The sentence for the last error in `lines`, or None if there is none."""
    errors = [line for line in lines if _is_error(line)]
    busy = [match for line in errors if (match := _BIND.search(line))]
    if busy and any("Address already in use" in line for line in lines):
        return f"the address {busy[-1]['host']}:{busy[-1]['port']} is in use"
    if errors:
        return _tidy(errors[-1])
    spoken = [line for line in lines if line.strip() and not _is_noise(line)]
    return _tidy(spoken[-1]) if spoken else None


def _is_error(line: str) -> bool:
    return not _is_noise(line) and _ERROR.search(line) is not None


def _is_noise(line: str) -> bool:
    return any(pattern.search(line) for pattern in (_FRAME, _GENERAL, _NO_ERROR))


def _tidy(line: str) -> str:
    text = _PACKAGE.sub("", _CAUSE.sub("", _HEADER.sub("", line)))
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
