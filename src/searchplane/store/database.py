"""Connections, transactions and the schema's version.

SQLite in WAL mode by default, with full synchronisation: a committed record survives a crash of
the machine. SQLite has one writer at a time, so writers queue on a lock of ours, which is fairer
than its busy handler. On PostgreSQL the lock is not taken.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError, OperationalError

from searchplane.errors import Permanent, Transient

BUSY_TIMEOUT_MS = 10_000

Transaction = Connection
"""What `read` and `write` give, for those who only pass it on."""


class Database:
    """One database; safe to share between threads."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url, pool_size=20, max_overflow=20)
        self._sqlite = self._engine.dialect.name == "sqlite"
        self._writer = threading.Lock()
        if self._sqlite:
            _prepare_sqlite(self._engine)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view; nothing written in it is kept."""
        with _explained(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: committed at the end, rolled back on any exception."""
        with self._writer if self._sqlite else nullcontext(), _explained():
            raw = self._engine.connect()
            with raw.execution_options(searchplane_write=True) as connection, connection.begin():
                yield connection

    def close(self) -> None:
        self._engine.dispose()

    @property
    def engine(self) -> Engine:
        """For migrations only."""
        return self._engine


def private_sqlite(data: Path) -> str:
    """The URL of a data folder's database, which nobody but its owner can read.

    Nodes' users may pass through the data folder, and the database holds keys: it is made here
    with its mode, which SQLite gives to its other files too. A copy that was put back may have
    lost it.
    """
    path = data / "searchplane.db"
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fchmod(file, 0o600)
        os.close(file)
    except OSError as error:
        raise Permanent(f"the database {path} cannot be opened: {error.strerror}") from error
    return f"sqlite:///{path}"


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        # Transactions are begun by the listener below; the module's own are switched off.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its lock at once: a read that becomes a write can fail half-way.
        writes = connection.get_execution_options().get("searchplane_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        cause = str(error.orig)
        hint = "; its disk may be full or failing" if "disk I/O" in cause else ""
        raise Transient(f"the database does not answer: {cause}{hint}") from error
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.DatabaseError) and not isinstance(
            error.orig, sqlite3.IntegrityError
        ):
            raise Permanent(f"the database is damaged: {error.orig}") from error
        raise
