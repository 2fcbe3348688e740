"""A connection of its own for each thread that only reads, on SQLite: for what every request asks.

The pool and the statement layer cost a quarter of a millisecond a time, the reading itself a few
microseconds. So the few statements that are asked again and again are compiled once and go
straight to the database. All of one call see one state.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from searchplane.errors import Transient

BUSY_SECONDS = 10.0

Statement = tuple[str, Sequence[Any]]
"""SQL with question marks, and the values for them."""


Stamp = tuple[int, int, int]


class OwnConnections:
    """Read-only by use; all are closed when the engine is disposed of."""

    def __init__(self, engine: Engine) -> None:
        self._path = str(engine.url.database)
        self._opening = threading.Lock()
        self._opened: list[sqlite3.Connection] = []
        self._mine = threading.local()
        event.listen(engine, "engine_disposed", lambda _engine: self.close())

    def first(self, sql: str) -> tuple[Any, ...] | None:
        """The first row of one statement. Raises Transient when the database does not answer."""
        try:
            row: tuple[Any, ...] | None = self._connection().execute(sql).fetchone()
        except sqlite3.Error as error:
            raise _no_answer(error) from error
        return row

    def all(self, *statements: Statement) -> list[list[tuple[Any, ...]]]:
        """All rows of each statement, as of one moment. Raises Transient as `first`."""
        try:
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                return [connection.execute(sql, values).fetchall() for sql, values in statements]
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise _no_answer(error) from error

    def stamp(self) -> Stamp:
        """Equal to an earlier one of this thread: nothing was committed in between, by anybody.

        Those of two threads never are. Raises Transient as `first`.
        """
        try:
            connection = self._connection()
            (version,) = connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error as error:
            raise _no_answer(error) from error
        return threading.get_ident(), id(connection), version

    def close(self) -> None:
        with self._opening:
            opened, self._opened, self._mine = self._opened, [], threading.local()
        for connection in opened:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._mine, "connection", None)
        if found is not None:
            return found
        connection = sqlite3.connect(
            self._path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,  # `close` is called by another thread
        )
        with self._opening:
            self._opened.append(connection)
            self._mine.connection = connection
        return connection


def _no_answer(error: sqlite3.Error) -> Transient:
    return Transient(f"the database does not answer: {error}")
