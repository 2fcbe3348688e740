"""Rules of users: who sees, makes, changes and deletes them, and what a new password must be.

A new password, a disabled and a deleted user end every token of the user: in the same transaction
the tokens' earliest time is set and the identity version raised. Hashing is done outside of it,
since the database has one writer.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime

from searchplane.domain.access import Actor, Asked
from searchplane.domain.ids import DomainId, UserId
from searchplane.domain.naming import description_violations, name_violations
from searchplane.domain.violation import refuse
from searchplane.errors import Forbidden, Refused
from searchplane.iam.directory import (
    administered,
    checked_id,
    demand,
    found,
    holds_cloud_admin,
    is_cloud_admin,
    new_id,
    reach,
    reach_domain,
)
from searchplane.iam.passwords import hash_password, verify
from searchplane.iam.roles import demand_power_over
from searchplane.store import groups, projects, security_policies, users
from searchplane.store.database import Database, Transaction
from searchplane.store.groups import Group
from searchplane.store.identity import Directory, Reference, bump, end_tokens
from searchplane.store.listing import Listed, Part
from searchplane.store.projects import ProjectRecord
from searchplane.store.users import UserRecord


@dataclass(frozen=True)
class NewUser:
    """Without a password nobody can log in as the user; keys still work."""

    name: str
    domain_id: str | None = None
    password: str | None = field(default=None, repr=False)
    enabled: bool = True
    description: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True)
class UserChange:
    """What is None stays as it is."""

    name: str | None = None
    password: str | None = field(default=None, repr=False)
    enabled: bool | None = None
    description: str | None = None
    email: str | None = None
    phone: str | None = None

    def of(self, user: UserRecord) -> UserRecord:
        fields = ("name", "enabled", "description", "email", "phone")
        given = {name: getattr(self, name) for name in fields}
        return replace(user, **{name: value for name, value in given.items() if value is not None})


def listed(
    database: Database,
    actor: Actor,
    domain_id: str | None,
    *,
    name: str | None,
    enabled: bool | None,
    part: Part,
) -> Listed[UserRecord]:
    """The users of a domain."""
    with database.read() as connection:
        inside = reach_domain(connection, actor, domain_id)
        return users.in_domain(connection, inside, name=name, enabled=enabled, part=part)


def show(database: Database, actor: Actor, user_id: str, asked: Asked) -> UserRecord:
    """A user; oneself without any role."""
    with database.read() as connection:
        return _visible(connection, actor, user_id, "iam:users:getUser", asked)


def groups_of(database: Database, actor: Actor, user_id: str, asked: Asked) -> tuple[Group, ...]:
    """The groups a user is in; one's own without any role."""
    with database.read() as connection:
        user = _visible(connection, actor, user_id, "iam:groups:listGroupsForUser", asked)
        return groups.of_user(connection, user.id)


def projects_of(
    database: Database, actor: Actor, user_id: str, asked: Asked
) -> tuple[ProjectRecord, ...]:
    """The projects a user has a role on; one's own without any role."""
    with database.read() as connection:
        user = _visible(connection, actor, user_id, "iam:projects:listProjectsForUser", asked)
        held = frozenset(one.id for one in Directory(connection).projects_of(user.id))
        return projects.in_domain(connection, None, ids=held).items


def create(database: Database, actor: Actor, wanted: NewUser, now: datetime) -> UserRecord:
    with database.read() as connection:
        domain_id = reach_domain(connection, actor, wanted.domain_id)
        user = _new(wanted, domain_id, now)
        _check(user)
        if wanted.password is not None:
            _check_password(connection, user, wanted.password)
    password_hash = hash_password(wanted.password or secrets.token_urlsafe(32))
    with database.write() as connection:
        reach_domain(connection, actor, wanted.domain_id)
        users.add(connection, user, password_hash)
        bump(connection)
    return user


