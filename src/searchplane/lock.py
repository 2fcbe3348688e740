"""One service per data folder.

The lock is the kernel's (flock), so it ends with the process, however that ends. The file's text
tells who holds it, and is believed when the kernel says the same. To ask takes no lock, and so is
in nobody's way.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from searchplane.errors import Permanent

NAME = "serve.lock"
LOCKS = Path("/proc/locks")
PATIENCE_SECONDS = 0.5
"""How long a service that is just ending is waited for."""
POLL_SECONDS = 0.02


class FolderLock:
    """Held from construction until `close`."""

    def __init__(self, data: Path, patience_seconds: float = PATIENCE_SECONDS) -> None:
        path = data / NAME
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _taken(self._file, patience_seconds):
            os.close(self._file)
            raise Permanent(
                f"{data} is served already, by process {holder(data) or 'unknown'}; "
                f"one service per data folder is right"
            )
        os.truncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def close(self) -> None:
        os.close(self._file)

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _taken(file: int, patience_seconds: float) -> bool:
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
        time.sleep(POLL_SECONDS)


def holder(data: Path) -> int | None:
    """The process that serves the folder now; None when there is none, or it cannot be seen."""
    try:
        text = (data / NAME).read_text().strip()
        inode = (data / NAME).stat().st_ino
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() and (text, str(inode)) in _locked() else None


def _locked() -> set[tuple[str, str]]:
    """Who has which file locked, as process and inode.

    A line is `1: FLOCK  ADVISORY  WRITE 42 fe:00:1234 0 EOF`; the device is not what stat says on
    every file system.
    """
    try:
        lines = [line.split() for line in LOCKS.read_text().splitlines()]
    except OSError:
        return set()
    return {(one[4], one[5].rpartition(":")[2]) for one in lines if one[1] == "FLOCK"}
