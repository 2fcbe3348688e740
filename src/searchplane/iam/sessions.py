"""What a token's claims stand for at this moment: the one rule for making and for using a token.

User, domain and project exist and are enabled, the token is not revoked, and the user holds a
role on the scope. It is looked at on every call, so a change takes effect at the very next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from searchplane.domain.access import Actor, DomainScope, ProjectScope, Scope
from searchplane.domain.ids import DomainId
from searchplane.errors import Unauthenticated
from searchplane.iam.tokens import Claims
from searchplane.store.identity import Directory, Domain, Project, Reference, Target, User


@dataclass(frozen=True)
class Session:
    """A valid token's meaning; `scope_domain` is the domain the scope is or lies in."""

    claims: Claims
    actor: Actor
    scope_domain: DomainScope | None


@dataclass(frozen=True)
class ScopeRequest:
    """The scope a login asks for.

    A project's name is looked up in the user's own domain unless the reference says another.
    """

    target: Target
    reference: Reference


def session(directory: Directory, claims: Claims) -> Session:
    """What the claims stand for now. Raises Unauthenticated when they no longer count."""
    if directory.is_revoked(claims.audit_id):
        refuse("the token is revoked")
    user = directory.find_user(Reference(id=claims.user_id))
    if user is None or not (user.enabled and user.domain.enabled):
        refuse("the token's user does not exist or is disabled")
    if claims.target is None or claims.target_id is None:
        return Session(claims, _actor(user, None, ()), None)
    scope, domain = _scope(directory, claims.target, claims.target_id)
    roles = directory.roles_on(user.id, claims.target, claims.target_id)
    if not roles:
        refuse(f"the user has no role on the token's {claims.target}")
    return Session(claims, _actor(user, scope, roles), DomainScope(domain.id, domain.name))


def resolve(directory: Directory, scope: ScopeRequest, home: DomainId) -> str:
    """The id of the wanted scope, for a user of domain `home`. Raises Unauthenticated."""
    reference = scope.reference
    if scope.target is Target.DOMAIN:
        found: Domain | Project | None = directory.find_domain(reference)
    else:
        inside = reference.domain or Reference(id=home)
        found = directory.find_project(Reference(reference.id, reference.name, inside))
    if found is None:
        refuse(f"the {scope.target} does not exist")
    return found.id


def domain_of(directory: Directory, scope: Scope) -> DomainId | None:
    """The domain a scope is or lies in."""
    if isinstance(scope, DomainScope):
        return scope.id
    if scope is None:
        return None
    project = directory.find_project(Reference(id=scope.id))
    return project.domain.id if project else None


def refuse(why: str) -> NoReturn:
    """The credential does not count; `why` is for the one who sent it."""
    raise Unauthenticated("APIGW.0301", why)


def _scope(directory: Directory, target: Target, target_id: str) -> tuple[Scope, Domain]:
    if target is Target.DOMAIN:
        domain = directory.find_domain(Reference(id=target_id))
        if domain is None or not domain.enabled:
            refuse("the token's domain does not exist or is disabled")
        return DomainScope(domain.id, domain.name), domain
    project = directory.find_project(Reference(id=target_id))
    if project is None or not (project.enabled and project.domain.enabled):
        refuse("the token's project does not exist or is disabled")
    return ProjectScope(project.id, project.name, project.number), project.domain


def _actor(user: User, scope: Scope, roles: tuple[str, ...]) -> Actor:
    return Actor(
        user_id=user.id,
        user_name=user.name,
        domain_id=user.domain.id,
        domain_name=user.domain.name,
        scope=scope,
        roles=roles,
    )
