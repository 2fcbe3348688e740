"""Signatures of both dialects are checked; whatever is off is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.support.signing import signed_headers

from searchplane.errors import Unauthenticated
from searchplane.iam.canonical import Dialect, canonical_request
from searchplane.iam.presented import Presented
from searchplane.iam.signatures import SKEW, agrees, is_signature, read

KNOWN = json.loads(
    (Path(__file__).parent.parent / "fixtures" / "signature-vectors.json").read_text()
)
SECRET = KNOWN["sk"]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BODY = b'{"cluster": {"name": "one"}}'
Change = Callable[[Presented], Presented]


def of_vector(vector: dict[str, Any]) -> Presented:
    path, _mark, query = vector["sent_uri"].partition("?")
    return Presented(
        method=vector["method"],
        path=quote(path, safe="/%~+"),
        query=query,
        headers={name.lower(): value for name, value in vector["headers"].items()}
        | {"authorization": vector["authorization"]},
        repeated=frozenset(),
        body=vector["body"].encode(),
        source="127.0.0.1",
    )


def signed(
    method: str = "POST",
    target: str = "/v1.0/p/clusters?b=2&a=1",
    body: bytes = BODY,
    headers: dict[str, str] | None = None,
    *,
    now: datetime = NOW,
    derived: bool = False,
) -> Presented:
    path, _mark, query = target.partition("?")
    sent = signed_headers(
        method,
        f"http://css.example.test:9480{target}",
        "AK1",
        SECRET,
        body=body,
        headers={"Content-Type": "application/json"} if headers is None else headers,
        now=now,
        derived=derived,
    )
    return Presented(method, path, query, sent, frozenset(), body, "127.0.0.1")


def with_header(presented: Presented, name: str, value: str) -> Presented:
    return replace(presented, headers={**presented.headers, name: value})


def with_part(presented: Presented, old: str, new: str) -> Presented:
    authorization = presented.headers["authorization"]
    assert old in authorization
    return with_header(presented, "authorization", authorization.replace(old, new))


def is_right(presented: Presented, now: datetime = NOW) -> bool:
    return agrees(read(presented, now), SECRET)


@pytest.mark.parametrize("vector", KNOWN["vectors"], ids=lambda vector: vector["name"])
def test_the_official_signers_vectors_agree(vector: dict[str, Any]) -> None:
    presented = of_vector(vector)
    names = tuple(vector["canonical_request"].split("\n")[-2].split(";"))
    canonical = canonical_request(presented, names, Dialect.PLAIN).decode()
    assert canonical == vector["canonical_request"]
    found = read(presented, NOW, upload=True)
    assert found.text.decode() == vector["string_to_sign"]
    assert found.access == KNOWN["ak"]
    assert agrees(found, SECRET)
    assert not agrees(found, SECRET[:-1])


@pytest.mark.parametrize("derived", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD"])
@pytest.mark.parametrize("target", ["/v1.0/p/clusters", "/v1.0/p/a%20b/?x=1%202&x=%7e&y="])
@pytest.mark.parametrize("body", [b"", BODY])
def test_both_dialects_agree(method: str, target: str, body: bytes, derived: bool) -> None:
    presented = signed(method, target, body, derived=derived)
    assert is_right(presented)
    assert not is_right(replace(presented, body=body + b" "))
    assert not is_right(replace(presented, query="x=2"))
    assert not is_right(replace(presented, path="/v1.0/q/clusters"))
    assert not is_right(replace(presented, method="PATCH"))


def test_the_older_clients_way_with_queries_and_spaces() -> None:
    """Keys are sorted without case, a plus is a space, and spaces of a header are one."""
    presented = signed("GET", "/v1.0/p/clusters", b"", {"User-Agent": "a b"}, derived=True)
    assert is_right(with_header(presented, "user-agent", " a \t b "))
    plus = replace(signed("GET", "/", b""), query="Other=1&name=a+b")
    queries = {
        dialect: canonical_request(plus, ("host",), dialect).split(b"\n")[2] for dialect in Dialect
    }
    assert queries == {Dialect.DERIVED: b"name=a%20b&Other=1", Dialect.PLAIN: b"Other=1&name=a%2Bb"}


def test_bytes_that_are_no_text_are_signed_as_they_are() -> None:
    presented = signed("GET", "/v1.0/p/x", b"")
    one, other = (replace(presented, path=f"/v1.0/p/{end}") for end in ("%ff", "%ef%bf%bd"))
    assert canonical_request(one, ("host",), Dialect.PLAIN) != canonical_request(
        other, ("host",), Dialect.PLAIN
    )


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_signature_is_good_for_fifteen_minutes_around_its_date(sign: int) -> None:
    presented = signed()
    assert is_right(presented, NOW + sign * SKEW)
    with pytest.raises(Unauthenticated, match="at most 15 minutes apart"):
        read(presented, NOW + sign * (SKEW + timedelta(microseconds=1)))


def test_every_byte_of_the_signature_counts() -> None:
    presented = signed()
    signature = read(presented, NOW).signature
    for place, digit in enumerate(signature):
        other = "0" if digit != "0" else "1"
        changed = signature[:place] + other + signature[place + 1 :]
        assert not is_right(with_part(presented, signature, changed))


def drop(name: str) -> Change:
    return lambda presented: replace(
        presented, headers={key: v for key, v in presented.headers.items() if key != name}
    )


def change(old: str, new: str) -> Change:
    return lambda presented: with_part(presented, old, new)


def header(name: str, value: str) -> Change:
    return lambda presented: with_header(presented, name, value)


def repeat(name: str) -> Change:
    return lambda presented: replace(presented, repeated=frozenset({name}))


@pytest.mark.parametrize(
    ("off", "sentence"),
    [
        (change("SDK-HMAC-SHA256", "SDK-HMAC-SM3"), "SDK-HMAC-SHA256 is right"),
        (change("SDK-HMAC-SHA256", "V11-HMAC-SHA256"), "'V11-HMAC-SHA256'; SDK-HMAC-SHA256"),
        (change("Access=AK1, ", ""), "either Access or Credential"),
        (change("Access=AK1", "Access=AK1, Credential=AK1/2/3/4/sdk_request"), "either Access"),
        (change("Access=AK1", "Access=AK1, Access=AK2"), "Access stands twice"),
        (change("Access=AK1", "Access="), "access key is ''"),
        (change("Access=AK1", "Access=a b"), "access key is 'a b'"),
        (change("Access=AK1", "Credential=AK1/20260102/sdk_request"), "AK/yyyymmdd/REGION"),
        (change("Access=AK1", "Credential=AK1/20260103///sdk_request"), "date in Credential"),
        (change("Access=AK1", "Access=AK1, Realm=x"), "part 'Realm=x'"),
        (change(", Signature", " Signature"), "SignedHeaders is"),
        (change("Signature=", "Signatur="), "part 'Signatur="),
        (change("Signature=", "Signature=0"), "64 hexadecimal digits"),
        (change("content-type;host", "Content-Type;host"), "names in lower case"),
        (change("content-type;host", "host;content-type"), "sorted"),
        (change("content-type;host", "host;host"), "each once"),
        (change("content-type;host", "content-type"), "lacks host"),
        (change(";x-sdk-date", ""), "lacks x-sdk-date"),
        (change("content-type;host", "content-type;host;x-more"), "'x-more' is in SignedHeaders"),
        (drop("content-type"), "'content-type' is in SignedHeaders and was not sent"),
        (repeat("content-type"), "'content-type' was sent more than once"),
        (repeat("authorization"), "'authorization' was sent more than once"),
        (repeat("x-project-id"), "'x-project-id' was sent more than once"),
        (header("x-sdk-date", "2026-01-02T03:04:05Z"), "UTC such as"),
        (header("x-sdk-date", "20261302T030405Z"), "UTC such as"),
        (header("x-sdk-content-sha256", "UNSIGNED-PAYLOAD"), "takes no upload"),
        (header("x-sdk-content-sha256", "0" * 64), "not the SHA-256 of the body"),
    ],
)
def test_what_is_off_is_named(off: Change, sentence: str) -> None:
    presented = signed()
    assert is_right(presented)
    with pytest.raises(Unauthenticated, match=sentence) as refused:
        read(off(presented), NOW)
    assert refused.value.code == "APIGW.0301"


def test_other_schemes_of_authorization_are_not_signatures() -> None:
    for variant in [*KNOWN["vectors"], *KNOWN["variants"]]:
        assert is_signature(variant["authorization"])
    for other in ("", "Bearer x", "Basic SDK-x", "SDKs and more", "Negotiate V11-"):
        assert not is_signature(other)


def test_a_signature_shows_neither_itself_nor_what_it_is_over() -> None:
    found = read(signed(), NOW)
    assert found.signature not in repr(found)
    assert "clusters" not in repr(found)
