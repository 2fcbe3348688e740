"""Changes that no node notices: names, tags, subnets; and what reads of a cluster are answered."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.support.live_service import Live, until, wait_for
from tests.support.running import getting_started

from searchplane.domain.ids import ClusterId, NodeId, ProjectId
from searchplane.domain.quota import Resource
from searchplane.drivers.base import NodeRef
from searchplane.reconciler.usage import record_usage
from searchplane.store import clusters, quotas

_numbers = itertools.count()


@pytest.fixture
async def made(css: httpx.AsyncClient) -> AsyncIterator[str]:
    """A cluster that is idle."""
    yield await created(css, f"record-{next(_numbers)}")


async def created(css: httpx.AsyncClient, name: str, **changes: Any) -> str:
    body = getting_started(name, nodes=1)
    body["cluster"] |= changes
    answer = await css.post("/clusters", json=body)
    cluster_id = str(answer.json()["cluster"]["id"])
    await wait_for(css, cluster_id, status="200", actions=[])
    return cluster_id


async def detail(css: httpx.AsyncClient, cluster_id: str) -> dict[str, Any]:
    return dict((await css.get(f"/clusters/{cluster_id}")).json())


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errCode"]


async def test_a_new_name_is_shown_and_the_nodes_keep_theirs(
    css: httpx.AsyncClient, made: str
) -> None:
    before = await detail(css, made)
    answer = await css.post(
        f"/clusters/{made}/changename", json={"displayName": "shop.two", "desc": "new"}
    )
    assert (answer.status_code, answer.content) == (200, b"")
    after = await detail(css, made)
    assert (after["name"], after["desc"], after["actions"]) == ("shop.two", "new", [])
    assert after["instances"] == before["instances"]
    assert (await css.post(f"/clusters/{made}/extend", json={"grow": {"modifySize": 1}})).is_success
    last = await wait_for(css, made, status="200", actions=[])
    prefix = before["name"].lower()
    assert [node["name"] for node in last["instances"]] == [
        f"{prefix}-ess-esn-1-1",
        f"{prefix}-ess-esn-2-1",
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"display_name": "abc"}, "CSS.5049"),
        ({"display_name": "a" * 33}, "CSS.5049"),
        ({"display_name": "1abc"}, "CSS.5049"),
        ({"display_name": "taken-name"}, "CSS.5050"),
        ({"display_name": None, "desc": None}, "CSS.0001"),
        ({"desc": "d" * 129}, "CSS.5056"),
    ],
)
async def test_a_wrong_name_is_refused(
    css: httpx.AsyncClient, made: str, body: dict[str, Any], code: str
) -> None:
    if code == "CSS.5050":
        await css.post("/clusters", json=getting_started("taken-name", nodes=1))
    before = await detail(css, made)
    assert refusal(await css.post(f"/clusters/{made}/changename", json=body)) == (400, code)
    dry = await css.post(f"/clusters/{made}/changename?dry_run=true", json=body)
    assert refusal(dry) == (400, code)
    assert (await detail(css, made))["name"] == before["name"]


async def test_the_engine_is_told_the_first_name_for_ever(
    live: Live, css: httpx.AsyncClient, made: str
) -> None:
    first = (await detail(css, made))["name"]
    for name in ("second-name", "third-name"):
        await css.post(f"/clusters/{made}/changename", json={"display_name": f"{name}-{first}"})
    services = live.service.services
    with services.database.read() as connection:
        found = clusters.find(connection, ClusterId(made))
    assert found is not None
    assert (found.spec.name, found.spec.engine_name) == (f"third-name-{first}", first)


async def test_later_nodes_go_to_the_new_subnet_and_a_third_is_refused(
    css: httpx.AsyncClient, made: str
) -> None:
    old = (await detail(css, made))["subnetId"]
    change = f"/clusters/{made}/subnet/change"
    assert (await css.post(change, json={"subnet_id": "second"})).status_code == 200
    after = await detail(css, made)
    assert (after["subnetId"], after["currentSubnetIds"]) == ("second", f"{old},second")
    assert after["instances"][0]["subnetId"] == old
    assert refusal(await css.post(change, json={"subnetId": "third"})) == (400, "CSS.5140")
    await css.post(f"/clusters/{made}/extend", json={"grow": {"modifySize": 1}})
    last = await wait_for(css, made, status="200", actions=[])
    assert [node["subnetId"] for node in last["instances"]] == [old, "second"]
    assert (await css.post(change, json={"subnetId": old})).status_code == 200
    assert refusal(await css.post(change, json={"subnetId": " "})) == (400, "CSS.5022")


async def test_the_security_group_is_changed(css: httpx.AsyncClient, made: str) -> None:
    change = f"/clusters/{made}/sg/change"
    assert (await css.post(change, json={"security_group_ids": "other"})).status_code == 200
    assert (await detail(css, made))["securityGroupId"] == "other"
    assert refusal(await css.post(change, json={"securityGroupIds": ""})) == (400, "CSS.5023")


async def test_a_busy_cluster_keeps_its_name_and_may_be_tagged(
    live: Live, css: httpx.AsyncClient, made: str
) -> None:
    (node,) = (await detail(css, made))["instances"]
    live.driver.hold_join(NodeRef(ClusterId(made), NodeId(node["id"])))
    assert (await css.post(f"/clusters/{made}/restart")).status_code == 200
    changes = {
        "changename": {"display_name": "other-name"},
        "sg/change": {"security_group_ids": "x"},
        "subnet/change": {"subnet_id": "x"},
    }
    for path, body in changes.items():
        answer = await css.post(f"/clusters/{made}/{path}", json=body)
        assert refusal(answer) == (400, "CSS.5090")
    tagged = await css.post(f"/css-cluster/{made}/tags", json={"tag": {"key": "a", "value": "b"}})
    assert tagged.status_code == 204
    shown = await detail(css, made)
    assert (shown["actions"], shown["tags"]) == (["REBOOTING"], [{"key": "a", "value": "b"}])
    live.driver.heal(NodeRef(ClusterId(made), NodeId(node["id"])))
    await wait_for(css, made, status="200", actions=[])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clusters/{}/changename", {"display_name": "other-name"}),
        ("clusters/{}/sg/change", {"security_group_ids": "x"}),
        ("clusters/{}/subnet/change", {"subnet_id": "x"}),
        ("css-cluster/{}/tags", {"tag": {"key": "a", "value": "b"}}),
        ("css-cluster/{}/tags/action", {"action": "create", "tags": [{"key": "a"}]}),
    ],
)
async def test_a_dry_run_says_what_it_would_do_and_does_nothing(
    css: httpx.AsyncClient, made: str, path: str, body: dict[str, Any]
) -> None:
    before = await detail(css, made)
    answer = await css.post(f"/{path.format(made)}?dry_run=true", json=body)
    assert answer.status_code == 200, answer.text
    told = answer.json()["dryRun"]
    assert (told["action"], len(told["steps"]), told["interrupts"]) == ("", 1, False)
    assert await detail(css, made) == before


async def test_tags_are_added_overwritten_listed_and_removed(
    css: httpx.AsyncClient, made: str
) -> None:
    tags = f"/css-cluster/{made}/tags"
    added = await css.post(tags, json={"tag": {"key": "größe a", "value": "1"}})
    assert (added.status_code, added.content) == (204, b"")
    several = [{"key": "größe a", "value": "2"}, {"key": "b"}]
    answer = await css.post(f"{tags}/action", json={"action": "create", "tags": several})
    assert answer.status_code == 204
    expected = [{"key": "größe a", "value": "2"}, {"key": "b", "value": ""}]
    assert (await css.get(tags)).json() == {"tags": expected}
    assert (await detail(css, made))["tags"] == expected
    listed = (await css.get("/css-cluster/tags")).json()["tags"]
    assert {"key": "größe a", "values": ["2"]} in listed
    assert all(one["values"] for one in listed)
    assert (await css.delete(f"{tags}/gr%C3%B6%C3%9Fe%20a")).status_code == 204
    answer = await css.post(f"{tags}/action", json={"action": "delete", "tags": [{"key": "b"}]})
    assert answer.status_code == 204
    assert (await css.get(tags)).json() == {"tags": []}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"action": "create", "tags": [{"key": "sysx"}]}, "CSS.5137"),
        ({"action": "create", "tags": [{"key": " x"}]}, "CSS.5137"),
        ({"action": "create", "tags": [{"key": "a" * 129}]}, "CSS.5137"),
        ({"action": "create", "tags": [{"key": "a"}, {"key": "a"}]}, "CSS.5137"),
        ({"action": "create", "tags": [{"key": "a", "value": "b" * 256}]}, "CSS.5138"),
        ({"action": "create", "tags": [{"key": "a", "value": "b,"}]}, "CSS.5138"),
        ({"action": "create", "tags": []}, "CSS.5141"),
        ({"action": "delete", "tags": [{"key": "a"}]}, "CSS.5141"),
        ({"action": "update", "tags": [{"key": "a"}]}, "CSS.0001"),
        ({"action": "create", "tags": [{"key": f"k{n}"} for n in range(21)]}, "CSS.5038"),
    ],
)
async def test_a_wrong_tag_is_refused(
    css: httpx.AsyncClient, made: str, body: dict[str, Any], code: str
) -> None:
    answer = await css.post(f"/css-cluster/{made}/tags/action", json=body)
    assert refusal(answer) == (400, code)


async def test_a_cluster_has_twenty_tags_at_most(css: httpx.AsyncClient, made: str) -> None:
    tags = [{"key": f"k{number}"} for number in range(20)]
    await css.post(f"/css-cluster/{made}/tags/action", json={"action": "create", "tags": tags})
    again = await css.post(f"/css-cluster/{made}/tags", json={"tag": {"key": "k0", "value": "x"}})
    assert again.status_code == 204, "a key that is there takes no more room"
    answer = await css.post(f"/css-cluster/{made}/tags", json={"tag": {"key": "one-more"}})
    assert refusal(answer) == (400, "CSS.5038")
    missing = await css.delete(f"/css-cluster/{made}/tags/one-more")
    assert refusal(missing) == (400, "CSS.5141")


async def test_another_type_of_resource_is_not_there(css: httpx.AsyncClient, made: str) -> None:
    assert refusal(await css.get(f"/ecs/{made}/tags")) == (404, "CSS.0016")


async def test_the_policy_is_answered_whether_on_or_off(css: httpx.AsyncClient) -> None:
    off = await created(css, "policy-off", backupStrategy=None)
    answer = await css.get(f"/clusters/{off}/index_snapshot/policy")
    assert answer.status_code == 200
    assert answer.json()["enable"] == "false"
    assert type(answer.json()["keepday"]) is int
    on = await created(css, "policy-on")
    found = (await css.get(f"/clusters/{on}/index_snapshot/policy")).json()
    assert (found["enable"], found["keepday"]) == ("true", 7)
    assert (found["period"], found["prefix"]) == ("16:00 GMT+08:00", "snapshot")


async def test_the_volumes_tell_what_the_loop_last_saw(
    live: Live, css: httpx.AsyncClient, made: str
) -> None:
    (node,) = (await detail(css, made))["instances"]
    live.driver.fill(NodeRef(ClusterId(made), NodeId(node["id"])), 25 * 1024**3)
    await record_usage(live.service.ports)
    (disk,) = (await css.get(f"/clusters/{made}/volume")).json()["diskInfoList"]
    assert disk == {
        "id": node["id"],
        "name": node["name"],
        "group": "ess",
        "role": "ess",
        "diskType": "COMMON",
        "diskCapacity": "100.00",
        "diskUsed": "25.00",
        "percentage": "25.00",
    }


async def test_growth_is_counted_against_the_quotas_and_leaving_nodes_until_they_are_gone(
    live: Live, css: httpx.AsyncClient
) -> None:
    made = await created(css, "quota-grows")
    database = live.service.services.database
    project = ProjectId(live.project_id)
    with database.write() as connection:
        used = quotas.used(connection, project)
        quotas.put(connection, project, {Resource.NODES: used.nodes + 1})
    try:
        two = await css.post(f"/clusters/{made}/extend", json={"grow": {"modifySize": 2}})
        assert refusal(two) == (400, "CSS.0053")
        one = await css.post(f"/clusters/{made}/extend", json={"grow": {"modifySize": 1}})
        assert one.status_code == 200
        assert (await detail(css, made))["actions"] == ["GROWING"]
    finally:
        with database.write() as connection:
            quotas.drop(connection, project, Resource.NODES)

    async def is_idle() -> bool:
        return (await detail(css, made))["actions"] == []

    await until(is_idle, "the cluster does not grow")
