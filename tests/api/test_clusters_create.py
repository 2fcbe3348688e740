"""POST clusters: the Getting Started to the letter, and every lenient form clients send."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.support.live_service import Live, wait_for
from tests.support.running import getting_started

from searchplane.reconciler.loop import record_capacity

GETTING_STARTED = b"""
    {
        "cluster": {
            "name": "ES-Test",
            "backupStrategy": {
                "period": "16:00 GMT+08:00",
                "prefix": "snapshot",
                "keepday": 7
            },
            "instanceNum": 3,
               "instance": {
                   "flavorRef": "ess.spec-2u16g",
                      "volume": {
                             "volume_type": "COMMON",
                             "size": 100
                      },
                      "nics": {
                             "vpcId": "fccd753c-91c3-40e2-852f-5ddf76d1a1b2",
                             "netId": "af1c65ae-c494-4e24-acd8-81d6b355c9f1",
                             "securityGroupId": "7e3fed21-1a44-4101-ab29-34e57124f614"
                      }
               }
        }
    }
"""
PASSWORD = "Fresh-Pear-27"
SECURED = {"authorityEnable": True, "httpsEnable": True, "adminPwd": PASSWORD}


def body(name: str, /, **changes: Any) -> dict[str, Any]:
    made = getting_started(name)
    made["cluster"] |= changes
    return made


async def create(css: httpx.AsyncClient, name: str, /, **changes: Any) -> str:
    answer = await css.post("/clusters", json=body(name, **changes))
    assert answer.status_code == 200, answer.text
    return answer.json()["cluster"]["id"]


async def refused(css: httpx.AsyncClient, name: str, /, **changes: Any) -> dict[str, Any]:
    answer = await css.post("/clusters", json=body(name, **changes))
    assert answer.status_code == 400, answer.text
    return answer.json()


@pytest.fixture
async def waiting(untended: Live) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service whose loop never runs."""
    async with untended.client(untended.token()) as http:
        yield http


async def test_the_getting_started_to_the_letter(css: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await css.post("/clusters", content=GETTING_STARTED, headers=headers)
    assert answer.status_code == 200
    cluster_id = answer.json()["cluster"]["id"]
    assert str(uuid.UUID(cluster_id)) == cluster_id
    assert answer.json() == {"cluster": {"id": cluster_id, "name": "ES-Test"}}
    shown = await wait_for(css, cluster_id, status="200", actions=[], actionProgress={})
    assert shown["datastore"]["type"] == "elasticsearch"
    assert shown["datastore"]["version"] == "7.10.2"
    assert [node["status"] for node in shown["instances"]] == ["200"] * 3
    assert shown["endpoint"] == ",".join(f"{node['ip']}:9200" for node in shown["instances"])


async def test_the_first_poll_shows_the_action_before_the_loop_has_looked(
    waiting: httpx.AsyncClient,
) -> None:
    cluster_id = await create(waiting, "first-poll")
    shown = (await waiting.get(f"/clusters/{cluster_id}")).json()
    assert shown["status"] == "100"
    assert shown["actions"] == ["CREATING"]
    assert shown["actionProgress"] == {"CREATING": "0%"}
    assert [node["status"] for node in shown["instances"]] == ["100"] * 3
    assert shown["endpoint"] is None


async def test_the_content_type_does_not_matter(waiting: httpx.AsyncClient) -> None:
    content = GETTING_STARTED.replace(b"ES-Test", b"no-type")
    answer = await waiting.post("/clusters", content=content)
    assert answer.status_code == 200


async def test_both_spellings_give_the_same_cluster(waiting: httpx.AsyncClient) -> None:
    plain = {
        "backup_strategy": {"period": "16:00 GMT+08:00", "prefix": "snapshot", "keepday": 7},
        "instance_num": 3,
        "enterprise_project_id": "0",
        "authority_enable": True,
        "https_enable": True,
        "admin_pwd": PASSWORD,
        "instance": {
            "flavor_ref": "ess.spec-2u16g",
            "volume": {"volumeType": "COMMON", "size": 100},
            "nics": {"vpc_id": "v", "net_id": "n", "security_group_id": "g"},
            "availabilityZone": "local-2",
        },
    }
    snake = await waiting.post("/clusters", json={"cluster": {"name": "two-ways", **plain}})
    assert snake.status_code == 200, snake.text
    made = getting_started("two-ways-2")["cluster"]
    made["instance"]["nics"] = {"vpcId": "v", "netId": "n", "securityGroupId": "g"}
    made["instance"]["availability_zone"] = "local-2"
    camel = await waiting.post("/clusters", json={"cluster": made | SECURED})
    assert camel.status_code == 200, camel.text
    differ = {"id", "name", "instances", "created", "updated"}
    shown = [
        (await waiting.get(f"/clusters/{answer.json()['cluster']['id']}")).json()
        for answer in (snake, camel)
    ]
    first, second = ({k: v for k, v in one.items() if k not in differ} for one in shown)
    assert first == second
    assert {node["azCode"] for node in shown[0]["instances"]} == {"local-2"}


async def test_booleans_and_numbers_are_read_from_strings(waiting: httpx.AsyncClient) -> None:
    """As the OTC Terraform provider sends them."""
    made = body(
        "from-strings",
        instanceNum="3",
        httpsEnable="true",
        authorityEnable="True",
        adminPwd=PASSWORD,
        enterprise_project_id=0,
        diskEncryption={"systemEncrypted": "0"},
    )
    made["cluster"]["instance"]["volume"]["size"] = "40"
    made["cluster"]["backupStrategy"] |= {"keepday": "7", "maxSnapshotBytesPerSeconds": 0}
    answer = await waiting.post("/clusters", json=made)
    assert answer.status_code == 200, answer.text
    shown = (await waiting.get(f"/clusters/{answer.json()['cluster']['id']}")).json()
    assert shown["httpsEnable"] is True
    assert shown["authorityEnable"] is True
    assert shown["diskEncrypted"] is False
    assert shown["enterpriseProjectId"] == "0"
    assert [node["volume"]["size"] for node in shown["instances"]] == [40, 40, 40]


async def test_false_as_a_string_is_false(waiting: httpx.AsyncClient) -> None:
    cluster_id = await create(waiting, "no-https", httpsEnable="false", authorityEnable="FALSE")
    shown = (await waiting.get(f"/clusters/{cluster_id}")).json()
    assert (shown["httpsEnable"], shown["authorityEnable"]) == (False, False)


async def test_unknown_fields_and_nulls_are_ignored(waiting: httpx.AsyncClient) -> None:
    nothing = dict.fromkeys(
        ("datastore", "backupStrategy", "tags", "desc", "adminPwd", "enterprise_project_id")
    )
    await create(waiting, "ignored", payInfo={"payModel": 0}, flavour="mint", **nothing)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("instanceNum", "three"),
        ("instanceNum", "3.0"),
        ("instanceNum", "1_0"),
        ("instanceNum", " 3"),
        ("instanceNum", 3.5),
        ("instanceNum", True),
        ("instanceNum", None),
        ("instanceNum", [3]),
        ("httpsEnable", "yes"),
        ("httpsEnable", 1),
        ("name", 7),
        ("name", None),
        ("name", ["a"]),
        ("instance", "x"),
        ("tags", {"key": "a"}),
        ("tags", [{"key": "k"}] * 101),
        ("desc", "x" * 5000),
        ("datastore", {"type": "elasticsearch"}),
        ("backupStrategy", {}),
    ],
)
async def test_a_wrong_type_is_refused_with_its_field(
    waiting: httpx.AsyncClient, field: str, value: object
) -> None:
    answer = await refused(waiting, "wrong-type", **{field: value})
    assert answer["errCode"] == "CSS.0001"
    assert f"cluster.{field}" in answer["externalMessage"]


