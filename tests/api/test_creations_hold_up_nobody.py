"""Hashing a cluster's admin password takes long; nobody but other creations waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.support.live_service import Live, until
from tests.support.running import getting_started

from searchplane.api.routes import OPERATIONS
from searchplane.api.web import Application
from searchplane.api.workers import CREATIONS_WAITING

SECURED = {"authorityEnable": True, "httpsEnable": True, "adminPwd": "Fresh-Pear-27"}


class SlowHash:
    """A hash that takes until it is let go."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_end = threading.Event()

    def __call__(self, _password: str) -> str:
        self.asked += 1
        assert self.may_end.wait(30)
        return "a hash"


def secured(name: str, /, **changes: Any) -> dict[str, Any]:
    body = getting_started(name, nodes=1)
    body["cluster"] |= SECURED | changes
    return body


@pytest.fixture
def slow() -> SlowHash:
    return SlowHash()


@pytest.fixture
async def css(untended: Live, slow: SlowHash) -> AsyncIterator[httpx.AsyncClient]:
    services = replace(untended.service.services, hash_engine_password=slow)
    app = Application(OPERATIONS, services)
    other = Live(untended.service, app, untended.admin)
    async with other.client(untended.token()) as http:
        yield http
    slow.may_end.set()
    app.close()


async def test_reads_and_deletes_are_answered_while_passwords_are_hashed(
    css: httpx.AsyncClient, slow: SlowHash
) -> None:
    creations = [
        asyncio.create_task(css.post("/clusters", json=secured(f"slow-{number}")))
        for number in range(48)
    ]

    async def hashing() -> bool:
        return slow.asked >= 2

    await until(hashing, "no password is hashed")
    async with asyncio.timeout(20):
        assert (await css.get("/clusters")).status_code == 200
        assert (await css.delete("/clusters/unknown")).status_code == 404
    assert slow.asked == 2, "more are hashed at the same time than the setting says"
    slow.may_end.set()
    assert {answer.status_code for answer in await asyncio.gather(*creations)} <= {200, 419}


async def test_more_creations_than_can_wait_are_told_to_come_again(
    css: httpx.AsyncClient, slow: SlowHash
) -> None:
    too_many = 2 + CREATIONS_WAITING + 1
    creations = [
        asyncio.create_task(css.post("/clusters", json=secured(f"many-{number}")))
        for number in range(too_many)
    ]
    answered, _ = await asyncio.wait(creations, return_when=asyncio.FIRST_COMPLETED, timeout=20)
    slow.may_end.set()
    (refused,) = [one.result() for one in answered]
    assert (refused.status_code, refused.json()["errCode"]) == (429, "APIGW.0308")
    assert "creations" in refused.json()["error_msg"]
    assert refused.headers["Retry-After"] == "1"
    await asyncio.gather(*creations)


@pytest.mark.parametrize("wrong", [{"name": "x"}, {"name": "taken-before"}], ids=str)
async def test_what_is_refused_anyway_costs_no_hash(
    css: httpx.AsyncClient, slow: SlowHash, wrong: dict[str, Any]
) -> None:
    plain = getting_started("taken-before", nodes=1)
    assert (await css.post("/clusters", json=plain)).status_code in (200, 400)
    answer = await css.post("/clusters", json=secured("refused", **wrong))
    assert answer.status_code == 400, answer.text
    assert slow.asked == 0
