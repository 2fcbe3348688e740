"""PostgreSQL: a server that several control-plane processes share.

Readers see one state (REPEATABLE READ). Writers queue: each takes one advisory lock first and
holds it to its commit. With READ COMMITTED every statement after it sees all that was committed
before, so a check and the change that rests on it are one step, as on SQLite, and there is no
serialisation failure or deadlock that a caller would have to repeat. It also makes ids of events
and audit lines appear in their order, which those who ask for "what came after" count on.

A connection that the server has closed is noticed without asking it: its socket is readable while
nothing is expected. Whoever works on one when it is lost gets Transient, and the next call gets a
new one.
"""

from __future__ import annotations

import select
from typing import Any

from sqlalchemy import Connection, create_engine, event, func
from sqlalchemy import select as select_sql
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    InvalidatePoolError,
    OperationalError,
)
from sqlalchemy.pool import NullPool

from searchplane.errors import Permanent, Refused, SearchplaneError, Transient

LOCK_SPACE = 0x5EA2C4
"""The first half of the advisory locks' keys; other programs on the database have others."""
WRITER, TENDER = 1, 2
POOL_SIZE, POOL_OVERFLOW, POOL_SECONDS = 10, 20, 10
CONNECT_SECONDS = 5
SESSION = {
    "statement_timeout": "15s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "TimeZone": "UTC",
    # The server notices within half a minute that this machine is gone, and lets go of its locks.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
CONNECTING = {
    "connect_timeout": CONNECT_SECONDS,
    "client_encoding": "utf8",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
READ_ONLY, NO_RIGHT = "25006", "42501"
RIGHT_URL = "postgresql://USER:PASSWORD@HOST:5432/NAME is right"


class Postgres:
    """What the store does differently on PostgreSQL."""

    def __init__(self) -> None:
        self._password = ""

    def open(self, url: str) -> Engine:
        parsed = parse(url)
        self._password = str(parsed.password or "")
        engine = create_engine(
            parsed,
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_SECONDS,
            isolation_level="REPEATABLE READ",
            hide_parameters=True,
            connect_args=_connecting(parsed, "searchplane"),
        )
        event.listen(engine, "connect", _configure)
        event.listen(engine, "checkout", _refuse_closed)
        return engine

    def open_session(self, url: str, name: str) -> Engine:
        """For one connection outside the pool that holds a right; the server shows its `name`."""
        parsed = parse(url)
        self._password = str(parsed.password or "")
        engine = create_engine(
            parsed,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            connect_args=_connecting(parsed, name),
        )
        event.listen(engine, "connect", _configure)
        return engine

    def for_writing(self, connection: Connection) -> Connection:
        return connection.execution_options(isolation_level="READ COMMITTED")

    def begin_writing(self, connection: Connection) -> None:
        """Wait for all other writers, in whichever process."""
        connection.execute(select_sql(func.pg_advisory_xact_lock(LOCK_SPACE, WRITER)))

    def explain(self, error: DBAPIError) -> SearchplaneError | None:
        state = getattr(error.orig, "sqlstate", None)
        cause = self._told(error)
        if isinstance(error, OperationalError) or state == READ_ONLY:
            return Transient(f"the database does not answer: {cause}")
        if isinstance(error, DataError):
            return Refused("CSS.0001", f"a value cannot be stored: {cause}")
        if state == NO_RIGHT:
            return Permanent(f"the database's user may not do what is needed: {cause}")
        if state is None and error.statement is None:
            return Permanent(f"the database's URL cannot be used: {cause}; {RIGHT_URL}")
        return None

    def _told(self, error: DBAPIError) -> str:
        """The server's or the driver's own words, as one line, without the password."""
        text = " ".join(str(error.orig).split())
        return text.replace(self._password, "***") if self._password else text


def parse(url: str) -> URL:
    """Raises Permanent without repeating the URL, which may hold a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise Permanent(f"the database's URL cannot be read; {RIGHT_URL}") from None
    return parsed.set(drivername="postgresql+psycopg")


def _connecting(url: URL, name: str) -> dict[str, Any]:
    """Ours, but for what the URL says itself."""
    ours: dict[str, Any] = CONNECTING | {"application_name": name}
    return {key: value for key, value in ours.items() if key not in url.query}


def _configure(connection: Any, _record: object) -> None:
    before, connection.autocommit = connection.autocommit, True
    settings = ", ".join(f"set_config('{name}', %s, false)" for name in SESSION)
    connection.execute(f"SELECT {settings}", list(SESSION.values()))
    connection.autocommit = before


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """A server that restarted has closed them all; the pool opens new ones."""
    if connection.closed or _is_readable(connection.fileno()):
        raise InvalidatePoolError


def _is_readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
