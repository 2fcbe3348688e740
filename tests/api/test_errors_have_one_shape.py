"""Whatever is sent, the answer is 4xx in the one shape, with a request id; never a 500."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.live_service import Live
from tests.support.running import getting_started

from searchplane.api.codes import CODES
from searchplane.api.pipeline import MAX_BODY_BYTES

NESTED = 100_000


def with_name(raw: bytes) -> bytes:
    """The Getting Started with this as the JSON text of its name."""
    return json.dumps(getting_started("NAME")).encode().replace(b'"NAME"', raw)


BODIES: dict[str, bytes] = {
    "empty": b"",
    "spaces": b" \n\t ",
    "no json": b"name=ES-Test",
    "cut off": b'{"cluster": {"name": "ES-T',
    "two values": b"{} {}",
    "single quotes": b"{'cluster': {}}",
    "comment": b"{} // end",
    "null": b"null",
    "a number": b"7",
    "a text": b'"cluster"',
    "a list": b"[]",
    "no cluster": b"{}",
    "cluster is null": b'{"cluster": null}',
    "cluster is a list": b'{"cluster": []}',
    "lists without end": b"[" * NESTED,
    "objects without end": b'{"cluster":' * NESTED,
    "deep and closed": b'{"cluster":' * NESTED + b"1" + b"}" * NESTED,
    "not utf-8": b'{"cluster": "\xff\xfe"}',
    "utf-16": '{"cluster": {}}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "a lone surrogate": with_name(b'"abc\\ud800def"'),
    "a lone surrogate as bytes": with_name(b'"abc\xed\xa0\x80def"'),
    "NUL as text": with_name(b'"abcd\\u0000"'),
    "NUL as a byte": with_name(b'"abcd\0"'),
    "a huge number": with_name(b"9" * 4000),
    "a number out of range": with_name(b"9" * 5000),
    "infinite": with_name(b"1e999"),
    "NaN": with_name(b"NaN"),
    "a long name": with_name(b'"' + b"a" * 1_000_000 + b'"'),
    "many unknown fields": json.dumps({str(n): n for n in range(50_000)}).encode(),
}


def assert_refusal(answer: httpx.Response) -> str:
    """The one shape of the service's refusals; gives the code."""
    assert 400 <= answer.status_code < 500, answer.text[:500]
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    code = body["errCode"]
    assert body["error_code"] == code
    assert body["externalMessage"] == f"{code} : {body['error_msg']}"
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert CODES[code].status == answer.status_code
    assert len(answer.content) < 5000
    return code


@pytest.mark.parametrize("name", BODIES)
async def test_a_bad_body_is_refused(css: httpx.AsyncClient, name: str) -> None:
    code = assert_refusal(await css.post("/clusters", content=BODIES[name]))
    assert code in ("CSS.0001", "CSS.0006", "CSS.5049")


async def test_a_number_too_long_to_print_is_refused(css: httpx.AsyncClient) -> None:
    for field in ("instanceNum", "enterprise_project_id", "keepday"):
        raw = json.dumps(getting_started("numbers")).replace(
            '"instanceNum": 3', f'"instanceNum": 3, "{field}": {"9" * 4200}'
        )
        assert_refusal(await css.post("/clusters", content=raw.replace("7}", "9" * 4200 + "}")))


async def test_a_body_is_read_up_to_the_limit_and_refused_beyond(css: httpx.AsyncClient) -> None:
    padded = json.dumps(getting_started("padded") | {"pad": ""}).encode()
    most = padded[:-2] + b"x" * (MAX_BODY_BYTES - len(padded)) + padded[-2:]
    assert len(most) == MAX_BODY_BYTES
    assert (await css.post("/clusters", content=most)).status_code == 200
    answer = await css.post("/clusters", content=most + b" ")
    assert assert_refusal(answer) == "APIGW.0201"
    assert str(MAX_BODY_BYTES) in answer.json()["error_msg"]


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/clusters/x/nothing",
        "/clusters/a%2fb",
        "/../../v9.9/x",
        "/clusters/../../../etc/passwd",
        "/" + "x" * 60_000,
    ],
)
async def test_an_unknown_path_is_refused(css: httpx.AsyncClient, path: str) -> None:
    assert assert_refusal(await css.get(path)) == "APIGW.0101"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
