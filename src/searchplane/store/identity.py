"""Domains, projects, users, their roles, and revoked tokens.

Statements are built once: looking up who is asking happens on every request.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import (
    Connection,
    Executable,
    RowMapping,
    SelectBase,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    union,
    update,
)

from searchplane.domain.ids import DomainId, ProjectId, UserId
from searchplane.store.schema import (
    agency_roles,
    domains,
    group_members,
    group_roles,
    identity_version,
    projects,
    revocations,
    role_assignments,
    users,
)

MOST_REVOCATIONS = 10_000
"""Tokens of one user that are ended one by one and not yet expired."""


TAG_DIGITS = 12
"""How much of a token's audit id tells it from all others that one user has ended."""


class Target(StrEnum):
    """What a role is given on."""

    PROJECT = "project"
    DOMAIN = "domain"


@dataclass(frozen=True)
class Reference:
    """A domain, project or user as a client names it: by id, or by name in a domain.

    The id wins where both are given.
    """

    id: str | None = None
    name: str | None = None
    domain: Reference | None = None


@dataclass(frozen=True)
class Domain:
    id: DomainId
    name: str
    enabled: bool


@dataclass(frozen=True)
class Project:
    """`number` is small, unique in this service, and never used again."""

    id: ProjectId
    number: int
    name: str
    enabled: bool
    domain: Domain


@dataclass(frozen=True)
class User:
    id: UserId
    name: str
    enabled: bool
    domain: Domain
    password_hash: str = field(repr=False)
    valid_from: datetime | None = None
    """Tokens issued then or before are ended."""


_DOMAIN_COLUMNS = (
    domains.c.id.label("domain_id"),
    domains.c.name.label("domain_name"),
    domains.c.enabled.label("domain_enabled"),
)
_DOMAINS = select(*_DOMAIN_COLUMNS)
_PROJECTS = select(
    projects.c.id, projects.c.number, projects.c.name, projects.c.enabled, *_DOMAIN_COLUMNS
).join_from(projects, domains)
_USERS = select(
    users.c.id,
    users.c.name,
    users.c.enabled,
    users.c.password_hash,
    users.c.valid_from,
    *_DOMAIN_COLUMNS,
).join_from(users, domains)

_DOMAIN_BY_ID = _DOMAINS.where(domains.c.id == bindparam("id"))
_DOMAIN_BY_NAME = _DOMAINS.where(domains.c.name == bindparam("name"))
_IN_DOMAIN = or_(
    domains.c.id == bindparam("in_domain_id"), domains.c.name == bindparam("in_domain_name")
)
_PROJECT_BY_ID = _PROJECTS.where(projects.c.id == bindparam("id"))
_PROJECT_BY_NAME = _PROJECTS.where(projects.c.name == bindparam("name"), _IN_DOMAIN)
USER_BY_ID = _USERS.where(users.c.id == bindparam("id"))
USER_BY_NAME = _USERS.where(users.c.name == bindparam("name"), _IN_DOMAIN)

_ROLES = (
    select(role_assignments.c.role)
    .where(
        role_assignments.c.user_id == bindparam("user_id"),
        role_assignments.c.target == bindparam("target"),
        role_assignments.c.target_id == bindparam("target_id"),
    )
    .order_by(role_assignments.c.role)
)
_REVOKED = select(literal(1)).where(
    or_(revocations.c.audit_id == bindparam("own"), revocations.c.audit_id == bindparam("first"))
)
_REVOKED_BETWEEN = select(literal(1)).where(
    revocations.c.user_id == bindparam("user_id"),
    func.substr(revocations.c.audit_id, 1, TAG_DIGITS).in_(bindparam("tags", expanding=True)),
)
_BUMP = update(identity_version).values(version=identity_version.c.version + 1)


def bump(connection: Connection) -> None:
    """Make every process look again at whatever it remembers of identity.

    Part of every transaction that changes an identity table: users, groups, memberships, roles,
    policies, projects, domains, keys, agencies, revocations. Once or often is the same.
    """
    connection.execute(_BUMP)


def end_tokens(connection: Connection, user_id: str) -> None:
    """End every token of the user that was issued until this moment, and no later one.

    Part of a transaction that writes, and the moment is taken here: transactions that write come
    one after another, and a token is issued inside one too. The time at which the request came
    in would be too early: a login that is checked against the old password meanwhile would
    survive.
    """
    now = datetime.now(UTC)
    connection.execute(update(users).where(users.c.id == user_id).values(valid_from=now))
    bump(connection)


