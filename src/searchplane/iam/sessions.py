"""What a token's claims stand for at this moment: the one rule for making and for using a token.

User, domain and project exist and are enabled, the token is not ended, and the user holds a role
on the scope. Ended is a token that was revoked, that was re-scoped from one that was, however many
steps ago, whose access key is gone, or that was issued before the user's tokens were ended all at
once.

Whoever acts through an agency must count as a user all the same, may still use agencies, and has
what the agency was given, as long as it trusts the user's domain.

All of it is looked up before any of it is judged: the time an answer takes must not tell whether
a scope exists.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NoReturn

from searchplane.domain.access import Actor, Assumed, DomainScope, ProjectScope, Scope
from searchplane.domain.ids import DomainId, UserId
from searchplane.domain.policy import Policy, could_permit
from searchplane.domain.roles import ASSUME, Role
from searchplane.errors import Unauthenticated
from searchplane.iam.tokens import Claims
from searchplane.store import agencies
from searchplane.store.access_keys import KeyBook
from searchplane.store.agencies import Agency
from searchplane.store.database import Transaction
from searchplane.store.identity import Directory, Domain, Project, Reference, Target, User
from searchplane.store.roles import RoleBook

NOWHERE = "0" * 32
"""The id of no project and no domain: what is looked up in the place of a scope there is not."""


@dataclass(frozen=True)
class Session:
    """A valid token's meaning; `scope_domain` is the domain the scope is or lies in.

    `descriptions` are what the API has made of it already, kept as long as the session itself;
    `meanings` the parts of them in which tokens that stand for the same do not differ.
    """

    claims: Claims
    actor: Actor
    scope_domain: DomainScope | None
    descriptions: dict[bool, bytes] = field(default_factory=dict, compare=False, repr=False)
    meanings: dict[bool, bytes] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class ScopeRequest:
    """The scope a login asks for.

    A project's name is looked up in the user's own domain unless the reference says another.
    """

    target: Target
    reference: Reference


@dataclass(frozen=True)
class _Place:
    """A scope that exists and is enabled, and its domain."""

    scope: Scope
    domain: Domain


def session(transaction: Transaction, claims: Claims) -> Session:
    """What the claims stand for now. Raises Unauthenticated when they no longer count."""
    if claims.agency_id is not None:
        return _through_agency(transaction, claims, claims.agency_id)
    directory, book = Directory(transaction), RoleBook(transaction)
    is_revoked = is_ended(directory, claims)
    user = directory.find_user(Reference(id=claims.user_id))
    key = KeyBook(transaction).find(claims.access) if claims.access is not None else None
    place, held = None, tuple[Role, ...]()
    if claims.target is not None and claims.target_id is not None:
        place = _place(directory, claims.target, claims.target_id)
        held = book.held(claims.user_id, claims.target, claims.target_id)
    if is_revoked:
        refuse("the token is revoked")
    if claims.access is not None and (key is None or not key.active):
        refuse("the access key that the token was issued for does not exist or is inactive")
    if user is None or not (user.enabled and user.domain.enabled):
        refuse("the token's user does not exist or is disabled")
    if user.valid_from is not None and claims.issued <= user.valid_from:
        refuse("the token was issued before the user's tokens were ended")
    if claims.target is None:
        return Session(claims, _actor(user, None, (), ()), None)
    if place is None:
        refuse(f"the token's {claims.target} does not exist or is disabled")
    if not held:
        refuse(f"the user has no role on the token's {claims.target}")
    at_home = book.held(user.id, Target.DOMAIN, user.domain.id)
    actor = _actor(user, place.scope, held, _policies(at_home))
    return Session(claims, actor, DomainScope(place.domain.id, place.domain.name))


def is_ended(directory: Directory, claims: Claims) -> bool:
    """Whether the token was revoked, or any of those that it came from."""
    return directory.is_revoked(claims.audit_id, claims.chain_id) or directory.is_revoked_between(
        claims.user_id, claims.between
    )


def _through_agency(transaction: Transaction, claims: Claims, agency_id: str) -> Session:
    directory, book = Directory(transaction), RoleBook(transaction)
    behind = session(transaction, replace(claims, agency_id=None, target=None, target_id=None))
    person = behind.actor
    agency = agencies.find(transaction, agency_id)
    if agency is None or agency.trust_domain_id != person.domain_id:
        refuse("the token's agency does not exist or does not trust the user's domain")
    if not could_permit(
        _policies(book.held(person.user_id, Target.DOMAIN, person.domain_id)), ASSUME
    ):
        refuse("the token's user may not use agencies any more")
    trusting = directory.find_domain(Reference(id=agency.domain_id))
    if trusting is None or not trusting.enabled:
        refuse("the domain of the token's agency does not exist or is disabled")
    if claims.target is None or claims.target_id is None:
        return Session(claims, _assumed(agency, trusting, person), None)
    place = _place(directory, claims.target, claims.target_id)
    held = book.held_by_agency(agency.id, claims.target, claims.target_id)
    if place is None or place.domain.id != agency.domain_id or not held:
        refuse(f"the agency has no role on the token's {claims.target}, or there is none")
    at_home = book.held_by_agency(agency.id, Target.DOMAIN, agency.domain_id)
    actor = replace(
        _assumed(agency, trusting, person),
        scope=place.scope,
        roles=tuple(role.name for role in held),
        policies=_policies(held),
        home_policies=_policies(at_home),
    )
    return Session(claims, actor, DomainScope(trusting.id, trusting.name))


def _assumed(agency: Agency, domain: Domain, person: Actor) -> Actor:
    """The actor that an agency is, so far without a scope."""
    return Actor(
        user_id=UserId(agency.id),
        user_name=f"{domain.name}/{agency.name}",
        domain_id=domain.id,
        domain_name=domain.name,
        scope=None,
        roles=(),
        delegated=True,
        assumed_by=Assumed(person.user_id, person.user_name, person.domain_id, person.domain_name),
    )


def resolve(directory: Directory, scope: ScopeRequest, home: DomainId) -> str:
    """The id of the wanted scope, for a user of domain `home`; one that is nowhere if unknown."""
    reference = scope.reference
    if scope.target is Target.DOMAIN:
        found: Domain | Project | None = directory.find_domain(reference)
    else:
        inside = reference.domain or Reference(id=home)
        found = directory.find_project(Reference(reference.id, reference.name, inside))
    return found.id if found is not None else NOWHERE


def refuse(why: str) -> NoReturn:
    """The credential does not count; `why` is for the one who sent it."""
    raise Unauthenticated("APIGW.0301", why)


def _place(directory: Directory, target: Target, target_id: str) -> _Place | None:
    if target is Target.DOMAIN:
        domain = directory.find_domain(Reference(id=target_id))
        enabled = domain is not None and domain.enabled
        return _Place(DomainScope(domain.id, domain.name), domain) if domain and enabled else None
    project = directory.find_project(Reference(id=target_id))
    if project is None or not (project.enabled and project.domain.enabled):
        return None
    return _Place(ProjectScope(project.id, project.name, project.number), project.domain)


def _policies(roles: tuple[Role, ...]) -> tuple[Policy, ...]:
    return tuple(role.policy for role in roles)


def _actor(
    user: User, scope: Scope, held: tuple[Role, ...], home_policies: tuple[Policy, ...]
) -> Actor:
    return Actor(
        user_id=user.id,
        user_name=user.name,
        domain_id=user.domain.id,
        domain_name=user.domain.name,
        scope=scope,
        roles=tuple(role.name for role in held),
        policies=_policies(held),
        home_policies=home_policies,
    )
