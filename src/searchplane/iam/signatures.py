"""Requests signed with an access key: SDK-HMAC-SHA256, in both dialects that are in the field.

    Access=AK                                         signed with the secret key itself
    Credential=AK/yyyymmdd/region/service/sdk_request  signed with a key derived from it for a day

`read` takes an Authorization header apart and checks all that needs no secret, `agrees` does the
one computation with it. So a caller can do the same work for a key it does not know. Nothing here
knows keys, users or a clock.

A signature is good for fifteen minutes around its date, and for any number of times in them: the
scheme has no number that is used once. TLS is what keeps it from being copied.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from searchplane.errors import Unauthenticated
from searchplane.iam.canonical import (
    CONTENT_HEADER,
    UNSIGNED,
    Dialect,
    body_hash,
    canonical_request,
)
from searchplane.iam.presented import Presented

ALGORITHM = "SDK-HMAC-SHA256"
SKEW = timedelta(minutes=15)
DATE = "x-sdk-date"
DATE_FORMAT = "%Y%m%dT%H%M%SZ"
TERMINATOR = "sdk_request"
WRONG = "verify aksk signature fail"
"""The public API's text for a signature that was not made with the key's secret."""

MUST_BE_SIGNED = ("host", DATE)
ONCE = ("authorization", "x-security-token", "x-project-id", "x-domain-id", CONTENT_HEADER)
"""Headers that say who asks, or for what: two of them would be a choice for whoever adds one."""

_FAMILY = re.compile(r"(SDK|V[0-9]+)-[A-Z0-9-]+( |\Z)")
_ACCESS = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+\Z")
_SIGNATURE = re.compile(r"[0-9a-f]{64}\Z")
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z\Z")
_SCOPE_PARTS = 5


@dataclass(frozen=True)
class Signed:
    """A well-formed signature of a request; whether it is right, `agrees` tells.

    `chain` is what the signing key is derived over; empty when it is the secret key itself.
    """

    access: str
    signature: str = field(repr=False)
    text: bytes = field(repr=False)
    chain: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Header:
    """The Authorization header, taken apart."""

    access: str
    dialect: Dialect
    chain: tuple[str, ...]
    names: tuple[str, ...]
    signature: str


def is_signature(authorization: str) -> bool:
    """Whether an Authorization header is of this family, by whatever algorithm."""
    return _FAMILY.match(authorization) is not None


def read(presented: Presented, now: datetime, *, upload: bool = False) -> Signed:
    """The signature of a request, checked as far as that goes without the secret.

    `upload` is for an operation that takes a file: only there may the body be left out of the
    signature. Raises Unauthenticated APIGW.0301 with what is wrong and what would be right.
    """
    _refuse_repeated(presented, ONCE)
    header = _take_apart(presented.headers.get("authorization", ""))
    _check_headers(presented, header.names)
    date = presented.headers[DATE].strip()
    _check_date(date, now)
    if header.chain and header.chain[0] != date[:8]:
        _refuse(f"the date in Credential is {header.chain[0]!r:.40}; X-Sdk-Date is {date}")
    _check_body(presented, upload=upload)
    canonical = canonical_request(presented, header.names, header.dialect)
    lines = [ALGORITHM, date, body_hash(canonical)]
    if header.chain:
        lines.insert(2, "/".join(header.chain))
    text = "\n".join(lines).encode("latin-1")
    return Signed(header.access, header.signature, text, header.chain)


def agrees(signed: Signed, secret: str) -> bool:
    """Whether the signature was made with this secret key; takes the same time either way."""
    key = secret.encode()
    if signed.chain:
        key = b"SDK" + key
        for part in signed.chain:
            key = hmac.digest(key, part.encode("latin-1"), hashlib.sha256)
    right = hmac.digest(key, signed.text, hashlib.sha256).hex()
    return hmac.compare_digest(right, signed.signature)


def _take_apart(authorization: str) -> _Header:
    algorithm, _space, rest = authorization.strip().partition(" ")
    if algorithm != ALGORITHM:
        _refuse(f"the algorithm of Authorization is {algorithm!r:.40}; {ALGORITHM} is right")
    parts = _parts(rest)
    access, dialect, chain = _who(parts)
    return _Header(
        access, dialect, chain, _signed_names(_part(parts, "SignedHeaders")), _signature(parts)
    )


def _parts(rest: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals or name not in ("Access", "Credential", "SignedHeaders", "Signature"):
            _refuse(
                f"Authorization has the part {part.strip()!r:.40}; Access or Credential, "
                "SignedHeaders and Signature are right, each as NAME=VALUE, with commas between"
            )
        if name in parts:
            _refuse(f"{name} stands twice in Authorization; once is right")
        parts[name] = value
    return parts


def _part(parts: dict[str, str], name: str) -> str:
    value = parts.get(name)
    if value is None:
        _refuse(f"{name} is missing in Authorization")
    return value


def _who(parts: dict[str, str]) -> tuple[str, Dialect, tuple[str, ...]]:
    """The access key, the dialect it is named in, and what its signing key is derived over."""
    if ("Access" in parts) == ("Credential" in parts):
        _refuse("Authorization needs either Access or Credential")
    if "Access" in parts:
        return _access(parts["Access"]), Dialect.PLAIN, ()
    scope = parts["Credential"].split("/")
    if len(scope) != _SCOPE_PARTS or scope[-1] != TERMINATOR:
        _refuse(
            f"Credential is {parts['Credential']!r:.80}; "
            f"AK/yyyymmdd/REGION/SERVICE/{TERMINATOR} is right"
        )
    return _access(scope[0]), Dialect.DERIVED, tuple(scope[1:])


def _access(access: str) -> str:
    if not _ACCESS.match(access):
        _refuse(f"the access key is {access!r:.70}; 1 to 64 letters and digits are right")
    return access


def _signed_names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(";"))
    if not all(_NAME.match(name) for name in names) or list(names) != sorted(set(names)):
        _refuse(
            f"SignedHeaders is {text!r:.80}; names in lower case, sorted, each once, with "
            "semicolons between are right"
        )
    missing = [name for name in MUST_BE_SIGNED if name not in names]
    if missing:
        _refuse(f"SignedHeaders lacks {' and '.join(missing)}, which must be signed")
    return names


def _signature(parts: dict[str, str]) -> str:
    signature = _part(parts, "Signature")
    if not _SIGNATURE.match(signature):
        _refuse("Signature is not 64 hexadecimal digits in lower case")
    return signature


def _check_headers(presented: Presented, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in presented.headers]
    if missing:
        _refuse(f"the header {missing[0]!r:.80} is in SignedHeaders and was not sent")
    _refuse_repeated(presented, names)


def _refuse_repeated(presented: Presented, names: tuple[str, ...]) -> None:
    for name in names:
        if name in presented.repeated:
            _refuse(f"the header {name!r:.80} was sent more than once")


def _check_date(text: str, now: datetime) -> None:
    date = _date(text)
    if date is None:
        _refuse(f"X-Sdk-Date is {text!r:.40}; UTC such as 20260102T030405Z is right")
    if abs(now - date) > SKEW:
        _refuse(
            f"X-Sdk-Date is {text}, here it is {now.astimezone(UTC).strftime(DATE_FORMAT)}; "
            "at most 15 minutes apart are right"
        )


def _date(text: str) -> datetime | None:
    if not _DATE.match(text):
        return None
    try:
        return datetime.strptime(text, DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:  # no such day or hour
        return None


def _check_body(presented: Presented, *, upload: bool) -> None:
    told = presented.headers.get(CONTENT_HEADER, "").strip()
    if not told or (told == UNSIGNED and (upload or not presented.body)):
        return
    if told == UNSIGNED:
        _refuse(
            f"X-Sdk-Content-Sha256 is {UNSIGNED}; this operation takes no upload, so its body "
            "must be signed: Content-Type application/json is right"
        )
    if told.lower() != body_hash(presented.body):
        _refuse("X-Sdk-Content-Sha256 is not the SHA-256 of the body that came")


def _refuse(why: str) -> NoReturn:
    raise Unauthenticated("APIGW.0301", why)
