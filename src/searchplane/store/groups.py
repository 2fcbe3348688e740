"""Groups of users of one domain, and who is in them. Callers call `bump`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from searchplane.domain.ids import DomainId
from searchplane.errors import Refused
from searchplane.store.listing import WHOLE, Listed, Part, listed
from searchplane.store.schema import group_members, groups


@dataclass(frozen=True)
class Group:
    id: str
    domain_id: DomainId
    name: str
    description: str
    created: datetime


_GROUPS = select(
    groups.c.id, groups.c.domain_id, groups.c.name, groups.c.description, groups.c.created
)


def find(connection: Connection, group_id: str) -> Group | None:
    row = connection.execute(_GROUPS.where(groups.c.id == group_id)).mappings().first()
    return _group(row) if row is not None else None


def in_domain(
    connection: Connection,
    domain_id: str | None,
    *,
    name: str | None = None,
    part: Part = WHOLE,
) -> Listed[Group]:
    """The groups of a domain, or of all domains, that fit every filter."""
    wanted = _GROUPS
    if domain_id is not None:
        wanted = wanted.where(groups.c.domain_id == domain_id)
    if name is not None:
        wanted = wanted.where(groups.c.name == name)
    return listed(connection, wanted, groups, part, _group)


def of_user(connection: Connection, user_id: str) -> tuple[Group, ...]:
    joined = select(group_members.c.group_id).where(group_members.c.user_id == user_id)
    return listed(connection, _GROUPS.where(groups.c.id.in_(joined)), groups, WHOLE, _group).items


def add(connection: Connection, group: Group) -> None:
    """Raises Refused IAM.0005 when the domain has a group of this name."""
    values = {
        "id": group.id,
        "domain_id": group.domain_id,
        "name": group.name,
        "description": group.description,
        "created": group.created,
    }
    try:
        connection.execute(insert(groups).values(values))
    except IntegrityError:
        raise _taken(group.name) from None


def save(connection: Connection, group: Group) -> None:
    """Store name and description. Raises Refused IAM.0005 when the name is taken."""
    values = {"name": group.name, "description": group.description}
    try:
        connection.execute(update(groups).where(groups.c.id == group.id).values(values))
    except IntegrityError:
        raise _taken(group.name) from None


def remove(connection: Connection, group_id: str) -> None:
    """The group; its members lose the roles they had through it."""
    connection.execute(delete(groups).where(groups.c.id == group_id))


def has_member(connection: Connection, group_id: str, user_id: str) -> bool:
    found = select(group_members.c.user_id).filter_by(group_id=group_id, user_id=user_id)
    return connection.execute(found).first() is not None


def add_member(connection: Connection, group_id: str, user_id: str) -> None:
    """Nothing happens when the user is in the group already."""
    if not has_member(connection, group_id, user_id):
        connection.execute(insert(group_members).values(group_id=group_id, user_id=user_id))


def remove_member(connection: Connection, group_id: str, user_id: str) -> None:
    connection.execute(delete(group_members).filter_by(group_id=group_id, user_id=user_id))


def _taken(name: str) -> Refused:
    return Refused("IAM.0005", f"group.name is {name!r}: another group of the domain has it")


def _group(row: RowMapping) -> Group:
    return Group(**row)
