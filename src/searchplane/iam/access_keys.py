"""Signed requests: from an access key to the actor behind it.

A permanent key stands for its user, in whatever project or domain the request is about; a
temporary one for what its security token holds (temporary.py). A key, sealed as it is, and what its
user may do are remembered until anything of identity changes in any process (remembered.py): one
that was deleted, made inactive or locked is refused at the next call.

An unknown key and a wrong signature cost the same work: one look into the database, something to
unseal, and a signature to compute. The texts differ, as those of the public API do.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from searchplane.domain.access import Actor
from searchplane.domain.ids import UserId
from searchplane.errors import Transient
from searchplane.iam import signatures
from searchplane.iam.key_guard import KeyGuard
from searchplane.iam.key_scopes import Wanted, scoped, wanted_scope
from searchplane.iam.presented import Presented
from searchplane.iam.remembered import Remembered
from searchplane.iam.sealing import Seals
from searchplane.iam.sessions import NOWHERE, Session, refuse
from searchplane.iam.temporary import TemporaryKeys
from searchplane.iam.tokens import Claims, Method
from searchplane.store.access_keys import AccessKey, KeyBook
from searchplane.store.database import Database
from searchplane.store.identity_version import version_reader

LOCKED_FOR = timedelta(minutes=5)
USE_IS_TOLD_EVERY = timedelta(minutes=1)

LOCKED = "AK access failed to reach the limit,forbidden"

SECURITY_TOKEN = "x-security-token"  # noqa: S105 - a header's name

_ALWAYS = datetime.max.replace(tzinfo=UTC)

_Place = tuple[str, Wanted | None]


class _Unknown(Exception):
    """There is no such key; nothing is remembered of it."""


class AccessKeys:
    """Safe to share between threads."""

    def __init__(self, database: Database, seals: Seals, temporary: TemporaryKeys) -> None:
        self._database = database
        self._seals = seals
        self._temporary = temporary
        self._guard = KeyGuard()
        read_version = version_reader(database)
        self._keys = Remembered[str, AccessKey](read_version)
        self._sessions = Remembered[_Place, Session](read_version)
        self._told: dict[str, datetime] = {}
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
        key = self._find(access)
        is_right = agrees(self._seals.unseal(key.sealed if key is not None else self._nobodys))
        if key is not None and not is_right:
            key = self._read(access)  # the look that an unknown key, never remembered, costs
        if key is None:
            refuse(f"ak {access} not exist")
        is_locked = key.locked_until is not None and key.locked_until > now
        if is_locked and not self._guard.trusts(access, source):
            refuse(LOCKED)
        if not is_right:
            self._count_wrong(access, source, now)
            refuse(signatures.WRONG)
        if not key.active:
            refuse(f"ak {access} is inactive")
        self._guard.right(access, source)
        self._tell_use(key, now)
        return key.user_id

    def _find(self, access: str) -> AccessKey | None:
        with contextlib.suppress(_Unknown):
            return self._keys.get(access, lambda: self._existing(access))
        return None

    def _existing(self, access: str) -> AccessKey:
        key = self._read(access)
        if key is None:
            raise _Unknown
        return key

    def _read(self, access: str) -> AccessKey | None:
        with self._database.read() as transaction:
            return KeyBook(transaction).find(access)

    def _count_wrong(self, access: str, source: str, now: datetime) -> None:
        if not self._guard.wrong(access, source):
            return
        with self._database.write() as transaction:
            KeyBook(transaction).lock(access, now + LOCKED_FOR)

    def _tell_use(self, key: AccessKey, now: datetime) -> None:
        told = self._told.get(key.access, key.last_used)
        if told is not None and now - told < USE_IS_TOLD_EVERY:
            return
        self._told[key.access] = now
        # A full disk must not lock out those who could make room on it.
        with contextlib.suppress(Transient), self._database.write() as transaction:
            KeyBook(transaction).used(key.access, now)

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
