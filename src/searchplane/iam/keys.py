"""The folder of the keys that tokens are made with, laid out as Keystone's.

Each file is named by a number. The highest is the primary key: tokens are made with it. 0 is the
staged key, the next primary: it is read already, so that a second service that shares the folder
knows it before its first token appears. Those between were primary once and are read until the
last of their tokens has expired.

Rotating is: staged becomes the new highest, a new 0 is made, those go whose tokens have all
expired. After each step the folder is whole, so a crash in between costs nothing. A key's time is
its file's: since when a primary key is one, and so until when its predecessor was.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet

from searchplane.errors import Permanent, Transient
from searchplane.iam.files import read_private, write_private

STAGED = 0
FIRST_PRIMARY = 1

NOTICED = timedelta(minutes=1)
"""Longer than any service takes to notice that its primary key is one no more."""


class Use(StrEnum):
    """What a key is for."""

    PRIMARY = "primary"
    STAGED = "staged"
    OLD = "old"


@dataclass(frozen=True)
class KeyFile:
    """A key's number and use, since when, and for an old one until when its tokens can live."""

    number: int
    use: Use
    since: datetime
    needed_until: datetime | None = None


def open_keys(folder: Path) -> MultiFernet:
    """The keys in `folder`, primary first; what is missing of a first set is made.

    Raises Permanent when a key file is not a key.
    """
    complete(folder)
    return read_keys(folder)


def read_keys(folder: Path) -> MultiFernet:
    """The keys there are, primary first. Raises Permanent as `open_keys`."""
    numbers = sorted(_numbers(folder), reverse=True)
    found = [key for number in numbers if (key := _key(folder / str(number))) is not None]
    if not found:
        raise Permanent(f"{folder} has no key; restore it from a backup, or start the service anew")
    return MultiFernet(found)


def complete(folder: Path) -> None:
    """Make the folder, and what is missing of a first set."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise Permanent(f"{folder} cannot be made private: {error.strerror}") from error
    if _is_complete(folder):
        return
    with _alone(folder):
        # The primary first: a crash in between leaves a set that works and is completed next time.
        present = _numbers(folder)
        if not present - {STAGED}:
            write_private(folder / str(FIRST_PRIMARY), Fernet.generate_key())
        if STAGED not in present:
            write_private(folder / str(STAGED), Fernet.generate_key())


def list_keys(folder: Path, lifetime: timedelta) -> list[KeyFile]:
    """Every key, primary first; `lifetime` is a token's."""
    numbers = sorted(_numbers(folder) - {STAGED}, reverse=True)
    found: list[KeyFile] = []
    replaced: datetime | None = None
    for number in numbers:
        since = _since(folder / str(number))
        if replaced is None:
            found.append(KeyFile(number, Use.PRIMARY, since))
        else:
            found.append(KeyFile(number, Use.OLD, since, replaced + lifetime + NOTICED))
        replaced = since
    if (folder / str(STAGED)).exists():
        found.append(KeyFile(STAGED, Use.STAGED, _since(folder / str(STAGED))))
    return found


def rotate(folder: Path, lifetime: timedelta, now: datetime, due: timedelta | None = None) -> int:
    """Put the staged key to use; the number of the primary key afterwards.

    With `due`, only if the primary key is older than that: of several services that find it due
    at once, one rotates. Raises Transient when the disk refuses.
    """
    complete(folder)
    with _alone(folder):
        primary = max(_numbers(folder))
        if due is not None and now - _since(folder / str(primary)) < due:
            return primary
        staged = read_private(folder / str(STAGED)) or Fernet.generate_key()
        primary += 1
        _write(folder / str(primary), staged, now)
        _write(folder / str(STAGED), Fernet.generate_key(), now)
        _retire(folder, lifetime, now)
        return primary


def retire(folder: Path, lifetime: timedelta, now: datetime) -> int:
    """Remove the keys whose tokens have all expired; how many those were."""
    with _alone(folder):
        return _retire(folder, lifetime, now)


def _retire(folder: Path, lifetime: timedelta, now: datetime) -> int:
    over = [
        key
        for key in list_keys(folder, lifetime)
        if key.needed_until is not None and key.needed_until <= now
    ]
    for key in over:
        (folder / str(key.number)).unlink(missing_ok=True)
    return len(over)


def _is_complete(folder: Path) -> bool:
    present = _numbers(folder)
    return STAGED in present and bool(present - {STAGED})


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other process changes the folder meanwhile."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Permanent(f"{folder} cannot be read: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    except OSError as error:
        raise Transient(f"{folder} cannot be changed: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _write(path: Path, content: bytes, now: datetime) -> None:
    write_private(path, content)
    os.utime(path, (now.timestamp(), now.timestamp()))
    if os.geteuid() == 0:  # the service may run as another user, and must read it
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _since(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError as error:
        raise Permanent(f"{path} cannot be read: {error.strerror}") from error


def _numbers(folder: Path) -> set[int]:
    try:
        return {int(path.name) for path in folder.iterdir() if path.name.isdecimal()}
    except OSError as error:
        raise Permanent(f"{folder} cannot be read: {error.strerror}") from error


def _key(path: Path) -> Fernet | None:
    """The key; None when it was retired a moment ago."""
    content = read_private(path)
    if content is None:
        return None
    try:
        return Fernet(content.strip())
    except ValueError:
        raise Permanent(
            f"{path} is not a key (32 bytes in URL-safe base64); restore it from a backup, or "
            "remove it: tokens made with it are then refused"
        ) from None
