"""GET clusters: JSON types as the providers need them, and paging as they page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.support.live_service import Live, wait_for
from tests.support.running import getting_started

OPENSEARCH = {"type": "opensearch", "version": "2.19.0"}
TYPES = {
    "id": str,
    "name": str,
    "desc": str,
    "status": str,
    "datastore.type": str,
    "datastore.version": str,
    "datastore.subVersion": str,
    "datastore.isEosCluster": bool,
    "datastore.supportSecuritymode": bool,
    "instances.0.id": str,
    "instances.0.name": str,
    "instances.0.type": str,
    "instances.0.status": str,
    "instances.0.specCode": str,
    "instances.0.azCode": str,
    "instances.0.ip": str,
    "instances.0.volume.type": str,
    "instances.0.volume.size": int,
    "instances.0.volume.resourceIds": list,
    "instances.0.resourceId": str,
    "instances.0.subnetId": str,
    "endpoint": str,
    "vpcId": str,
    "subnetId": str,
    "currentSubnetIds": str,
    "securityGroupId": str,
    "vpcepIp": type(None),
    "supportVpcep": bool,
    "publicIp": type(None),
    "bandwidthSize": int,
    "elbWhiteList": type(None),
    "publicKibanaResp": type(None),
    "httpsEnable": bool,
    "authorityEnable": bool,
    "diskEncrypted": bool,
    "cmkId": str,
    "backupAvailable": bool,
    "actionProgress": dict,
    "actions": list,
    "enterpriseProjectId": str,
    "tags": list,
    "period": bool,
    "created": str,
    "updated": str,
    "sentence": str,
    "refusedBy": type(None),
    "refusedBecause": type(None),
    "paused": bool,
    "skipped": list,
}
"""Where a wrong JSON type panics or silently stalls a provider."""


def at(shown: Any, path: str) -> Any:
    for part in path.split("."):
        shown = shown[int(part)] if part.isdigit() else shown[part]
    return shown


@pytest.fixture
async def twelve(untended: Live) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a project with twelve clusters, number 11 the newest; 2, 5 ... OpenSearch."""
    async with untended.client(untended.token()) as http:
        have = (await http.get("/clusters")).json()["totalSize"]
        for number in range(have, 12):
            body = getting_started(f"number-{number}", nodes=1)
            if number % 3 == 2:
                body["cluster"]["datastore"] = OPENSEARCH
            assert (await http.post("/clusters", json=body)).status_code == 200
        yield http


async def listed(css: httpx.AsyncClient, query: str) -> tuple[int, list[int]]:
    answer = await css.get(f"/clusters?{query}")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    numbers = [int(one["name"].removeprefix("number-")) for one in found["clusters"]]
    return found["totalSize"], numbers


async def test_a_cluster_has_the_official_fields_in_their_types(css: httpx.AsyncClient) -> None:
    body = getting_started("typed")
    body["cluster"] |= {
        "desc": "for the types",
        "tags": [{"key": "team", "value": "search"}, {"key": "empty"}],
        "diskEncryption": {"systemEncrypted": "1", "systemCmkid": "key-1"},
    }
    cluster_id = (await css.post("/clusters", json=body)).json()["cluster"]["id"]
    shown = await wait_for(css, cluster_id, status="200")
    for path, kind in TYPES.items():
        assert type(at(shown, path)) is kind, path
    assert set(shown) == {path.partition(".")[0] for path in TYPES}
    assert shown["tags"] == [{"key": "team", "value": "search"}, {"key": "empty", "value": ""}]
    assert (shown["diskEncrypted"], shown["cmkId"]) == (True, "key-1")
    assert shown["created"].count(":") == 2
    assert shown["created"].isascii()
    assert "+" not in shown["created"]
    assert "Z" not in shown["created"]
    names = [node["name"] for node in shown["instances"]]
    assert names == [f"typed-ess-esn-{number}-1" for number in (1, 2, 3)]


async def test_progress_is_a_map_of_texts(untended: Live, twelve: httpx.AsyncClient) -> None:
    newest = (await twelve.get("/clusters?limit=1")).json()["clusters"][0]
    assert newest["actionProgress"] == {"CREATING": "0%"}


async def test_the_list_shows_what_the_detail_shows_and_the_policy(
    twelve: httpx.AsyncClient,
) -> None:
    newest = (await twelve.get("/clusters?limit=1")).json()["clusters"][0]
    detail = (await twelve.get(f"/clusters/{newest['id']}")).json()
    assert newest.pop("snapshotPolicy") == {
        "backupEnable": True,
        "bakPeriod": "16:00 GMT+08:00",
        "bakFrequency": "DAY",
        "bakKeepDay": 7,
    }
    assert newest == detail


@pytest.mark.parametrize(
    ("query", "total", "numbers"),
    [
        ("", 12, [*range(11, 1, -1)]),
        ("limit=1000", 12, [*range(11, -1, -1)]),
        ("start=1&limit=10", 12, [*range(11, 1, -1)]),
        ("start=11&limit=10", 12, [1, 0]),
        ("offset=11&limit=10", 12, [1, 0]),
        ("offset=11", 12, [1, 0]),
        ("offset=3&limit=2", 12, [9, 8]),
        ("offset=12&limit=1", 12, [0]),
        ("start=13", 12, []),
        ("start=1000", 12, []),
        ("limit=1", 12, [11]),
        ("datastoreType=opensearch", 4, [11, 8, 5, 2]),
        ("datastore_type=opensearch&limit=2&start=2", 4, [8, 5]),
        ("datastoreType=logstash", 0, []),
        ("unknown=1&limit=1", 12, [11]),
    ],
)
async def test_pages(twelve: httpx.AsyncClient, query: str, total: int, numbers: list[int]) -> None:
    assert await listed(twelve, query) == (total, numbers)


async def test_paging_as_terraform_does_sees_each_cluster_once(twelve: httpx.AsyncClient) -> None:
    seen: list[int] = []
    while page := (await listed(twelve, f"limit=10&start={len(seen) + 1}"))[1]:
        seen += page
    assert seen == [*range(11, -1, -1)]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=ten",
        "limit=",
        "limit=1.5",
        "limit=99999999999999999999999",
        "offset=0",
        "offset=-1",
        "start=0",
        "start=1e3",
        "start=%00",
        "start=%ff%fe",
        "datastoreType=solr",
        "datastoreType=",
    ],
)
async def test_a_wrong_value_is_named(twelve: httpx.AsyncClient, query: str) -> None:
    answer = await twelve.get(f"/clusters?{query}")
    assert answer.status_code == 400
    assert answer.json()["errCode"] == "CSS.0001"
    assert query.partition("=")[0] in answer.json()["externalMessage"]
