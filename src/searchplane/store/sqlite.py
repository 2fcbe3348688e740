"""SQLite: a file in the data folder.

WAL mode with full synchronisation: a committed record survives a crash of the machine, and
several processes of one machine may work on the file. It has one writer at a time; a writer takes
that place at once, since a read that becomes a write can fail half-way.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from searchplane.errors import Permanent, SearchplaneError, Transient

FILE = "searchplane.db"
"""The database's name in a data folder."""

BUSY_TIMEOUT_MS = 10_000
WRITES = "searchplane_write"
"""The execution option of a connection whose next transaction writes."""


class Sqlite:
    """What the store does differently on SQLite."""

    def open(self, url: str) -> Engine:
        engine = create_engine(url, pool_size=20, max_overflow=20, hide_parameters=True)
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
        return engine

    def for_writing(self, connection: Connection) -> Connection:
        return connection.execution_options(**{WRITES: True})

    def begin_writing(self, connection: Connection) -> None:
        """Nothing: BEGIN IMMEDIATE has waited for all other writers."""

    def explain(self, error: DBAPIError) -> SearchplaneError | None:
        if isinstance(error, OperationalError):
            cause = str(error.orig)
            hint = "; its disk may be full or failing" if "disk I/O" in cause else ""
            return Transient(f"the database does not answer: {cause}{hint}")
        if isinstance(error.orig, sqlite3.DatabaseError) and not isinstance(
            error.orig, sqlite3.IntegrityError
        ):
            return Permanent(f"the database is damaged: {error.orig}")
        return None


def private_sqlite(data: Path) -> str:
    """The URL of a data folder's database, which nobody but its owner can read.

    Nodes' users may pass through the data folder, and the database holds keys: it is made here
    with its mode, which SQLite gives to its other files too. A copy that was put back may have
    lost it.
    """
    path = data / FILE
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fchmod(file, 0o600)
        os.close(file)
    except OSError as error:
        raise Permanent(f"the database {path} cannot be opened: {error.strerror}") from error
    return f"sqlite:///{path}"


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    # Transactions are begun by the listener below; the module's own are switched off.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
