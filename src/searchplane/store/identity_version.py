"""The number that grows with every change of an identity table, read as cheaply as there is.

What a token stands for is looked up once and remembered (iam/remembered.py); before it is used
again this number is read, so that a change by any process is seen at the next call. It is read on
every request, hence not through a session of the usual kind: on SQLite each thread has a
connection of its own and no transaction is begun, which costs 15 microseconds instead of 250.

A change and its `bump` (store/identity.py) are one transaction. Whoever remembers something reads
the number first and looks second: a change in between is then seen as one that came after.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError

from searchplane.errors import Permanent, Transient
from searchplane.store.database import Database

_STATEMENT = "SELECT version FROM identity_version"
_BUSY_SECONDS = 10.0

ReadVersion = Callable[[], int]


def version_reader(database: Database) -> ReadVersion:
    """A function that reads the number; safe to call from any thread until the database closes.

    It raises Transient when the database does not answer.
    """
    engine = database.engine
    if engine.dialect.name != "sqlite":
        return _through_the_pool(engine)
    own = _OwnConnections(str(engine.url.database))
    event.listen(engine, "engine_disposed", lambda _engine: own.close())
    return own.version


def _through_the_pool(engine: Engine) -> ReadVersion:
    one_statement = engine.execution_options(isolation_level="AUTOCOMMIT")

    def version() -> int:
        try:
            with one_statement.connect() as connection:
                row = connection.exec_driver_sql(_STATEMENT).first()
        except DatabaseError as error:
            raise Transient(f"the database does not answer: {error.orig}") from error
        return _number(row)

    return version


class _OwnConnections:
    """A connection to one SQLite file for each thread that asks."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._opening = threading.Lock()
        self._opened: list[sqlite3.Connection] = []
        self._mine = threading.local()

    def version(self) -> int:
        try:
            connection: sqlite3.Connection = self._mine.connection
        except AttributeError:
            connection = self._open()
        try:
            return _number(connection.execute(_STATEMENT).fetchone())
        except sqlite3.Error as error:
            raise Transient(f"the database does not answer: {error}") from error

    def close(self) -> None:
        with self._opening:
            opened, self._opened, self._mine = self._opened, [], threading.local()
        for connection in opened:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self._path,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,  # `close` is called by another thread
            )
        except sqlite3.Error as error:
            raise Transient(f"the database does not answer: {error}") from error
        with self._opening:
            self._opened.append(connection)
            self._mine.connection = connection
        return connection


def _number(row: Sequence[Any] | None) -> int:
    if row is None:
        raise Permanent("the database's identity_version has no row; restore it from a backup")
    return int(row[0])