class Directory:
    """The identity tables over one open connection; the caller decides what is one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find_domain(self, reference: Reference) -> Domain | None:
        row = _first(self._connection, _DOMAIN_BY_ID, _DOMAIN_BY_NAME, reference)
        return _domain(row) if row is not None else None

    def find_project(self, reference: Reference) -> Project | None:
        """By id, or by name in `reference.domain`."""
        row = _first(self._connection, _PROJECT_BY_ID, _PROJECT_BY_NAME, reference)
        return _project(row) if row is not None else None

    def find_user(self, reference: Reference) -> User | None:
        """By id, or by name in `reference.domain`."""
        row = _first(self._connection, USER_BY_ID, USER_BY_NAME, reference)
        return _user(row) if row is not None else None

    def roles_on(self, user_id: UserId, target: Target, target_id: str) -> tuple[str, ...]:
        """The user's roles on one project or domain, sorted by name."""
        found = {"user_id": user_id, "target": target.value, "target_id": target_id}
        return tuple(self._connection.execute(_ROLES, found).scalars())

    def projects_of(self, user_id: UserId) -> tuple[Project, ...]:
        """The projects the user has a role on, sorted by name."""
        held = _held(user_id, Target.PROJECT)
        statement = _PROJECTS.where(projects.c.id.in_(held)).order_by(
            projects.c.name, projects.c.id
        )
        return tuple(_project(row) for row in self._connection.execute(statement).mappings())

    def domains_of(self, user_id: UserId) -> tuple[Domain, ...]:
        """The domains the user has a role on, sorted by name."""
        held = _held(user_id, Target.DOMAIN)
        statement = _DOMAINS.where(domains.c.id.in_(held)).order_by(domains.c.name)
        return tuple(_domain(row) for row in self._connection.execute(statement).mappings())

    def is_revoked(self, audit_id: str, chain_id: str | None = None) -> bool:
        """Whether the token was ended, or the one that its chain of re-scoping began with."""
        both = {"own": audit_id, "first": chain_id or audit_id}
        return self._connection.execute(_REVOKED, both).first() is not None

    def is_revoked_between(self, user_id: UserId, tags: Collection[str]) -> bool:
        """Whether the user ended one of the tokens whose audit ids begin so."""
        if not tags:
            return False
        given = {"user_id": user_id, "tags": list(tags)}
        return self._connection.execute(_REVOKED_BETWEEN, given).first() is not None

    def revoke(self, audit_id: str, user_id: UserId, expires: datetime, now: datetime) -> None:
        """Remember the user's token as ended until it expires, and forget those that have.

        A user's list has an end: with one more than that, all tokens of the user end instead.
        """
        self._connection.execute(delete(revocations).where(revocations.c.expires <= now))
        values = {"audit_id": audit_id, "user_id": user_id, "expires": expires}
        self._connection.execute(insert(revocations).values(values))
        own = revocations.c.user_id == user_id
        count = self._connection.execute(select(func.count()).where(own)).scalar_one()
        if count > MOST_REVOCATIONS:
            self._connection.execute(delete(revocations).where(own))
            end_tokens(self._connection, user_id)
        bump(self._connection)

    def is_empty(self) -> bool:
        """Whether there is no domain yet: the service has never been started on this database."""
        return not self._connection.execute(select(exists(select(domains.c.id)))).scalar_one()

    def add_domain(self, domain: Domain, now: datetime) -> None:
        values = {"id": domain.id, "name": domain.name, "enabled": domain.enabled, "created": now}
        self._connection.execute(insert(domains).values(values))
        bump(self._connection)

    def add_project(
        self, project_id: ProjectId, name: str, domain_id: DomainId, now: datetime
    ) -> None:
        """An enabled project; the database gives it its number."""
        values = {"id": project_id, "name": name, "domain_id": domain_id, "enabled": True}
        self._connection.execute(insert(projects).values(values | {"created": now}))
        bump(self._connection)

    def add_user(self, user: User, now: datetime) -> None:
        values = {
            "id": user.id,
            "name": user.name,
            "domain_id": user.domain.id,
            "password_hash": user.password_hash,
            "enabled": user.enabled,
            "created": now,
        }
        self._connection.execute(insert(users).values(values))
        bump(self._connection)

    def add_roles(
        self, user_id: UserId, target: Target, target_id: str, roles: tuple[str, ...]
    ) -> None:
        row = {"user_id": user_id, "target": target.value, "target_id": target_id}
        self._connection.execute(insert(role_assignments), [row | {"role": role} for role in roles])
        bump(self._connection)


def _first(
    connection: Connection,
    by_id: Executable,
    by_name: Executable,
    reference: Reference,
) -> RowMapping | None:
    statement = by_id if reference.id is not None else by_name
    return connection.execute(statement, names_in(reference)).mappings().first()


def names_in(reference: Reference) -> dict[str, str | None]:
    """The values of a statement that finds what the reference names."""
    if reference.id is not None:
        return {"id": reference.id}
    inside = reference.domain or Reference()
    return {
        "name": reference.name,
        "in_domain_id": inside.id,
        "in_domain_name": inside.name if inside.id is None else None,
    }


def _held(holder: UserId, target: Target) -> SelectBase:
    """The ids of what a user, or an agency, has a role on, directly or through groups."""
    joined = select(group_members.c.group_id).where(group_members.c.user_id == holder)
    grants = (
        (role_assignments, role_assignments.c.user_id == holder),
        (group_roles, group_roles.c.group_id.in_(joined)),
        (agency_roles, agency_roles.c.agency_id == holder),
    )
    found = [
        select(table.c.target_id).where(theirs, table.c.target == target.value)
        for table, theirs in grants
    ]
    if target is Target.PROJECT:
        found += [
            select(projects.c.id)
            .join(table, table.c.target_id == projects.c.domain_id)
            .where(theirs, table.c.target == "inherited")
            for table, theirs in grants[1:]
        ]
    return union(*found)


def _domain(row: RowMapping) -> Domain:
    return Domain(id=row["domain_id"], name=row["domain_name"], enabled=row["domain_enabled"])


def _project(row: RowMapping) -> Project:
    return Project(
        id=row["id"],
        number=row["number"],
        name=row["name"],
        enabled=row["enabled"],
        domain=_domain(row),
    )


def _user(row: RowMapping) -> User:
    return User(
        id=row["id"],
        name=row["name"],
        enabled=row["enabled"],
        domain=_domain(row),
        password_hash=row["password_hash"],
        valid_from=row["valid_from"],
    )
