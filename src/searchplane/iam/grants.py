"""Rules of granting: who gives which role to whom on what.

Holder, role and what it is granted on are of one domain, the actor's; what lies in another does
not exist. The type of a role says whether it is for the domain or for projects. What changes
identity is granted by security administrators only, and the last of them stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from searchplane.domain.access import Actor
from searchplane.domain.ids import DomainId
from searchplane.domain.roles import Role
from searchplane.errors import NotFound, Refused
from searchplane.iam.directory import administered, checked_id, found, missing, reach, reach_domain
from searchplane.iam.roles import demand_power, for_grant
from searchplane.store import agencies, groups, projects, users
from searchplane.store.agencies import Agency
from searchplane.store.database import Database, Transaction
from searchplane.store.domains import find as find_domain
from searchplane.store.groups import Group
from searchplane.store.roles import Grant, Holder, Reach, RoleBook
from searchplane.store.users import UserRecord


@dataclass(frozen=True)
class GrantFilter:
    """What is None is not looked at."""

    holder: Holder | None = None
    holder_id: str | None = None
    reach: Reach | None = None
    reach_id: str | None = None
    role: str | None = None
    inherited: bool | None = None

    def fits(self, grant: Grant) -> bool:
        pairs = (
            (self.holder, grant.holder),
            (self.holder_id, grant.holder_id),
            (self.reach, Reach.DOMAIN if grant.reach is Reach.INHERITED else grant.reach),
            (self.reach_id, grant.reach_id),
            (self.role, grant.role),
            (self.inherited, grant.reach is Reach.INHERITED),
        )
        return all(wanted is None or wanted == given for wanted, given in pairs)


class _Named(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Names:
    """Names by id, the domain's among them."""

    domain_id: DomainId
    names: Mapping[str, str]


def give(database: Database, actor: Actor, grant: Grant) -> None:
    """Nothing changes when it is granted already. Raises NotFound, Forbidden or Refused."""
    with database.write() as connection:
        role = _role(connection, actor, grant)
        demand_power(actor, role.policy)
        fits = role.type.fits_domains if grant.reach is Reach.DOMAIN else role.type.fits_projects
        if not fits():
            wanted = "projects" if grant.reach is Reach.DOMAIN else "the domain"
            raise Refused(
                "IAM.0073", f"the role {role.display_name!r} can be granted on {wanted} only"
            )
        RoleBook(connection).grant(grant)


def take(database: Database, actor: Actor, grant: Grant) -> None:
    """Raises NotFound when it is not granted, Refused when nobody would administer any more."""
    with database.write() as connection:
        role = _role(connection, actor, grant)
        demand_power(actor, role.policy)
        with administered(connection, _domain(connection, actor, grant.reach, grant.reach_id)):
            if not RoleBook(connection).revoke(grant):
                raise _not_granted(grant)


def check(database: Database, actor: Actor, grant: Grant) -> None:
    """Raises NotFound when exactly this is not granted."""
    with database.read() as connection:
        _role(connection, actor, grant)
        if not RoleBook(connection).has(grant):
            raise _not_granted(grant)


def held(database: Database, actor: Actor, like: Grant) -> tuple[Role, ...]:
    """The roles granted to the holder on the thing that `like` names, whatever its role."""
    with database.read() as connection:
        domain_id = _domain(connection, actor, like.reach, like.reach_id)
        _check_holder(connection, like.holder, like.holder_id, domain_id)
        book = RoleBook(connection)
        ids = book.granted(like)
        roles = (book.find(role_id, domain_id) for role_id in ids)
        return tuple(role for role in roles if role is not None)


def listed(
    database: Database, actor: Actor, domain_id: str | None, wanted: GrantFilter
) -> tuple[Grant, ...]:
    """Every grant in a domain that fits."""
    with database.read() as connection:
        inside = reach_domain(connection, actor, domain_id)
        known = RoleBook(connection).grants_in(inside)
    return tuple(grant for grant in known if wanted.fits(grant))


def names(database: Database, actor: Actor) -> Names:
    """The names of everything in the actor's domain that a grant can be about."""
    with database.read() as connection:
        home = reach_domain(connection, actor, None)
        known: tuple[_Named, ...] = (
            *users.in_domain(connection, home).items,
            *groups.in_domain(connection, home).items,
            *projects.in_domain(connection, home).items,
            *agencies.in_domain(connection, home),
            *RoleBook(connection).list(home),
            found(find_domain(connection, home), "domain", home),
        )
    return Names(home, {one.id: one.name for one in known})


def _role(connection: Transaction, actor: Actor, grant: Grant) -> Role:
    """The role of a grant whose holder, role and place are all of one domain of the actor's."""
    domain_id = _domain(connection, actor, grant.reach, grant.reach_id)
    _check_holder(connection, grant.holder, grant.holder_id, domain_id)
    return for_grant(connection, grant.role, domain_id)


def _domain(connection: Transaction, actor: Actor, kind: Reach, place: str) -> DomainId:
    """The domain that a project lies in or that is meant itself, if the actor manages it."""
    if kind is Reach.PROJECT:
        project = found(projects.find(connection, checked_id("project", place)), "project", place)
        reach(connection, actor, project.domain_id, "project", place)
        return project.domain_id
    domain = found(find_domain(connection, checked_id("domain", place)), "domain", place)
    reach(connection, actor, domain.id, "domain", place)
    return domain.id


def _check_holder(connection: Transaction, kind: Holder, holder_id: str, domain: DomainId) -> None:
    wanted = checked_id(kind, holder_id)
    holder: UserRecord | Group | Agency | None
    match kind:
        case Holder.USER:
            holder = users.find(connection, wanted)
        case Holder.GROUP:
            holder = groups.find(connection, wanted)
        case _:
            holder = agencies.find(connection, wanted)
    if holder is None or holder.domain_id != domain:
        raise missing(kind, holder_id)


def _not_granted(grant: Grant) -> NotFound:
    return NotFound(
        "IAM.0004", f"the role {grant.role!r:.80} is not granted there to this {grant.holder}"
    )
