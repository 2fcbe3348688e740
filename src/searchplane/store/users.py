"""Users as they are administered: found, listed, made, changed, deleted.

What every request needs of a user is in identity.py. Whoever changes something here calls `bump`
in the same transaction; the functions leave that to the rule that calls them, as one rule may
change several things.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from searchplane.domain.ids import DomainId, UserId
from searchplane.errors import Refused
from searchplane.store.identity import end_tokens
from searchplane.store.listing import WHOLE, Listed, Part, listed
from searchplane.store.schema import group_members, group_roles, role_assignments, users

ADMINISTRATOR = "secu_admin"
"""Whoever has it on a domain can give anybody any role there."""


@dataclass(frozen=True)
class UserRecord:
    """A user without what proves who they are. `phone` is the area code, a dash and the number."""

    id: UserId
    domain_id: DomainId
    name: str
    enabled: bool
    created: datetime
    description: str = ""
    email: str = ""
    phone: str = ""
    password_changed: datetime | None = None


_COLUMNS = (
    users.c.id,
    users.c.domain_id,
    users.c.name,
    users.c.enabled,
    users.c.created,
    users.c.description,
    users.c.email,
    users.c.phone,
    users.c.password_changed,
)
_USERS = select(*_COLUMNS)


def find(connection: Connection, user_id: str) -> UserRecord | None:
    row = connection.execute(_USERS.where(users.c.id == user_id)).mappings().first()
    return _user(row) if row is not None else None


def in_domain(
    connection: Connection,
    domain_id: str | None,
    *,
    name: str | None = None,
    enabled: bool | None = None,
    part: Part = WHOLE,
) -> Listed[UserRecord]:
    """The users of a domain, or of all domains, that fit every filter."""
    wanted = _USERS
    for column, value in (
        (users.c.domain_id, domain_id),
        (users.c.name, name),
        (users.c.enabled, enabled),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    return listed(connection, wanted, users, part, _user)


def in_group(connection: Connection, group_id: str) -> tuple[UserRecord, ...]:
    members = select(group_members.c.user_id).where(group_members.c.group_id == group_id)
    return listed(connection, _USERS.where(users.c.id.in_(members)), users, WHOLE, _user).items


def add(connection: Connection, user: UserRecord, password_hash: str) -> None:
    """Raises Refused IAM.0005 when the domain has a user of this name."""
    values = _values(user) | {
        "id": user.id,
        "domain_id": user.domain_id,
        "created": user.created,
        "password_hash": password_hash,
        "password_changed": user.created,
    }
    try:
        connection.execute(insert(users).values(values))
    except IntegrityError:
        raise _taken(user.name) from None


def save(connection: Connection, user: UserRecord) -> None:
    """Store what can be changed of a user. Raises Refused IAM.0005 when the name is taken."""
    try:
        connection.execute(update(users).where(users.c.id == user.id).values(_values(user)))
    except IntegrityError:
        raise _taken(user.name) from None


def set_password(connection: Connection, user_id: str, password_hash: str, now: datetime) -> None:
    """A new password; every token issued until this moment ends."""
    values = {"password_hash": password_hash, "password_changed": now}
    connection.execute(update(users).where(users.c.id == user_id).values(values))
    end_tokens(connection, user_id)


def remove(connection: Connection, user_id: str) -> None:
    """The user with all their roles, memberships and keys, which go with the row."""
    connection.execute(delete(users).where(users.c.id == user_id))


def is_administered(connection: Connection, domain_id: str) -> bool:
    """Whether an enabled user can administer the domain, by a role of their own or a group's."""
    on_domain = {"target": "domain", "target_id": domain_id, "role": ADMINISTRATOR}
    own = select(role_assignments.c.user_id).filter_by(**on_domain)
    by_group = (
        select(group_members.c.user_id)
        .join(group_roles, group_roles.c.group_id == group_members.c.group_id)
        .where(*(group_roles.c[name] == value for name, value in on_domain.items()))
    )
    able = exists().where(users.c.enabled.is_(True), users.c.id.in_(own) | users.c.id.in_(by_group))
    return bool(connection.execute(select(able)).scalar_one())


def _values(user: UserRecord) -> dict[str, Any]:
    return {
        "name": user.name,
        "enabled": user.enabled,
        "description": user.description,
        "email": user.email,
        "phone": user.phone,
    }


def _taken(name: str) -> Refused:
    return Refused("IAM.0005", f"user.name is {name!r}: another user of the domain has it")


def _user(row: RowMapping) -> UserRecord:
    return UserRecord(**row)
