"""A connection of its own for each thread, on SQLite: for what every request asks.

The pool and the statement layer cost a quarter of a millisecond a time, the reading itself a few
microseconds. So the few statements that are asked again and again are compiled once and go
straight to the database. All of one call see one state.

What is read or written in the turn of those who write is as of a moment when no writer is at work;
the caller holds the place of this process's writers (database.py: alone).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import ClauseElement, event
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.engine import Engine

from searchplane.errors import Transient

BUSY_SECONDS = 10.0

Statement = tuple[str, Sequence[Any]]
"""SQL with question marks, and the values for them."""


Stamp = tuple[int, int, int]

_SQLITE = dialect()


@dataclass(frozen=True)
class Compiled:
    """A statement for the database itself, the names of its values in their order, and those
    values that are always the same."""

    sql: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]

    @staticmethod
    @cache
    def of(statement: ClauseElement, columns: tuple[str, ...] | None = None) -> Compiled:
        """`columns` are those that an INSERT gives values to. The statement is one of a module's
        own: what was made of it is kept as long as the process lives."""
        compiled = statement.compile(dialect=_SQLITE, column_keys=columns)
        constants = {name: one for name, one in compiled.params.items() if one is not None}
        names = tuple(getattr(compiled, "positiontup", None) or ())
        return Compiled(str(compiled), names, constants)

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        all_given = {**self.constants, **given}
        return [all_given[name] for name in self.names]

    def bound(self, given: Mapping[str, Any]) -> Statement:
        return self.sql, self.values(given)


class OwnConnections:
    """All are closed when the engine is disposed of."""

    def __init__(self, engine: Engine) -> None:
        self._path = str(engine.url.database)
        self._opening = threading.Lock()
        self._opened: list[sqlite3.Connection] = []
        self._mine = threading.local()
        event.listen(engine, "engine_disposed", lambda _engine: self.close())

    def first(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of one statement. Raises Transient when the database does not answer."""
        try:
            row: tuple[Any, ...] | None = self._connection().execute(sql, values).fetchone()
        except sqlite3.Error as error:
            raise _no_answer(error) from error
        return row

    def all(self, *statements: Statement) -> list[list[tuple[Any, ...]]]:
        """All rows of each statement, as of one moment. Raises Transient as `first`."""
        return self._all("BEGIN", statements)

    def all_in_turn(self, *statements: Statement) -> list[list[tuple[Any, ...]]]:
        """As `all`, in the turn of those who write. Raises Transient as `first`."""
        return self._all("BEGIN IMMEDIATE", statements)

    def write(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """One statement with each of the values, in a transaction. Raises Transient as `first`."""
        try:
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany(sql, rows)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise _no_answer(error) from error

    def _all(self, begin: str, statements: Iterable[Statement]) -> list[list[tuple[Any, ...]]]:
        try:
            connection = self._connection()
            connection.execute(begin)
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
        connection.execute("PRAGMA synchronous=FULL")
        with self._opening:
            self._opened.append(connection)
            self._mine.connection = connection
        return connection


def _no_answer(error: sqlite3.Error) -> Transient:
    return Transient(f"the database does not answer: {error}")


def time_of(stored: str | None) -> datetime | None:
    """A time as it is stored, in UTC without saying so."""
    return datetime.fromisoformat(stored).replace(tzinfo=UTC) if stored is not None else None


def stored_time(time: datetime) -> str:
    """As all times are stored here."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
