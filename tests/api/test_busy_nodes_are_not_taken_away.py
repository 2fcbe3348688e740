"""`cluster_load_check` where nodes go for good or start again with another flavor: upgrades have
it too (test_upgrades.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.support.live_service import Live, wait_for
from tests.support.loads import found, loads_now
from tests.support.running import getting_started

from searchplane.domain.cluster import Cluster, Role
from searchplane.domain.engines import DEFAULT_DATASTORE
from searchplane.domain.flavors import flavor_id
from searchplane.domain.observed import NodeLoad

IDLE = NodeLoad(0, 0, 0, 0.0)
BUSY = NodeLoad(search_queue=1000, write_queue=0, cpu_percent=0, cpus=0.0)
BIGGER = flavor_id(DEFAULT_DATASTORE, Role.DATA, "ess.spec-4u16g")
SHRINK = {"shrink": [{"type": "ess", "reducedNodeNum": 1}]}


@dataclass
class Cared:
    """One cluster; everything is asked of it with dry_run, so it stays as it is."""

    live: Live
    css: httpx.AsyncClient
    record: Cluster

    def sees(self, *loads: NodeLoad) -> None:
        """Of so many of its nodes the last look saw this."""
        names = [one.name for one in self.record.nodes]
        loads_now(self.live, self.record, dict(zip(names, loads, strict=False)))

    async def asked(self, path: str, body: dict[str, Any]) -> httpx.Response:
        version = "v1.0/extend" if path == "role/shrink" else "v1.0"
        base = f"http://127.0.0.1:9480/{version}/{self.live.project_id}/clusters"
        return await self.css.post(f"{base}/{self.record.id}/{path}?dry_run=true", json=body)


@pytest.fixture(scope="module")
def made() -> dict[str, Cluster]:
    return {}


@pytest.fixture
async def cluster(live: Live, css: httpx.AsyncClient, made: dict[str, Cluster]) -> Cared:
    if not made:
        answer = await css.post("/clusters", json=getting_started("busy-nodes"))
        cluster_id = str(answer.json()["cluster"]["id"])
        await wait_for(css, cluster_id, status="200", actions=[])
        made["only"] = found(live, cluster_id)
    return Cared(live, css, made["only"])


CHECKED = [
    pytest.param("role/shrink", SHRINK, "cluster_load_check", id="shrink"),
    pytest.param("ess/flavor", {"new_flavor_id": BIGGER}, "cluster_load_check", id="type"),
    pytest.param("flavor", {"newFlavorId": BIGGER}, "clusterLoadCheck", id="flavor"),
]


@pytest.mark.parametrize(("path", "body", "field"), CHECKED)
async def test_not_while_a_node_is_busy_or_was_not_seen(
    cluster: Cared, path: str, body: dict[str, Any], field: str
) -> None:
    cluster.sees(IDLE, BUSY, IDLE)
    answer = await cluster.asked(path, body)
    assert (answer.status_code, answer.json()["errCode"]) == (400, "CSS.5090")
    name = cluster.record.nodes[1].name
    assert f"1000 searches wait in the queue of {name}" in answer.json()["externalMessage"]
    assert "cluster_load_check false goes on" in answer.json()["externalMessage"]
    answer = await cluster.asked(path, body | {field: False})
    assert answer.status_code == 200, answer.text
    cluster.sees(IDLE, IDLE)
    answer = await cluster.asked(path, body)
    assert "was not seen in the last 2 minutes" in answer.json()["externalMessage"]
    cluster.sees(IDLE, IDLE, IDLE)
    answer = await cluster.asked(path, body)
    assert answer.status_code == 200, answer.text


async def test_a_disk_type_takes_no_node_away(cluster: Cared) -> None:
    cluster.sees(BUSY, BUSY, BUSY)
    body = {"new_flavor_id": "HIGH", "operation_type": "volume"}
    answer = await cluster.asked("ess/flavor", body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["dryRun"]["restarts"] == []


async def test_a_new_node_was_looked_at_before_its_change_is_over(
    live: Live, css: httpx.AsyncClient
) -> None:
    """So the next change need not wait for a look."""
    answer = await css.post("/clusters", json=getting_started("newly-grown"))
    cluster_id = str(answer.json()["cluster"]["id"])
    await wait_for(css, cluster_id, status="200", actions=[])
    grown = await css.post(f"/clusters/{cluster_id}/extend", json={"grow": {"modifySize": 1}})
    assert grown.status_code == 200, grown.text
    await wait_for(css, cluster_id, status="200", actions=[])
    record = found(live, cluster_id)
    assert record.load is not None
    assert set(record.load.nodes) == {one.name for one in record.nodes}
