"""Temporary access keys: a key, a secret and a security token that holds what they stand for.

No row is kept of them. The security token is sealed and holds the pair, when it ends, and the
token that it was asked for with; so a temporary key dies with that token: revoked, its user
disabled, the password changed. It never outlives the token either, whatever duration was asked
for, or chaining one after the other would make an hour last for ever.

An inline policy narrows what the key may do to what the policy allows too. A temporary key never
changes identity (domain/access.py): what it made would outlast it.

A wrong signature locks nothing here: the key is nobody's name, and ends by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from searchplane.domain.access import Actor, ProjectScope
from searchplane.domain.policy import Policy
from searchplane.domain.policy_documents import stored_document, write_document
from searchplane.iam.key_pair import new_pair
from searchplane.iam.key_scopes import Wanted, fixed, scoped
from searchplane.iam.sealing import Seals
from searchplane.iam.sessions import Session, refuse
from searchplane.iam.signatures import WRONG, Signed, agrees
from searchplane.store.database import Database

SHORTEST, LONGEST = 900, 86400
"""Seconds that a key can be asked for."""

MAX_TOKEN = 16 * 1024
"""Characters of a security token that are looked at."""

Prove = Callable[[str, datetime], Session]
"""What a token stands for now; raises Unauthenticated."""


@dataclass(frozen=True)
class TemporaryKey:
    """`parent` is the token it was asked for with; `limit` what it may do at most."""

    access: str
    secret: str = field(repr=False)
    parent: str = field(repr=False)
    expires: datetime
    limit: Policy | None = None


@dataclass(frozen=True)
class IssuedKey:
    """What the client is told, this once."""

    key: TemporaryKey
    security_token: str = field(repr=False)


class TemporaryKeys:
    """Safe to share between threads."""

    def __init__(self, database: Database, seals: Seals, prove: Prove) -> None:
        self._database = database
        self._seals = seals
        self._prove = prove

    def issue(
        self, parent: str, duration: timedelta, limit: Policy | None, now: datetime
    ) -> IssuedKey:
        """A key for what the token `parent` stands for. Raises Unauthenticated."""
        ends = min(now + duration, self._prove(parent, now).claims.expires)
        pair = new_pair()
        key = TemporaryKey(pair.access, pair.secret, parent, ends, limit)
        return IssuedKey(key, self._seals.seal(_write(key)))

    def actor(
        self, signed: Signed, security_token: str, wanted: Wanted | None, now: datetime
    ) -> Actor:
        """Who a request is from that is signed with a temporary key."""
        key = self._read(security_token)
        if key is None:
            refuse("decrypt token fail")
        if key.access != signed.access:
            refuse("X-Security-Token belongs to another access key than the one that signed")
        if not agrees(signed, key.secret):
            refuse(WRONG)
        if key.expires <= now:
            refuse(f"token expires, expires_at: {key.expires.isoformat()}")
        found = self._session(key, wanted, now)
        return replace(found.actor, credential=key.access, delegated=True, limit=key.limit)

    def _session(self, key: TemporaryKey, wanted: Wanted | None, now: datetime) -> Session:
        """A token for a project is for that one; any other could be had for what it may reach."""
        found = self._prove(key.parent, now)
        if isinstance(found.actor.scope, ProjectScope):
            return fixed(found, wanted)
        if wanted is None:
            return found
        with self._database.read() as transaction:
            return scoped(transaction, replace(found.claims, target=None, target_id=None), wanted)

    def _read(self, security_token: str) -> TemporaryKey | None:
        if len(security_token) > MAX_TOKEN:
            return None
        plain = self._seals.unseal_foreign(security_token)
        return _parse(plain) if plain is not None else None


def _write(key: TemporaryKey) -> str:
    content: dict[str, Any] = {
        "access": key.access,
        "secret": key.secret,
        "parent": key.parent,
        "expires": key.expires.timestamp(),
    }
    if key.limit is not None:
        content["limit"] = write_document(key.limit)
    return json.dumps({"temporary": content})


def _parse(plain: str) -> TemporaryKey | None:
    """None for a text that was sealed for another purpose."""
    try:
        content = json.loads(plain)["temporary"]
        limit = content.get("limit")
        return TemporaryKey(
            access=content["access"],
            secret=content["secret"],
            parent=content["parent"],
            expires=datetime.fromtimestamp(content["expires"], UTC),
            limit=stored_document(limit) if limit is not None else None,
        )
    except (ValueError, KeyError, TypeError):
        return None
