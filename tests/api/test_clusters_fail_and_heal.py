"""What clients see while nodes die, do not start, cannot be seen, and come back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from tests.support.live_service import Live, gone, live_service, until, wait_for
from tests.support.running import getting_started

from searchplane.drivers.base import NodeRef

DEADLINE_SECONDS = 0.5


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service that gives up early."""
    data = tmp_path_factory.mktemp("impatient")
    with live_service(data, create_deadline_seconds=DEADLINE_SECONDS) as service:
        yield service


@pytest.fixture
async def css(live: Live, live_token: str) -> AsyncIterator[httpx.AsyncClient]:
    async with live.client(live_token) as http:
        yield http


async def green(css: httpx.AsyncClient, name: str) -> str:
    cluster_id = await create(css, name)
    await wait_for(css, cluster_id, status="200", actions=[])
    return cluster_id


async def create(css: httpx.AsyncClient, name: str) -> str:
    answer = await css.post("/clusters", json=getting_started(name))
    assert answer.status_code == 200, answer.text
    return answer.json()["cluster"]["id"]


async def refs(css: httpx.AsyncClient, cluster_id: str) -> list[NodeRef]:
    shown = (await css.get(f"/clusters/{cluster_id}")).json()
    return [NodeRef(shown["id"], node["id"]) for node in shown["instances"]]


async def events(css: httpx.AsyncClient, cluster_id: str, after: int = 0) -> list[dict[str, Any]]:
    answer = await css.get(f"/clusters/{cluster_id}/events?limit=1000&after={after}")
    return answer.json()["events"]


async def test_a_dead_node_is_started_again_and_the_cluster_stays_available(
    live: Live, css: httpx.AsyncClient
) -> None:
    cluster_id = await green(css, "one-dies")
    first = (await refs(css, cluster_id))[0]
    live.driver.hold_join(first)
    live.driver.kill(first, last_error="OutOfMemoryError: Java heap space")
    shown = await wait_for(css, cluster_id, actions=["RECOVERING"])
    assert shown["status"] == "200"
    assert "failedReason" not in shown
    live.driver.heal(first)
    await wait_for(css, cluster_id, status="200", actions=[], actionProgress={})
    said = [one["sentence"] for one in await events(css, cluster_id)]
    assert any("OutOfMemoryError" in sentence for sentence in said)


async def test_a_creation_that_does_not_come_off_fails_and_heals(
    live: Live, css: httpx.AsyncClient
) -> None:
    blocked = await create(css, "cannot-start")
    bad = (await refs(css, blocked))[1]
    live.driver.fail_starts(bad, "BindException: Address already in use")
    live.driver.kill(bad)
    shown = await wait_for(css, blocked, status="303")
    assert shown["actions"] == []
    reason = shown["failedReason"]
    assert shown["failed_reasons"] == reason
    assert reason["errorCode"] == "CSS.6000"
    assert "BindException" in reason["errorMsg"]
    live.driver.heal(bad)
    healed = await wait_for(css, blocked, status="200", actions=[])
    assert not {"failedReason", "failed_reasons"} & set(healed)


async def test_a_failed_cluster_can_be_deleted(live: Live, css: httpx.AsyncClient) -> None:
    cluster_id = await create(css, "never-starts")
    for ref in await refs(css, cluster_id):
        live.driver.hold_join(ref)
    live.service.loop.wake(cluster_id)
    await wait_for(css, cluster_id, status="303")
    assert (await css.delete(f"/clusters/{cluster_id}")).status_code == 200
    shown = await css.get(f"/clusters/{cluster_id}")
    assert shown.status_code == 404 or shown.json()["status"] == "100"
    await gone(css, cluster_id)


async def test_all_nodes_gone_past_the_deadline_is_a_failure_until_they_are_back(
    live: Live, css: httpx.AsyncClient
) -> None:
    cluster_id = await green(css, "all-die")
    nodes = await refs(css, cluster_id)
    for ref in nodes:
        live.driver.fail_starts(ref, "no space left on device")
        live.driver.kill(ref)
    shown = await wait_for(css, cluster_id, status="303")
    assert shown["failedReason"]["errorCode"] == "CSS.6002"
    assert "no space left" in shown["failedReason"]["errorMsg"]
    for ref in nodes:
        live.driver.heal(ref)
    await wait_for(css, cluster_id, status="200", actions=[])


async def test_a_node_that_cannot_be_seen_is_not_removed(
    live: Live, css: httpx.AsyncClient
) -> None:
    cluster_id = await green(css, "unseen")
    hidden = (await refs(css, cluster_id))[2]
    live.driver.make_unknown(hidden, "the folder's disk does not answer")
    assert (await css.delete(f"/clusters/{cluster_id}")).status_code == 200

    async def others_gone() -> bool:
        mine = [ref for ref in await live.driver.nodes() if ref.cluster_id == cluster_id]
        return mine == [hidden]

    await until(others_gone, "the two nodes that can be seen are still there")
    shown = await wait_for(css, cluster_id, status="100", actions=["DELETING"])
    assert "the folder's disk does not answer" in shown["sentence"]
    live.driver.heal(hidden)
    await gone(css, cluster_id)


async def test_events_tell_the_way_in_order_and_go_on_from_the_last_seen(
    css: httpx.AsyncClient,
) -> None:
    cluster_id = await green(css, "told")
    told = await events(css, cluster_id)
    assert [one["id"] for one in told] == sorted(one["id"] for one in told)
    assert told[-1]["sentence"] == "all 3 nodes joined; the cluster is green"
    assert {"prepare", "start", "steady"} <= {one["phase"] for one in told}
    assert await events(css, cluster_id, after=told[-2]["id"]) == told[-1:]
    assert await events(css, cluster_id, after=2**62) == []


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", f"after={2**63}", "limit=0", "limit=1001"]
)
async def test_wrong_values_for_events_are_named(css: httpx.AsyncClient, query: str) -> None:
    cluster_id = (await css.get("/clusters?limit=1")).json()["clusters"][0]["id"]
    answer = await css.get(f"/clusters/{cluster_id}/events?{query}")
    assert (answer.status_code, answer.json()["errCode"]) == (400, "CSS.0001")
