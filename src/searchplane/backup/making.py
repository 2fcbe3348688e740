"""`searchplane backup`: the control plane's state as of one moment, while the service runs.

The database is copied first and the keys after it: keys are added before anything is sealed with
them, so those that are found afterwards open all that is in the copy. That is tried before the
file is written, as a backup that cannot be opened is none. Everything is put together in a private
folder of the data folder, one backup at a time; what one that was killed has left there is removed
by the next. The file itself is written beside its place and then renamed.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from searchplane import __version__
from searchplane.backup import archive
from searchplane.backup.archive import Manifest, Tell
from searchplane.backup.parts import DATABASE, is_part, small_parts
from searchplane.errors import Permanent, Transient
from searchplane.iam.sealing import FOLDER as SEALS
from searchplane.iam.sealing import Seals
from searchplane.settings import Settings
from searchplane.store import home
from searchplane.store.copying import copy_out
from searchplane.store.database import Database
from searchplane.store.home import Home
from searchplane.store.migrate import NEWEST
from searchplane.store.sealed import check_opens
from searchplane.tenure import FOLDER_ID

WORKSHOP = ".backup"


def back_up(settings: Settings, database: Database, out: BinaryIO, tell: Tell) -> Manifest:
    """Write a backup of the service to `out`. Raises Permanent, Transient, OSError."""
    with _workshop(settings.data) as folder:
        _collect(settings, database, folder, tell)
        lives = _check(folder)
        if lives is not None:
            (folder / FOLDER_ID).write_text(f"{lives.folder}\n")
        manifest = _manifest(settings, lives, folder)
        archive.write(out, manifest, folder, tell)
    return manifest


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A private file that takes the place of `path` once it is whole and on the disk."""
    if path.exists() and not path.is_file():  # as root, a device would be gone
        raise Permanent(f"{path} is no plain file; the name of one is right, or - for a pipe")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise Transient(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _workshop(data: Path) -> Iterator[Path]:
    """An empty private folder, for one backup at a time."""
    folder, holding = data / WORKSHOP, os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(holding, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Transient(f"another backup of {data} is being made") from None
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(holding)


def _collect(settings: Settings, database: Database, folder: Path, tell: Tell) -> None:
    copy = folder / DATABASE
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    copy_out(database, copy, partial(tell, "copy"))
    for name, path in small_parts(settings):
        with suppress(FileNotFoundError):  # a key that was needed no more, gone since the look
            _copy(path, folder / name)


def _copy(path: Path, place: Path) -> None:
    place.parent.mkdir(mode=0o700, exist_ok=True)
    with path.open("rb") as source:
        found = os.fstat(source.fileno())
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            shutil.copyfileobj(source, target)
    os.utime(place, (found.st_mtime, found.st_mtime))


def _check(folder: Path) -> Home | None:
    """Where the nodes live, by the copied database: this may not be their machine.

    Raises Permanent when the copied keys do not open what the copied database holds.
    """
    if not (folder / SEALS).is_dir():
        raise Permanent(
            "there are no keys that secrets are sealed with; is SEARCHPLANE_KEYS right?"
        )
    copy = Database(f"sqlite:///{folder / DATABASE}")
    try:
        with copy.read() as connection:
            check_opens(connection, Seals.open(folder))
            return home.find(connection)
    finally:
        copy.close()


def _manifest(settings: Settings, lives: Home | None, folder: Path) -> Manifest:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
    return Manifest(
        format=archive.FORMAT,
        searchplane=__version__,
        revision=NEWEST,
        made=datetime.now(UTC),
        place=lives.place if lives else f"{settings.data} on {socket.gethostname()}",
        parts=tuple(archive.describe(folder, name) for name in names if is_part(name)),
    )
