"""DELETE clusters: shown as deleting at once, then gone as if it had never been."""

from __future__ import annotations

import httpx
from tests.support.live_service import Live, gone, wait_for
from tests.support.running import getting_started

MISSING = "b1cdd3b1-1a5e-4a5f-9c53-0d1c2f1f0e4f"


async def create(css: httpx.AsyncClient, name: str) -> str:
    answer = await css.post("/clusters", json=getting_started(name))
    assert answer.status_code == 200, answer.text
    return answer.json()["cluster"]["id"]


async def test_a_deleted_cluster_is_unknown_and_leaves_nothing(
    live: Live, css: httpx.AsyncClient
) -> None:
    cluster_id = await create(css, "goes")
    await wait_for(css, cluster_id, status="200")
    answer = await css.delete(f"/clusters/{cluster_id}")
    assert (answer.status_code, answer.content) == (200, b"")
    await gone(css, cluster_id)
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/events"), ("GET", "/sslCert")):
        answer = await css.request(method, f"/clusters/{cluster_id}{path}")
        assert answer.status_code == 404
        assert answer.json()["errCode"] == "CSS.0015"
    assert not await live.driver.nodes()
    assert (await css.get("/clusters")).json()["totalSize"] == 0


async def test_its_name_is_free_again(css: httpx.AsyncClient) -> None:
    for _ in range(2):
        cluster_id = await create(css, "again")
        await css.delete(f"/clusters/{cluster_id}")
        await gone(css, cluster_id)


async def test_it_may_be_deleted_while_it_is_created(css: httpx.AsyncClient) -> None:
    cluster_id = await create(css, "short-lived")
    assert (await css.delete(f"/clusters/{cluster_id}")).status_code == 200
    await gone(css, cluster_id)


async def test_deleting_shows_at_once_and_twice_is_the_same_wish(untended: Live) -> None:
    async with untended.client(untended.token()) as css:
        cluster_id = await create(css, "deleting")
        for _ in range(2):
            assert (await css.delete(f"/clusters/{cluster_id}")).status_code == 200
            shown = (await css.get(f"/clusters/{cluster_id}")).json()
            assert shown["status"] == "100"
            assert shown["actions"] == ["DELETING"]
            assert shown["actionProgress"] == {"DELETING": "0%"}


async def test_the_wish_is_an_event_once(untended: Live) -> None:
    async with untended.client(untended.token()) as css:
        cluster_id = await create(css, "told")
        for _ in range(2):
            await css.delete(f"/clusters/{cluster_id}")
        told = (await css.get(f"/clusters/{cluster_id}/events")).json()["events"]
    said = [one["sentence"] for one in told if one["phase"] == "accepted"]
    assert said[1:] == ["delete, asked for by admin"]


async def test_a_name_is_taken_until_the_cluster_is_gone(untended: Live) -> None:
    async with untended.client(untended.token()) as css:
        cluster_id = await create(css, "lingers")
        await css.delete(f"/clusters/{cluster_id}")
        answer = await css.post("/clusters", json=getting_started("lingers"))
        assert answer.json()["errCode"] == "CSS.5050"


async def test_an_unknown_cluster_is_not_found(css: httpx.AsyncClient) -> None:
    for wrong in (MISSING, "x", "%00", "%ff", "a" * 3000, "..%2f..", "' OR 1=1 --"):
        answer = await css.delete(f"/clusters/{wrong}")
        assert answer.status_code == 404, wrong
        assert answer.json()["errCode"] in ("CSS.0015", "APIGW.0101")
    answer = await css.get(f"/clusters/{MISSING}")
    assert MISSING in answer.json()["externalMessage"]
