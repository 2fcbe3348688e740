"""Signed requests: from an access key to the actor behind it.

A permanent key stands for its user, in whatever project or domain the request is about; a
temporary one for what its security token holds (temporary.py). A key, sealed as it is, and what its
user may do are remembered until anything of identity changes in any process (remembered.py): one
that was deleted, made inactive or locked for an address is refused at the next call.

An unknown key and a wrong signature cost the same work: one look into the database, something to
unseal, and a signature to compute. The texts differ, as those of the public API do.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from searchplane.domain.access import Actor
from searchplane.domain.ids import UserId
from searchplane.domain.lockout import Standing, succeeded
from searchplane.errors import Transient
from searchplane.iam import lockout, signatures
from searchplane.iam.key_guard import KeyGuard, locked_by
from searchplane.iam.key_scopes import Wanted, scoped, wanted_scope
from searchplane.iam.presented import Presented
from searchplane.iam.remembered import Remembered
from searchplane.iam.sealing import Seals
from searchplane.iam.sessions import NOWHERE, Session, refuse
from searchplane.iam.temporary import TemporaryKeys
from searchplane.iam.tokens import Claims, Method
from searchplane.store import login_attempts
from searchplane.store.access_keys import AccessKey, KeyBook
from searchplane.store.database import Database
from searchplane.store.identity import bump
from searchplane.store.identity_version import version_reader

USE_IS_TOLD_EVERY = timedelta(minutes=1)
TOLD = 4096
"""Pairs of key and place whose last telling is remembered."""

LOCKED = "AK access failed to reach the limit,forbidden"

SECURITY_TOKEN = "x-security-token"  # noqa: S105 - a header's name

_ALWAYS = datetime.max.replace(tzinfo=UTC)

_Place = tuple[str, Wanted | None]


class _Unknown(Exception):
    """There is no such key; nothing is remembered of it."""


@dataclass(frozen=True)
class _Shown:
    """A key that exists, shown from a place (lockout.py), and whether it is heard from there."""

    key: AccessKey
    place: str
    is_local: bool
    standing: Standing

    def is_heard(self, now: datetime) -> bool:
        return self.standing.is_heard(now, is_local=self.is_local)


class AccessKeys:
    """Safe to share between threads."""

    def __init__(self, database: Database, seals: Seals, temporary: TemporaryKeys) -> None:
        self._database = database
        self._seals = seals
        self._temporary = temporary
        self._guard = KeyGuard()
        read_version = version_reader(database)
        self._shown = Remembered[tuple[str, str], _Shown](read_version)
        self._sessions = Remembered[_Place, Session](read_version)
        self._told: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._lock = threading.Lock()
        self._nobodys = seals.seal(secrets.token_urlsafe(30))

    def authenticate(self, presented: Presented, now: datetime) -> Actor:
        """The actor of a signed request.

        Raises Unauthenticated, or Forbidden when the key's user has no role on what the request
        is about.
        """
        signed = signatures.read(presented, now)
        wanted = wanted_scope(presented)
        security_token = presented.headers.get(SECURITY_TOKEN, "").strip()
        if security_token:
            return self._temporary.actor(signed, security_token, wanted, now)
        user_id = self.proven_user(
            signed.access, lambda secret: signatures.agrees(signed, secret), presented.source, now
        )
        found = self._sessions.get((user_id, wanted), lambda: self._look_up(user_id, wanted))
        return replace(found.actor, credential=signed.access)

    def proven_user(
        self, access: str, agrees: Callable[[str], bool], source: str, now: datetime
    ) -> str:
        """The user of a permanent key, once `agrees` says that the client has its secret."""
        shown = self._find(access, source)
        is_right = agrees(self._seals.unseal(shown.key.sealed if shown else self._nobodys))
        if shown is not None and not is_right:
            shown = self._read(access, source)  # the look that an unknown key costs
        if shown is None:
            refuse(f"ak {access} not exist")
        if not shown.is_heard(now):
            refuse(LOCKED)
        if not is_right:
            self._count_wrong(shown, now)
            refuse(signatures.WRONG)
        if not shown.key.active:
            refuse(f"ak {access} is inactive")
        self._guard.right(access, shown.place)
        self._tell_use(shown, now)
        return shown.key.user_id

    def _find(self, access: str, source: str) -> _Shown | None:
        with contextlib.suppress(_Unknown):
            return self._shown.get((access, source), lambda: self._existing(access, source))
        return None

    def _existing(self, access: str, source: str) -> _Shown:
        shown = self._read(access, source)
        if shown is None:
            raise _Unknown
        return shown

    def _read(self, access: str, source: str) -> _Shown | None:
        place = lockout.place(source)
        with self._database.read() as transaction:
            key = KeyBook(transaction).find(access)
            standing = login_attempts.standing(transaction, access, place)
        if key is None:
            return None
        return _Shown(key, place, lockout.is_local(place), standing)

    def _count_wrong(self, shown: _Shown, now: datetime) -> None:
        access, place = shown.key.access, shown.place
        counted = self._guard.wrong(access, place, shown.standing, now)
        if counted is None:
            return
        with self._database.write() as transaction:
            stored = login_attempts.standing(transaction, access, place)
            login_attempts.save(transaction, access, place, locked_by(counted, stored), now)
            bump(transaction)

    def _tell_use(self, shown: _Shown, now: datetime) -> None:
        """Write when the key was used, and that it was from this place."""
        access, place = shown.key.access, shown.place
        if self._is_told((access, place), now):
            return
        # A full disk must not lock out those who could make room on it.
        with contextlib.suppress(Transient), self._database.write() as transaction:
            KeyBook(transaction).used(access, now)
            before = login_attempts.standing(transaction, access, place)
            if lockout.is_news(before, now):
                login_attempts.save(transaction, access, place, succeeded(before, now), now)

    def _is_told(self, pair: tuple[str, str], now: datetime) -> bool:
        """Whether it was told lately; from now on it counts as told."""
        told = self._told.get(pair)
        if told is not None and now - told < USE_IS_TOLD_EVERY:
            return True
        with self._lock:
            self._told[pair] = now
            if len(self._told) > TOLD:
                self._told.popitem(last=False)
        return False

    def _look_up(self, user_id: str, wanted: Wanted | None) -> Session:
        with self._database.read() as transaction:
            return scoped(transaction, _claims(user_id), wanted)


def _claims(user_id: str) -> Claims:
    """A key's user. A key is a proof of its own: neither time nor a new password ends it."""
    return Claims(
        user_id=UserId(user_id),
        methods=Method(0),
        issued=_ALWAYS,
        expires=_ALWAYS,
        audit_id=NOWHERE,
    )
