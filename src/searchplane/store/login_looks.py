"""What a login asks the database, as cheaply as there is: who it is, and whether they are heard.

On SQLite both questions go straight to the file (own_connections.py), as they are asked with every
login. The second one is asked in the turn of those who write: whatever ends a user's tokens comes
before it as a whole or after it. On PostgreSQL it is not answered here; the login is settled in a
transaction that writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from searchplane.domain.ids import DomainId, UserId
from searchplane.domain.lockout import Attempts, Standing
from searchplane.store import identity_version
from searchplane.store.database import Database
from searchplane.store.identity import (
    USER_BY_ID,
    USER_BY_NAME,
    Directory,
    Domain,
    Reference,
    User,
    names_in,
)
from searchplane.store.login_attempts import EVERYWHERE, STANDING
from searchplane.store.own_connections import Compiled, OwnConnections, time_of


class LoginLooks:
    """Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._own = None if database.is_shared else OwnConnections(database.engine)
        self._by_id = Compiled.of(USER_BY_ID)
        self._by_name = Compiled.of(USER_BY_NAME)
        self._standing = Compiled.of(STANDING)

    def user(self, who: Reference) -> User | None:
        """Raises Transient when the database does not answer, as all here."""
        if self._own is None:
            with self._database.read() as transaction:
                return Directory(transaction).find_user(who)
        statement = self._by_id if who.id is not None else self._by_name
        row = self._own.first(*statement.bound(names_in(who)))
        return _user(row) if row is not None else None

    def standing_in_turn(self, account: str, source: str) -> tuple[int, Standing] | None:
        """The number of identity and the account's attempts, when no writer is at work.

        None where that can only be told in a transaction that writes.
        """
        if self._own is None:
            return None
        asked = self._standing.bound({"account": account, "source": source})
        with self._database.alone():
            versions, rows = self._own.all_in_turn((identity_version.STATEMENT, ()), asked)
        found = {row[0]: _attempts(row) for row in rows}
        here, everywhere = found.get(source), found.get(EVERYWHERE)
        version = identity_version.number(versions[0] if versions else None)
        return version, Standing(here or Attempts(), everywhere or Attempts())


def _user(row: Sequence[Any]) -> User:
    user_id, name, enabled, password_hash, valid_from, domain_id, domain_name, is_open = row
    domain = Domain(DomainId(domain_id), domain_name, bool(is_open))
    return User(UserId(user_id), name, bool(enabled), domain, password_hash, time_of(valid_from))


def _attempts(row: Sequence[Any]) -> Attempts:
    _source, failures, *times = row
    return Attempts(failures, *map(time_of, times))