async def test_a_version_there_is_not_lists_those_there_are(waiting: httpx.AsyncClient) -> None:
    """The OTC Terraform provider asks for 7.6.2 unless told otherwise."""
    asked = {"type": "elasticsearch", "version": "7.6.2"}
    answer = await refused(waiting, "too-old", datastore=asked)
    assert answer["errCode"] == "CSS.5003"
    assert "'7.6.2'" in answer["externalMessage"]
    assert "7.10.2" in answer["externalMessage"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "x"}, "CSS.5049"),
        ({"instanceNum": 33}, "CSS.5047"),
        ({"httpsEnable": True}, "CSS.5171"),
        ({"authorityEnable": True}, "CSS.0050"),
        ({**SECURED, "datastore": {"type": "opensearch", "version": "1.3.6"}}, "CSS.5169"),
        ({"backupStrategy": {"prefix": "Snap", "keepday": 7}}, "CSS.5044"),
        ({"tags": [{"key": "sys_x"}]}, "CSS.5137"),
    ],
)
async def test_a_broken_rule_has_its_code(
    waiting: httpx.AsyncClient, changes: dict[str, Any], code: str
) -> None:
    assert (await refused(waiting, "broken-rule", **changes))["errCode"] == code


@pytest.mark.parametrize(
    ("nics", "code"),
    [
        ({}, "CSS.5046"),
        ({"netId": "n", "securityGroupId": "g"}, "CSS.5021"),
        ({"vpcId": "v", "securityGroupId": "g"}, "CSS.5022"),
        ({"vpcId": "v", "netId": "n"}, "CSS.5023"),
    ],
)
async def test_a_missing_network_has_the_code_of_what_is_missing(
    waiting: httpx.AsyncClient, nics: dict[str, str], code: str
) -> None:
    made = getting_started("no-network")
    made["cluster"]["instance"]["nics"] = nics
    answer = await waiting.post("/clusters", json=made)
    assert (answer.status_code, answer.json()["errCode"]) == (400, code)


