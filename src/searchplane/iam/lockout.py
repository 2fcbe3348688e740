"""Logins by password: who is heard, what is counted, and one cost for every answer.

A login is looked up, hashed and settled, in every case and with the same statements: for an
unknown name a hash nobody has is computed and a failure is counted as for a known one, and a
locked account's try is written too. So neither the answer nor its time tells what there is.

It is settled in one transaction that writes, and such transactions come one after another: of
tries that were under way together no more are heard than one after the other would have been,
and a password that was changed meanwhile does not count any more.

Most logins are right and change nothing that is worth writing. For those a look in the turn of
those who write does, and everything else is remembered (`settled`).
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from searchplane.domain.ids import DomainId
from searchplane.domain.lockout import Standing, failed, succeeded
from searchplane.domain.security_policy import LoginPolicy
from searchplane.errors import NotFound
from searchplane.iam.remembered import Remembered
from searchplane.store import login_attempts, security_policies
from searchplane.store.database import Database, Transaction
from searchplane.store.identity import Directory, Reference, User
from searchplane.store.identity_version import version_reader
from searchplane.store.login_looks import LoginLooks

LOCAL = "127.0.0.1"
"""The machine itself."""

NOBODY = "0" * 32
"""The id of no user and no domain."""

SEEN_AGAIN = timedelta(days=1)
"""A success is written once in this time for a source that is known."""

_BUCKET_DIGITS = 3
"""Names nobody has share 4096 accounts, so that they do not fill the table."""


@dataclass(frozen=True)
class Try:
    """A login that was begun: the account it is counted for, and the hash to check."""

    account: str
    user_id: str
    domain_id: DomainId
    source: str
    password_hash: str | None = field(repr=False)


class Lockout:
    """Begins and settles logins. Without `counts`, failures are not counted; locks still hold."""

    def __init__(self, database: Database, *, counts: bool) -> None:
        self._database = database
        self._counts = counts
        self._looks = LoginLooks(database)
        read_version = version_reader(database)
        self._users = Remembered[str, User | None](read_version)
        self._policies = Remembered[str, LoginPolicy](read_version)

    def begin(self, who: Reference, source: str) -> Try:
        user = self._looks.user(who)
        return Try(
            account=user.id if user else unknown_account(who),
            user_id=user.id if user else NOBODY,
            domain_id=user.domain.id if user else DomainId(NOBODY),
            source=place(source),
            password_hash=user.password_hash if user else None,
        )

    def settled(self, begun: Try, now: datetime, *, right: bool) -> tuple[int, User] | None:
        """The number of identity and the user who has proven to be one, if all else is remembered
        and nothing need be written; None for every other login, which is to be settled.
        """
        seen = self._looks.standing_in_turn(begun.account, begun.source)
        if seen is None:
            return None
        version, before = seen
        user = self._users.known(version, begun.user_id)
        policy = self._policies.known(version, begun.domain_id)
        if policy is None or is_news(before, now):
            return None
        proven = _proven(user, begun, before, policy, now, right=right)
        return (version, proven) if proven is not None else None

    def settle(
        self, transaction: Transaction, version: int, begun: Try, now: datetime, *, right: bool
    ) -> User | None:
        """The user who has proven to be one; else None, and the failure is counted.

        `version` is that of identity in the transaction, which the caller must commit either way.
        """
        who = Reference(id=begun.user_id)
        user = self._users.as_of(
            version, begun.user_id, lambda: Directory(transaction).find_user(who)
        )
        policy = self._policies.as_of(
            version,
            begun.domain_id,
            lambda: security_policies.login_policy(transaction, begun.domain_id),
        )
        before = login_attempts.standing(transaction, begun.account, begun.source)
        proven = _proven(user, begun, before, policy, now, right=right)
        if proven is not None:
            if is_news(before, now):
                after = succeeded(before, now)
                login_attempts.save(transaction, begun.account, begun.source, after, now)
            return proven
        heard = _is_heard(begun, before, now)
        after = failed(before, policy, now) if heard and self._counts else before
        login_attempts.save(transaction, begun.account, begun.source, after, now)
        return None


def _proven(
    user: User | None,
    begun: Try,
    before: Standing,
    policy: LoginPolicy,
    now: datetime,
    *,
    right: bool,
) -> User | None:
    """The user of a login that counts."""
    proven = right and user is not None and user.password_hash == begun.password_hash
    usable = user is not None and user.enabled and user.domain.enabled
    heard = _is_heard(begun, before, now) and not before.is_forgotten(policy, now)
    return user if heard and proven and usable else None


def _is_heard(begun: Try, before: Standing, now: datetime) -> bool:
    return before.is_heard(now, is_local=is_local(begun.source))


def unlock(database: Database, name: str, domain: str) -> int:
    """Hear a user again from everywhere; how many places had failures.

    Raises NotFound when there is no such user.
    """
    with database.write() as transaction:
        user = Directory(transaction).find_user(Reference(name=name, domain=Reference(name=domain)))
        if user is None:
            raise NotFound("IAM.0004", f"there is no user {name!r} in the domain {domain!r}")
        return login_attempts.forgive(transaction, user.id)


def unknown_account(who: Reference) -> str:
    """What tries with a name nobody has are counted for."""
    inside = who.domain or Reference()
    named = "\0".join(str(part) for part in (who.id, who.name, inside.id, inside.name))
    return f"unknown-{hashlib.sha256(named.encode()).hexdigest()[:_BUCKET_DIGITS]}"


def place(source: str) -> str:
    """The source as it is counted: an IPv6 client has a whole /64 to itself."""
    try:
        address = ipaddress.ip_address(source.partition("%")[0])
    except ValueError:
        return source[:64] or "nowhere"  # the empty source is everywhere
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        if not address.is_loopback:
            return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def is_local(place: str) -> bool:
    """Whether the address is this machine's own."""
    try:
        return ipaddress.ip_address(place).is_loopback
    except ValueError:  # a network, or no address at all
        return False


def is_news(before: Standing, now: datetime) -> bool:
    """Whether a success changes anything worth writing."""
    last = (before.here.last_success, before.everywhere.last_success)
    known = all(one is not None and now - one < SEEN_AGAIN for one in last)
    return before.here.failures > 0 or not known
