"""Rules of roles: which there are for a domain, and who makes and changes custom policies.

A custom policy belongs to one domain; in another it does not exist. Whoever may write policies
but is no security administrator cannot write one that changes identity: they would be one with
the next request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from searchplane.domain.access import Actor
from searchplane.domain.ids import DomainId
from searchplane.domain.naming import MAX_DESCRIPTION, MAX_NAME
from searchplane.domain.policy import Policy
from searchplane.domain.policy_documents import read_document
from searchplane.domain.roles import SECURITY_ADMIN, SYSTEM_ROLES, Role, RoleType, gives_identity
from searchplane.domain.violation import Violation, refuse
from searchplane.errors import Forbidden
from searchplane.iam.directory import checked_id, found, missing, new_id, reach, reach_domain
from searchplane.store.database import Database, Transaction
from searchplane.store.roles import CUSTOM, Grant, Holder, Reach, RoleBook

CUSTOM_TYPES = (RoleType.DOMAIN, RoleType.PROJECT)

_DISPLAY_NAME = re.compile(r"[\w .@()/-]+\Z")


@dataclass(frozen=True)
class RoleFilter:
    """What is None is not looked at."""

    name: str | None = None
    display_name: str | None = None
    catalog: str | None = None
    type: str | None = None

    def fits(self, role: Role) -> bool:
        pairs = (
            (self.name, role.name),
            (self.display_name, role.display_name),
            (self.catalog, role.catalog),
            (self.type, role.type.value),
        )
        return all(wanted is None or wanted == given for wanted, given in pairs)


@dataclass(frozen=True)
class RoleChange:
    """A custom policy as it shall be; None: as it is. The document is as it was sent."""

    display_name: str | None = None
    type: str | None = None
    description: str | None = None
    document: object = None


def listed(
    database: Database, actor: Actor, domain_id: str | None, wanted: RoleFilter
) -> tuple[Role, ...]:
    """The system roles and the custom policies of the actor's domain, those that fit.

    With a domain, only its custom policies, as the public cloud lists them.
    """
    with database.read() as connection:
        book = RoleBook(connection)
        inside = reach_domain(connection, actor, domain_id)
        known = book.list(inside) if domain_id is None else book.list_custom(inside)
    return tuple(role for role in known if wanted.fits(role))


def show(database: Database, actor: Actor, role_id: str) -> Role:
    """A system role or a custom policy of the actor's domain. Raises NotFound."""
    with database.read() as connection:
        if role_id in SYSTEM_ROLES:
            return SYSTEM_ROLES[role_id]
        return own_custom(connection, actor, role_id)


def show_custom(database: Database, actor: Actor, role_id: str) -> Role:
    with database.read() as connection:
        return own_custom(connection, actor, role_id)


def create(database: Database, actor: Actor, wanted: RoleChange, now: datetime) -> Role:
    role_id = new_id()
    policy = read_document(wanted.document)
    _check(wanted)
    role = Role(
        id=role_id,
        name=f"custom_{role_id}",
        display_name=wanted.display_name or "",
        type=RoleType(wanted.type or ""),
        catalog=CUSTOM,
        description=wanted.description or "",
        domain_id=actor.managed_domain,
        policy=policy,
    )
    demand_power(actor, policy)
    with database.write() as connection:
        RoleBook(connection).add_custom(role, now)
    return role


def change(
    database: Database, actor: Actor, role_id: str, wanted: RoleChange, now: datetime
) -> Role:
    with database.write() as connection:
        before = own_custom(connection, actor, role_id)
        policy = before.policy if wanted.document is None else read_document(wanted.document)
        after = replace(
            before,
            display_name=before.display_name
            if wanted.display_name is None
            else wanted.display_name,
            description=before.description if wanted.description is None else wanted.description,
            policy=policy,
        )
        kind = before.type.value if wanted.type is None else wanted.type
        _check(RoleChange(after.display_name, kind, after.description))
        for each in (before.policy, after.policy):
            demand_power(actor, each)
        after = replace(after, type=RoleType(kind))
        RoleBook(connection).change_custom(after, now)
    return after


