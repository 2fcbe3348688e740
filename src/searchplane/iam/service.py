"""Identity: from a password or a token to an actor.

Nothing is remembered between calls that could outlive a change: tokens hold ids, and what those
stand for is looked up (sessions.py) and remembered until anything of identity changes in any
process (remembered.py).

Whoever logs in learns nothing about what exists: a wrong password, an unknown, locked or disabled
user and a scope without a role give one answer, after the same work (issuing.py, lockout.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hmac import compare_digest
from types import MappingProxyType

from searchplane.domain.access import Actor, Asked, Scope, allows
from searchplane.domain.ids import DomainId, UserId
from searchplane.errors import Forbidden, NotFound, Unauthenticated
from searchplane.iam.access_keys import AccessKeys
from searchplane.iam.agencies import assumable
from searchplane.iam.catalogue import CatalogueEntry, catalogue
from searchplane.iam.issuing import WRONG_KEY, WRONG_TOKEN, Issued, Issuer
from searchplane.iam.key_ring import KeyRing
from searchplane.iam.lockout import LOCAL, Lockout
from searchplane.iam.permanent import PermanentKeys
from searchplane.iam.presented import Presented
from searchplane.iam.remembered import Remembered
from searchplane.iam.sealing import Seals
from searchplane.iam.sessions import ScopeRequest, Session, is_ended, refuse, session
from searchplane.iam.signatures import is_signature
from searchplane.iam.temporary import TemporaryKeys
from searchplane.iam.tokens import Claims, Tokens
from searchplane.settings import Settings
from searchplane.store.database import Database
from searchplane.store.identity import Directory, Domain, Project, Reference
from searchplane.store.identity_version import version_reader

TOKEN_HEADERS = ("x-auth-token", "x-subject-token")
NONE: Mapping[str, Session] = MappingProxyType({})
"""No token was recalled."""
BAD_SUBJECT = "X-Subject-Token is invalid in the request"


class Identity:
    """The identity service; safe to share between threads."""

    def __init__(
        self, database: Database, settings: Settings, tokens: Tokens, seals: Seals
    ) -> None:
        self._database = database
        self._settings = settings
        self._tokens = tokens
        lockout = Lockout(database, counts=settings.login_lockout)
        lifetime = timedelta(hours=settings.token_hours)
        self._issuer = Issuer(database, tokens, lockout, lifetime)
        self._is_local = not database.is_shared
        self._sessions = Remembered[tuple[str, int], Session](version_reader(database))
        self.temporary = TemporaryKeys(database, seals, self._proven)
        self.access_keys = AccessKeys(database, seals, self.temporary)
        self.permanent = PermanentKeys(database, seals)

    @classmethod
    def open(cls, database: Database, settings: Settings) -> Identity:
        """With the keys of the data folder; they are made at the first start."""
        days = settings.token_key_days
        ring = KeyRing(
            settings.key_folder,
            timedelta(hours=settings.token_hours),
            timedelta(days=days) if days else None,
        )
        return cls(database, settings, Tokens(ring), Seals.open(settings.seals_parent))

    def authenticate(self, presented: Presented, now: datetime) -> Actor:
        """The actor of a request, from its signature, else from X-Auth-Token.

        No other header says who is asking, whatever a client sends. A token beside a signature
        must count too, and changes nothing. Raises Unauthenticated.
        """
        value = presented.headers.get("x-auth-token", "").strip()
        if is_signature(presented.headers.get("authorization", "")):
            if value:
                self._proven(value, now, presented.recalled)
            return self.access_keys.authenticate(presented, now)
        if not value:
            refuse("the X-Auth-Token header is missing; it or a signature is needed")
        return self._proven(value, now, presented.recalled).actor

    def recall(self, presented: Presented) -> Mapping[str, Session] | None:
        """What every token of the request stands for, if none need be looked up in the tables.

        Then to authenticate takes microseconds and waits for nobody.
        """
        if not self._is_local or is_signature(presented.headers.get("authorization", "")):
            return None
        generation = self._tokens.generation
        shown = {presented.headers.get(name, "").strip() for name in TOKEN_HEADERS}
        found = self._sessions.all_of((value, generation) for value in shown if value)
        if found is None:
            return None
        return {value: session for (value, _), session in found.items()}

    def login(
        self,
        user: Reference,
        password: str,
        scope: ScopeRequest | None,
        now: datetime,
        source: str = LOCAL,
    ) -> Issued:
        """A token for a password. Raises Unauthenticated with one text for every cause."""
        return self._issuer.for_password(user, password, scope, source, now)

    def login_with_key(
        self, access: str, secret: str, scope: ScopeRequest | None, now: datetime, source: str
    ) -> Issued:
        """A token for a permanent access key and its secret, with the key's lock.

        Raises Unauthenticated with one text for every cause.
        """

        def agrees(stored: str) -> bool:
            return compare_digest(stored.encode(), secret.encode())

        try:
            user_id = self.access_keys.proven_user(access, agrees, source, now)
            return self._issuer.for_key(user_id, access, scope, now)
        except Unauthenticated:
            raise Unauthenticated("IAM.0001", WRONG_KEY) from None

    def check_password(self, user: Reference, password: str, source: str, now: datetime) -> None:
        """Prove a password as a login does, with its lockout. Raises Unauthenticated."""
        self._issuer.check_password(user, password, source, now)

    def rescope(self, value: str, scope: ScopeRequest | None, now: datetime) -> Issued:
        """A token for a token; it expires when the first one of the chain does."""
        try:
            return self._issuer.for_token(self._proven(value.strip(), now), scope, now)
        except Unauthenticated:
            raise Unauthenticated("IAM.0001", WRONG_TOKEN) from None

    def assume(
        self, value: str, domain: Reference, agency: str, scope: ScopeRequest | None, asked: Asked
    ) -> Issued:
        """A token to act in a domain through its agency of that name, for a token.

        Raises Unauthenticated, NotFound or Forbidden (agencies.py: assumable).
        """
        shown = self._proven(value.strip(), asked.now)
        with self._database.read() as transaction:
            chosen = assumable(transaction, shown.actor, domain, agency, asked)
        return self._issuer.for_agency(shown, chosen, scope, asked.now)

    def inspect(
        self, actor: Actor, subject: str, now: datetime, recalled: Mapping[str, Session]
    ) -> Session:
        """What another token stands for: the actor's own, or one of a domain they administer.

        Raises NotFound when the subject is not valid, Forbidden when it is not theirs to see.
        """
        try:
            proven = self._proven(subject.strip(), now, recalled)
        except Unauthenticated:
            raise NotFound("IAM.0004", BAD_SUBJECT) from None
        _permit(actor, proven.claims.user_id, proven.actor.domain_id, "iam:tokens:inspect", now)
        return proven

    def revoke(self, actor: Actor, subject: str, now: datetime) -> None:
        """End a token at once, and with it all that were re-scoped from it.

        An expired one is accepted. Raises NotFound, also when it is ended already, or Forbidden.
        """
        claims = self._tokens.read(subject.strip())
        if claims is None:
            raise NotFound("IAM.0004", BAD_SUBJECT)
        with self._database.write() as connection:
            directory = Directory(connection)
            owner = directory.find_user(Reference(id=claims.user_id))
            home = owner.domain.id if owner is not None else None
            _permit(actor, claims.user_id, home, "iam:tokens:revoke", now)
            if is_ended(directory, claims):
                raise NotFound("IAM.0004", BAD_SUBJECT)
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

    def _proven(self, value: str, now: datetime, recalled: Mapping[str, Session] = NONE) -> Session:
        found = recalled.get(value)
        if found is None:
            key = (value, self._tokens.generation)
            found = self._sessions.get(key, lambda: self._look_up(value, now))
        _check_time(found.claims, now)
        return found

    def _look_up(self, value: str, now: datetime) -> Session:
        claims = self._tokens.read(value)
        if claims is None:
            refuse("the token is invalid")
        _check_time(claims, now)  # first: what else is wrong with it does not matter any more
        with self._database.read() as transaction:
            return session(transaction, claims)


def _check_time(claims: Claims, now: datetime) -> None:
    if claims.expires <= now:
        refuse(f"the token expired at {claims.expires.isoformat()}")


def _permit(actor: Actor, owner: UserId, home: DomainId | None, action: str, now: datetime) -> None:
    """Refuse unless the subject is the actor's own or they may do `action` in its user's domain.

    A role on a project is not enough: the tokens of a domain's users are for all its projects.
    """
    if owner == actor.person:
        return
    if home != actor.managed_domain or not allows(actor, action, Asked(now)):
        raise Forbidden("IAM.0002", "another user's token needs secu_admin in that user's domain")
