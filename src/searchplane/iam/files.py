"""Small files that hold secrets: only their owner reads them, and they are whole or absent."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from searchplane.errors import Permanent, Transient


def write_private(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step, readable by the owner only, and on the disk.

    The folder must exist. A crash leaves the old file or the new one. Raises Transient when the
    disk refuses.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write(draft, content)
        draft.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise Transient(f"{path} cannot be written: {error.strerror}") from error


def create_private(path: Path, content: bytes) -> bool:
    """Like `write_private`, but the first one wins: False when there is such a file already."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write(draft, content)
        os.link(draft, path)
        _sync_folder(path.parent)
    except FileExistsError:
        return False
    except OSError as error:
        raise Transient(f"{path} cannot be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
    return True


def read_private(path: Path) -> bytes | None:
    """The file's content, or None when there is no such file. Raises Permanent if unreadable."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Permanent(f"{path} cannot be read: {error.strerror}") from error


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
