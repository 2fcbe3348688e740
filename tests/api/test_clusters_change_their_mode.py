"""A new password, users and HTTPS on and off, other flavors: done, refused and previewed."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.support.live_service import Live, wait_for
from tests.support.running import getting_started

from searchplane.domain.engines import OPENSEARCH_2_19_1
from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import Target
from searchplane.store.secrets import ADMIN_HASH

PASSWORD = "Fresh-Pear-27"
OTHER = "Fresh-Plum-28"
_numbers = itertools.count()


@pytest.fixture
async def css(live: Live, live_token: str) -> AsyncIterator[httpx.AsyncClient]:
    async with live.client(live_token) as http:
        yield http


async def idle(css: httpx.AsyncClient, cluster_id: str) -> dict[str, Any]:
    return await wait_for(css, cluster_id, status="200", actions=[], actionProgress={})


async def created(css: httpx.AsyncClient, *, version: str | None = None, **security: Any) -> str:
    body = getting_started(f"mode-{next(_numbers)}")
    body["cluster"] |= security
    if version is not None:
        body["cluster"]["datastore"] = {"type": "opensearch", "version": version}
    answer = await css.post("/clusters", json=body)
    assert answer.status_code == 200, answer.text
    cluster_id = str(answer.json()["cluster"]["id"])
    await idle(css, cluster_id)
    return cluster_id


async def secured(css: httpx.AsyncClient) -> str:
    return await created(css, authorityEnable=True, httpsEnable=True, adminPwd=PASSWORD)


def kept(live: Live, cluster_id: str) -> dict[str, str]:
    services = live.service.services
    with services.database.read() as connection:
        return services.secrets.of_cluster(connection, ClusterId(cluster_id))


def mode(authority: bool, https: bool, password: str | None = None) -> dict[str, Any]:
    body = {"authority_enable": authority, "https_enable": https}
    return body if password is None else body | {"admin_pwd": password}


async def test_a_new_password_reaches_the_engine_and_new_nodes(
    live: Live, css: httpx.AsyncClient
) -> None:
    cluster_id = await secured(css)
    before = kept(live, cluster_id)[ADMIN_HASH]
    answer = await css.post(f"/clusters/{cluster_id}/password/reset", json={"newpassword": OTHER})
    assert answer.status_code == 200, answer.text
    await idle(css, cluster_id)
    after = kept(live, cluster_id)[ADMIN_HASH]
    assert after != before
    assert live.driver.engine(ClusterId(cluster_id)).admin_hash == after


async def test_the_action_is_shown_before_the_answer_is_sent(
    live: Live, css: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_id = await secured(css)
    released, tell = threading.Event(), live.driver.set_admin_hash

    async def held(target: Target, admin_hash: str) -> None:
        await asyncio.to_thread(released.wait)
        await tell(target, admin_hash)

    monkeypatch.setattr(live.driver, "set_admin_hash", held)
    answer = await css.post(f"/clusters/{cluster_id}/password/reset", json={"newpassword": OTHER})
    assert answer.status_code == 200, answer.text
    shown = (await css.get(f"/clusters/{cluster_id}")).json()
    assert shown["actions"] == ["RESETTING_PASSWORD"]
    again = await css.post(f"/clusters/{cluster_id}/password/reset", json={"newpassword": OTHER})
    assert (again.status_code, again.json()["error_code"]) == (400, "CSS.5090")
    released.set()
    await idle(css, cluster_id)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short1!", "CSS.0050"),
        ("x" * 33, "CSS.0050"),
        ("nimda", "CSS.0050"),
        ("Admin@123", "CSS.2026"),
    ],
)
async def test_passwords_that_are_refused_are_not_repeated(
    css: httpx.AsyncClient, one_secured: str, password: str, code: str
) -> None:
    path = f"/clusters/{one_secured}/password/reset"
    answer = await css.post(path, json={"newpassword": password})
    assert (answer.status_code, answer.json()["error_code"]) == (400, code)
    assert password not in answer.text


@pytest.fixture(scope="module")
def shared() -> dict[str, str]:
    """Clusters that no test changes."""
    return {}


@pytest.fixture
async def one_secured(css: httpx.AsyncClient, shared: dict[str, str]) -> str:
    shared["secured"] = shared.get("secured") or await secured(css)
    return shared["secured"]


@pytest.fixture
async def one_plain(css: httpx.AsyncClient, shared: dict[str, str]) -> str:
    shared["plain"] = shared.get("plain") or await created(css)
    return shared["plain"]


async def test_a_plain_cluster_has_no_password(css: httpx.AsyncClient, one_plain: str) -> None:
    path = f"/clusters/{one_plain}/password/reset"
    answer = await css.post(path, json={"newpassword": OTHER})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "CSS.5090")


async def test_elasticsearch_is_secured_over_the_engines_in_between_and_stays_there(
    live: Live, css: httpx.AsyncClient
) -> None:
    cluster_id = await created(css)
    live.driver.add_index(ClusterId(cluster_id), "books", shards=3, replicas=1)
    path = f"/clusters/{cluster_id}/mode/change"
    preview = (await css.post(f"{path}?dry_run=true", json=mode(True, True, PASSWORD))).json()
    told = preview["dryRun"]
    assert "cannot be undone" in told["warnings"][0]
    assert [step.rpartition(" on ")[2] for step in told["steps"]] == [
        "OpenSearch 1.3.6",
        "OpenSearch 2.19.1",
    ]
    assert told["interrupts"] is True
    assert (await css.get(f"/clusters/{cluster_id}")).json()["actions"] == []

    answer = await css.post(path, json=mode(True, True, PASSWORD))
    assert answer.status_code == 200, answer.text
    shown = await idle(css, cluster_id)
    assert (shown["authorityEnable"], shown["httpsEnable"]) == (True, True)
    assert shown["datastore"]["version"] == "7.10.2"
    assert shown["datastore"]["subVersion"] == "opensearch-2.19.1"
    assert live.driver.versions(ClusterId(cluster_id)) == {OPENSEARCH_2_19_1.version}
    assert ADMIN_HASH in kept(live, cluster_id)

    answer = await css.post(path, json=mode(False, False))
    assert answer.status_code == 200, answer.text
    shown = await idle(css, cluster_id)
    assert shown["authorityEnable"] is False
    assert shown["datastore"]["subVersion"] == "opensearch-2.19.1"
    assert live.driver.engine(ClusterId(cluster_id)).admin_hash is None


async def test_https_alone_is_turned_off_and_on(css: httpx.AsyncClient) -> None:
    cluster_id = await secured(css)
    for https in (False, True):
        answer = await css.post(f"/clusters/{cluster_id}/mode/change", json=mode(True, https))
        assert answer.status_code == 200, answer.text
        shown = await idle(css, cluster_id)
        assert (shown["authorityEnable"], shown["httpsEnable"]) == (True, https)


async def test_opensearch_2_19_1_stays_what_it_is(live: Live, css: httpx.AsyncClient) -> None:
    cluster_id = await created(css, version="2.19.1")
    answer = await css.post(f"/clusters/{cluster_id}/mode/change", json=mode(True, False, PASSWORD))
    assert answer.status_code == 200, answer.text
    shown = await idle(css, cluster_id)
    assert (shown["authorityEnable"], shown["httpsEnable"]) == (True, False)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (mode(False, True), "CSS.5171"),
        (mode(False, False), "CSS.5090"),
        (mode(True, True), "CSS.0050"),
        (mode(True, True, "nimda"), "CSS.0050"),
    ],
)
async def test_refusals_of_a_plain_cluster(
    css: httpx.AsyncClient, one_plain: str, wanted: dict[str, Any], code: str
) -> None:
    answer = await css.post(f"/clusters/{one_plain}/mode/change", json=wanted)
    assert (answer.status_code, answer.json()["error_code"]) == (400, code), answer.text


async def test_an_engine_without_security_mode(css: httpx.AsyncClient) -> None:
    cluster_id = await created(css, version="2.17.1")
    path = f"/clusters/{cluster_id}/mode/change"
    answer = await css.post(path, json=mode(True, True, PASSWORD))
    assert (answer.status_code, answer.json()["error_code"]) == (400, "CSS.5169")
    assert "2.19.1" in answer.text


async def test_a_flavor_is_chosen_from_the_list_and_applied(
    css: httpx.AsyncClient, live: Live
) -> None:
    cluster_id = await created(css)
    live.driver.add_index(ClusterId(cluster_id), "books", shards=3, replicas=1)
    listed = (await css.get(f"/resize-flavors?clusterId={cluster_id}")).json()
    assert listed["dbname"] == "elasticsearch"
    flavors = listed["versions"][0]["flavors"]
    assert {one["typename"] for one in flavors} == {"ess"}
    assert "ess.spec-2u16g" not in {one["name"] for one in flavors}
    chosen = next(one for one in flavors if one["name"] == "ess.spec-4u16g")
    answer = await css.post(
        f"/clusters/{cluster_id}/ess/flavor", json={"new_flavor_id": chosen["str_id"]}
    )
    assert answer.json() == {"clusterId": cluster_id}
    shown = await idle(css, cluster_id)
    assert {one["specCode"] for one in shown["instances"]} == {"ess.spec-4u16g"}


async def test_an_index_without_replica_is_named(css: httpx.AsyncClient, live: Live) -> None:
    cluster_id = await created(css)
    live.driver.add_index(ClusterId(cluster_id), "lonely", shards=1, replicas=0)
    live.service.loop.wake(ClusterId(cluster_id))
    flavors = (await css.get(f"/resize-flavors?clusterId={cluster_id}")).json()["versions"][0]
    wish = {"newFlavorId": flavors["flavors"][2]["str_id"], "needCheckReplica": "true"}

    async def refused() -> httpx.Response:
        return await css.post(f"/clusters/{cluster_id}/flavor?dry_run=true", json=wish)

    answer = await refused()
    while "lonely" not in answer.text:  # until the loop has looked
        answer = await refused()
    assert (answer.status_code, answer.json()["error_code"]) == (400, "CSS.5090")
    wish["needCheckReplica"] = False
    assert (await refused()).status_code == 200
