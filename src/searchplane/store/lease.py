"""The right to tend the clusters of a PostgreSQL database, which one process has at a time.

It is an advisory lock of a session of its own: it ends with the session, and so with the process,
however that ends. A session can also be lost while the process lives, when the server restarts or
the network fails. Then somebody else may have the right; so what the holder reads to find out
what is wanted, it reads over this session, and a reading that fails means that nothing is begun
until the lock is held again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError

from searchplane.errors import Permanent
from searchplane.store.postgres import LOCK_SPACE, TENDER, Postgres

PATIENCE_SECONDS, POLL_SECONDS = 1.0, 0.02
"""How long a process that is just ending is waited for."""
NAME_LENGTH = 63
"""The most the server keeps of a session's name, in bytes."""
_HOLDER = text(
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.classid = :space AND l.objid = :key "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class TendedByAnother(Permanent):
    """Another process has the right; the message names it."""


class Lease:
    """Held from construction until `close`, but for losses; safe to share between threads."""

    def __init__(self, url: str, name: str) -> None:
        """`name` is what others are told. Raises TendedByAnother, or Transient when the database
        does not answer."""
        self._server = Postgres()
        self._engine = self._server.open_session(url, _short(name))
        self._turn = threading.Lock()
        self._session: Connection | None = None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._came_free(deadline):
            time.sleep(POLL_SECONDS)

    @property
    def is_held(self) -> bool:
        return self._session is not None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """The session with the lock, taken again if it was lost; each statement is for itself.

        Raises TendedByAnother, or Transient when it cannot be known who has the right.
        """
        with self._turn:
            try:
                self._session = self._session or self._taken()
                yield self._session
            except DBAPIError as error:
                self._drop()
                known = self._server.explain(error)
                if known is None:
                    raise
                raise known from error

    def close(self) -> None:
        with self._turn:
            self._drop()
        self._engine.dispose()

    def _came_free(self, deadline: float) -> bool:
        try:
            with self.read():
                return True
        except TendedByAnother:
            if time.monotonic() >= deadline:
                self._engine.dispose()
                raise
        return False

    def _taken(self) -> Connection:
        session = self._engine.connect()
        lock = select(func.pg_try_advisory_lock(LOCK_SPACE, TENDER))
        if session.execute(lock).scalar_one():
            return session
        holder = session.execute(_HOLDER, {"space": LOCK_SPACE, "key": TENDER}).scalar()
        session.close()
        raise TendedByAnother(
            f"the clusters of this database are tended already, by {holder or 'another process'}; "
            "one service that tends is right, and serve --api-only for all others"
        )

    def _drop(self) -> None:
        if self._session is not None:
            self._session.invalidate()
            self._session.close()
            self._session = None


def _short(name: str) -> str:
    return name.encode("ascii", "replace")[:NAME_LENGTH].decode("ascii")
