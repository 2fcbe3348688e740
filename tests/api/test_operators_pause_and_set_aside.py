"""Operators pause a cluster, resume it, and set predicates aside; all is shown and audited."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.support.live_service import Live, live_service, until, wait_for
from tests.support.running import getting_started

from searchplane.domain.cluster import Refusal
from searchplane.drivers.base import NodeRef
from searchplane.store import clusters, events

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Operated:
    live: Live
    css: httpx.AsyncClient
    id: str

    async def post(self, what: str, **body: Any) -> httpx.Response:
        return await self.css.post(f"/clusters/{self.id}/{what}", json=body or None)

    async def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.css.get(f"/clusters/{self.id}")).json()
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def operated(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Operated]:
    data: Path = tmp_path_factory.mktemp("operated")
    with live_service(data) as live:
        async with live.client(live.token()) as css:
            answer = await css.post("/clusters", json=getting_started("Operated"))
            made = answer.json()["cluster"]["id"]
            await wait_for(css, made, status="200", actions=[])
            yield Operated(live, css, made)


async def test_a_dead_node_stays_dead_until_the_cluster_is_resumed(operated: Operated) -> None:
    answer = await operated.post("pause")
    assert answer.json()["paused"] is True
    node = (await operated.shown())["instances"][0]
    operated.live.driver.kill(NodeRef(operated.id, node["id"]), "out of memory")  # type: ignore[arg-type]

    async def is_said() -> bool:
        return "out of memory" in (await operated.shown())["sentence"]

    await until(is_said, "the death is not told")
    shown = await operated.shown()
    assert shown["sentence"].startswith("paused by an operator, so this is not done")
    assert shown["paused"] is True
    refused = await operated.post("restart")
    assert (refused.status_code, refused.json()["errCode"]) == (400, "CSS.5090")
    assert "resume it first" in refused.json()["externalMessage"]
    assert (await operated.post("resume")).json()["paused"] is False
    await wait_for(operated.css, operated.id, status="200", actions=[], paused=False)


async def test_what_is_set_aside_is_shown_until_the_action_is_over(operated: Operated) -> None:
    for name in ("nothing_moves", "others_are_members"):
        answer = await operated.post("skip-predicate", predicate=name)
        assert answer.status_code == 200
    assert answer.json()["skipped"] == ["nothing_moves", "others_are_members"]
    assert (await operated.shown())["skipped"] == ["nothing_moves", "others_are_members"]
    assert (await operated.post("restart")).status_code == 200
    await wait_for(operated.css, operated.id, status="200", actions=[], skipped=[])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("is_known", "never set aside"),
        ("has_no_vote", "never set aside"),
        ("is_nice", "one of earlier_tiers_are_done"),
    ],
)
async def test_what_guards_data_is_not_set_aside(operated: Operated, name: str, says: str) -> None:
    refused = await operated.post("skip-predicate", predicate=name)
    assert (refused.status_code, refused.json()["errCode"]) == (400, "CSS.0001")
    assert says in refused.json()["externalMessage"]
    assert (await operated.shown())["skipped"] == []


async def test_a_dry_run_pauses_nothing(operated: Operated) -> None:
    answer = await operated.css.post(f"/clusters/{operated.id}/pause?dry_run=true")
    assert answer.json()["dryRun"]["steps"] == ["pause: look on and do nothing"]
    assert (await operated.shown())["paused"] is False


async def test_who_asked_is_in_the_events(operated: Operated) -> None:
    with operated.live.service.ports.database.read() as connection:
        told = [one.sentence for one in events.after(connection, operated.id, 0, 1000)]  # type: ignore[arg-type]
    assert "pause: look on and do nothing, asked for by admin" in told


async def test_why_the_next_step_is_not_taken_is_in_the_detail(operated: Operated) -> None:
    await operated.post("pause")  # so that no pass writes over it
    database = operated.live.service.ports.database
    refusal = Refusal("nothing_moves", "3 shards are being built")

    async def is_shown() -> bool:
        with database.write() as connection:
            before = clusters.find(connection, operated.id)  # type: ignore[arg-type]
            assert before is not None
            clusters.record(connection, before, replace(before, refusal=refusal))
        shown = await operated.shown()
        return (shown["refusedBy"], shown["refusedBecause"]) == (
            "nothing_moves",
            "3 shards are being built",
        )

    await until(is_shown, "the refusal is not shown")
    await operated.post("resume")
