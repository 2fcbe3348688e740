"""Making tokens: for a password, an access key or a token, or to act through an agency.

A token is made in the turn of those who write, though nothing need be written: they come one after
another, so whatever ends a user's tokens (store/identity.py: end_tokens) comes before or after it
as a whole. Before: the password or token that was shown is looked at again and does not count any
more. After: the new token is one of those that end, as it is issued at the time of the request,
which is before its turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from searchplane.domain.ids import DomainId
from searchplane.errors import Refused, Unauthenticated
from searchplane.iam import passwords
from searchplane.iam.lockout import Lockout, Try
from searchplane.iam.remembered import Remembered
from searchplane.iam.sessions import ScopeRequest, Session, resolve, session
from searchplane.iam.tokens import Claims, Method, SealedToken, Tokens, new_audit_id
from searchplane.store.agencies import Agency
from searchplane.store.database import Database, Transaction
from searchplane.store.identity import TAG_DIGITS, Directory, Reference, User
from searchplane.store.identity_version import version_in, version_reader

WRONG_PASSWORD = "The username or password is wrong."  # noqa: S105 - the public API's text
WRONG_KEY = "The access key or its secret is wrong."
WRONG_TOKEN = "The request you have made requires authentication."  # noqa: S105 - same

MOST_BETWEEN = 64
"""Tokens between the first of a chain and its last; each makes the next a little longer."""

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Issued:
    token: SealedToken
    session: Session


class Issuer:
    """Safe to share between threads."""

    def __init__(
        self, database: Database, tokens: Tokens, lockout: Lockout, lifetime: timedelta
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._lockout = lockout
        self._lifetime = lifetime
        self._logins = Remembered[tuple[str, ScopeRequest | None], Session](
            version_reader(database)
        )

    def for_password(
        self,
        who: Reference,
        password: str,
        scope: ScopeRequest | None,
        source: str,
        now: datetime,
    ) -> Issued:
        """A token for a password. Raises Unauthenticated with one text for every cause."""
        begun = self._lockout.begin(who, source)
        right = passwords.verify(begun.password_hash, password)
        issued = self._again(begun, scope, now, right=right)
        if issued is None:
            issued = self._settled(begun, scope, now, right=right)
        if issued is None:
            raise Unauthenticated("IAM.0001", WRONG_PASSWORD)
        return issued

    def check_password(self, who: Reference, password: str, source: str, now: datetime) -> None:
        """As a login, without a token. Raises Unauthenticated."""
        begun = self._lockout.begin(who, source)
        right = passwords.verify(begun.password_hash, password)
        with self._database.write() as transaction:
            version = version_in(transaction)
            user = self._lockout.settle(transaction, version, begun, now, right=right)
        if user is None:
            raise Unauthenticated("IAM.0001", WRONG_PASSWORD)

    def for_key(
        self, user_id: str, access: str, scope: ScopeRequest | None, now: datetime
    ) -> Issued:
        """A token for an access key whose secret was proven; it counts as long as the key does.

        Raises Unauthenticated.
        """
        with self._database.write() as transaction:
            user = Directory(transaction).find_user(Reference(id=user_id))
            if user is None:
                raise Unauthenticated("IAM.0001", WRONG_KEY)
            claims = replace(self._claims(user, now), methods=Method.HW_AK_SK, access=access)
            return self._issue(transaction, user, claims, scope, user.domain.id)

    def for_token(self, shown: Session, scope: ScopeRequest | None, now: datetime) -> Issued:
        """A token for a token; it expires when the first one of the chain does.

        Raises Unauthenticated, or Refused when the chain is as long as can be.
        """
        first = shown.claims
        claims = replace(
            first,
            target=None,
            target_id=None,
            methods=first.methods | Method.TOKEN,
            issued=now,
            audit_id=new_audit_id(),
            chain_id=first.chain_id or first.audit_id,
            between=_between(first),
        )
        return self._follow(shown, claims, shown.actor.domain_id, scope)

    def for_agency(
        self, shown: Session, agency: Agency, scope: ScopeRequest | None, now: datetime
    ) -> Issued:
        """A token to act through the agency; it ends with the token that was shown.

        Raises Unauthenticated. Whether the agency may be used is decided before.
        """
        first = shown.claims
        ends = [first.expires, now + self._lifetime, *([agency.expires] if agency.expires else [])]
        claims = Claims(
            user_id=first.user_id,
            methods=Method.ASSUME_ROLE,
            issued=now,
            expires=min(ends),
            audit_id=new_audit_id(),
            chain_id=first.chain_id or first.audit_id,
            agency_id=agency.id,
            between=_between(first),
            access=first.access,
        )
        return self._follow(shown, claims, agency.domain_id, scope)

    def _follow(
        self, shown: Session, claims: Claims, home: DomainId, scope: ScopeRequest | None
    ) -> Issued:
        """A token because of another one, which must still count."""
        with self._database.write() as transaction:
            session(transaction, shown.claims)
            user = Directory(transaction).find_user(Reference(id=shown.claims.user_id))
            if user is None:
                raise Unauthenticated("IAM.0001", WRONG_TOKEN)
            return self._issue(transaction, user, claims, scope, home)

    def _again(
        self, begun: Try, scope: ScopeRequest | None, now: datetime, *, right: bool
    ) -> Issued | None:
        """The token of a login that is like an earlier one in all but its time; else None."""
        settled = self._lockout.settled(begun, now, right=right)
        if settled is None:
            return None
        version, user = settled
        like = self._logins.known(version, (user.id, scope))
        return self._like(like, self._claims(user, now)) if like is not None else None

    def _settled(
        self, begun: Try, scope: ScopeRequest | None, now: datetime, *, right: bool
    ) -> Issued | None:
        """None when the login failed; that is counted, so nothing may be raised before it is."""
        with self._database.write() as transaction:
            version = version_in(transaction)
            user = self._lockout.settle(transaction, version, begun, now, right=right)
            return self._first(transaction, version, user, scope, now) if user else None

    def _first(
        self,
        transaction: Transaction,
        version: int,
        user: User,
        scope: ScopeRequest | None,
        now: datetime,
    ) -> Issued | None:
        """The first token of a chain; None when there is no such scope for this user.

        What it stands for is the same as for the last one while nothing of identity has changed.
        """
        claims = self._claims(user, now)
        try:
            like = self._logins.as_of(
                version,
                (user.id, scope),
                lambda: self._meaning(transaction, user, claims, scope, user.domain.id),
            )
        except Unauthenticated:
            return None
        return self._like(like, claims)

    def _claims(self, user: User, now: datetime) -> Claims:
        """Of a first token without a scope."""
        claims = Claims(
            user_id=user.id,
            methods=Method.PASSWORD,
            issued=now,
            expires=now + self._lifetime,
            audit_id=new_audit_id(),
        )
        return _after(user, claims)

    def _like(self, like: Session, claims: Claims) -> Issued:
        """A token with these claims that stands for the same as another."""
        target, target_id = like.claims.target, like.claims.target_id
        claims = replace(claims, target=target, target_id=target_id)
        return Issued(self._tokens.seal(claims), replace(like, claims=claims, descriptions={}))

    def _issue(
        self,
        transaction: Transaction,
        user: User,
        claims: Claims,
        scope: ScopeRequest | None,
        home: DomainId,
    ) -> Issued:
        meaning = self._meaning(transaction, user, claims, scope, home)
        return Issued(self._tokens.seal(meaning.claims), meaning)

    @staticmethod
    def _meaning(
        transaction: Transaction,
        user: User,
        claims: Claims,
        scope: ScopeRequest | None,
        home: DomainId,
    ) -> Session:
        """`home` is the domain in which a project is looked up by its name alone."""
        claims = _after(user, claims)
        if scope is not None:
            target_id = resolve(Directory(transaction), scope, home)
            claims = replace(claims, target=scope.target, target_id=target_id)
        return session(transaction, claims)


def _between(shown: Claims) -> tuple[str, ...]:
    """The tags of the tokens between the first of the chain and one that follows `shown`."""
    if shown.chain_id is None:
        return ()
    if len(shown.between) == MOST_BETWEEN:
        raise Refused(
            "IAM.0073",
            f"the token is the end of a chain of {MOST_BETWEEN + 2}, which is the longest; a token "
            "nearer to its beginning or a new login is right",
        )
    return (*shown.between, shown.audit_id[:TAG_DIGITS])


def _after(user: User, claims: Claims) -> Claims:
    """Issued after the user's tokens were ended, if they were: the request may have come in before
    the change that it was checked after."""
    if user.valid_from is None:
        return claims
    return replace(claims, issued=max(claims.issued, user.valid_from + _MICROSECOND))
