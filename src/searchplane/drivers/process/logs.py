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
from pathlib import Path

from searchplane.drivers.process.launcher import CONSOLE_LOG

TAIL = 256 * 1024
LONGEST = 300

_ERROR = re.compile(
    r"\]\[\s*(?:ERROR|FATAL)\s*\]|\b(?:ERROR|FATAL)\b|\w(?:Exception|Error)\b|^Error"
)
_FRAME = re.compile(r"^\s+at |^\s*\.\.\. \d+ (?:more|common)|^\s*Likely root cause: *$")
_GENERAL = re.compile(
    r"^Error: (?:Could not create the Java Virtual Machine|A fatal exception has occurred)"
)
_NO_ERROR = re.compile(r"warning|\]\[\s*(?:TRACE|DEBUG|INFO|WARN)\s*\]", re.IGNORECASE)
_HEADER = re.compile(r"^(?:\[[^\]]*\]\s*)+")
_CAUSE = re.compile(r"^\s*(?:(?:Caused by|Likely root cause|Suppressed):\s*)+")
_PACKAGE = re.compile(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])")
_BIND = re.compile(r"Failed to bind to (?P<host>[\d.]+):\[?(?P<port>\d+)")


def last_error(folder: Path, sizes: Mapping[str, int]) -> str | None:
    """The error in `folder`/logs; `sizes` are the logs' lengths when the node was started."""
    lines = [line for path in _newest_last(folder / "logs") for line in _lines(path, sizes)]
    return summary(lines)


def _newest_last(logs: Path) -> list[Path]:
    files = [path for path in logs.glob("*.log") if stat.S_ISREG(path.lstat().st_mode)]
    return sorted(files, key=lambda path: path.lstat().st_mtime_ns)


def _lines(path: Path, sizes: Mapping[str, int]) -> Iterator[str]:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(handle, "rb") as file:
        length = os.fstat(handle).st_size
        started_at = 0 if path.name == CONSOLE_LOG else sizes.get(path.name, 0)
        since = started_at if started_at <= length else 0  # shorter than it was: it has rotated
        file.seek(max(since, length - TAIL))
        yield from file.read().decode(errors="replace").splitlines()


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
