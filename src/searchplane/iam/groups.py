"""Rules of groups: who sees, makes and changes them, and who is in them.

A group and its members are of one domain. Whoever leaves a group loses what it gave at the next
call, as roles are looked up through it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from searchplane.domain.access import Actor
from searchplane.domain.naming import description_violations, name_violations
from searchplane.domain.violation import refuse
from searchplane.errors import NotFound
from searchplane.iam.directory import (
    administered,
    checked_id,
    found,
    missing,
    new_id,
    reach,
    reach_domain,
)
from searchplane.iam.roles import demand_power_of_group
from searchplane.store import groups, users
from searchplane.store.database import Database, Transaction
from searchplane.store.groups import Group
from searchplane.store.identity import bump
from searchplane.store.listing import Listed, Part
from searchplane.store.users import UserRecord


def listed(
    database: Database, actor: Actor, domain_id: str | None, *, name: str | None, part: Part
) -> Listed[Group]:
    """The groups of a domain."""
    with database.read() as connection:
        inside = reach_domain(connection, actor, domain_id)
        return groups.in_domain(connection, inside, name=name, part=part)


def show(database: Database, actor: Actor, group_id: str) -> Group:
    with database.read() as connection:
        return _permitted(connection, actor, group_id)


def members(database: Database, actor: Actor, group_id: str) -> tuple[UserRecord, ...]:
    with database.read() as connection:
        group = _permitted(connection, actor, group_id)
        return users.in_group(connection, group.id)


def create(
    database: Database,
    actor: Actor,
    *,
    name: str,
    description: str,
    domain_id: str | None,
    now: datetime,
) -> Group:
    with database.write() as connection:
        inside = reach_domain(connection, actor, domain_id)
        group = Group(new_id(), inside, name, description, now)
        _check(group)
        groups.add(connection, group)
        bump(connection)
    return group


def change(
    database: Database, actor: Actor, group_id: str, name: str | None, description: str | None
) -> Group:
    """What is None stays as it is."""
    with database.write() as connection:
        before = _permitted(connection, actor, group_id)
        after = replace(
            before,
            name=before.name if name is None else name,
            description=before.description if description is None else description,
        )
        _check(after)
        groups.save(connection, after)
        bump(connection)
    return after


def delete(database: Database, actor: Actor, group_id: str) -> None:
    with database.write() as connection:
        group = _permitted(connection, actor, group_id)
        with administered(connection, group.domain_id):
            groups.remove(connection, group.id)
        bump(connection)


def check_member(database: Database, actor: Actor, group_id: str, user_id: str) -> None:
    """Raises NotFound when the user is not in the group."""
    with database.read() as connection:
        group, user = _both(connection, actor, group_id, user_id)
        if not groups.has_member(connection, group.id, user.id):
            raise NotFound("IAM.0004", f"the user {user.name!r} is not in the group {group.name!r}")


def add_member(database: Database, actor: Actor, group_id: str, user_id: str) -> None:
    with database.write() as connection:
        group, user = _both(connection, actor, group_id, user_id)
        demand_power_of_group(connection, actor, group.id, group.domain_id)
        groups.add_member(connection, group.id, user.id)
        bump(connection)


def remove_member(database: Database, actor: Actor, group_id: str, user_id: str) -> None:
    """Raises NotFound when the user is not in the group."""
    with database.write() as connection:
        group, user = _both(connection, actor, group_id, user_id)
        if not groups.has_member(connection, group.id, user.id):
            raise NotFound("IAM.0004", f"the user {user.name!r} is not in the group {group.name!r}")
        with administered(connection, group.domain_id):
            groups.remove_member(connection, group.id, user.id)
        bump(connection)


def _permitted(connection: Transaction, actor: Actor, group_id: str) -> Group:
    group = found(groups.find(connection, checked_id("group", group_id)), "group", group_id)
    reach(connection, actor, group.domain_id, "group", group_id)
    return group


def _both(
    connection: Transaction, actor: Actor, group_id: str, user_id: str
) -> tuple[Group, UserRecord]:
    group = _permitted(connection, actor, group_id)
    user = found(users.find(connection, checked_id("user", user_id)), "user", user_id)
    if user.domain_id != group.domain_id:
        raise missing("user", user_id)
    return group, user


def _check(group: Group) -> None:
    refuse(
        [
            *name_violations("group.name", group.name),
            *description_violations("group.description", group.description),
        ]
    )
