"""Who may tend clusters: one process for a data folder, and one for a database.

The folder's lock (lock.py) is taken first. A database of the folder needs no more than that. A
server's may be known to services on other folders and machines, so there is a lease besides, and
the database remembers in which folder its nodes live (store/home.py).

Those that only answer requests have neither: they wait here until a service that tends has made
the database ready, and go by what it records (`is_tended`).
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from searchplane.domain.layout import HostLimits
from searchplane.errors import Permanent, SearchplaneError, Transient
from searchplane.iam.files import read_private, write_private
from searchplane.iam.sealing import FOLDER as SEALS
from searchplane.reconciler.ports import Tenure
from searchplane.settings import IamMode, Settings
from searchplane.store import capacity, home
from searchplane.store.database import Database, Transaction
from searchplane.store.home import Home
from searchplane.store.identity import Directory
from searchplane.store.migrate import NEWEST, is_current

FOLDER_ID = "folder.id"
TENDED = timedelta(seconds=20)
"""How old a look at the host may be while somebody tends; it is looked at every five seconds."""
READY_SECONDS, POLL_SECONDS = 15.0, 0.1
"""How long a service that tends, and starts at the same time, is waited for."""


@dataclass(frozen=True)
class FolderTenure:
    """The folder's lock is all that is needed, and it is not lost while the process lives."""

    database: Database
    is_held: bool = True

    def read(self) -> AbstractContextManager[Transaction]:
        return self.database.read()


@contextmanager
def tenure(database: Database) -> Iterator[Tenure]:
    """The right to tend what is in the database. Raises Permanent with who has it, Transient."""
    if not database.is_shared:
        yield FolderTenure(database)
        return
    from searchplane.store.lease import Lease

    lease = Lease(database.url, f"searchplane on {socket.gethostname()}, process {os.getpid()}")
    try:
        yield lease
    finally:
        lease.close()


def move_in(database: Database, settings: Settings, limits: HostLimits) -> None:
    """This data folder is where the nodes live. Raises Permanent when it is another one."""
    mine = Home(_folder_id(settings.data), f"{settings.data} on {socket.gethostname()}", limits)
    with database.write() as connection:
        home.claim(connection, mine)


def await_home(database: Database, settings: Settings) -> Home:
    """Where the nodes live, once a service that tends clusters has made everything ready.

    Raises Transient when there is none in time, Permanent when its keys are not here.
    """
    deadline = time.monotonic() + READY_SECONDS
    while True:
        found = _home(database, settings)
        missing = _missing(found, settings)
        if found is not None and missing is None:
            return found
        if missing is not None and time.monotonic() >= deadline:
            raise missing
        time.sleep(POLL_SECONDS)


def is_tended(database: Database) -> bool:
    """Whether somebody has looked at the host just now; a clock that is a little off is fine."""
    try:
        with database.read() as connection:
            seen = capacity.latest(connection)
    except SearchplaneError:
        return False
    return seen is not None and abs(datetime.now(UTC) - seen.observed) <= TENDED


def _home(database: Database, settings: Settings) -> Home | None:
    """None while the schema or, where users are ours, the first of them is missing."""
    if not is_current(database):
        return None
    with database.read() as connection:
        if settings.iam_mode is IamMode.LOCAL and Directory(connection).is_empty():
            return None
        return home.find(connection)


def _missing(found: Home | None, settings: Settings) -> SearchplaneError | None:
    if found is None:
        return Transient(
            f"the database is not ready for this version (schema {NEWEST}); a service started "
            "without --api-only makes it so"
        )
    for folder in (settings.key_folder, settings.seals_parent / SEALS):
        if not _has_keys(folder):
            return Permanent(
                f"{folder} has no keys; SEARCHPLANE_KEYS is right as a folder that holds those of "
                f"the service that tends clusters, which runs in {found.place}"
            )
    return None


def _has_keys(folder: Path) -> bool:
    try:
        return any(path.name.isdecimal() for path in folder.iterdir())
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Permanent(f"{folder} cannot be read: {error.strerror}") from error


def _folder_id(data: Path) -> str:
    """What is the same as long as it is the same folder; copies and backups have it too."""
    path = data / FOLDER_ID
    stored = (read_private(path) or b"").decode("ascii", "replace").strip()
    if not stored:
        stored = secrets.token_hex(16)
        write_private(path, f"{stored}\n".encode())
    return stored