def delete(database: Database, actor: Actor, role_id: str) -> None:
    """The policy, and with it every grant of it. Raises NotFound."""
    with database.write() as connection:
        role = own_custom(connection, actor, role_id)
        demand_power(actor, role.policy)
        RoleBook(connection).remove_custom(role.id)


def own_custom(connection: Transaction, actor: Actor, role_id: str) -> Role:
    """A custom policy of a domain the actor manages; others do not exist."""
    role = found(
        RoleBook(connection).find_custom(checked_id("custom policy", role_id)),
        "custom policy",
        role_id,
    )
    if role.domain_id is None:
        raise missing("custom policy", role_id)
    reach(connection, actor, role.domain_id, "custom policy", role_id)
    return role


def for_grant(connection: Transaction, role_id: str, domain_id: DomainId) -> Role:
    """A role that can be granted in the domain. Raises NotFound."""
    role = RoleBook(connection).find(checked_id("role", role_id), domain_id)
    return found(role, "role", role_id)


def demand_power(actor: Actor, policy: Policy) -> None:
    """Refuse to give what changes identity unless the actor may change all of it anyway."""
    if gives_identity(policy) and SECURITY_ADMIN.policy not in actor.managing_policies:
        raise Forbidden(
            "IAM.0002",
            "what changes identity is given by whoever has the role secu_admin on the domain",
        )


def demand_power_over(connection: Transaction, actor: Actor, user_id: str, home: DomainId) -> None:
    """Refuse to act on another user who may change identity, as whoever can set a password has
    what the user has. `home` is the user's domain."""
    if user_id != actor.user_id:
        for role in RoleBook(connection).held(user_id, Reach.DOMAIN, home):
            demand_power(actor, role.policy)


def demand_power_of_group(
    connection: Transaction, actor: Actor, group_id: str, home: DomainId
) -> None:
    """Refuse to put anybody into a group that may change identity. `home` is its domain."""
    like = Grant(Holder.GROUP, group_id, Reach.DOMAIN, home, "")
    for role_id in RoleBook(connection).granted(like):
        demand_power(actor, for_grant(connection, role_id, home).policy)


def demand_security_admin(actor: Actor, what: str) -> None:
    if SECURITY_ADMIN.policy not in actor.managing_policies:
        raise Forbidden("IAM.0002", f"{what} needs the role secu_admin on the domain")


def _check(wanted: RoleChange) -> None:
    refuse(list(_violations(wanted)))


def _violations(wanted: RoleChange) -> Iterator[Violation]:
    name, described = wanted.display_name or "", wanted.description or ""
    if not name.strip():
        yield Violation("IAM.1001", "role.display_name", name, "a name is needed")
    elif len(name) > MAX_NAME:
        yield Violation("IAM.1002", "role.display_name", name, f"at most {MAX_NAME} are right")
    elif not _DISPLAY_NAME.match(name) or name != name.strip():
        right = "letters, digits, inner spaces and _-.@()/ are right"
        yield Violation("IAM.1003", "role.display_name", name, right)
    elif name.casefold() in _SYSTEM_NAMES:
        yield Violation("IAM.0005", "role.display_name", name, "a system role has this name")
    if wanted.type not in CUSTOM_TYPES:
        right = "AX (granted on the domain) and XA (on projects) are right"
        yield Violation("IAM.1009", "role.type", wanted.type, right)
    if len(described) > MAX_DESCRIPTION or not described.isprintable():
        right = f"at most {MAX_DESCRIPTION} printable characters are right"
        yield Violation("IAM.1018", "role.description", described, right)


_SYSTEM_NAMES = frozenset(role.display_name.casefold() for role in SYSTEM_ROLES.values())
"""A custom policy of such a name would be taken for the role."""
