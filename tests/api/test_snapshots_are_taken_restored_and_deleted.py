"""Requests about single snapshots: what is accepted, shown and refused, before any pass acts."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event
from tests.support.cluster_examples import NOW
from tests.support.live_service import Live
from tests.support.running import getting_started
from tests.support.snapshot_examples import change_record, idle_cluster, listed

from searchplane.api.css.snapshot_lists import SnapshotsReply
from searchplane.domain.cluster import Action, ActionKind, Failure, Refusal, SnapshotSettings
from searchplane.domain.engines import ELASTICSEARCH_7_10_2
from searchplane.domain.ids import ClusterId
from searchplane.domain.snapshots import (
    Method,
    Repository,
    Restore,
    RestoreStatus,
    Snapshot,
    SnapshotStatus,
    TargetIndex,
    Verified,
)
from searchplane.store import clusters, events, restores, snapshots

ON = SnapshotSettings("bucket")
MISSING = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Asked:
    """The client, and what the database holds afterwards."""

    live: Live
    http: httpx.AsyncClient

    async def cluster(self, **changes: Any) -> str:
        return await idle_cluster(self.live, self.http, **({"snapshots": ON} | changes))

    async def take(self, cluster_id: str, body: Any, **how: Any) -> httpx.Response:
        return await self.http.post(f"/clusters/{cluster_id}/index_snapshot", json=body, **how)

    async def restore(
        self, cluster_id: str, snapshot_id: str, target: str, **body: Any
    ) -> httpx.Response:
        url = f"/clusters/{cluster_id}/index_snapshot/{snapshot_id}/restore"
        dry = {"dry_run": "true"} if body.pop("dry", False) else {}
        return await self.http.post(url, json={"target_cluster": target} | body, params=dry)

    async def delete(self, cluster_id: str, snapshot_id: str) -> httpx.Response:
        return await self.http.delete(f"/clusters/{cluster_id}/index_snapshot/{snapshot_id}")

    async def backups(self, cluster_id: str) -> list[dict[str, Any]]:
        answer = await self.http.get(f"/clusters/{cluster_id}/index_snapshots")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["backups"])

    async def actions(self, cluster_id: str) -> list[str]:
        return list((await self.http.get(f"/clusters/{cluster_id}")).json()["actions"])

    def row(self, snapshot_id: str) -> Snapshot | None:
        with self.live.service.services.database.read() as connection:
            return snapshots.find(connection, snapshot_id)

    def restore_into(self, cluster_id: str) -> Restore:
        with self.live.service.services.database.read() as connection:
            (found,) = restores.running_into(connection, ClusterId(cluster_id))
        return found

    def forget(self, cluster_id: str) -> None:
        """As the loop does when a deleted cluster is gone."""
        with self.live.service.services.database.write() as connection:
            cluster = clusters.find(connection, ClusterId(cluster_id))
            assert cluster is not None
            clusters.forget(connection, cluster)

    def last_event(self, cluster_id: str) -> str:
        with self.live.service.services.database.read() as connection:
            event = events.last(connection, ClusterId(cluster_id))
        assert event is not None
        return event.sentence


@pytest.fixture
async def css(untended: Live) -> AsyncIterator[Asked]:
    async with untended.client(untended.token()) as http:
        yield Asked(untended, http)


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errCode"]


def is_done(answer: httpx.Response, status: int = 200) -> bool:
    return (answer.status_code, answer.content) == (status, b"")


async def test_one_that_is_taken_is_listed_at_once_with_every_field(css: Asked) -> None:
    made = await css.cluster()
    body = {"name": "before-upgrade", "description": "by hand", "indices": "logs-*,items"}
    answer = await css.take(made, body)
    assert answer.status_code == 201
    snapshot_id = answer.json()["backup"]["id"]
    assert answer.json() == {"backup": {"id": snapshot_id, "name": "before-upgrade"}}
    assert await css.actions(made) == ["SNAPSHOTTING"]
    (shown,) = await css.backups(made)
    start = shown.pop("startTime")
    assert type(start) is int
    assert abs(start / 1000 - time.time()) < 60
    created = shown.pop("created")
    assert shown.pop("updated") == created
    cluster = (await css.http.get(f"/clusters/{made}")).json()
    assert shown == {
        "id": snapshot_id,
        "name": "before-upgrade",
        "description": "by hand",
        "clusterId": made,
        "clusterName": cluster["name"],
        "status": "BUILDING",
        "backupType": "1",
        "backupMethod": "manual",
        "backupFrequency": None,
        "datastore": {"type": "opensearch", "version": "2.19.1"},
        "indices": "logs-*,items",
        "totalShards": 0,
        "failedShards": 0,
        "restoreStatus": "none",
        "endTime": None,
        "bucketName": "bucket",
        "version": "2.19.1",
        "backupKeepDay": 0,
        "backupPeriod": None,
        "backupExpectedStartTime": None,
    }
    assert css.last_event(made).startswith("take the snapshot before-upgrade of logs-*,items, ")


async def test_an_automatic_one_shows_its_policy(css: Asked) -> None:
    made = await css.cluster(backed_up_by_itself=True, snapshots=ON)
    auto = {"method": Method.AUTO, "frequency": "DAY", "keepday": 7, "total_shards": 6}
    listed(css.live, made, **auto, failed_shards=1, status=SnapshotStatus.PART_FAILED)
    (shown,) = await css.backups(made)
    assert (shown["backupType"], shown["backupMethod"]) == ("0", "auto")
    assert (shown["backupFrequency"], shown["backupKeepDay"]) == ("DAY", 7)
    assert shown["backupPeriod"] == "16:00 GMT+08:00"
    assert (shown["totalShards"], shown["failedShards"]) == (6, 1)
    assert shown["endTime"] == int(NOW.timestamp()) * 1000
    assert shown["created"] == shown["backupExpectedStartTime"] == "2026-11-24T12:00:00"


async def test_they_are_listed_newest_first(css: Asked) -> None:
    made = await css.cluster()
    for hours in (2, 1, 3):
        listed(css.live, made, name=f"hour-{hours}", created=NOW + timedelta(hours=hours))
    assert [one["name"] for one in await css.backups(made)] == ["hour-3", "hour-2", "hour-1"]


async def test_a_part_of_them_is_listed_where_one_is_asked_for(css: Asked) -> None:
    made, url = await css.cluster(), "/clusters/{}/index_snapshots"
    for number in range(5):
        listed(css.live, made, name=f"no-{number}", created=NOW + timedelta(hours=number))
    listed(css.live, made, name="going", created=NOW + timedelta(hours=9), is_leaving=True)

    async def names(**part: int) -> list[str]:
        answer = await css.http.get(url.format(made), params=part)
        SnapshotsReply.model_validate(answer.json())
        return [one["name"] for one in answer.json()["backups"]]

    assert await names() == ["no-4", "no-3", "no-2", "no-1", "no-0"]
    assert await names(limit=2) == ["no-4", "no-3"]
    assert await names(start=4, limit=2) == ["no-1", "no-0"]
    assert await names(offset=5) == ["no-0"]
    assert await names(start=6) == []
    wrong = await css.http.get(url.format(made), params={"limit": 0})
    assert said(wrong) == (400, "CSS.0001")


async def test_a_part_of_a_project_s_is_found_by_cluster_or_name(css: Asked) -> None:
    made, other = await css.cluster(), await css.cluster()
    for number in range(3):
        listed(css.live, made, name=f"part-{number}", created=NOW + timedelta(hours=number))
    same = listed(css.live, other, name="part-1")
    css.forget(other)

    async def found(**wanted: Any) -> tuple[int, list[str]]:
        answer = (await css.http.get("/snapshots", params=wanted)).json()
        return answer["totalSize"], [one["name"] for one in answer["snapshots"]]

    assert await found(cluster=made) == (3, ["part-2", "part-1", "part-0"])
    name = (await css.http.get(f"/clusters/{made}")).json()["name"]
    assert await found(cluster=name, start=2, limit=1) == (3, ["part-1"])
    assert await found(cluster=other) == (1, ["part-1"])
    assert await found(snapshot=same) == (1, ["part-1"])
    assert await found(snapshot="part-1") == (2, ["part-1", "part-1"])
    assert await found(snapshot="nothing") == (0, [])


async def test_a_list_of_many_asks_the_database_as_often_as_one_of_one(css: Asked) -> None:
    """And reads of each row only what it shows."""
    few, many = await css.cluster(), await css.cluster()
    listed(css.live, few)
    for _ in range(30):
        listed(css.live, many)
    engine = css.live.service.services.database.engine
    told: dict[str, list[str]] = {}
    for url in (f"/clusters/{few}/index_snapshots", f"/clusters/{many}/index_snapshots"):
        told[url] = []

        def tell(_c: Any, _cu: Any, statement: str, *_: Any, url: str = url) -> None:
            told[url].append(statement)

        event.listen(engine, "before_cursor_execute", tell)
        await css.http.get(url)
        event.remove(engine, "before_cursor_execute", tell)
    assert [*map(len, told.values())] == [len(told[f"/clusters/{few}/index_snapshots"])] * 2
    assert (await css.http.get("/buckets")).status_code == 200


async def test_without_a_body_s_other_fields_it_is_of_everything(css: Asked) -> None:
    made = await css.cluster()
    assert (await css.take(made, {"name": "all-of-it", "indices": ""})).status_code == 201
    (shown,) = await css.backups(made)
    assert (shown["indices"], shown["description"]) == ("*", "")


REFUSED: list[tuple[dict[str, Any], dict[str, Any], int, str]] = [
    ({}, {"name": "taken"}, 409, "CSS.0043"),
    ({}, {"name": "Upper"}, 400, "CSS.5057"),
    ({}, {"name": 5}, 400, "CSS.0001"),
    ({}, {"name": "by-hand", "description": "<b>"}, 400, "CSS.5056"),
    ({}, {"name": "by-hand", "indices": "a b"}, 400, "CSS.5038"),
    ({"snapshots": None}, {"name": "by-hand"}, 415, "CSS.0004"),
    ({"action": Action(ActionKind.SNAPSHOTTING, NOW)}, {"name": "by-hand"}, 409, "CSS.3004"),
    ({"action": Action(ActionKind.RESTORING, NOW)}, {"name": "by-hand"}, 409, "CSS.3004"),
    ({"action": Action(ActionKind.CREATING, NOW)}, {"name": "by-hand"}, 400, "CSS.5090"),
    ({"action": Action(ActionKind.GROWING, NOW)}, {"name": "by-hand"}, 400, "CSS.0077"),
    ({"failure": Failure("CSS.6000", "x", NOW)}, {"name": "by-hand"}, 400, "CSS.5090"),
]


@pytest.mark.parametrize(("state", "body", "status", "code"), REFUSED)
async def test_what_is_wrong_is_refused_and_nothing_is_listed(
    css: Asked, state: dict[str, Any], body: dict[str, Any], status: int, code: str
) -> None:
    made = await css.cluster(**state)
    listed(css.live, made, name="taken")
    assert said(await css.take(made, body)) == (status, code)
    assert [one["name"] for one in await css.backups(made)] == ["taken"]


async def test_a_preview_takes_nothing(css: Asked) -> None:
    made = await css.cluster()
    answer = await css.take(made, {"name": "by-hand"}, params={"dry_run": "true"})
    assert answer.status_code == 200
    assert answer.json()["dryRun"]["steps"] == ["take the snapshot by-hand of *"]
    assert (await css.backups(made), await css.actions(made)) == ([], [])


SPELLINGS = [
    {"rename_pattern": "logs-(.)", "rename_replacement": "old-$1", "replace_exist_indices": "true"},
    {"renamePattern": "logs-(.)", "renameReplacement": "old-$1", "replaceExistIndices": True},
]


@pytest.mark.parametrize("spelled", SPELLINGS)
async def test_a_restore_shows_at_once_on_target_and_snapshot(
    css: Asked, spelled: dict[str, Any]
) -> None:
    made, target = await css.cluster(), await css.cluster(snapshots=None)
    snapshot = listed(css.live, made, name="whole")
    answer = await css.restore(made, snapshot, target, indices="logs-*,items", **spelled)
    assert is_done(answer, 201), answer.text
    assert (await css.actions(target), await css.actions(made)) == (["RESTORING"], [])
    (shown,) = await css.backups(made)
    assert shown["restoreStatus"] == "restoring"
    stored = css.restore_into(target)
    assert stored.replaces
    assert stored.targets == (
        TargetIndex("items", "items"),
        TargetIndex("logs-1", "old-1"),
        TargetIndex("logs-2", "old-2"),
    )
    assert css.last_event(target).startswith("restore items, old-1, old-2 of the snapshot whole of")


async def test_older_clients_spell_the_target_otherwise(css: Asked) -> None:
    made = await css.cluster()
    snapshot = listed(css.live, made)
    url = f"/clusters/{made}/index_snapshot/{snapshot}/restore"
    assert is_done(await css.http.post(url, json={"targetCluster": made}), 201)


RESTORES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], int, str]] = [
    ({}, {}, {"indices": "gone"}, 400, "CSS.5038"),
    ({}, {}, {"indices": "A"}, 400, "CSS.5038"),
    ({}, {}, {"rename_pattern": "a"}, 400, "CSS.0001"),
    ({}, {}, {"rename_pattern": "(", "rename_replacement": "a"}, 400, "CSS.5038"),
    ({}, {}, {"rename_pattern": ".+", "rename_replacement": "a"}, 400, "CSS.5038"),
    ({}, {}, {"replace_exist_indices": "perhaps"}, 400, "CSS.0001"),
    ({"status": SnapshotStatus.BUILDING}, {}, {}, 409, "CSS.0029"),
    ({"status": SnapshotStatus.FAILED}, {}, {}, 400, "CSS.3026"),
    ({"is_leaving": True}, {}, {}, 400, "CSS.3016"),
    ({}, {"action": Action(ActionKind.SNAPSHOTTING, NOW)}, {}, 409, "CSS.3004"),
    ({}, {"action": Action(ActionKind.RESTORING, NOW)}, {}, 409, "CSS.3004"),
    ({}, {"action": Action(ActionKind.GROWING, NOW)}, {}, 400, "CSS.0077"),
    ({}, {"failure": Failure("CSS.6000", "x", NOW)}, {}, 400, "CSS.5090"),
    ({}, {"engine": ELASTICSEARCH_7_10_2}, {}, 400, "CSS.5140"),
]


@pytest.mark.parametrize(("kept", "state", "body", "status", "code"), RESTORES)
async def test_a_restore_that_cannot_be_is_refused(
    css: Asked,
    kept: dict[str, Any],
    state: dict[str, Any],
    body: dict[str, Any],
    status: int,
    code: str,
) -> None:
    made, target = await css.cluster(), await css.cluster(**state)
    snapshot = listed(css.live, made, **kept)
    before = await css.actions(target)
    for dry in (True, False):
        answer = await css.restore(made, snapshot, target, dry=dry, **body)
        assert said(answer) == (status, code), answer.text
    row = css.row(snapshot)
    assert row is not None
    assert row.restore_status is RestoreStatus.NONE
    assert await css.actions(target) == before


async def test_a_cluster_that_has_failed_is_restored_from_and_not_into(css: Asked) -> None:
    failed = await css.cluster(failure=Failure("CSS.6000", "x", NOW))
    snapshot = listed(css.live, failed)
    assert said(await css.restore(failed, snapshot, failed)) == (400, "CSS.5090")
    assert is_done(await css.restore(failed, snapshot, await css.cluster()), 201)


async def test_a_preview_of_a_restore_names_the_indices(css: Asked) -> None:
    made = await css.cluster()
    rename = {"rename_pattern": "(.+)", "rename_replacement": "old-$1"}
    answer = await css.restore(made, listed(css.live, made), made, dry=True, **rename)
    preview = answer.json()["dryRun"]
    assert preview["steps"] == [
        "restore from the bucket: items as old-items, logs-1 as old-logs-1, logs-2 as old-logs-2"
    ]
    assert preview["action"] == "RESTORING"
    assert await css.actions(made) == []


async def test_what_is_unknown_is_not_found(css: Asked) -> None:
    made, other = await css.cluster(), await css.cluster()
    snapshot = listed(css.live, made)
    for cluster, code in ((MISSING, "CSS.0015"), (other, "CSS.0016")):
        assert said(await css.restore(cluster, snapshot, other)) == (404, code)
        assert said(await css.delete(cluster, snapshot)) == (404, code)
    assert said(await css.restore(made, MISSING, other)) == (404, "CSS.0016")
    for target in (MISSING, ""):
        assert said(await css.restore(made, snapshot, target)) == (404, "CSS.0015")
    assert said(await css.take(MISSING, {"name": "by-hand"})) == (404, "CSS.0015")
    answer = await css.http.get(f"/clusters/{MISSING}/index_snapshots")
    assert said(answer) == (404, "CSS.0015")


async def test_other_projects_see_and_reach_nothing(css: Asked) -> None:
    theirs = css.live.add_project(f"local_{MISSING[:4]}")
    css.live.add_user("stranger", theirs, "te_admin")
    made = await css.cluster()
    snapshot = listed(css.live, made)
    async with css.live.client(css.live.token("stranger", theirs), theirs) as http:
        stranger = Asked(css.live, http)
        assert said(await stranger.delete(made, snapshot)) == (404, "CSS.0015")
        assert said(await stranger.restore(made, snapshot, made)) == (404, "CSS.0015")
        answer = await http.get(f"/clusters/{made}/index_snapshots")
        assert said(answer) == (404, "CSS.0015")
        assert (await http.get("/snapshots")).json() == {"totalSize": 0, "snapshots": []}


async def test_a_deleted_one_is_listed_no_longer_and_its_cluster_goes_on(css: Asked) -> None:
    made = await css.cluster()
    snapshot = listed(css.live, made, name="goes")
    for _ in range(2):
        assert is_done(await css.delete(made, snapshot))
        assert (await css.backups(made), await css.actions(made)) == ([], [])
    row = css.row(snapshot)
    assert row is not None
    assert (row.is_leaving, row.worker) == (True, made)
    assert said(await css.take(made, {"name": "goes"})) == (409, "CSS.0043")
    assert css.last_event(made).startswith("delete the snapshot goes, asked for by admin")


async def test_deleting_others_is_fine_while_one_is_taken(css: Asked) -> None:
    made = await css.cluster()
    snapshot = listed(css.live, made)
    assert (await css.take(made, {"name": "by-hand"})).status_code == 201
    assert is_done(await css.delete(made, snapshot))
    assert await css.actions(made) == ["SNAPSHOTTING"]
    (making,) = await css.backups(made)
    assert said(await css.delete(made, making["id"])) == (409, "CSS.0029")


async def test_one_that_is_restored_is_not_deleted(css: Asked) -> None:
    made = await css.cluster()
    snapshot = listed(css.live, made)
    await css.restore(made, snapshot, await css.cluster())
    assert said(await css.delete(made, snapshot)) == (409, "CSS.0012")


async def test_one_that_a_cluster_is_formed_anew_from_stays(css: Asked) -> None:
    """Nothing reads it before the cluster has formed, and until then it must not go."""
    made, lost = await css.cluster(backed_up_by_itself=True), await css.cluster()
    chosen = listed(css.live, made, method=Method.AUTO)
    refusal = Refusal("may_begin_again", "the storage of all is gone")
    change_record(css.live, lost, refusal=refusal)
    body = {"snapshotId": chosen}
    answer = await css.http.post(f"/clusters/{lost}/rebuild", json=body)
    assert answer.status_code == 200, answer.text
    deleted = await css.delete(made, chosen)
    assert said(deleted) == (409, "CSS.0012")
    name = (await css.http.get(f"/clusters/{lost}")).json()["name"]
    assert f"is what the cluster {name} is formed anew from" in deleted.text
    url, off = f"/clusters/{made}/index_snapshot/policy", {"enable": "false", "delete_auto": "true"}
    assert said(await css.http.post(url, json=off)) == (409, "CSS.0012")
    assert said(await css.http.delete(f"/clusters/{made}/index_snapshots")) == (409, "CSS.0012")
    change_record(css.live, lost)
    assert is_done(await css.http.post(url, json=off))


async def test_while_another_cluster_restores_one_snapshots_are_not_turned_off(css: Asked) -> None:
    made, target = await css.cluster(), await css.cluster()
    await css.restore(made, listed(css.live, made, name="wanted"), target)
    answer = await css.http.delete(f"/clusters/{made}/index_snapshots")
    assert said(answer) == (409, "CSS.0012")
    assert "the snapshot wanted is being restored" in answer.text
    change_record(css.live, target)


async def test_a_target_that_goes_does_not_end_what_others_restore(css: Asked) -> None:
    made, one, other = await css.cluster(), await css.cluster(), await css.cluster()
    snapshot = listed(css.live, made)
    for target in (one, other):
        assert is_done(await css.restore(made, snapshot, target), 201)
    failed = Failure("CSS.6000", "x", NOW)
    change_record(css.live, one, action=Action(ActionKind.RESTORING, NOW), failure=failed)
    assert is_done(await css.http.delete(f"/clusters/{one}"))
    row = css.row(snapshot)
    assert row is not None
    assert row.restore_status is RestoreStatus.RESTORING


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_failed_one_that_nobody_can_delete_is_forgotten(
    untended: Live, is_there: bool
) -> None:
    """In a project where no other cluster could delete its files."""
    project = untended.add_project(f"local_{uuid.uuid4().hex[:8]}")
    name = f"user-{uuid.uuid4().hex[:8]}"
    untended.add_user(name, project, "te_admin")
    async with untended.client(untended.token(name, project), project) as http:
        css = Asked(untended, http)
        made = (await http.post("/clusters", json=getting_started(nodes=1))).json()["cluster"]["id"]
        failed = listed(untended, made, status=SnapshotStatus.FAILED)
        whole = listed(untended, made)
        if is_there:
            change_record(untended, made, action=Action(ActionKind.DELETING, NOW))
        else:
            css.forget(made)
        url = f"/clusters/{made}/index_snapshot/{failed}"
        tried = await http.delete(url, params={"dry_run": "true"})
        (step,) = tried.json()["dryRun"]["steps"]
        assert "off the list" in step
        assert css.row(failed) is not None, "a dry run does nothing"
        assert is_done(await http.delete(url))
        assert css.row(failed) is None
        if is_there:
            assert css.last_event(made).startswith("take the failed snapshot")
        assert said(await css.delete(made, whole)) == (400, "CSS.5090")


async def test_a_dry_run_of_a_delete_deletes_nothing(css: Asked) -> None:
    made = await css.cluster()
    snapshot, dry = listed(css.live, made), {"dry_run": "true"}
    for url in (f"/clusters/{made}/index_snapshot/{snapshot}", f"/clusters/{made}"):
        answer = await css.http.delete(url, params=dry)
        assert (answer.status_code, bool(answer.json()["dryRun"]["steps"])) == (200, True)
    assert await css.actions(made) == []
    row = css.row(snapshot)
    assert row is not None
    assert not row.is_leaving
    for twice in ("dry_run=true&dry_run=false", "dryRun=true&dry_run=false"):
        answer = await css.http.delete(f"/clusters/{made}?{twice}")
        assert said(answer) == (400, "CSS.0001")
        assert "dry_run is given 2 times" in answer.text
    await css.take(made, {"name": "by-hand"})
    assert said(await css.http.delete(f"/clusters/{made}", params=dry)) == (409, "CSS.3004")


async def test_what_lies_in_an_attached_bucket_is_not_deleted(css: Asked) -> None:
    made = await css.cluster()
    theirs = Repository("theirs", "theirs/x", read_only=True)
    snapshot = listed(css.live, made, repository=theirs)
    assert said(await css.delete(made, snapshot)) == (400, "CSS.5090")


async def test_snapshots_of_a_cluster_that_is_gone_are_listed_restored_and_deleted(
    css: Asked,
) -> None:
    made, other = await css.cluster(), await css.cluster()
    snapshot = listed(css.live, made, name="outlives")
    css.forget(made)
    assert (await css.http.get(f"/clusters/{made}")).status_code == 404
    assert [one["name"] for one in await css.backups(made)] == ["outlives"]
    assert is_done(await css.restore(made, snapshot, other), 201)
    change_record(css.live, other)
    with css.live.service.services.database.write() as connection:
        over = replace(css.restore_into(other), ended=NOW, succeeded=True)
        restores.save(connection, over)
        row = css.row(snapshot)
        assert row is not None
        snapshots.save(connection, replace(row, restore_status=RestoreStatus.SUCCESS))
    assert is_done(await css.delete(made, snapshot))
    row = css.row(snapshot)
    assert row is not None
    assert row.is_leaving
    assert row.worker not in (None, made)
    assert "which is gone" in css.last_event(str(row.worker))


async def test_deleting_a_cluster_waits_for_its_snapshot_or_restore(css: Asked) -> None:
    made, target = await css.cluster(), await css.cluster()
    snapshot = listed(css.live, made)
    await css.restore(made, snapshot, target)
    await css.take(made, {"name": "by-hand"})
    for busy in (made, target):
        assert said(await css.http.delete(f"/clusters/{busy}")) == (409, "CSS.3004")
    failed = Failure("CSS.6000", "x", NOW)
    change_record(css.live, target, action=Action(ActionKind.RESTORING, NOW), failure=failed)
    assert is_done(await css.http.delete(f"/clusters/{target}")), "nothing else would end it"
    row = css.row(snapshot)
    assert row is not None
    assert row.restore_status is RestoreStatus.FAILED
    change_record(css.live, made, action=Action(ActionKind.SNAPSHOTTING, NOW), failure=failed)
    assert is_done(await css.http.delete(f"/clusters/{made}"))
    states = {one["name"]: one["status"] for one in await css.backups(made)}
    assert states["by-hand"] == "FAILED"


async def test_all_of_a_project_are_listed_with_what_is_known(css: Asked) -> None:
    made = await css.cluster()
    verified = Verified(NOW, succeeded=True, sentence="3 indices are the same")
    whole = listed(css.live, made, verified=verified, bytes_total=10, bytes_done=10)
    failed = listed(css.live, made, status=SnapshotStatus.FAILED, reason="the disk was full")
    going = listed(css.live, made, is_leaving=True)
    answer = await css.http.get("/snapshots")
    found = {one["id"]: one for one in answer.json()["snapshots"]}
    assert found[whole]["verified"] == {
        "at": "2026-11-24T12:00:00",
        "succeeded": True,
        "sentence": "3 indices are the same",
    }
    assert found[whole]["contents"][0] == {"name": "logs-1", "documents": 3}
    assert (found[whole]["engine"], found[whole]["clusterExists"]) == ("OpenSearch 2.19.1", True)
    assert (found[whole]["bytesTotal"], found[whole]["bytesDone"]) == (10, 10)
    assert found[failed]["reason"] == "the disk was full"
    assert (found[failed]["verified"], found[failed]["deleting"]) == (None, False)
    assert found[going]["deleting"] is True


async def test_a_policy_about_one_cluster_binds_its_restores_into_others(css: Asked) -> None:
    made, target = await css.cluster(), await css.cluster()
    snapshot = listed(css.live, made)
    async with css.live.client(await only_about(css, made)) as http:
        bound = Asked(css.live, http)
        assert said(await bound.restore(made, snapshot, target)) == (403, "CSS.0051")
        assert is_done(await bound.restore(made, snapshot, made), 201)


async def only_about(css: Asked, cluster_id: str) -> str:
    """The token of a user who may restore where this cluster is concerned, and nothing else."""
    statement = {
        "Effect": "Allow",
        "Action": ["css:snapshot:restore"],
        "Resource": [f"css:*:*:cluster:{cluster_id}"],
    }
    document = {"Version": "1.1", "Statement": [statement]}
    role = {"display_name": "bound", "type": "XA", "policy": document}
    made = await css.http.post("http://127.0.0.1:9480/v3.0/OS-ROLE/roles", json={"role": role})
    assert made.status_code == 201, made.text
    css.live.add_user("bound", css.live.project_id, made.json()["role"]["id"])
    return css.live.token("bound")


async def test_a_check_for_backups_is_content_with_a_snapshot_of_everything(css: Asked) -> None:
    made = await css.cluster()
    body = {
        "source_az": "local-1",
        "target_az": "local-2",
        "migrate_type": "az_migrate",
        "agency": "a",
        "indices_backup_check": True,
    }
    url = f"/clusters/{made}/inst-type/all/azmigrate"
    for kept, lacks in (({"indices": "logs-*"}, True), ({"is_leaving": True}, True), ({}, False)):
        listed(css.live, made, **kept)
        answer = await css.http.post(url, json=body)
        assert answer.json()["errCode"] == "CSS.0074", "one node is too few in any case"
        assert ("there is no snapshot of all indices" in answer.text) is lacks
