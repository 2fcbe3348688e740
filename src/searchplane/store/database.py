"""Connections and transactions, on SQLite or PostgreSQL.

Both give the same promises: a reader sees one state, and writers come one after another, so that
what a writer has checked holds until it commits. How each database keeps them is told in
sqlite.py and postgres.py. Writers of one process queue on a lock of ours first: it is fairer than
SQLite's busy handler, and those who wait hold no connection.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from searchplane.errors import SearchplaneError, Transient
from searchplane.settings import Settings
from searchplane.store.sqlite import Sqlite, private_sqlite

__all__ = ["Database", "Transaction", "open_database", "private_sqlite"]

WRITER_SECONDS = 30.0
"""How long a writer waits for those before it."""

Transaction = Connection
"""What `read` and `write` give, for those who only pass it on."""


class Backend(Protocol):
    """What differs between the databases."""

    def open(self, url: str) -> Engine:
        """The pool of connections; nothing is connected yet."""

    def for_writing(self, connection: Connection) -> Connection:
        """The connection, its next transaction one that writes."""

    def begin_writing(self, connection: Connection) -> None:
        """The first thing inside a transaction that writes."""

    def explain(self, error: DBAPIError) -> SearchplaneError | None:
        """What the error means to a caller; None when it is a fault of ours."""


class Database:
    """One database; safe to share between threads."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._backend = _backend(url)
        self._engine = self._backend.open(url)
        self._writer = threading.Lock()

    @property
    def is_shared(self) -> bool:
        """Whether processes of other machines may work on it too."""
        return self._engine.dialect.name != "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view; nothing is written in it."""
        with self._explained(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: committed at the end, rolled back on any exception."""
        with self.alone(), self._explained(), self._engine.connect() as raw:
            connection = self._backend.for_writing(raw)
            with connection.begin():
                self._backend.begin_writing(connection)
                yield connection

    def close(self) -> None:
        self._engine.dispose()

    @property
    def engine(self) -> Engine:
        """For migrations only."""
        return self._engine

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The place of this process's writers; for those with a connection of their own."""
        if not self._writer.acquire(timeout=WRITER_SECONDS):
            raise Transient(
                f"the database does not answer: other changes have taken {WRITER_SECONDS:.0f} s"
            )
        try:
            yield
        finally:
            self._writer.release()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except NoConnection as error:
            raise Transient("the database does not answer: all connections are in use") from error
        except DBAPIError as error:
            known = self._backend.explain(error)
            if known is None:
                raise
            raise known from error


def open_database(settings: Settings) -> Database:
    """The database of these settings: the setting's server, or the data folder's file."""
    if settings.database_url is not None:
        return Database(settings.database_url.get_secret_value())
    return Database(private_sqlite(settings.data))


def _backend(url: str) -> Backend:
    if url.startswith("sqlite:"):
        return Sqlite()
    from searchplane.store.postgres import Postgres

    return Postgres()
