"""The columns whose values are sealed, and sealing those anew that are plain or have an old key.

How a text is sealed is not the store's: `Seal` is given to it (iam/sealing.py).
"""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import Column, Connection, and_, select, update

from searchplane.store.database import Database
from searchplane.store.schema import access_keys, secrets


class Seal(Protocol):
    """Makes a text unreadable for who has only the database."""

    @property
    def current(self) -> str:
        """What every text begins with that needs no new seal."""

    def seal(self, plain: str) -> str:
        """What is stored of `plain`."""

    def unseal(self, stored: str) -> str:
        """What was sealed; a text that never was is given back as it is."""


SEALED: tuple[Column[str], ...] = (secrets.c.value, access_keys.c.secret)


def reseal(database: Database, seal: Seal) -> int:
    """Seal what is plain or has an older seal; how many that were.

    Raises Permanent when one of them cannot be read.
    """
    with database.read() as connection:
        if not any(_stale(connection, column, seal) for column in SEALED):
            return 0
    with database.write() as connection:
        return sum(_reseal(connection, column, seal) for column in SEALED)


def check_opens(connection: Connection, seal: Seal) -> None:
    """Raises Permanent when a secret cannot be read with the keys there are."""
    for column in SEALED:
        for stored in connection.execute(select(column)).scalars():
            seal.unseal(stored)


def _stale(connection: Connection, column: Column[str], seal: Seal) -> list[tuple[str, ...]]:
    keys = column.table.primary_key.columns
    old = ~column.startswith(seal.current, autoescape=True)
    return [tuple(row) for row in connection.execute(select(*keys, column).where(old))]


def _reseal(connection: Connection, column: Column[str], seal: Seal) -> int:
    keys = tuple(column.table.primary_key.columns)
    stale = _stale(connection, column, seal)
    for *key, stored in stale:
        same = and_(*(part == value for part, value in zip(keys, key, strict=True)))
        sealed = seal.seal(seal.unseal(stored))
        connection.execute(update(column.table).where(same).values({column.name: sealed}))
    return len(stale)