def change(
    database: Database, actor: Actor, user_id: str, wanted: UserChange, now: datetime
) -> UserRecord:
    """Change a user as their administrator. A password set this way needs no earlier one."""
    password_hash = None
    if wanted.password is not None:
        with database.read() as connection:
            user = wanted.of(_changeable(connection, actor, user_id))
            _check_password(connection, user, wanted.password)
            stored = _stored_hash(connection, user.id)
        password_hash = _new_hash(stored, wanted.password)
    with database.write() as connection:
        before = _changeable(connection, actor, user_id)
        after = wanted.of(before)
        _check(after)
        with administered(connection, before.domain_id):
            users.save(connection, after)
        if password_hash is not None:
            users.set_password(connection, before.id, password_hash, now)
        elif before.enabled and not after.enabled:
            end_tokens(connection, before.id)
        bump(connection)
    return after


def demand_own(actor: Actor, user_id: str) -> None:
    """Refuse a password change that is not the user's own."""
    if user_id != actor.user_id:
        raise Forbidden("IAM.0002", "only the user's own password is changed this way")


def change_own_password(database: Database, actor: Actor, password: str, now: datetime) -> None:
    """The caller has proven the present password, as in a login, with its lockout."""
    with database.read() as connection:
        user = found(users.find(connection, actor.user_id), "user", actor.user_id)
        policy = security_policies.password_policy(connection, user.domain_id)
        if policy.is_too_early(user.password_changed, now):
            least = policy.minimum_password_age
            raise Refused("1118", f"a password is kept {least} minutes at least")
        _check_password(connection, user, password)
        stored = _stored_hash(connection, user.id)
    password_hash = _new_hash(stored, password)
    with database.write() as connection:
        users.set_password(connection, user.id, password_hash, now)
        bump(connection)


def delete(database: Database, actor: Actor, user_id: str) -> None:
    """Delete a user with all roles, memberships and keys."""
    with database.write() as connection:
        user = _changeable(connection, actor, user_id)
        with administered(connection, user.domain_id):
            users.remove(connection, user.id)
        bump(connection)


def _new(wanted: NewUser, domain_id: DomainId, now: datetime) -> UserRecord:
    return UserRecord(
        id=UserId(new_id()),
        domain_id=domain_id,
        name=wanted.name,
        enabled=wanted.enabled,
        created=now,
        description=wanted.description,
        email=wanted.email,
        phone=wanted.phone,
    )


def _visible(
    connection: Transaction, actor: Actor, user_id: str, action: str, asked: Asked
) -> UserRecord:
    user = found(users.find(connection, checked_id("user", user_id)), "user", user_id)
    if user.id != actor.user_id:
        reach(connection, actor, user.domain_id, "user", user_id)
        demand(actor, action, asked)
    return user


def _changeable(connection: Transaction, actor: Actor, user_id: str) -> UserRecord:
    """The user, if the actor may change them; who administers the service is changed by their like.

    Else whoever may set passwords in the first domain could set that one too.
    """
    user = found(users.find(connection, checked_id("user", user_id)), "user", user_id)
    reach(connection, actor, user.domain_id, "user", user_id)
    above = holds_cloud_admin(connection, user.id, user.domain_id)
    if above and not is_cloud_admin(connection, actor):
        raise Forbidden("IAM.0002", "only an administrator of the service may change this user")
    demand_power_over(connection, actor, user.id, user.domain_id)
    return user


def _check(user: UserRecord) -> None:
    refuse(
        [
            *name_violations("user.name", user.name),
            *description_violations("user.description", user.description),
            *description_violations("user.email", user.email),
        ]
    )


def _check_password(connection: Transaction, user: UserRecord, password: str) -> None:
    policy = security_policies.password_policy(connection, user.domain_id)
    refuse(list(policy.broken_by(password, user=user.name)))


def _stored_hash(connection: Transaction, user_id: str) -> str | None:
    user = Directory(connection).find_user(Reference(id=user_id))
    return user.password_hash if user is not None else None


def _new_hash(stored: str | None, password: str) -> str:
    """The hash of a password that is not the present one."""
    if verify(stored, password):
        raise Refused("1108", "the new password is the present one; another is right")
    return hash_password(password)
