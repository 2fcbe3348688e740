"""Signs requests as clients do, written apart from the service's own code so as to check it."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

ALGORITHM = "SDK-HMAC-SHA256"
DATE_FORMAT = "%Y%m%dT%H%M%SZ"


def signed_headers(
    method: str,
    url: str,
    access: str,
    secret: str,
    *,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    now: datetime | None = None,
    derived: bool = False,
) -> dict[str, str]:
    """All headers to send, signed over all of `headers`, the host and the date."""
    parts = urlsplit(url)
    date = (now or datetime.now(UTC)).strftime(DATE_FORMAT)
    all_headers = {"host": parts.netloc, "x-sdk-date": date}
    all_headers |= {name.lower(): value for name, value in (headers or {}).items()}
    names = ";".join(sorted(all_headers))
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = "&".join(
        f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(pairs)
    )
    payload = body
    if derived and method == "POST" and not body:
        query, payload = "", urlencode(sorted(pairs)).encode()
    path = "/".join(quote(part, safe="~") for part in unquote(parts.path).split("/"))
    canonical = [method, path if path.endswith("/") else f"{path}/", query]
    canonical += [f"{name}:{all_headers[name].strip()}" for name in sorted(all_headers)]
    canonical += ["", names, hashlib.sha256(payload).hexdigest()]
    digest = hashlib.sha256("\n".join(canonical).encode("latin-1")).hexdigest()
    who, key, lines = f"Access={access}", secret.encode(), [ALGORITHM, date, digest]
    if derived:
        scope = f"{date[:8]}///sdk_request"
        who, lines = f"Credential={access}/{scope}", [ALGORITHM, date, scope, digest]
        key = b"SDK" + key
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, "\n".join(lines).encode(), "sha256").hex()
    authorization = f"{ALGORITHM} {who}, SignedHeaders={names}, Signature={signature}"
    return all_headers | {"authorization": authorization}
