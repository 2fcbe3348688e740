"""One service per data folder.

The lock is the kernel's (flock), so it ends with the process, however that ends. The file's text
is only there to tell who holds it.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from searchplane.errors import Permanent

NAME = "serve.lock"


class FolderLock:
    """Held from construction until `close`."""

    def __init__(self, data: Path) -> None:
        path = data / NAME
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise Permanent(
                f"{data} is served already, by process {holder(data) or 'unknown'}; "
                f"one service per data folder is right"
            ) from None
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


def holder(data: Path) -> int | None:
    """The process that serves the folder now, or None."""
    try:
        with (data / NAME).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read().strip()
                return int(text) if text.isdigit() else None
            return None
    except FileNotFoundError:
        return None
