"""Every operation against every signature that is not right: nobody is let in.

The cases are made from the declarations. Each is one small thing off in a request that would be
let in without it, and the key signs rightly in between, so that it is never its lock that refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.support.live_service import Live
from tests.support.signing import signed_headers

from searchplane.api.operation import Operation
from searchplane.api.routes import OPERATIONS
from searchplane.iam.key_guard import MOST_WRONG
from searchplane.iam.key_pair import new_pair

HOST = "http://127.0.0.1:9480"
BODY = b'{"any": "body"}'
SAMPLE = "0" * 32


@dataclass(frozen=True)
class Sent:
    """A signed request, as pairs of headers, so that one can be there twice."""

    headers: tuple[tuple[str, str], ...]
    body: bytes = BODY


@dataclass(frozen=True)
class Key:
    access: str
    secret: str
    security_token: str = ""

    def sign(self, method: str, url: str, **how: object) -> Sent:
        extra = {"content-type": "application/json"}
        if self.security_token:
            extra["x-security-token"] = self.security_token
        headers = signed_headers(
            method, url, self.access, self.secret, body=BODY, headers=extra, **how
        )
        return Sent(tuple(headers.items()))


@dataclass(frozen=True)
class Keys:
    """Who signs; the temporary ones are of two users."""

    admin: Key
    temporary: Key
    expired: Key
    of_another: Key


Case = Callable[[Keys, str, str], Sent]


def _with_header(sent: Sent, name: str, value: str) -> Sent:
    kept = tuple(pair for pair in sent.headers if pair[0] != name)
    return replace(sent, headers=(*kept, (name, value)))


def _tampered(keys: Keys, method: str, url: str) -> Sent:
    sent = keys.admin.sign(method, url)
    authorization = dict(sent.headers)["authorization"]
    last = "0" if authorization[-1] != "0" else "1"
    return _with_header(sent, "authorization", authorization[:-1] + last)


def _signed_twice(keys: Keys, method: str, url: str) -> Sent:
    sent = keys.admin.sign(method, url)
    return replace(sent, headers=(*sent.headers, ("content-type", "application/json")))


CASES: dict[str, Case] = {
    "wrong secret": lambda keys, *what: Key(keys.admin.access, new_pair().secret).sign(*what),
    "tampered": _tampered,
    "unknown key": lambda _, *what: Key(*new_pair_of_texts()).sign(*what),
    "old": lambda keys, *what: keys.admin.sign(*what, now=_at(minutes=-16)),
    "of the future": lambda keys, *what: keys.admin.sign(*what, now=_at(minutes=16)),
    "of another method": lambda keys, _, url: keys.admin.sign("TRACE", url),
    "of another path": lambda keys, method, url: keys.admin.sign(method, f"{url}x"),
    "body changed": lambda keys, *what: replace(keys.admin.sign(*what), body=BODY + b" "),
    "header changed": lambda keys, *what: _with_header(
        keys.admin.sign(*what), "content-type", "text/plain"
    ),
    "header signed twice": _signed_twice,
    "no signature": lambda keys, *what: _with_header(
        keys.admin.sign(*what), "authorization", "SDK-HMAC-SHA256"
    ),
    "another algorithm": lambda keys, *what: _with_header(
        keys.admin.sign(*what), "authorization", "V11-HMAC-SHA256 Credential=a/b/c/d"
    ),
    "derived, wrong secret": lambda keys, *what: Key(keys.admin.access, "x").sign(
        *what, derived=True
    ),
    "expired temporary key": lambda keys, *what: keys.expired.sign(*what),
    "another user's security token": lambda keys, *what: replace(
        keys.temporary, security_token=keys.of_another.security_token
    ).sign(*what),
    "security token of a permanent key": lambda keys, *what: replace(
        keys.admin, security_token=keys.temporary.security_token
    ).sign(*what),
    "temporary key without its token": lambda keys, *what: replace(
        keys.temporary, security_token=""
    ).sign(*what),
}


def new_pair_of_texts() -> tuple[str, str]:
    pair = new_pair()
    return pair.access, pair.secret


def _at(**later: int) -> datetime:
    return datetime.now(UTC) + timedelta(**later)


@pytest.fixture(scope="module")
def keys(untended: Live) -> Keys:
    untended.add_user("eve", untended.project_id, "te_admin")

    def temporary(user: str, age: timedelta = timedelta(0)) -> Key:
        issued = untended.service.services.identity.temporary.issue(
            untended.token(user), timedelta(seconds=900), None, datetime.now(UTC) - age
        )
        return Key(issued.key.access, issued.key.secret, issued.security_token)

    return Keys(
        admin=Key(untended.admin.access_key, untended.admin.secret_key),
        temporary=temporary("admin"),
        expired=temporary("admin", timedelta(minutes=16)),
        of_another=temporary("eve"),
    )


async def send(http: httpx.AsyncClient, method: str, url: str, sent: Sent) -> httpx.Response:
    return await http.request(method, url, headers=list(sent.headers), content=sent.body)


async def assert_works(http: httpx.AsyncClient, key: Key) -> None:
    url = f"{HOST}/v3/projects"
    answer = await send(http, "GET", url, key.sign("GET", url))
    assert answer.status_code == 200, answer.text


def _routes() -> list[object]:
    return [
        pytest.param(operation, path, id=f"{operation.id} {path}")
        for operation in OPERATIONS
        if operation.action is not None
        for path in operation.paths
    ]


@pytest.mark.parametrize(("operation", "path"), _routes())
async def test_nobody_is_let_in(
    untended: Live, keys: Keys, operation: Operation, path: str
) -> None:
    values = dict.fromkeys(_names(path), SAMPLE) | {"project_id": untended.project_id}
    url = HOST + path.format(**values)
    async with untended.client(None) as http:
        for number, (name, case) in enumerate(CASES.items()):
            answer = await send(http, operation.method, url, case(keys, operation.method, url))
            assert answer.status_code == 401, (name, answer.text)
            assert answer.headers["X-Request-Id"]
            if operation.method != "HEAD":
                assert answer.json()["error_code"] == "APIGW.0301", name
            if number % MOST_WRONG == 0:  # the row of wrong ones ends before it locks the key
                await assert_works(http, keys.admin)


def _names(path: str) -> list[str]:
    return [part.partition("}")[0] for part in path.split("{")[1:]]


async def test_the_same_keys_are_let_in_when_nothing_is_off(untended: Live, keys: Keys) -> None:
    async with untended.client(None) as http:
        for key in (keys.admin, keys.temporary, keys.of_another):
            await assert_works(http, key)


async def test_a_header_that_says_who_is_asking_is_not_sent_twice(
    untended: Live, keys: Keys
) -> None:
    url = f"{HOST}/v3/projects"
    sent = keys.admin.sign("GET", url)
    async with untended.client(None) as http:
        for name in ("x-sdk-date", "x-project-id", "x-security-token", "authorization", "host"):
            extra = ((name, dict(sent.headers).get(name, SAMPLE)),) * 2
            kept = tuple(pair for pair in sent.headers if pair[0] != name)
            answer = await send(http, "GET", url, replace(sent, headers=kept + extra))
            assert answer.status_code in (400, 401), name
