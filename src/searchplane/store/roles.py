"""What is granted to whom: roles held by users and groups, and custom policies.

A user holds on a project what they were given there, what their groups were given there, and what
their groups were given on all projects of its domain (`inherited`). Every write raises the
identity version, so that it counts at the next request of every process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Row,
    Table,
    and_,
    bindparam,
    delete,
    insert,
    literal,
    or_,
    select,
    union,
    update,
)
from sqlalchemy.exc import IntegrityError

from searchplane.domain.ids import DomainId
from searchplane.domain.policy_documents import stored_document, write_document
from searchplane.domain.roles import SYSTEM_ROLES, Role, RoleType
from searchplane.errors import Refused
from searchplane.store.identity import bump
from searchplane.store.schema import (
    agencies,
    agency_roles,
    custom_policies,
    group_members,
    group_roles,
    groups,
    projects,
    role_assignments,
    users,
)

CUSTOM = "CUSTOMED"
"""The public cloud's catalog of custom policies."""


class Holder(StrEnum):
    """Who a role is granted to."""

    USER = "user"
    GROUP = "group"
    AGENCY = "agency"


class Reach(StrEnum):
    """What a role is granted on; `inherited`: every project of a domain, and not the domain."""

    PROJECT = "project"
    DOMAIN = "domain"
    INHERITED = "inherited"


@dataclass(frozen=True)
class Grant:
    """One role, granted to one holder on one thing."""

    holder: Holder
    holder_id: str
    reach: Reach
    reach_id: str
    role: str


_TABLES: dict[Holder, tuple[Table, str]] = {
    Holder.USER: (role_assignments, "user_id"),
    Holder.GROUP: (group_roles, "group_id"),
    Holder.AGENCY: (agency_roles, "agency_id"),
}

_OWNER = (
    select(projects.c.domain_id).where(projects.c.id == bindparam("target_id")).scalar_subquery()
)


def _reaches(table: Table) -> ColumnElement[bool]:
    """Granted on the target, or on all projects of the domain that the target lies in."""
    on_it = and_(table.c.target == bindparam("target"), table.c.target_id == bindparam("target_id"))
    inherited = and_(
        bindparam("target") == Reach.PROJECT.value,
        table.c.target == Reach.INHERITED.value,
        table.c.target_id == _OWNER,
    )
    return or_(on_it, inherited)


_HELD = union(
    select(role_assignments.c.role).where(
        role_assignments.c.user_id == bindparam("holder_id"), _reaches(role_assignments)
    ),
    select(group_roles.c.role)
    .join_from(group_roles, group_members, group_members.c.group_id == group_roles.c.group_id)
    .where(group_members.c.user_id == bindparam("holder_id"), _reaches(group_roles)),
)
_HELD_BY_AGENCY = select(agency_roles.c.role).where(
    agency_roles.c.agency_id == bindparam("holder_id"), _reaches(agency_roles)
)


