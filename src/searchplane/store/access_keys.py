"""Permanent access keys; a key's secret is sealed (sealed.py).

When a key was used changes nothing of what identity stands for: it is written without raising the
identity version.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, select, update

from searchplane.domain.ids import UserId
from searchplane.store import login_attempts
from searchplane.store.identity import bump
from searchplane.store.schema import access_keys, users


@dataclass(frozen=True)
class AccessKey:
    """`access` is the key's public half. `sealed` is the other one, as it is stored."""

    access: str
    user_id: UserId
    sealed: str = field(repr=False)
    active: bool
    description: str
    created: datetime
    last_used: datetime | None = None


_KEYS = select(
    access_keys.c.access,
    access_keys.c.user_id,
    access_keys.c.secret.label("sealed"),
    access_keys.c.active,
    access_keys.c.description,
    access_keys.c.created,
    access_keys.c.last_used,
)
_ONE = _KEYS.where(access_keys.c.access == bindparam("access"))


class KeyBook:
    """The table of keys over one open connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, access: str) -> AccessKey | None:
        row = self._connection.execute(_ONE, {"access": access}).mappings().first()
        return _key(row) if row is not None else None

    def of_user(self, user_id: str) -> tuple[AccessKey, ...]:
        """The user's keys, oldest first."""
        mine = _KEYS.where(access_keys.c.user_id == user_id)
        ordered = mine.order_by(access_keys.c.created, access_keys.c.access)
        return tuple(_key(row) for row in self._connection.execute(ordered).mappings())

    def count(self, user_id: str) -> int:
        """How many keys the user has; nobody else adds one until this transaction ends."""
        self._connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update())
        counted = select(func.count()).where(access_keys.c.user_id == user_id)
        return self._connection.execute(counted).scalar_one()

    def add(self, key: AccessKey) -> None:
        values = {
            "access": key.access,
            "user_id": key.user_id,
            "secret": key.sealed,
            "active": key.active,
            "description": key.description,
            "created": key.created,
        }
        self._connection.execute(insert(access_keys).values(values))
        bump(self._connection)

    def change(self, access: str, *, active: bool, description: str) -> None:
        """A key that is made active again is locked no more."""
        self._set(access, {"active": active, "description": description})
        if active:
            login_attempts.forgive(self._connection, access)
        bump(self._connection)

    def remove(self, access: str) -> None:
        self._connection.execute(delete(access_keys).where(access_keys.c.access == access))
        bump(self._connection)

    def used(self, access: str, at: datetime) -> None:
        self._set(access, {"last_used": at})

    def _set(self, access: str, values: dict[str, object]) -> None:
        one = update(access_keys).where(access_keys.c.access == access)
        self._connection.execute(one.values(values))


def _key(row: RowMapping) -> AccessKey:
    return AccessKey(**row)
