"""A v2.0 creation: groups of nodes by type, every rule with its code, and what is shown again."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from tests.support.live_service import Live, wait_for
from tests.support.running import by_role

SECURED = {"authorityEnable": True, "httpsEnable": True, "adminPwd": "Fresh-Pear-27"}
PUBLIC = {
    "eip": {"bandWidth": {"size": 5}},
    "elbWhiteListReq": {"enableWhiteList": True, "whiteList": "192.0.2.0/24,192.0.2.7"},
    "publicBindType": "auto_assign",
}
DASHBOARD = {"eipSize": 7, "elbWhiteList": {"enableWhiteList": False, "whiteList": ""}}
_numbers = itertools.count()
Edit = Callable[[dict[str, Any]], object]


def url(live: Live) -> str:
    return f"http://127.0.0.1:9480/v2.0/{live.project_id}/clusters"


@pytest.fixture
async def waiting(untended: Live) -> AsyncIterator[httpx.AsyncClient]:
    async with untended.client(untended.token()) as http:
        yield http


def body(edit: Edit = lambda _: None, **groups: int) -> dict[str, Any]:
    made = by_role(f"by-role-{next(_numbers)}", **groups)
    edit(made["cluster"])
    return made


def volume(place: int, **changed: Any) -> Edit:
    return lambda cluster: cluster["roles"][place]["volume"].update(changed)


async def shown(live: Live, css: httpx.AsyncClient, made: dict[str, Any]) -> dict[str, Any]:
    answer = await css.post(url(live), json=made)
    assert answer.status_code == 200, answer.text
    return dict((await css.get(f"/clusters/{answer.json()['cluster']['id']}")).json())


async def test_all_four_types_are_made_and_spread_over_the_zones(
    live: Live, css: httpx.AsyncClient
) -> None:
    made = body(
        lambda cluster: cluster.update(availability_zone="local-1,local-2"),
        ess=3,
        ess_master=3,
        ess_client=2,
        ess_cold=2,
    )
    first = await shown(live, css, made)
    assert (first["status"], first["actions"]) == ("100", ["CREATING"])
    last = await wait_for(css, first["id"], status="200", actions=[])
    zones: dict[str, list[str]] = {}
    for node in last["instances"]:
        zones.setdefault(node["type"], []).append(node["azCode"])
    assert {kind: sorted(found) for kind, found in zones.items()} == {
        "ess": ["local-1", "local-1", "local-2"],
        "ess-master": ["local-1", "local-1", "local-2"],
        "ess-client": ["local-1", "local-2"],
        "ess-cold": ["local-1", "local-2"],
    }
    assert last["endpoint"].count(",") == 1, "client nodes alone are named"


@pytest.mark.parametrize(
    ("edit", "groups", "code", "field"),
    [
        (lambda c: c.pop("datastore"), {}, "CSS.5004", "cluster.datastore"),
        (lambda c: c.update(roles=[]), {}, "CSS.5167", "cluster.roles"),
        (lambda c: c["roles"].pop(0), {"ess_master": 3}, "CSS.5167", "cluster.roles"),
        (lambda c: c["roles"].append(c["roles"][0]), {}, "CSS.5039", "cluster.roles.type"),
        (lambda c: c["roles"][0].update(type="lgs"), {}, "CSS.5167", "cluster.roles"),
        (lambda c: None, {"french": 1}, "CSS.0076", "cluster.roles[1].type"),
        (lambda c: None, {"ess_master": 4}, "CSS.5134", "cluster.roles[1].instanceNum"),
        (lambda c: None, {"ess_master": 1}, "CSS.5134", "cluster.roles[1].instanceNum"),
        (lambda c: None, {"ess_master": 11}, "CSS.5134", "cluster.roles[1].instanceNum"),
        (lambda c: None, {"ess": 33}, "CSS.5047", "cluster.roles[0].instanceNum"),
        (lambda c: None, {"ess": 201, "ess_master": 3}, "CSS.5047", "1 to 200"),
        (lambda c: None, {"ess_client": 33}, "CSS.5047", "cluster.roles[1].instanceNum"),
        (lambda c: None, {"ess_cold": 0}, "CSS.5047", "cluster.roles[1].instanceNum"),
        (volume(1, size=60), {"ess_master": 3}, "CSS.5009", "40 GB is right"),
        (volume(1, size=20), {"ess_client": 1}, "CSS.5009", "40 GB is right"),
        (volume(0, size=20), {}, "CSS.5009", "cluster.roles[0].volume.size"),
        (volume(0, size=50), {}, "CSS.5033", "cluster.roles[0].volume.size"),
        (volume(0, volume_type="SSD"), {}, "CSS.5008", "roles[0].volume.volume_type"),
        (lambda c: c["roles"][0].pop("volume"), {}, "CSS.5068", "roles[0].volume"),
        (lambda c: c["roles"][0].update(flavorRef="x"), {}, "CSS.5007", "roles[0].flavorRef"),
        (lambda c: c.pop("nics"), {}, "CSS.5046", "cluster.nics"),
        (lambda c: c["nics"].pop("netId"), {}, "CSS.5022", "cluster.nics.netId"),
        (
            lambda c: c.update(availability_zone="local-1,local-2"),
            {"ess": 2, "ess_cold": 1},
            "CSS.5172",
            "cluster.roles[1].instanceNum",
        ),
        (lambda c: c.update(availability_zone="x"), {}, "CSS.5052", "cluster.availability_zone"),
        (lambda c: c.update(publicIPReq=PUBLIC), {}, "CSS.5310", "cluster.publicIPReq"),
        (lambda c: c.update(publicKibanaReq=DASHBOARD), {}, "CSS.5310", "publicKibanaReq"),
        (
            lambda c: c.update(SECURED, publicIPReq=PUBLIC | {"publicBindType": "manual"}),
            {},
            "CSS.5098",
            "auto_assign is right",
        ),
        (
            lambda c: c.update(SECURED, publicIPReq={"eip": {"bandWidth": {"size": 201}}}),
            {},
            "CSS.0071",
            "publicIPReq.eip.bandWidth.size",
        ),
        (
            lambda c: c.update(
                SECURED, publicKibanaReq={"eipSize": 1, "elbWhiteList": {"enableWhiteList": True}}
            ),
            {},
            "CSS.5181",
            "elbWhiteList.whiteList",
        ),
        (
            lambda c: c.update(
                SECURED,
                publicIPReq={
                    "elbWhiteListReq": {"enableWhiteList": True, "whiteList": "192.0.2.1-9"}
                },
            ),
            {},
            "CSS.5051",
            "elbWhiteListReq.whiteList",
        ),
    ],
)
async def test_a_broken_rule_has_its_code_and_field(
    untended: Live,
    waiting: httpx.AsyncClient,
    edit: Edit,
    groups: dict[str, int],
    code: str,
    field: str,
) -> None:
    before = (await waiting.get("/clusters")).json()["totalSize"]
    answer = await waiting.post(url(untended), json=body(edit, **groups))
    assert (answer.status_code, answer.json()["errCode"]) == (400, code), answer.text
    assert field in answer.json()["externalMessage"]
    assert (await waiting.get("/clusters")).json()["totalSize"] == before


async def test_a_disk_without_a_size_has_the_usual_one(
    untended: Live, waiting: httpx.AsyncClient
) -> None:
    def without_sizes(cluster: dict[str, Any]) -> None:
        for role in cluster["roles"]:
            del role["volume"]["size"]

    made = await shown(untended, waiting, body(without_sizes, ess_master=3))
    sizes = {node["type"]: node["volume"]["size"] for node in made["instances"]}
    assert sizes == {"ess": 100, "ess-master": 40}


async def test_how_it_is_reached_is_shown_as_it_was_asked_for(
    live: Live, css: httpx.AsyncClient
) -> None:
    asked = SECURED | {"publicIPReq": PUBLIC, "publicKibanaReq": DASHBOARD}
    endpoint = {"endpointWithDnsName": False, "vpcPermissions": ["acct1"]}
    first = await shown(
        live, css, body(lambda cluster: cluster.update(asked, loadBalance=endpoint))
    )
    assert (first["publicIp"], first["vpcepIp"]) == (None, None), "not before it is there"
    last = await wait_for(css, first["id"], status="200", actions=[])
    assert last["publicIp"] == last["endpoint"]
    assert last["vpcepIp"] == last["instances"][0]["ip"]
    assert last["bandwidthSize"] == 5
    assert last["elbWhiteList"] == {
        "enableWhiteList": True,
        "whiteList": "192.0.2.0/24,192.0.2.7",
    }
    assert last["publicKibanaResp"] == {
        "eipSize": 7,
        "publicKibanaIp": None,
        "elbWhiteListResp": {"enableWhiteList": False, "whiteList": ""},
    }
    connections = await css.get(f"/clusters/{first['id']}/vpcepservice/connections")
    assert connections.status_code == 200
    found = connections.json()
    assert (found["connections"], found["total_count"]) == ([], 0)
    assert [one["permission"] for one in found["permissions"]] == ["iam:domain::acct1"]


async def test_what_was_not_asked_for_is_null(untended: Live, waiting: httpx.AsyncClient) -> None:
    made = await shown(untended, waiting, body())
    assert made["publicKibanaResp"] is None
    assert (made["elbWhiteList"], made["publicIp"], made["bandwidthSize"]) == (None, None, 0)
    answer = await waiting.get(f"/clusters/{made['id']}/vpcepservice/connections")
    assert (answer.status_code, answer.json()["errCode"]) == (400, "CSS.5182")


async def test_a_name_may_have_a_dot(untended: Live, waiting: httpx.AsyncClient) -> None:
    made = await shown(untended, waiting, body(lambda cluster: cluster.update(name="shop.v2")))
    assert made["name"] == "shop.v2"
    assert made["instances"][0]["name"] == "shop.v2-ess-esn-1-1"
