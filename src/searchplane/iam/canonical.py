"""The canonical form of a request: the one text that client and service both make a signature of.

Two families of clients write it differently in the details. `PLAIN` is the public cloud's own SDK,
`DERIVED` the older one that Open Telekom Cloud's Go clients use; what differs stands side by side
here. Everything is bytes: a header or a path may hold any, and must not be guessed at.

The scheme itself has one blur that cannot be mended here: a path is decoded before it is split, so
`a%2Fb` and `a/b` have one signature.
"""

from __future__ import annotations

import hashlib
import re
from enum import Enum
from urllib.parse import quote, quote_plus, unquote_to_bytes

from searchplane.iam.presented import Presented

CONTENT_HEADER = "x-sdk-content-sha256"
UNSIGNED = "UNSIGNED-PAYLOAD"
"""What a client puts into CONTENT_HEADER when its signature leaves the body out."""

_SPACES = re.compile(rb"\s+")


class Dialect(Enum):
    """How a client signs: with the key itself, or with one derived from it for a day."""

    PLAIN = "Access"
    DERIVED = "Credential"


def canonical_request(presented: Presented, signed: tuple[str, ...], dialect: Dialect) -> bytes:
    """`signed` are the names of the signed headers, in lower case, each of them present."""
    pairs = _pairs(presented.query, dialect)
    in_payload = _query_is_payload(presented, dialect)
    return b"\n".join(
        (
            presented.method.encode("latin-1"),
            _path(presented.path),
            b"" if in_payload else _query(pairs, dialect),
            *(_header(name, presented.headers[name], dialect) for name in signed),
            b"",
            ";".join(signed).encode("ascii"),
            _payload(presented, pairs, in_payload=in_payload),
        )
    )


def body_hash(body: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(body).hexdigest()


def _path(path: str) -> bytes:
    parts = unquote_to_bytes(path.encode("latin-1")).split(b"/")
    encoded = "/".join(quote(part, safe="~") for part in parts).encode("ascii")
    return encoded if encoded.endswith(b"/") else encoded + b"/"


def _pairs(query: str, dialect: Dialect) -> list[tuple[bytes, bytes]]:
    """Names and values in the order they were sent; in the older form a plus is a space."""
    raw = query.encode("latin-1")
    if dialect is Dialect.DERIVED:
        raw = raw.replace(b"+", b" ")
    split = (part.partition(b"=") for part in raw.split(b"&") if part)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _equals, value in split]


def _query(pairs: list[tuple[bytes, bytes]], dialect: Dialect) -> bytes:
    if dialect is Dialect.DERIVED:
        ordered = sorted(pairs, key=lambda pair: quote(pair[0], safe="~").lower())
    else:
        ordered = sorted(pairs)
    return "&".join(
        f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in ordered
    ).encode("ascii")


def _query_is_payload(presented: Presented, dialect: Dialect) -> bool:
    return dialect is Dialect.DERIVED and presented.method == "POST" and not presented.body


def _header(name: str, value: str, dialect: Dialect) -> bytes:
    content = value.encode("latin-1").strip()
    if dialect is Dialect.DERIVED:
        content = _SPACES.sub(b" ", content)
    return name.encode("ascii") + b":" + content


def _payload(presented: Presented, pairs: list[tuple[bytes, bytes]], *, in_payload: bool) -> bytes:
    if in_payload:
        ordered = sorted(pairs, key=lambda pair: pair[0])
        form = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in ordered)
        return body_hash(form.encode("ascii")).encode("ascii")
    if presented.body and presented.headers.get(CONTENT_HEADER, "").strip() == UNSIGNED:
        return UNSIGNED.encode("ascii")
    return body_hash(presented.body).encode("ascii")
