"""Identity: from a password or a token to an actor.

Nothing is remembered between calls that could outlive a change: tokens hold ids, and what those
stand for is looked up (sessions.py) and remembered until anything of identity changes in any
process (remembered.py).

Whoever logs in learns nothing about what exists: a wrong password, an unknown or disabled user
and a scope without a role give one answer, and the hash is computed in every case.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from searchplane.domain.access import Actor, Asked, Scope, allows
from searchplane.domain.ids import DomainId
from searchplane.errors import Forbidden, NotFound, Unauthenticated
from searchplane.iam import passwords
from searchplane.iam.catalogue import CatalogueEntry, catalogue
from searchplane.iam.keys import open_keys
from searchplane.iam.presented import Presented
from searchplane.iam.remembered import Remembered
from searchplane.iam.sessions import ScopeRequest, Session, refuse, resolve, session
from searchplane.iam.tokens import Claims, Method, SealedToken, Tokens, new_audit_id
from searchplane.settings import Settings
from searchplane.store.database import Database
from searchplane.store.identity import Directory, Domain, Project, Reference
from searchplane.store.identity_version import version_reader

WRONG_PASSWORD = "The username or password is wrong."  # noqa: S105 - the public API's text
WRONG_TOKEN = "The request you have made requires authentication."  # noqa: S105 - same
BAD_SUBJECT = "X-Subject-Token is invalid in the request"


@dataclass(frozen=True)
class Issued:
    token: SealedToken
    session: Session


class Identity:
    """The identity service; safe to share between threads."""

    def __init__(self, database: Database, settings: Settings, tokens: Tokens) -> None:
        self._database = database
        self._settings = settings
        self._tokens = tokens
        self._lifetime = timedelta(hours=settings.token_hours)
        self._sessions = Remembered[str, Session](version_reader(database))

    @classmethod
    def open(cls, database: Database, settings: Settings) -> Identity:
        """With the keys of the data folder; they are made at the first start."""
        return cls(database, settings, Tokens(open_keys(settings.data / "keys")))

    def authenticate(self, presented: Presented, now: datetime) -> Actor:
        """The actor of a request, from X-Auth-Token alone.

        No other header says who is asking, whatever a client sends. Raises Unauthenticated.
        """
        value = presented.headers.get("x-auth-token", "").strip()
        if not value:
            refuse("the X-Auth-Token header is missing")
        return self._proven(value, now).actor

    def login(
        self, user: Reference, password: str, scope: ScopeRequest | None, now: datetime
    ) -> Issued:
        """A token for a password. Raises Unauthenticated with one text for every cause."""
        with self._database.read() as connection:
            found = Directory(connection).find_user(user)
        right = passwords.verify(found.password_hash if found else None, password)
        if found is None or not right:
            raise Unauthenticated("IAM.0001", WRONG_PASSWORD)
        claims = Claims(
            user_id=found.id,
            methods=Method.PASSWORD,
            issued=now,
            expires=now + self._lifetime,
            audit_id=new_audit_id(),
        )
        try:
            return self._issue(claims, scope, found.domain.id)
        except Unauthenticated:
            raise Unauthenticated("IAM.0001", WRONG_PASSWORD) from None

    def rescope(self, value: str, scope: ScopeRequest | None, now: datetime) -> Issued:
        """A token for a token; it expires when the first one of the chain does."""
        try:
            proven = self._proven(value.strip(), now)
            first = proven.claims
            claims = replace(
                first,
                target=None,
                target_id=None,
                methods=first.methods | Method.TOKEN,
                issued=now,
                audit_id=new_audit_id(),
                chain_id=first.chain_id or first.audit_id,
            )
            return self._issue(claims, scope, proven.actor.domain_id)
        except Unauthenticated:
            raise Unauthenticated("IAM.0001", WRONG_TOKEN) from None

    def inspect(self, actor: Actor, subject: str, now: datetime) -> Session:
        """What another token stands for: the actor's own, or one of a domain they administer.

        Raises NotFound when the subject is not valid, Forbidden when it is not theirs to see.
        """
        try:
            proven = self._proven(subject.strip(), now)
        except Unauthenticated:
            raise NotFound("IAM.0004", BAD_SUBJECT) from None
        with self._database.read() as connection:
            _permit(Directory(connection), actor, proven.claims, "iam:tokens:inspect", now)
        return proven

    def revoke(self, actor: Actor, subject: str, now: datetime) -> None:
        """End a token at once; an expired one is accepted. Raises NotFound or Forbidden."""
        claims = self._tokens.read(subject.strip())
        if claims is None:
            raise NotFound("IAM.0004", BAD_SUBJECT)
        with self._database.write() as connection:
            directory = Directory(connection)
            if directory.is_revoked(claims.audit_id, claims.chain_id):
                raise NotFound("IAM.0004", BAD_SUBJECT)
            _permit(directory, actor, claims, "iam:tokens:revoke", now)
            if claims.expires > now:
                directory.revoke(claims.audit_id, claims.user_id, claims.expires, now)

    def projects(self, actor: Actor) -> tuple[Project, ...]:
        """The projects the actor has a role on, sorted by name."""
        with self._database.read() as connection:
            return Directory(connection).projects_of(actor.user_id)

    def domains(self, actor: Actor) -> tuple[Domain, ...]:
        """The actor's own domain first, then others they have a role on."""
        with self._database.read() as connection:
            directory = Directory(connection)
            own = directory.find_domain(Reference(id=actor.domain_id))
            others = directory.domains_of(actor.user_id)
        return (*([own] if own else []), *(each for each in others if each != own))

    def catalogue(self, scope: Scope) -> tuple[CatalogueEntry, ...]:
        """The services a token of this scope can reach."""
        return catalogue(self._settings, scope)

    def _proven(self, value: str, now: datetime) -> Session:
        found = self._sessions.get(value, lambda: self._look_up(value, now))
        _check_time(found.claims, now)
        return found

    def _look_up(self, value: str, now: datetime) -> Session:
        claims = self._tokens.read(value)
        if claims is None:
            refuse("the token is invalid")
        _check_time(claims, now)  # first: what else is wrong with it does not matter any more
        with self._database.read() as transaction:
            return session(transaction, claims)

    def _issue(self, claims: Claims, scope: ScopeRequest | None, home: DomainId) -> Issued:
        with self._database.read() as transaction:
            if scope is not None:
                target_id = resolve(Directory(transaction), scope, home)
                claims = replace(claims, target=scope.target, target_id=target_id)
            meaning = session(transaction, claims)
        return Issued(self._tokens.seal(claims), meaning)


def _check_time(claims: Claims, now: datetime) -> None:
    if claims.expires <= now:
        refuse(f"the token expired at {claims.expires.isoformat()}")


def _permit(
    directory: Directory, actor: Actor, subject: Claims, action: str, now: datetime
) -> None:
    """Refuse unless the subject is the actor's own or they may do `action` in its domain."""
    if subject.user_id == actor.user_id:
        return
    owner = directory.find_user(Reference(id=subject.user_id))
    same = owner is not None and owner.domain.id == actor.managed_domain
    if not same or not allows(actor, action, Asked(now)):
        raise Forbidden("IAM.0002", "another user's token needs secu_admin in that user's domain")