@pytest.mark.parametrize(
    ("encryption", "field", "value"),
    [
        ({"systemEncrypted": "1"}, "systemCmkid", "''"),
        ({"systemEncrypted": 1, "systemCmkid": " "}, "systemCmkid", "' '"),
        ({"systemEncrypted": "2", "systemCmkid": "key"}, "systemEncrypted", "'2'"),
        ({"systemEncrypted": "true"}, "systemEncrypted", "'true'"),
        ({"systemEncrypted": ""}, "systemEncrypted", "''"),
    ],
)
async def test_disks_are_not_quietly_left_unencrypted(
    waiting: httpx.AsyncClient, encryption: dict[str, Any], field: str, value: str
) -> None:
    answer = await refused(waiting, "encrypted", diskEncryption=encryption)
    assert answer["errCode"] == "CSS.5038"
    assert f"cluster.diskEncryption.{field} is {value}: " in answer["error_msg"]
    assert "is right" in answer["error_msg"]


@pytest.mark.parametrize(
    ("encryption", "shown"),
    [
        ({"systemEncrypted": "1", "systemCmkid": "key-1"}, (True, "key-1")),
        ({"systemEncrypted": 0, "systemCmkid": "key-1"}, (False, "")),
        ({}, (False, "")),
    ],
)
async def test_a_key_for_disks_is_shown_again(
    waiting: httpx.AsyncClient, encryption: dict[str, Any], shown: tuple[bool, str]
) -> None:
    name = f"disks-{len(encryption)}{'ab'[shown[0]]}"
    made = await create(waiting, name, instanceNum=1, diskEncryption=encryption)
    got = (await waiting.get(f"/clusters/{made}")).json()
    assert (got["diskEncrypted"], got["cmkId"]) == shown


@pytest.mark.parametrize(
    ("name", "changes", "what"),
    [
        ("told-one", {"instanceNum": 1}, "1 node of Elasticsearch 7.10.2"),
        ("told-two", {"instanceNum": 2} | SECURED, "2 nodes of OpenSearch 2.19.1"),
    ],
)
async def test_the_first_event_says_what_was_accepted_and_from_whom(
    waiting: httpx.AsyncClient, name: str, changes: dict[str, Any], what: str
) -> None:
    made = await create(waiting, name, **changes)
    (event,) = (await waiting.get(f"/clusters/{made}/events")).json()["events"]
    said = f"create {what}, asked for by admin"
    assert (event["phase"], event["sentence"]) == ("accepted", said)


async def test_no_nics_at_all(waiting: httpx.AsyncClient) -> None:
    made = getting_started("no-network")
    del made["cluster"]["instance"]["nics"]
    answer = await waiting.post("/clusters", json=made)
    assert (answer.status_code, answer.json()["errCode"]) == (400, "CSS.5046")


async def test_a_name_is_taken_once_in_a_project(waiting: httpx.AsyncClient) -> None:
    await create(waiting, "taken")
    answer = await refused(waiting, "taken")
    assert answer["errCode"] == "CSS.5050"
    assert "cluster.name is 'taken'" in answer["externalMessage"]


async def test_a_refused_cluster_leaves_nothing(waiting: httpx.AsyncClient) -> None:
    before = (await waiting.get("/clusters")).json()["totalSize"]
    await refused(waiting, "left-behind", instanceNum=0)
    assert (await waiting.get("/clusters")).json()["totalSize"] == before


async def test_the_password_is_kept_only_as_a_hash_and_never_repeated(
    untended: Live, waiting: httpx.AsyncClient
) -> None:
    await create(waiting, "secret", **SECURED)
    weak = "Password-123456"
    answer = await refused(waiting, "secret-2", **SECURED | {"adminPwd": weak})
    assert weak not in str(answer)
    answer = await refused(waiting, "secret-3", **SECURED | {"adminPwd": {"is": weak}})
    assert weak not in str(answer)
    files = [path for path in untended.service.settings.data.rglob("*") if path.is_file()]
    assert not [path for path in files if PASSWORD.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("has", "says"),
    [
        ({"memory_total_mb": 1000}, "950 MB is the most for all nodes here"),
        ({"memory_available_mb": 100}, "MB is free"),
        ({"disk_free_bytes": 5 * 2**20}, "5 MB of disk is free; at least 2048 MB must stay free"),
    ],
)
async def test_a_host_that_is_too_small_is_told_with_figures(
    untended: Live, waiting: httpx.AsyncClient, has: dict[str, int], says: str
) -> None:
    roomy = untended.driver.has
    untended.driver.has = replace(roomy, **has)
    await record_capacity(untended.service.ports)
    try:
        answer = await waiting.post("/clusters", json=body("too-big"))
    finally:
        untended.driver.has = roomy
        await record_capacity(untended.service.ports)
    assert answer.status_code == 419
    assert answer.json()["errCode"] == "CSS.0023"
    assert says in answer.json()["externalMessage"]