async def test_an_unknown_method_is_refused(css: httpx.AsyncClient, method: str) -> None:
    assert assert_refusal(await css.request(method, "/clusters")) == "APIGW.0101"


async def test_head_has_the_request_id_and_no_body(css: httpx.AsyncClient) -> None:
    answer = await css.head("/clusters")
    assert answer.status_code == 404
    assert answer.headers["X-Request-Id"]


async def test_a_token_sent_twice_is_refused(live: Live, live_token: str) -> None:
    async with live.client(None) as css:
        twice = [("X-Auth-Token", live_token), ("x-auth-token", "another")]
        answer = await css.get("/clusters", headers=twice)
        assert assert_refusal(answer) == "CSS.0001"
        assert "x-auth-token" in answer.json()["error_msg"]


async def test_a_header_that_is_too_long_is_refused(css: httpx.AsyncClient) -> None:
    answer = await css.get("/clusters", headers={"X-Auth-Token": "x" * 40_000})
    assert assert_refusal(answer) == "APIGW.0202"


@pytest.mark.parametrize("token", [None, "", " ", "x", "gAAAAA", "x" * 30_000, "\xe9\xff", "a\tb"])
async def test_a_bad_token_is_refused(live: Live, token: str | None) -> None:
    async with live.client(None) as css:
        headers = {} if token is None else {"X-Auth-Token": token.encode("latin-1")}
        answer = await css.get("/clusters", headers=headers)
        assert assert_refusal(answer) == "APIGW.0301"
        assert token is None or len(token) < 4 or token not in answer.text


async def test_a_value_given_twice_or_oddly_encoded_is_no_fault(css: httpx.AsyncClient) -> None:
    for query in (
        "limit=1&limit=2",
        "limit",
        "&&&",
        "=1",
        "%",
        "a=%zz",
        "limit=1;start=2",
        "?" * 9,
    ):
        answer = await css.get(f"/clusters?{query}")
        assert answer.status_code in (200, 400), query
        assert answer.headers["X-Request-Id"]


async def test_every_answer_has_a_request_id_of_its_own(css: httpx.AsyncClient) -> None:
    ids = [(await css.get("/clusters")).headers["X-Request-Id"] for _ in range(3)]
    assert len(set(ids)) == 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
PLACES = [
    ("name",),
    ("instanceNum",),
    ("datastore",),
    ("datastore", "version"),
    ("instance",),
    ("instance", "flavorRef"),
    ("instance", "volume"),
    ("instance", "volume", "size"),
    ("instance", "nics"),
    ("instance", "nics", "vpcId"),
    ("instance", "availability_zone"),
    ("backupStrategy",),
    ("backupStrategy", "period"),
    ("backupStrategy", "keepday"),
    ("backupStrategy", "basePath"),
    ("backupStrategy", "maxSnapshotBytesPerSeconds"),
    ("authorityEnable",),
    ("httpsEnable",),
    ("adminPwd",),
    ("tags",),
    ("desc",),
    ("enterprise_project_id",),
    ("diskEncryption",),
]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.sampled_from(PLACES), value=JSON)
async def test_any_value_anywhere_is_refused_or_right(
    css: httpx.AsyncClient, place: tuple[str, ...], value: Any
) -> None:
    body = getting_started("any-value")
    inner = body["cluster"]
    for part in place[:-1]:
        inner = inner.setdefault(part, {"type": "elasticsearch"})
    inner[place[-1]] = value
    answer = await css.post("/clusters", content=json.dumps(body))
    if answer.status_code == 200:
        await css.delete(f"/clusters/{answer.json()['cluster']['id']}")
    else:
        assert_refusal(answer)
