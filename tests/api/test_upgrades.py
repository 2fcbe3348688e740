"""Target images, upgrades, their tasks, retries; nodes that move to other zones."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from tests.support.cluster_examples import numbered
from tests.support.live_service import Live, until, wait_for
from tests.support.loads import found, loads_now
from tests.support.running import getting_started

from searchplane.domain.cluster import Action, ActionKind
from searchplane.domain.ids import ClusterId, NodeId, ProjectId
from searchplane.domain.observed import NodeLoad
from searchplane.drivers.base import NodeRef
from searchplane.store import clusters

BEFORE = {"type": "opensearch", "version": "2.11.0"}


async def made(css: httpx.AsyncClient, name: str, nodes: int = 3, **changes: Any) -> str:
    """An available cluster of OpenSearch 2.11.0."""
    body = getting_started(name, nodes)
    body["cluster"] |= {"datastore": BEFORE, **changes}
    answer = await css.post("/clusters", json=body)
    assert answer.status_code == 200, answer.text
    cluster_id = str(answer.json()["cluster"]["id"])
    await wait_for(css, cluster_id, status="200", actions=[])
    return cluster_id


async def images(css: httpx.AsyncClient, cluster_id: str, kind: str = "cross") -> Any:
    answer = await css.get(f"/clusters/{cluster_id}/target/{kind}/images")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def wish(css: httpx.AsyncClient, cluster_id: str, **changes: Any) -> dict[str, Any]:
    (newest, *_) = (await images(css, cluster_id))["imageInfoList"]
    usual = {
        "target_image_id": newest["id"],
        "upgrade_type": "cross",
        "indices_backup_check": False,
        "agency": "css-agency",
    }
    return usual | changes


async def upgrade(css: httpx.AsyncClient, cluster_id: str, **changes: Any) -> httpx.Response:
    path = f"/clusters/{cluster_id}/inst-type/all/image/upgrade"
    return await css.post(path, json=await wish(css, cluster_id, **changes))


async def tasks(css: httpx.AsyncClient, cluster_id: str, mode: str = "UPGRADING") -> Any:
    answer = await css.get(f"/clusters/{cluster_id}/upgrade/detail?action_mode={mode}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def launch_often(live: Live, cluster_id: str) -> None:
    """As if the node that is away had been launched so often that it backs off for long."""
    with live.service.services.database.write() as connection:
        cluster = clusters.find(connection, ClusterId(cluster_id))
        assert cluster is not None
        nodes = tuple(
            one if one.ready else replace(one, starts=20, last_start=datetime.now(UTC))
            for one in cluster.nodes
        )
        clusters.change(connection, cluster, replace(cluster, nodes=nodes))


async def test_images_are_those_that_may_follow_the_newest_first(css: httpx.AsyncClient) -> None:
    cluster_id = await made(css, "images")
    found = await images(css, cluster_id)
    assert [one["datastoreVersion"] for one in found["imageInfoList"]] == ["2.19.1", "2.17.1"]
    assert (found["totalSize"], found["needUploadUpgradePlugin"]) == (2, False)
    assert found["imageInfoList"][0]["displayName"] == "opensearch-2.19.1"
    paged = await css.get(f"/clusters/{cluster_id}/target/cross/images?offset=1&limit=1")
    assert [one["datastoreVersion"] for one in paged.json()["imageInfoList"]] == ["2.17.1"]
    for kind in ("same", "cross-engine"):
        assert (await images(css, cluster_id, kind))["imageInfoList"] == []
    wrong = await css.get(f"/clusters/{cluster_id}/target/downgrade/images")
    assert (wrong.status_code, wrong.json()["errCode"]) == (404, "CSS.0016")


async def test_an_upgrade_takes_every_node_and_its_task_tells(
    live: Live, css: httpx.AsyncClient
) -> None:
    cluster_id = await made(css, "upgraded")
    answer = await upgrade(css, cluster_id, batch_size=2)
    assert answer.status_code == 200, answer.text
    (running,) = (await tasks(css, cluster_id))["detailList"]
    assert running["status"] == "RUNNING"
    shown = await wait_for(css, cluster_id, actions=[], status="200")
    assert shown["datastore"]["version"] == "2.19.1"
    assert shown["datastore"]["subVersion"] == "opensearch-2.19.1"
    detail = await tasks(css, cluster_id)
    (done,) = detail["detailList"]
    names = ",".join(sorted(one["name"] for one in shown["instances"]))
    assert detail["totalSize"] == 1
    assert (done["id"], done["status"]) == (running["id"], "SUCCESS")
    assert ",".join(sorted(done["completedNodes"].split(","))) == names
    assert (done["totalNodes"].count(","), done["currentNodeName"]) == (2, "")
    assert (done["agencyName"], done["batchSize"], done["executeTimes"]) == ("css-agency", 2, "1")
    assert done["imageInfo"]["datastoreVersion"] == "2.19.1"
    assert done["endTime"] >= done["startTime"]
    assert live.driver.versions(ClusterId(cluster_id)) == {"2.19.1"}
    assert (await images(css, cluster_id))["imageInfoList"] == []
    assert (await tasks(css, cluster_id, "AZ_MIGRATION"))["detailList"] == []


async def test_a_dry_run_tells_the_order_and_changes_nothing(css: httpx.AsyncClient) -> None:
    cluster_id = await made(css, "dry-run")
    path = f"/clusters/{cluster_id}/inst-type/all/image/upgrade?dry_run=true"
    answer = await css.post(path, json=await wish(css, cluster_id))
    plan = answer.json()["dryRun"]
    assert (plan["action"], len(plan["restarts"]), plan["interrupts"]) == ("UPGRADING", 3, False)
    assert (await tasks(css, cluster_id))["totalSize"] == 0


@pytest.mark.parametrize(
    ("types", "changes", "code"),
    [
        ("ess", {}, "CSS.0076"),
        ("all", {"target_image_id": "nothing"}, "CSS.0001"),
        ("all", {"upgrade_type": "downgrade"}, "CSS.0001"),
        ("all", {"indices_backup_check": "true"}, "CSS.0083"),
    ],
)
async def test_wrong_wishes_are_refused(
    css: httpx.AsyncClient, shared: str, types: str, changes: dict[str, Any], code: str
) -> None:
    path = f"/clusters/{shared}/inst-type/{types}/image/upgrade"
    answer = await css.post(path, json=await wish(css, shared, **changes))
    assert (answer.status_code, answer.json()["errCode"]) == (400, code)


async def test_busy_nodes_hold_up_an_upgrade_unless_the_user_does_not_care(
    live: Live, css: httpx.AsyncClient
) -> None:
    """The handler reads what the loop has stored; a new cluster was looked at before it is done."""
    cluster_id = await made(css, "busy")
    record, busy = found(live, cluster_id), NodeLoad(1000, 0, 0, 0.0)
    assert record.load is not None
    assert set(record.load.nodes) == {one.name for one in record.nodes}
    loads_now(live, record, {one.name: busy for one in record.nodes})
    answer = await upgrade(css, cluster_id)
    assert (answer.status_code, answer.json()["errCode"]) == (400, "CSS.0078")
    assert "1000 searches wait in the queue of" in answer.json()["externalMessage"]
    loads_now(live, record, {})
    answer = await upgrade(css, cluster_id)
    assert "was not seen in the last 2 minutes" in answer.json()["externalMessage"]
    answer = await upgrade(css, cluster_id, cluster_load_check="false")
    assert answer.status_code == 200, answer.text
    await wait_for(css, cluster_id, actions=[])


async def test_at_most_twenty_clusters_of_a_project_are_upgraded_at_once(
    live: Live, css: httpx.AsyncClient
) -> None:
    cluster_id = await made(css, "one-more")
    others = [
        replace(
            numbered(900 + number),
            project_id=ProjectId(live.project_id),
            action=Action(ActionKind.UPGRADING, datetime.now(UTC)),
            paused=True,
        )
        for number in range(20)
    ]
    with live.service.services.database.write() as connection:
        for one in others:
            clusters.add(connection, one)
    answer = await upgrade(css, cluster_id, cluster_load_check=False)
    assert (answer.status_code, answer.json()["errCode"]) == (400, "CSS.0078")
    assert "20 clusters of the project are being upgraded" in answer.json()["externalMessage"]
    for part in (others[:1], others[1:]):
        with live.service.services.database.write() as connection:
            assert all(clusters.forget(connection, one) for one in part)
        answer = await upgrade(css, cluster_id, cluster_load_check=False)
        assert answer.status_code == (200 if part == others[:1] else 400), answer.text
    await wait_for(css, cluster_id, actions=[])


async def test_two_nodes_are_too_few(css: httpx.AsyncClient) -> None:
    cluster_id = await made(css, "small", nodes=2)
    answer = await upgrade(css, cluster_id)
    assert (answer.status_code, answer.json()["errCode"]) == (400, "CSS.0074")


@pytest.fixture
async def shared(css: httpx.AsyncClient) -> str:
    """A cluster that is only asked."""
    found = (await css.get("/clusters?limit=100")).json()["clusters"]
    known = [str(one["id"]) for one in found if one["name"] == "shared"]
    return known[0] if known else await made(css, "shared")


async def failed(live: Live, css: httpx.AsyncClient, name: str) -> tuple[str, str, str]:
    """A cluster whose upgrade failed, as its first node does not start on the new engine;
    with the task's id and the node's."""
    cluster_id = await made(css, name)
    shown = (await css.get(f"/clusters/{cluster_id}")).json()
    refs = [NodeRef(ClusterId(cluster_id), NodeId(one["id"])) for one in shown["instances"]]
    for ref in refs:
        live.driver.fail_starts(ref, "no space left")
    assert (await upgrade(css, cluster_id)).status_code == 200

    async def is_away() -> bool:
        instances = (await css.get(f"/clusters/{cluster_id}")).json()["instances"]
        return any(one["status"] != "200" for one in instances)

    async def has_failed() -> bool:
        launch_often(live, cluster_id)  # a pass at work may write over it
        (task,) = (await tasks(css, cluster_id))["detailList"]
        return bool(task["status"] == "FAILED")

    await until(is_away, "no node was taken")
    await until(has_failed, "the upgrade did not fail")
    (task,) = (await tasks(css, cluster_id))["detailList"]
    assert task["currentNodeDetail"][2]["status"] == "FAILED"
    (away,) = [one for one in shown["instances"] if one["name"] == task["currentNodeName"]]
    for ref in refs:
        if ref.node_id != away["id"]:
            live.driver.heal(ref)
    return cluster_id, task["id"], away["id"]


async def test_a_failed_upgrade_is_tried_again(live: Live, css: httpx.AsyncClient) -> None:
    cluster_id, task_id, node_id = await failed(live, css, "retried")
    live.driver.heal(NodeRef(ClusterId(cluster_id), NodeId(node_id)))
    answer = await css.put(f"/clusters/{cluster_id}/upgrade/{task_id}/retry")
    assert answer.status_code == 200, answer.text
    shown = await wait_for(css, cluster_id, actions=[], status="200")
    assert shown["datastore"]["version"] == "2.19.1"
    (task,) = (await tasks(css, cluster_id))["detailList"]
    assert (task["status"], task["executeTimes"]) == ("SUCCESS", "2")


async def test_one_that_is_given_up_goes_back_as_no_node_runs_the_new_engine(
    live: Live, css: httpx.AsyncClient
) -> None:
    cluster_id, task_id, node_id = await failed(live, css, "given-up")
    answer = await css.put(f"/clusters/{cluster_id}/upgrade/{task_id}/retry?retry_mode=abort")
    assert answer.status_code == 200, answer.text
    live.driver.heal(NodeRef(ClusterId(cluster_id), NodeId(node_id)))
    shown = await wait_for(css, cluster_id, actions=[], status="200")
    assert shown["datastore"]["subVersion"] == "opensearch-2.11.0"
    assert live.driver.versions(ClusterId(cluster_id)) == {"2.11.0"}
    (task,) = (await tasks(css, cluster_id))["detailList"]
    assert (task["status"], task["endTime"] != "") == ("FAILED", True)
    again = await css.put(f"/clusters/{cluster_id}/upgrade/{task_id}/retry")
    assert (again.status_code, again.json()["errCode"]) == (400, "CSS.0078")


async def test_only_failed_tasks_that_exist_may_be_retried(
    css: httpx.AsyncClient, shared: str
) -> None:
    answer = await css.put(f"/clusters/{shared}/upgrade/nothing/retry")
    assert (answer.status_code, answer.json()["errCode"]) == (400, "CSS.0082")


def migration(**changes: Any) -> dict[str, Any]:
    usual = {
        "source_az": "local-1",
        "target_az": "local-1,local-2,local-3",
        "migrate_type": "multi_az_change",
        "agency": "css-agency",
        "indices_backup_check": False,
    }
    return usual | changes


async def test_nodes_are_spread_over_zones_and_then_moved_to_another(
    css: httpx.AsyncClient,
) -> None:
    cluster_id = await made(css, "zones")
    path = f"/clusters/{cluster_id}/inst-type/all/azmigrate"
    assert (await css.post(path, json=migration())).status_code == 200
    assert (await css.get(f"/clusters/{cluster_id}")).json()["actions"] != []
    shown = await wait_for(css, cluster_id, actions=[], status="200")
    assert sorted(one["azCode"] for one in shown["instances"]) == ["local-1", "local-2", "local-3"]
    (task,) = (await tasks(css, cluster_id, "AZ_MIGRATION"))["detailList"]
    assert (task["status"], task["imageInfo"]) == ("SUCCESS", None)
    assert json.loads(task["migrateParam"])["targetAz"] == "local-1,local-2,local-3"
    assert set(json.loads(task["finalAzInfoMap"])) == {"local-1", "local-2", "local-3"}

    back = migration(source_az="local-3", target_az="local-2", migrate_type="az_migrate")
    assert (await css.post(path, json=back)).status_code == 200
    shown = await wait_for(css, cluster_id, actions=[], status="200")
    assert sorted(one["azCode"] for one in shown["instances"]) == ["local-1", "local-2", "local-2"]
    assert (await tasks(css, cluster_id, "AZ_MIGRATION"))["totalSize"] == 2


@pytest.mark.parametrize(
    ("types", "changes", "code"),
    [
        ("ess-cold", {}, "CSS.0076"),
        ("all", {"source_az": "local-2"}, "CSS.5052"),
        ("all", {"target_az": "mars"}, "CSS.5052"),
        ("all", {"target_az": "local-2,local-3"}, "CSS.5052"),
        ("all", {"target_az": ""}, "CSS.5052"),
        ("all", {"migrate_type": "az_migrate"}, "CSS.5052"),
        ("all", {"migrate_type": "sideways"}, "CSS.0001"),
        ("all", {"indices_backup_check": "true"}, "CSS.0083"),
    ],
)
async def test_wrong_moves_are_refused(
    css: httpx.AsyncClient, shared: str, types: str, changes: dict[str, Any], code: str
) -> None:
    path = f"/clusters/{shared}/inst-type/{types}/azmigrate"
    answer = await css.post(path, json=migration(**changes))
    assert (answer.status_code, answer.json()["errCode"]) == (400, code)