class RoleBook:
    """The tables of grants and policies over one open connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def held(self, user_id: str, target: str, target_id: str) -> tuple[Role, ...]:
        """All roles the user has on a project or domain, directly or not, sorted by name."""
        return self._roles(_HELD, user_id, target, target_id)

    def held_by_agency(self, agency_id: str, target: str, target_id: str) -> tuple[Role, ...]:
        """All roles the agency has on a project or domain, sorted by name."""
        return self._roles(_HELD_BY_AGENCY, agency_id, target, target_id)

    def find(self, role_id: str, domain_id: DomainId) -> Role | None:
        """A system role, or a custom policy of the domain."""
        if role_id in SYSTEM_ROLES:
            return SYSTEM_ROLES[role_id]
        found = self._custom(
            custom_policies.c.id == role_id, custom_policies.c.domain_id == domain_id
        )
        return found[0] if found else None

    def find_custom(self, role_id: str) -> Role | None:
        """A custom policy, of whichever domain."""
        found = self._custom(custom_policies.c.id == role_id)
        return found[0] if found else None

    def list(self, domain_id: DomainId) -> tuple[Role, ...]:
        """The system roles and the custom policies of the domain."""
        return (*SYSTEM_ROLES.values(), *self.list_custom(domain_id))

    def list_custom(self, domain_id: DomainId) -> tuple[Role, ...]:
        return self._custom(custom_policies.c.domain_id == domain_id)

    def add_custom(self, role: Role, now: datetime) -> None:
        """Raises Refused IAM.0005 when the domain has one of that display name."""
        values = _values(role) | {"id": role.id, "name": role.name, "domain_id": role.domain_id}
        statement = insert(custom_policies).values(values | {"created": now, "updated": now})
        try:
            self._connection.execute(statement)
        except IntegrityError:
            raise _taken(role.display_name) from None
        bump(self._connection)

    def change_custom(self, role: Role, now: datetime) -> None:
        """Everything but its id and owner. Raises Refused IAM.0005 as `add_custom`."""
        statement = update(custom_policies).where(custom_policies.c.id == role.id)
        try:
            self._connection.execute(statement.values(_values(role) | {"updated": now}))
        except IntegrityError:
            raise _taken(role.display_name) from None
        bump(self._connection)

    def remove_custom(self, role_id: str) -> None:
        """The policy and every grant of it: an id that came back must not be held by anybody."""
        for table, _ in _TABLES.values():
            self._connection.execute(delete(table).where(table.c.role == role_id))
        self._connection.execute(delete(custom_policies).where(custom_policies.c.id == role_id))
        bump(self._connection)

    def grant(self, grant: Grant) -> None:
        """Nothing changes when it is granted already."""
        if self.has(grant):
            return
        table, _ = _TABLES[grant.holder]
        self._connection.execute(insert(table).values(_row(grant)))
        bump(self._connection)

    def revoke(self, grant: Grant) -> bool:
        """Whether it was granted."""
        table, _ = _TABLES[grant.holder]
        done = self._connection.execute(delete(table).where(*_same(table, grant)))
        bump(self._connection)
        return done.rowcount > 0

    def has(self, grant: Grant) -> bool:
        """Whether exactly this was granted, not whether it follows from something else."""
        table, _ = _TABLES[grant.holder]
        found = self._connection.execute(select(literal(1)).where(*_same(table, grant)))
        return found.first() is not None

    def granted(self, like: Grant) -> Sequence[str]:
        """The ids of the roles granted to the holder on the thing that `like` names."""
        table, _ = _TABLES[like.holder]
        same = {name: value for name, value in _row(like).items() if name != "role"}
        statement = select(table.c.role).filter_by(**same).order_by(table.c.role)
        return self._connection.execute(statement).scalars().all()

    def grants_in(self, domain_id: DomainId) -> tuple[Grant, ...]:
        """Every grant to the domain's users, groups and agencies on what is the domain's."""
        owners = {Holder.USER: users, Holder.GROUP: groups, Holder.AGENCY: agencies}
        inside = select(projects.c.id).where(projects.c.domain_id == domain_id)
        found: list[Grant] = []
        for holder, (table, column) in _TABLES.items():
            owner = owners[holder]
            statement = (
                select(table.c[column], table.c.target, table.c.target_id, table.c.role)
                .join_from(table, owner, owner.c.id == table.c[column])
                .where(owner.c.domain_id == domain_id)
                .where(or_(table.c.target_id == domain_id, table.c.target_id.in_(inside)))
            )
            for holder_id, reach, reach_id, role in self._connection.execute(statement):
                found.append(Grant(holder, holder_id, Reach(reach), reach_id, role))
        return tuple(found)

    def _roles(self, statement: Executable, holder: str, target: str, on: str) -> tuple[Role, ...]:
        found = {"holder_id": holder, "target": str(target), "target_id": on}
        ids = list(self._connection.execute(statement, found).scalars())
        roles = [SYSTEM_ROLES[one] for one in ids if one in SYSTEM_ROLES]
        custom = [one for one in ids if one not in SYSTEM_ROLES]
        if custom:
            roles += self._custom(custom_policies.c.id.in_(custom))
        return tuple(sorted(roles, key=lambda role: role.name))

    def _custom(self, *where: ColumnElement[bool]) -> tuple[Role, ...]:
        statement = select(custom_policies).where(*where).order_by(custom_policies.c.display_name)
        return tuple(_custom(row) for row in self._connection.execute(statement))


def _values(role: Role) -> dict[str, object]:
    return {
        "display_name": role.display_name,
        "type": role.type.value,
        "description": role.description,
        "policy_json": write_document(role.policy),
    }


def _custom(row: Row[Any]) -> Role:
    return Role(
        id=row.id,
        name=row.name,
        display_name=row.display_name,
        type=RoleType(row.type),
        catalog=CUSTOM,
        description=row.description,
        domain_id=row.domain_id,
        policy=stored_document(row.policy_json),
    )


def _row(grant: Grant) -> dict[str, str]:
    return {
        _TABLES[grant.holder][1]: grant.holder_id,
        "target": grant.reach.value,
        "target_id": grant.reach_id,
        "role": grant.role,
    }


def _same(table: Table, grant: Grant) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in _row(grant).items()]


def _taken(display_name: str) -> Refused:
    return Refused("IAM.0005", f"the domain has a policy {display_name!r:.80} already")
