"""Snapshots turned on and off, and the policy of automatic ones, through every path there is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.support.cluster_examples import NOW
from tests.support.live_service import Live
from tests.support.snapshot_examples import change_record, idle_cluster, listed

from searchplane.domain.cluster import Action, ActionKind
from searchplane.domain.ids import ProjectId
from searchplane.domain.snapshots import Bucket, Method, Repository, SnapshotStatus
from searchplane.store import buckets

SETTING = {"bucket": "shop-backups", "agency": "ag1", "base_path": "css/shop"}
POLICY = {"prefix": "auto", "period": "03:00 GMT+01:00", "keepday": 7}
OFF = {
    "enable": "false",
    "keepday": 0,
    "period": None,
    "frequency": None,
    "prefix": None,
    "bucket": None,
    "basePath": None,
    "agency": None,
    "indices": None,
    "snapshotCmkId": None,
    "maxSnapshotBytesPerSeconds": None,
    "maxRestoreBytesPerSeconds": None,
}


@pytest.fixture
async def css(untended: Live) -> AsyncIterator[httpx.AsyncClient]:
    async with untended.client(untended.token()) as http:
        yield http


class Asked:
    """One idle cluster, and the requests about its snapshots."""

    def __init__(self, live: Live, css: httpx.AsyncClient, cluster_id: str) -> None:
        self.live = live
        self.id = cluster_id
        self._css = css

    async def post(self, path: str, body: Any = None, **how: Any) -> httpx.Response:
        url = f"/clusters/{self.id}/index_snapshot/{path}"
        return await self._css.post(url, json=body, **how)

    async def v2(self, method: str, path: str, body: Any = None) -> httpx.Response:
        base = f"http://127.0.0.1:9480/v2.0/{self.live.project_id}"
        return await self._css.request(
            method, f"{base}/clusters/{self.id}/snapshots/policy/{path}", json=body
        )

    async def turn_off(self) -> httpx.Response:
        return await self._css.delete(f"/clusters/{self.id}/index_snapshots")

    async def policy(self) -> dict[str, Any]:
        answer = await self._css.get(f"/clusters/{self.id}/index_snapshot/policy")
        assert answer.status_code == 200
        return dict(answer.json())

    async def names(self) -> list[str]:
        answer = await self._css.get(f"/clusters/{self.id}/index_snapshots")
        assert answer.status_code == 200
        return [one["name"] for one in answer.json()["backups"]]

    async def shown(self) -> dict[str, Any]:
        return dict((await self._css.get(f"/clusters/{self.id}")).json())


@pytest.fixture
async def cluster(untended: Live, css: httpx.AsyncClient) -> Asked:
    return Asked(untended, css, await idle_cluster(untended, css))


def done(answer: httpx.Response, status: int = 200) -> bool:
    return (answer.status_code, answer.content) == (status, b"")


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errCode"]


async def test_off_there_is_a_policy_to_read_and_nothing_else(cluster: Asked) -> None:
    assert await cluster.policy() == OFF
    assert (await cluster.shown())["backupAvailable"] is False
    assert await cluster.names() == []
    for answer in (
        await cluster.post("policy", POLICY | {"enable": "true"}),
        await cluster.post("policy", {"enable": "false"}),
        await cluster.v2("POST", "open", POLICY),
        await cluster.v2("PUT", "close"),
    ):
        assert said(answer) == (415, "CSS.0004"), answer.text
    assert done(await cluster.turn_off()), "off is off"


async def test_turned_on_by_itself_they_go_to_the_project_s_bucket(cluster: Asked) -> None:
    assert done(await cluster.post("auto_setting"))
    bucket = f"css-backup-{cluster.live.project_id}"
    assert await cluster.policy() == OFF | {"bucket": bucket, "basePath": "", "agency": ""}
    assert (await cluster.shown())["backupAvailable"] is True
    with cluster.live.service.services.database.read() as connection:
        assert buckets.find(connection, ProjectId(cluster.live.project_id), bucket)
    assert done(await cluster.post("auto_setting", {})), "otcextensions sends an empty object"


SPELLINGS: list[dict[str, Any]] = [
    {
        "base_path": "css/shop",
        "max_snapshot_bytes_per_seconds": "80mb",
        "max_restore_bytes_per_seconds": 40,
        "snapshot_cmk_id": "key",
        "delete_auto": "false",
    },
    {
        "basePath": "css/shop",
        "maxSnapshotBytesPerSeconds": "80mb",
        "maxRestoreBytesPerSeconds": "40mb",
        "snapshotCmkId": "key",
        "deleteAuto": False,
    },
]


@pytest.mark.parametrize("spelled", SPELLINGS)
async def test_a_setting_is_read_in_both_spellings(cluster: Asked, spelled: dict[str, Any]) -> None:
    body = {"bucket": "shop-backups", "agency": "ag1", "enable": "true", **POLICY, **spelled}
    assert done(await cluster.post("setting", body))
    assert await cluster.policy() == {
        "enable": "true",
        "keepday": 7,
        "period": "03:00 GMT+01:00",
        "frequency": "DAY",
        "prefix": "auto",
        "bucket": "shop-backups",
        "basePath": "css/shop",
        "agency": "ag1",
        "indices": "*",
        "snapshotCmkId": "key",
        "maxSnapshotBytesPerSeconds": "80mb",
        "maxRestoreBytesPerSeconds": "40mb",
    }


async def test_a_setting_alone_leaves_the_policy_as_it_is(cluster: Asked) -> None:
    await cluster.post("setting", SETTING | POLICY | {"enable": True})
    await cluster.post("setting", SETTING | {"max_restore_bytes_per_seconds": "0"})
    assert (await cluster.policy())["enable"] == "true"
    assert (await cluster.policy())["maxRestoreBytesPerSeconds"] == "0"
    await cluster.post("setting", SETTING | {"enable": "false"})
    assert (await cluster.policy())["enable"] == "false"


async def test_the_policy_goes_on_and_off_by_its_own_path(cluster: Asked) -> None:
    await cluster.post("setting", SETTING)
    more = {"enable": "TRUE", "frequency": "SUN", "indices": "logs-*", "keepday": "30"}
    assert done(await cluster.post("policy", POLICY | more))
    policy = await cluster.policy()
    assert (policy["enable"], policy["keepday"]) == ("true", 30)
    assert (policy["frequency"], policy["indices"]) == ("SUN", "logs-*")
    assert done(await cluster.post("policy", {"enable": "false"}))
    assert (await cluster.policy())["enable"] == "false"
    assert (await cluster.policy())["bucket"] == "shop-backups"


async def test_the_policy_goes_on_and_off_by_the_newer_paths(cluster: Asked) -> None:
    await cluster.post("auto_setting")
    hourly = {"prefix": "auto", "keepday": 24, "frequency": "HOUR"}
    assert done(await cluster.v2("POST", "open", hourly)), "an hourly one needs no time of the day"
    policy = await cluster.policy()
    assert (policy["enable"], policy["frequency"], policy["keepday"]) == ("true", "HOUR", 24)
    assert done(await cluster.v2("PUT", "close"))
    assert (await cluster.policy())["enable"] == "false"
    assert done(await cluster.v2("PUT", "close")), "closed is closed"


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("setting", {"agency": "a"}, "CSS.0001"),
    ("setting", {"bucket": "shop"}, "CSS.0001"),
    ("setting", SETTING | {"bucket": "Shop"}, "CSS.5038"),
    ("setting", SETTING | {"base_path": "/abs"}, "CSS.5038"),
    ("setting", SETTING | {"max_snapshot_bytes_per_seconds": "fast"}, "CSS.5038"),
    ("setting", SETTING | {"enable": "true"}, "CSS.0001"),
    ("setting", SETTING | {"enable": "yes"}, "CSS.0001"),
    ("setting", SETTING | POLICY | {"enable": "true", "keepday": 91}, "CSS.3011"),
    ("policy", POLICY, "CSS.0001"),
    ("policy", {"enable": "true", "prefix": "auto"}, "CSS.0001"),
    ("policy", POLICY | {"enable": "true", "prefix": "Auto"}, "CSS.5044"),
    ("policy", POLICY | {"enable": "true", "period": "03:30 GMT"}, "CSS.5018"),
    ("policy", POLICY | {"enable": "true", "period": "03:00 GMT+15:00"}, "CSS.5178"),
    ("policy", POLICY | {"enable": "true", "keepday": 0}, "CSS.3011"),
    ("policy", POLICY | {"enable": "true", "frequency": "MONTH"}, "CSS.5038"),
    ("policy", POLICY | {"enable": "true", "indices": "Logs"}, "CSS.5038"),
]


@pytest.mark.parametrize(("path", "body", "code"), REFUSED)
async def test_what_is_wrong_is_refused_and_changes_nothing(
    cluster: Asked, path: str, body: dict[str, Any], code: str
) -> None:
    await cluster.post("setting", SETTING)
    before = await cluster.policy()
    for dry in ({}, {"dry_run": "true"}):
        answer = await cluster.post(path, body, params=dry)
        assert said(answer) == (400, code), answer.text
    assert await cluster.policy() == before


async def test_a_bucket_that_is_attached_is_not_written_to(cluster: Asked) -> None:
    project = ProjectId(cluster.live.project_id)
    with cluster.live.service.services.database.write() as connection:
        buckets.add(connection, Bucket(project, "elsewhere", NOW, "/mnt/elsewhere"))
    answer = await cluster.post("setting", SETTING | {"bucket": "elsewhere"})
    assert said(answer) == (400, "CSS.5038")
    assert (await cluster.shown())["backupAvailable"] is False


async def test_the_place_stays_while_it_holds_snapshots(cluster: Asked) -> None:
    await cluster.post("setting", SETTING)
    place = Repository("shop-backups", f"shop-backups/css/shop/{cluster.id}")
    listed(cluster.live, cluster.id, repository=place)
    assert said(await cluster.post("setting", SETTING | {"bucket": "other"})) == (400, "CSS.5090")
    assert done(await cluster.post("setting", SETTING | {"agency": "other"}))


async def test_turned_off_failed_ones_are_not_listed_and_the_others_are(cluster: Asked) -> None:
    await cluster.post("auto_setting")
    kept = {"name": "kept", "status": SnapshotStatus.PART_FAILED}
    listed(cluster.live, cluster.id, **kept)
    listed(cluster.live, cluster.id, name="failed", status=SnapshotStatus.FAILED)
    assert sorted(await cluster.names()) == ["failed", "kept"]
    assert done(await cluster.turn_off())
    assert await cluster.names() == ["kept"]
    assert (await cluster.shown())["backupAvailable"] is False
    assert await cluster.policy() == OFF
    answer = await cluster.post("setting", SETTING | {"bucket": "another-place"})
    assert done(answer), "off, it may go elsewhere"


@pytest.mark.parametrize("spelled", [{"delete_auto": "true"}, {"deleteAuto": True}])
async def test_without_the_policy_automatic_ones_go_if_they_are_to(
    cluster: Asked, spelled: dict[str, Any]
) -> None:
    await cluster.post("setting", SETTING | POLICY | {"enable": "true"})
    listed(cluster.live, cluster.id, name="by-hand")
    listed(cluster.live, cluster.id, name="auto-1", method=Method.AUTO)
    on = POLICY | {"enable": "true", **spelled}
    assert done(await cluster.post("policy", on)), "the OTC provider always sends it"
    assert sorted(await cluster.names()) == ["auto-1", "by-hand"]
    assert done(await cluster.post("policy", {"enable": "false", **spelled}))
    assert await cluster.names() == ["by-hand"]


@pytest.mark.parametrize("kind", [ActionKind.SNAPSHOTTING, ActionKind.RESTORING])
async def test_while_one_is_taken_or_restored_nothing_of_it_changes(
    cluster: Asked, kind: ActionKind
) -> None:
    await cluster.post("setting", SETTING | POLICY | {"enable": "true"})
    change_record(cluster.live, cluster.id, action=Action(kind, NOW))
    for answer in (
        await cluster.post("auto_setting"),
        await cluster.post("setting", SETTING),
        await cluster.post("policy", POLICY | {"enable": "true"}),
        await cluster.post("policy", {"enable": "false"}),
        await cluster.v2("POST", "open", POLICY),
        await cluster.v2("PUT", "close"),
        await cluster.turn_off(),
    ):
        assert said(answer) == (409, "CSS.0012"), answer.text
    assert (await cluster.policy())["enable"] == "true"


async def test_a_preview_says_what_would_be_and_changes_nothing(cluster: Asked) -> None:
    answer = await cluster.post("auto_setting", params={"dry_run": "true"})
    (step,) = answer.json()["dryRun"]["steps"]
    assert step.startswith("keep snapshots in the bucket css-backup-")
    assert await cluster.policy() == OFF


async def test_a_cluster_made_with_a_strategy_has_its_bucket(
    untended: Live, css: httpx.AsyncClient
) -> None:
    made = Asked(untended, css, await idle_cluster(untended, css, backed_up_by_itself=True))
    policy = await made.policy()
    assert (policy["enable"], policy["keepday"]) == ("true", 7)
    with untended.service.services.database.read() as connection:
        known = [one.name for one in buckets.of_project(connection, ProjectId(untended.project_id))]
    assert policy["bucket"] in known


async def test_in_a_store_a_bucket_of_another_project_is_refused(
    cluster: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = cluster.live.service.services
    monkeypatch.setattr(type(services.settings), "has_bucket_store", True)
    theirs = ProjectId(cluster.live.add_project("local_with_buckets"))
    with services.database.write() as connection:
        buckets.add(connection, Bucket(theirs, "taken-name", NOW))
    answer = await cluster.post("setting", SETTING | {"bucket": "taken-name"})
    assert said(answer) == (400, "CSS.5038")
    assert (await cluster.shown())["backupAvailable"] is False
