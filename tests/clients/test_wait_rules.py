"""The rules by which clients wait, written down and run against the service.

Each client is a small function of what it reads (api/semantics.md, section 3): it says whether to
wait, that all is done, or that it failed. A poll must never say done too early, nor ever failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from enum import Enum, auto
from typing import Any

import httpx
import pytest
from tests.support.live_service import Live, live_service, until, wait_for
from tests.support.running import by_role, getting_started

from searchplane.drivers.base import NodeRef


class Says(Enum):
    WAIT = auto()
    DONE = auto()
    FAILED = auto()


Rule = Callable[[httpx.Response], Says]


def otcextensions(answer: httpx.Response) -> Says:
    """wait_for_cluster: status as a number, then actions and progress exactly empty."""
    shown = answer.json()
    if shown.get("failed_reasons"):
        return Says.FAILED
    if int(shown["status"]) == 100:
        return Says.WAIT
    idle = shown["actions"] == [] and shown["actionProgress"] == {}
    return Says.DONE if idle else Says.WAIT


def gopher(answer: httpx.Response) -> Says:
    """Status alone; any value it does not know is a failure, and so is a wrong JSON type."""
    shown = answer.json()
    strict = all(isinstance(one, str) for one in shown["actionProgress"].values())
    known = {"100": Says.WAIT, "200": Says.DONE}
    return known.get(shown["status"], Says.FAILED) if strict else Says.FAILED


def terraform(answer: httpx.Response) -> Says:
    """huaweicloud_css_cluster: status first, then idle with every instance available."""
    shown = answer.json()
    if shown["status"] == "100":
        return Says.WAIT
    if shown["status"] != "200":
        return Says.FAILED
    instances = [one["status"] for one in shown["instances"]]
    ready = not shown["actions"] and instances and set(instances) == {"200"}
    return Says.DONE if ready else Says.WAIT


def terraform_delete(answer: httpx.Response) -> Says:
    """404, or 403 with CSS.0015, is gone."""
    if answer.status_code == 404:
        return Says.DONE
    if answer.status_code == 403:
        return Says.DONE if answer.json()["errCode"] == "CSS.0015" else Says.FAILED
    return Says.WAIT if answer.status_code == 200 else Says.FAILED


def otc_delete(answer: httpx.Response) -> Says:
    """The OTC provider and otcextensions understand 404 alone."""
    if answer.status_code == 404:
        return Says.DONE
    return Says.WAIT if answer.status_code == 200 else Says.FAILED


CREATE: list[Rule] = [otcextensions, gopher, terraform]
DELETE: list[Rule] = [terraform_delete, otc_delete]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("waiting")) as service:
        yield service


@pytest.fixture
async def css(live: Live) -> AsyncIterator[httpx.AsyncClient]:
    async with live.client(live.token()) as http:
        yield http


async def create(css: httpx.AsyncClient, name: str) -> str:
    answer = await css.post("/clusters", json=getting_started(name))
    return answer.json()["cluster"]["id"]


async def polled(css: httpx.AsyncClient, cluster_id: str, rule: Rule) -> tuple[list[Says], Any]:
    """What the rule says at every poll, as fast as can be, up to its end; and the last answer."""
    said: list[Says] = []

    async def ends() -> bool:
        said.append(rule(answers[-1]))
        answers.append(await css.get(f"/clusters/{cluster_id}"))
        return said[-1] is not Says.WAIT

    answers = [await css.get(f"/clusters/{cluster_id}")]
    await until(ends, f"{rule.__name__} waits for ever")
    return said, answers[-2]


@pytest.mark.parametrize("rule", CREATE)
async def test_a_create_is_waited_for_and_done_only_when_it_is(
    css: httpx.AsyncClient, rule: Rule
) -> None:
    said, last = await polled(css, await create(css, f"by-{rule.__name__}"), rule)
    assert said[0] is Says.WAIT, "the first poll already saw the end"
    assert said[-1] is Says.DONE
    assert last.json()["endpoint"].count(":9200") == 3


@pytest.mark.parametrize("rule", DELETE)
async def test_a_delete_is_waited_for_and_done_only_when_it_is(
    live: Live, css: httpx.AsyncClient, rule: Rule
) -> None:
    cluster_id = await create(css, f"by-{rule.__name__.replace('_', '-')}")
    await wait_for(css, cluster_id, status="200")
    assert (await css.delete(f"/clusters/{cluster_id}")).status_code == 200
    said, _last = await polled(css, cluster_id, rule)
    assert said[-1] is Says.DONE
    assert not [ref for ref in await live.driver.nodes() if ref.cluster_id == cluster_id]


async def test_no_client_takes_a_node_that_comes_back_for_a_failure(
    live: Live, css: httpx.AsyncClient
) -> None:
    cluster_id = await create(css, "recovers")
    shown = await wait_for(css, cluster_id, status="200", actions=[])
    for node in shown["instances"]:
        live.driver.hold_join(NodeRef(shown["id"], node["id"]))
        live.driver.kill(NodeRef(shown["id"], node["id"]))
    await wait_for(css, cluster_id, actions=["RECOVERING"])
    answer = await css.get(f"/clusters/{cluster_id}")
    assert [rule(answer) for rule in (otcextensions, terraform)] == [Says.WAIT, Says.WAIT]
    assert gopher(answer) is not Says.FAILED
    for node in shown["instances"]:
        live.driver.heal(NodeRef(shown["id"], node["id"]))
    for rule in CREATE:
        assert (await polled(css, cluster_id, rule))[0][-1] is Says.DONE


async def test_many_clients_wait_at_once(css: httpx.AsyncClient) -> None:
    made = [await create(css, f"many-{number}") for number in range(5)]
    ends = await asyncio.gather(*(polled(css, one, terraform) for one in made))
    assert {said[-1] for said, _last in ends} == {Says.DONE}


def gopher_extend(answer: httpx.Response) -> Says:
    """Done without actions; of what may be going on it knows only these two."""
    actions = answer.json()["actions"]
    if not actions:
        return Says.DONE
    return Says.WAIT if actions[0] in ("GROWING", "RESIZING_VOLUME") else Says.FAILED


CHANGE: list[Rule] = [otcextensions, terraform]
GROW: list[Rule] = [otcextensions, gopher_extend, terraform]
GROWTHS: list[tuple[str, dict[str, Any], int]] = [
    ("extend", {"grow": {"modifySize": 1}}, 4),
    ("role_extend", {"grow": [{"type": "ess", "nodesize": 1, "disksize": 0}], "isAutoPay": 1}, 4),
    ("role_extend", {"grow": [{"type": "ess", "nodesize": 0, "disksize": 20}]}, 3),
]


@pytest.mark.parametrize(("path", "body", "nodes"), GROWTHS)
async def test_a_growth_is_waited_for_by_every_client_from_the_first_poll(
    css: httpx.AsyncClient, path: str, body: dict[str, Any], nodes: int
) -> None:
    for rule in GROW:
        made = await create(css, f"grows-{rule.__name__[:9]}-{path[:4]}-{nodes}")
        await wait_for(css, made, status="200", actions=[])
        accepted = await css.post(f"/clusters/{made}/{path}", json=body)
        assert accepted.status_code == 200
        accepted.json()  # the Terraform providers parse it
        said, last = await polled(css, made, rule)
        assert said[-1] is Says.DONE
        if nodes > 3:  # a disk is only a figure here: it has grown before anybody asks
            assert said[0] is Says.WAIT
        assert_exact_types(last.json())
        assert len(last.json()["instances"]) == nodes


async def test_other_changes_are_waited_for_from_the_first_poll(css: httpx.AsyncClient) -> None:
    made = await create(css, "changes-of-others")
    for method, path, body in (
        ("POST", f"/clusters/{made}/restart", None),
        ("POST", f"/clusters/{made}/extend", {"grow": {"modifySize": 2}}),
        ("POST", "{extend}/role/shrink", {"shrink": [{"type": "ess", "reducedNodeNum": 1}]}),
        ("PUT", "{instance}/replace", None),
    ):
        shown = await wait_for(css, made, status="200", actions=[], actionProgress={})
        base = str(css.base_url).replace("/v1.0/", "/v1.0/extend/").rstrip("/")
        instance = shown["instances"][-1]["id"]
        url = path.format(
            extend=f"{base}/clusters/{made}", instance=f"/clusters/{made}/instance/{instance}"
        )
        accepted = await css.request(method, url, json=body)
        assert accepted.status_code == 200, accepted.text
        again = await css.request(method, url, json=body)
        assert again.status_code == 400, "a second one while the first runs"
        for rule in CHANGE:
            said, last = await polled(css, made, rule)
            assert said[-1] is Says.DONE
            assert_exact_types(last.json())


async def test_terraform_reads_a_cluster_with_three_requests(css: httpx.AsyncClient) -> None:
    """huaweicloud_css_cluster: create by role, wait, then detail, connections and policy."""
    body = by_role("terraform-reads", ess=3, ess_master=3)
    cluster = body["cluster"] | {
        "availability_zone": "local-1,local-2,local-3",
        "tags": [{"key": "env", "value": "dev"}, {"key": "a", "value": "b"}],
        "enterprise_project_id": "0",
    }
    v2 = str(css.base_url).replace("/v1.0/", "/v2.0/").rstrip("/")
    answer = await css.post(f"{v2}/clusters", json={"cluster": cluster})
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json()["cluster"]["id"], str)
    assert answer.json().get("orderId") is None
    made = answer.json()["cluster"]["id"]
    said, last = await polled(css, made, terraform)
    assert (said[0], said[-1]) == (Says.WAIT, Says.DONE)
    shown = last.json()
    assert_exact_types(shown)
    assert {one["azCode"] for one in shown["instances"]} == {"local-1", "local-2", "local-3"}
    assert shown["datastore"]["version"] == cluster["datastore"]["version"]
    assert shown["tags"] == cluster["tags"]
    assert (shown["publicKibanaResp"], shown["elbWhiteList"], shown["publicIp"]) == (None,) * 3
    connections = await css.get(f"/clusters/{made}/vpcepservice/connections")
    assert (connections.status_code, connections.json()["errCode"]) == (400, "CSS.5182")
    policy = await css.get(f"/clusters/{made}/index_snapshot/policy")
    assert policy.status_code == 200
    assert policy.json()["enable"] == "false"
    assert type(policy.json()["keepday"]) is int
    for action, tags in (("delete", cluster["tags"]), ("create", [{"key": "n", "value": "1"}])):
        path = f"/css-cluster/{made}/tags/action"
        answer = await css.post(path, json={"action": action, "tags": tags})
        assert answer.status_code in (200, 204)
    assert (await css.get(f"/clusters/{made}")).json()["tags"] == [{"key": "n", "value": "1"}]


async def listed(css: httpx.AsyncClient, cluster_id: str, snapshot_id: str) -> dict[str, Any]:
    backups = (await css.get(f"/clusters/{cluster_id}/index_snapshots")).json()["backups"]
    return dict(next(one for one in backups if one["id"] == snapshot_id))


async def test_terraform_waits_for_a_snapshot_by_its_status(css: httpx.AsyncClient) -> None:
    """huaweicloud_css_snapshot: BUILDING, then COMPLETED; it fails on anything else."""
    made = await create(css, "has-snapshots")
    await wait_for(css, made, status="200", actions=[])
    body = {"name": "by-terraform", "description": "kept", "indices": "*"}
    accepted = await css.post(f"/clusters/{made}/index_snapshot", json=body)
    assert accepted.status_code == 201, "nothing else will do"
    snapshot = accepted.json()["backup"]["id"]
    seen = [(await listed(css, made, snapshot))["status"]]

    async def ends() -> bool:
        seen.append((await listed(css, made, snapshot))["status"])
        return seen[-1] != "BUILDING"

    await until(ends, "the snapshot is being made for ever")
    assert (seen[0], seen[-1]) == ("BUILDING", "COMPLETED")
    shown = await listed(css, made, snapshot)
    assert {name: shown[name] for name in body} == body, "or the next plan changes it"
    assert_exact_snapshot_types(shown)
    deleted = await css.delete(f"/clusters/{made}/index_snapshot/{snapshot}")
    assert deleted.status_code == 200
    backups = (await css.get(f"/clusters/{made}/index_snapshots")).json()["backups"]
    assert backups == [], "what was deleted must not be found"


async def test_a_snapshot_and_a_restore_are_waited_for_from_the_first_poll(
    css: httpx.AsyncClient,
) -> None:
    made, target = await create(css, "restored-from"), await create(css, "restored-into")
    for one in (made, target):
        await wait_for(css, one, status="200", actions=[])
    for rule in CHANGE:
        name = f"for-{rule.__name__}"
        accepted = await css.post(f"/clusters/{made}/index_snapshot", json={"name": name})
        snapshot = accepted.json()["backup"]["id"]
        said, last = await polled(css, made, rule)
        assert said[-1] is Says.DONE
        assert_exact_types(last.json())
        url = f"/clusters/{made}/index_snapshot/{snapshot}/restore"
        accepted = await css.post(url, json={"targetCluster": target})
        assert (accepted.status_code, accepted.content) == (201, b"")
        said, last = await polled(css, target, rule)
        assert said[-1] is Says.DONE
        assert (await listed(css, made, snapshot))["restoreStatus"] == "success"


async def test_terraform_sets_snapshots_up_and_reads_them_back(css: httpx.AsyncClient) -> None:
    """opentelekomcloud_css_snapshot_configuration_v1 and huaweicloud_css_snapshot_setting."""
    body = getting_started("is-set-up")
    del body["cluster"]["backupStrategy"]
    made = (await css.post("/clusters", json=body)).json()["cluster"]["id"]
    await wait_for(css, made, status="200", actions=[])
    url = f"/clusters/{made}/index_snapshot"
    otc = {"bucket": "tf-backups", "agency": "css", "basePath": "a", "snapshotCmkId": "key"}
    schedule = {"prefix": "auto", "period": "00:00 GMT+03:00", "keepday": 2}
    assert (await css.post(f"{url}/setting", json=otc)).status_code == 200
    switched = schedule | {"enable": "true", "deleteAuto": "true"}
    assert (await css.post(f"{url}/policy", json=switched)).status_code == 200
    policy = (await css.get(f"{url}/policy")).json()
    assert {name: policy[name] for name in otc} == otc
    assert {name: policy[name] for name in schedule} == schedule
    assert (policy["enable"], type(policy["keepday"])) == ("true", int)
    newer = {"bucket": "tf-backups", "agency": "css", "base_path": "a", "enable": "false"}
    assert (await css.post(f"{url}/setting", json=newer)).status_code == 200
    shown = (await css.get(f"/clusters/{made}")).json()
    assert shown["backupAvailable"] is True, "or the resource is dropped from the state"
    assert (await css.get(f"{url}/policy")).json()["enable"] == "false"
    assert (await css.delete(f"/clusters/{made}/index_snapshots")).status_code == 200
    assert (await css.get(f"/clusters/{made}")).json()["backupAvailable"] is False


def assert_exact_snapshot_types(shown: dict[str, Any]) -> None:
    """As gophertelekomcloud and the SDK declare them."""
    for name in ("totalShards", "failedShards", "backupKeepDay", "startTime", "endTime"):
        assert type(shown[name]) is int, name
    for name in ("id", "name", "clusterId", "clusterName", "status", "backupType", "bucketName"):
        assert type(shown[name]) is str, name
    for name in ("backupMethod", "description", "indices", "restoreStatus", "created", "updated"):
        assert type(shown[name]) is str, name
    assert set(shown["datastore"]) == {"type", "version"}


def assert_exact_types(shown: dict[str, Any]) -> None:
    """Whatever has another JSON type makes a client panic, or poll until its time is over."""
    assert type(shown["status"]) is str
    assert type(shown["actions"]) is list
    assert all(type(one) is str for one in shown["actionProgress"].values())
    assert type(shown["bandwidthSize"]) is int
    assert type(shown["diskEncrypted"]) is bool
    assert type(shown["cmkId"]) is str
    for one in shown["instances"]:
        assert [type(one[name]) for name in ("id", "name", "type", "azCode", "status")] == [str] * 5
        assert type(one["volume"]["size"]) is int
    for name in ("httpsEnable", "authorityEnable", "backupAvailable", "period"):
        assert type(shown[name]) is bool
    assert "failed_reasons" not in shown
