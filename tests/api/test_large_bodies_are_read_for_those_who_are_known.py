"""Memory for a large body is given to a caller who is known, and only so much of it to all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.live_service import Live, live_service
from tests.support.running import getting_started

from searchplane.api import bodies
from searchplane.api.bodies import SMALL_BYTES, Room
from searchplane.api.pipeline import MAX_BODY_BYTES
from searchplane.api.web import Application


def large(name: str) -> bytes:
    return json.dumps(getting_started(name) | {"pad": "x" * SMALL_BYTES}).encode()


LARGE = large("large")


@dataclass
class Client:
    """An ASGI server's side of one request; `asked` tells how often the body was asked for."""

    chunks: list[bytes]
    asked: int = 0
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        chunk = self.chunks.pop(0) if self.chunks else b""
        return {"type": "http.request", "body": chunk, "more_body": bool(self.chunks)}

    async def send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.headers |= dict(message.get("headers", ()))
        self.body += message.get("body", b"")


async def posted(
    live: Live, path: str, headers: dict[str, str], *chunks: bytes, size: int | None = None
) -> Client:
    """The answer to a POST; `size` is announced, otherwise the body comes in chunks."""
    length = {"transfer-encoding": "chunked"} if size is None else {"content-length": str(size)}
    client = Client(list(chunks))
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "client": ("192.0.2.1", 1),
        "headers": [
            (k.encode(), v.encode()) for k, v in ({"host": "h"} | length | headers).items()
        ],
    }
    await live.app(scope, client.receive, client.send)  # type: ignore[arg-type]
    return client


def clusters(live: Live) -> str:
    return f"/v1.0/{live.project_id}/clusters"


def signature(access: str) -> dict[str, str]:
    names = "SignedHeaders=host;x-sdk-date, Signature=" + "0" * 64
    return {
        "authorization": f"SDK-HMAC-SHA256 Access={access}, {names}",
        "x-sdk-date": datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"),
    }


@pytest.mark.parametrize("size", [len(LARGE), None], ids=["announced", "chunked"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-auth-token": "gAAAAA"},
        signature("0" * 20),
        signature("0" * 20) | {"x-sdk-date": "20200101T000000Z"},
        {"authorization": "Basic YTpi"},
    ],
    ids=["nobody", "bad token", "unknown key", "old signature", "other scheme"],
)
async def test_a_strangers_large_body_is_not_read(
    untended: Live, headers: dict[str, str], size: int | None
) -> None:
    answer = await posted(untended, clusters(untended), headers, LARGE, size=size)
    assert (answer.status, answer.asked) == (401, 0)
    assert answer.headers[b"connection"] == b"close"


@pytest.mark.parametrize("size", [len(LARGE), None], ids=["announced", "chunked"])
async def test_a_known_callers_large_body_is_read(untended: Live, size: int | None) -> None:
    body = large("chunked" if size is None else "other")
    size = size and len(body)
    token = {"x-auth-token": untended.token()}
    answer = await posted(untended, clusters(untended), token, body[:1000], body[1000:], size=size)
    assert (answer.status, answer.asked) == (200, 2), answer.body
    assert b"connection" not in answer.headers


@pytest.mark.parametrize("size", [SMALL_BYTES + 1, None], ids=["announced", "chunked"])
async def test_without_a_credential_there_are_small_bodies_only(
    untended: Live, size: int | None
) -> None:
    body = b" " * (SMALL_BYTES + 1)
    answer = await posted(untended, "/v3/auth/tokens", {}, body, size=size)
    assert answer.status == 413
    assert answer.headers[b"connection"] == b"close"


async def test_an_announced_body_beyond_the_limit_is_not_read(untended: Live) -> None:
    token = {"x-auth-token": untended.token()}
    answer = await posted(untended, clusters(untended), token, b"", size=MAX_BODY_BYTES + 1)
    assert (answer.status, answer.asked) == (413, 0)


async def test_large_bodies_share_a_room(untended: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(untended.app, Application)
    monkeypatch.setattr(untended.app._edge, "room", Room(len(LARGE) + 10))
    token = {"x-auth-token": untended.token()}
    with untended.app._edge.room.share() as take:
        take(11)
        full = await posted(untended, clusters(untended), token, LARGE, size=len(LARGE))
        assert (full.status, full.headers[b"retry-after"]) == (429, b"5")
    for _ in range(2):  # what was taken is given back, by the one that was refused too
        answer = await posted(untended, clusters(untended), token, LARGE, size=len(LARGE))
        assert answer.status in (200, 400), answer.body


async def test_a_body_that_does_not_come_is_not_waited_for(
    untended: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "SMALL_SECONDS", 0.01)

    async def nothing(client: Client) -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError(client)

    monkeypatch.setattr(Client, "receive", nothing)
    answer = await posted(untended, "/v3/auth/tokens", {}, size=100)
    assert answer.status == 408
    assert answer.headers[b"connection"] == b"close"


@pytest.fixture(scope="module")
def throttled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder: Path = tmp_path_factory.mktemp("throttled")
    with live_service(
        folder, tended=False, requests_per_minute=3, anonymous_per_minute=2
    ) as service:
        yield service


async def test_a_project_is_throttled_and_another_is_not(throttled: Live) -> None:
    other = throttled.add_project("local_other")
    throttled.add_user("neighbour", other, "te_admin")
    async with throttled.client(throttled.token()) as css:
        answers = [await css.get("/clusters") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json()["error_code"] == "APIGW.0308"
    assert "policy user over ratelimit,limit:3,time:1 minute" in answers[-1].json()["error_msg"]
    assert int(answers[-1].headers["Retry-After"]) == 20
    async with throttled.client(throttled.token("neighbour", other), other) as css:
        assert (await css.get("/clusters")).status_code == 200


async def test_strangers_are_throttled_by_address(throttled: Live) -> None:
    async with throttled.client(None) as css:
        answers = [await css.get("/clusters") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    body = b"{}"
    login = await posted(throttled, "/v3/auth/tokens", {}, body, size=len(body))
    assert login.status == 400  # another address
