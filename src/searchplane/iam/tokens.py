"""Tokens: who, for what, and until when, sealed with a key only this service has.

A token needs no row in the database: the sealed text holds ids and times, 204 characters in all;
one that was re-scoped again and again holds a tag of each token in between, eight characters each.
What the ids mean (names, roles, still enabled, not revoked) is looked up by sessions.py. Times
keep their microseconds, so that "everything issued before now" is sharp. Reading is remembered
for the newest tokens, as unsealing costs more than the rest, and for as long as the keys are the
same: nothing that was remembered outlives a retired key.
"""

from __future__ import annotations

import base64
import secrets
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntFlag
from functools import lru_cache

from cryptography.fernet import InvalidToken, MultiFernet

from searchplane.domain.ids import UserId
from searchplane.iam.key_pair import ACCESS_LENGTH
from searchplane.iam.key_ring import Keys, KeySource
from searchplane.store.identity import TAG_DIGITS, Target

LAYOUT = 1
LAYOUT_OF_AGENCIES = 2
"""As the first, with the agency's id behind it."""
LAYOUT_OF_CHAINS = 3
"""As the second, the agency's id zero where there is none, with the tags behind it."""
LAYOUT_OF_KEYS = 4
"""As the third, the access key between the agency and the tags."""

REMEMBERED = 4096
MAX_LENGTH = 1024
"""Characters; anything longer is not ours and is not looked at."""

_PACKED = struct.Struct(">BBBQQ16s16s16s16s")
_NONE = bytes(16)
_TAG_BYTES = TAG_DIGITS // 2
_ENDS = {
    LAYOUT: 0,
    LAYOUT_OF_AGENCIES: len(_NONE),
    LAYOUT_OF_CHAINS: len(_NONE),
    LAYOUT_OF_KEYS: len(_NONE) + ACCESS_LENGTH,
}
"""Bytes behind what all have in common, without the tags."""
_WITH_TAGS = (LAYOUT_OF_CHAINS, LAYOUT_OF_KEYS)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TARGETS = {0: None, 1: Target.PROJECT, 2: Target.DOMAIN}
_TARGET_NUMBERS = {target: number for number, target in _TARGETS.items()}


class Method(IntFlag):
    """How the user proved who they are; a token can carry both."""

    PASSWORD = 1
    TOKEN = 2
    ASSUME_ROLE = 4
    HW_AK_SK = 8


@dataclass(frozen=True)
class Claims:
    """What a token says. Ids are 32 hexadecimal digits.

    `audit_id` is this token's own and no secret; `chain_id` is the audit id of the token that the
    chain of re-scoping began with, `between` the tags of those between it and this one, the first
    of them first. With an `agency_id` the user acts through that agency. With an `access` the chain
    began with that access key, and counts as long as the key does.
    """

    user_id: UserId
    methods: Method
    issued: datetime
    expires: datetime
    audit_id: str
    chain_id: str | None = None
    target: Target | None = None
    target_id: str | None = None
    agency_id: str | None = None
    between: tuple[str, ...] = ()
    access: str | None = None

    def method_names(self) -> list[str]:
        return [method.name.lower() for method in Method if method in self.methods and method.name]


@dataclass(frozen=True)
class SealedToken:
    """A token's text, kept out of logs and error messages."""

    value: str = field(repr=False)
    claims: Claims


def new_audit_id() -> str:
    return secrets.token_hex(16)


class Tokens:
    """Seals and reads tokens; safe to share between threads."""

    def __init__(self, keys: KeySource) -> None:
        self._keys = keys
        self._read = lru_cache(REMEMBERED)(self._unseal)

    def seal(self, claims: Claims) -> SealedToken:
        sealed = self._keys.current().fernet.encrypt(_pack(claims))
        return SealedToken(sealed.decode("ascii").rstrip("="), claims)

    def read(self, value: str) -> Claims | None:
        """What the token says, expired or not; None if it is not one of ours."""
        if len(value) > MAX_LENGTH:
            return None
        keys = self._keys.current()
        found = self._read_with(keys, value)
        if found is None:
            newer = self._keys.looked_again()
            if newer.generation != keys.generation:
                return self._read_with(newer, value)
        return found

    @property
    def generation(self) -> int:
        """Of the keys. What was read with those of another generation must be read again."""
        return self._keys.current().generation

    def _read_with(self, keys: Keys, value: str) -> Claims | None:
        try:
            return self._read(value, keys.fernet)
        except (InvalidToken, ValueError):
            return None

    @staticmethod
    def _unseal(value: str, keys: MultiFernet) -> Claims:
        # Base64 readers skip what they do not know; one token must have one spelling only.
        raw = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        if base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=") != value:
            raise ValueError("not the one spelling of this token")
        return _unpack(keys.decrypt(base64.urlsafe_b64encode(raw)))


def _pack(claims: Claims) -> bytes:
    agency = bytes.fromhex(claims.agency_id) if claims.agency_id else _NONE
    access = claims.access.encode("ascii") if claims.access else b""
    tags = bytes.fromhex("".join(claims.between))
    layout = _layout(claims)
    packed = _PACKED.pack(
        layout,
        _TARGET_NUMBERS[claims.target],
        claims.methods,
        (claims.issued - _EPOCH) // _MICROSECOND,
        (claims.expires - _EPOCH) // _MICROSECOND,
        bytes.fromhex(claims.user_id),
        bytes.fromhex(claims.target_id) if claims.target_id else _NONE,
        bytes.fromhex(claims.audit_id),
        bytes.fromhex(claims.chain_id) if claims.chain_id else _NONE,
    )
    return packed if layout == LAYOUT else packed + agency + access + tags


def _layout(claims: Claims) -> int:
    """The first that holds all there is."""
    if claims.access is not None:
        return LAYOUT_OF_KEYS
    if claims.between:
        return LAYOUT_OF_CHAINS
    return LAYOUT_OF_AGENCIES if claims.agency_id is not None else LAYOUT


def _unpack(packed: bytes) -> Claims:
    layout, common, rest = packed[0], packed[: _PACKED.size], packed[_PACKED.size :]
    end = _ENDS.get(layout)
    if end is None or len(rest) < end or len(common) < _PACKED.size:
        raise ValueError("a token of another version's layout")
    agency, access, tags = rest[: len(_NONE)], rest[len(_NONE) : end], rest[end:]
    if tags and (layout not in _WITH_TAGS or len(tags) % _TAG_BYTES):
        raise ValueError("a token of another version's layout")
    _, target, methods, issued, expires, user, target_id, audit, chain = _PACKED.unpack(common)
    return Claims(
        user_id=UserId(user.hex()),
        target=_TARGETS[target],
        target_id=target_id.hex() if target else None,
        methods=Method(methods),
        issued=_EPOCH + issued * _MICROSECOND,
        expires=_EPOCH + expires * _MICROSECOND,
        audit_id=audit.hex(),
        chain_id=chain.hex() if chain != _NONE else None,
        agency_id=agency.hex() if agency.strip(b"\0") else None,
        between=tuple(tags[at : at + _TAG_BYTES].hex() for at in range(0, len(tags), _TAG_BYTES)),
        access=access.decode("ascii") or None,
    )
