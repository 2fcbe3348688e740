"""What a request that is signed with an access key is about: a project, a domain, or neither.

A key has no scope of its own, unlike a token. The headers that name one are not signed in the
older dialect, so they only choose among what the key's user holds a role on; a project in the path
is chosen by itself, and whether both are the same is the permission check's to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from searchplane.domain.access import ProjectScope
from searchplane.errors import Forbidden, Unauthenticated
from searchplane.iam.presented import Presented
from searchplane.iam.sessions import Session, session
from searchplane.iam.tokens import Claims
from searchplane.store.database import Transaction
from searchplane.store.identity import Target
from searchplane.store.roles import RoleBook

_PROJECT_IN_PATH = re.compile(r"/v[12]\.0/(?:extend/)?([0-9a-f]{32})(?:/|\Z)")
_ID = re.compile(r"[0-9a-zA-Z_-]{1,64}\Z")


@dataclass(frozen=True)
class Wanted:
    """A scope the request names, and where; without one it is whatever the user can have."""

    target: Target
    id: str
    where: str


def wanted_scope(presented: Presented) -> Wanted | None:
    """The header X-Project-Id, else the project in the path, else the header X-Domain-Id."""
    project = presented.headers.get("x-project-id", "").strip()
    if project:
        return Wanted(Target.PROJECT, project, "X-Project-Id")
    in_path = _PROJECT_IN_PATH.match(presented.path)
    if in_path is not None:
        return Wanted(Target.PROJECT, in_path[1], "the path")
    domain = presented.headers.get("x-domain-id", "").strip()
    return Wanted(Target.DOMAIN, domain, "X-Domain-Id") if domain else None


def scoped(transaction: Transaction, claims: Claims, wanted: Wanted | None) -> Session:
    """What the claims, which have no scope, stand for with the wanted one.

    Without a wish it is the user's own domain, or no scope if they hold nothing there. Raises
    Unauthenticated when the user does not count any more, Forbidden when they hold no role on
    what is named.
    """
    unscoped = session(transaction, claims)
    book, home = RoleBook(transaction), unscoped.actor.domain_id
    if wanted is None:
        at_home = replace(claims, target=Target.DOMAIN, target_id=home)
        holds = book.held(claims.user_id, Target.DOMAIN, home)
        return session(transaction, at_home) if holds else unscoped
    named = replace(claims, target=wanted.target, target_id=wanted.id)
    if not _ID.match(wanted.id):
        raise _elsewhere(wanted)
    try:
        return session(transaction, named)
    except Unauthenticated:  # the user counts, which was seen above; so it is about the scope
        raise _elsewhere(wanted) from None


def fixed(found: Session, wanted: Wanted | None) -> Session:
    """The session of a credential that has a project of its own, if that is the one wanted."""
    scope = found.actor.scope
    if wanted is not None and (not isinstance(scope, ProjectScope) or wanted.id != scope.id):
        raise _elsewhere(wanted)
    return found


def _elsewhere(wanted: Wanted) -> Forbidden:
    return Forbidden(
        "APIGW.0302",
        f"the access key's user has no role on the {wanted.target} that {wanted.where} names",
    )
