"""Requests for a verification: the scratch cluster they make, and what they are refused with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from tests.support.cluster_examples import NOW
from tests.support.live_service import Live
from tests.support.snapshot_examples import idle_cluster, listed

from searchplane.domain.engines import ELASTICSEARCH_7_10_2
from searchplane.domain.ids import ClusterId, ProjectId
from searchplane.domain.quota import Resource
from searchplane.domain.snapshots import SnapshotStatus, Verified
from searchplane.store import clusters, quotas, snapshots
from searchplane.store.secrets import ADMIN_HASH


@pytest.fixture
async def css(untended: Live) -> AsyncIterator[httpx.AsyncClient]:
    async with untended.client(untended.token()) as http:
        yield http


async def verify(css: httpx.AsyncClient, cluster_id: str, snapshot_id: str) -> httpx.Response:
    return await css.post(f"/clusters/{cluster_id}/index_snapshot/{snapshot_id}/verify")


async def test_an_ordinary_cluster_is_made_for_it_and_shown_beside_it(
    untended: Live, css: httpx.AsyncClient
) -> None:
    made = await idle_cluster(untended, css)
    snapshot_id = listed(untended, made)
    answer = await verify(css, made, snapshot_id)
    assert answer.status_code == 201, answer.text
    (name, scratch_id) = (f"verify-{snapshot_id[:8]}", answer.json()["verification"]["clusterId"])
    assert answer.json() == {
        "verification": {
            "snapshotId": snapshot_id,
            "clusterId": scratch_id,
            "clusterName": name,
        }
    }
    scratch = (await css.get(f"/clusters/{scratch_id}")).json()
    assert (scratch["name"], scratch["status"], scratch["actions"]) == (name, "100", ["CREATING"])
    assert "made to verify the snapshot kept-" in scratch["desc"]
    assert len(scratch["instances"]) == 1
    events = (await css.get(f"/clusters/{scratch_id}/events")).json()["events"]
    assert events[0]["sentence"].endswith(", asked for by admin")
    found = (await css.get("/snapshots")).json()["snapshots"]
    (shown,) = [one for one in found if one["id"] == snapshot_id]
    assert (shown["verifiedIn"], shown["verified"]) == (scratch_id, None)


async def test_what_may_be_secret_is_restored_where_nobody_can_log_in(
    untended: Live, css: httpx.AsyncClient
) -> None:
    made = await idle_cluster(untended, css)
    answer = await verify(css, made, listed(untended, made))
    scratch_id = answer.json()["verification"]["clusterId"]
    shown = (await css.get(f"/clusters/{scratch_id}")).json()
    assert (shown["authorityEnable"], shown["httpsEnable"]) == (True, True)
    with untended.service.services.database.read() as connection:
        kept = untended.service.services.secrets.of_cluster(connection, scratch_id)
    assert kept[ADMIN_HASH].startswith("$2")
    plain = listed(untended, made, engine=ELASTICSEARCH_7_10_2)
    answer = await verify(css, made, plain)
    scratch_id = answer.json()["verification"]["clusterId"]
    assert (await css.get(f"/clusters/{scratch_id}")).json()["authorityEnable"] is False


async def test_a_dry_run_says_what_would_be_done_and_makes_nothing(
    untended: Live, css: httpx.AsyncClient
) -> None:
    made = await idle_cluster(untended, css)
    snapshot_id = listed(untended, made)
    url = f"/clusters/{made}/index_snapshot/{snapshot_id}/verify"
    before = (await css.get("/clusters")).json()["totalSize"]
    answer = await css.post(url, params={"dry_run": "true"})
    assert answer.status_code == 200
    steps = answer.json()["dryRun"]["steps"]
    scratch = f"verify-{snapshot_id[:8]}"
    assert steps[0].startswith(f"make the scratch cluster {scratch} of one node (OpenSearch 2.19.1")
    assert steps[-1] == f"delete {scratch}"
    assert (await css.get("/clusters")).json()["totalSize"] == before
    assert (await verify(css, made, snapshot_id)).status_code == 201
    again = await css.post(url, params={"dry_run": "true"})
    assert (again.status_code, again.json()["errCode"]) == (409, "CSS.0029")


async def test_one_whose_cluster_is_gone_can_be_verified(
    untended: Live, css: httpx.AsyncClient
) -> None:
    made = await idle_cluster(untended, css)
    snapshot_id = listed(untended, made)
    with untended.service.services.database.write() as connection:
        cluster = clusters.find(connection, ClusterId(made))
        assert cluster is not None
        clusters.forget(connection, cluster)
    assert (await verify(css, made, snapshot_id)).status_code == 201


async def test_it_is_refused_twice_and_where_the_quota_is_used_up(
    untended: Live, css: httpx.AsyncClient
) -> None:
    made = await idle_cluster(untended, css)
    snapshot_id, another = listed(untended, made), listed(untended, made)
    assert (await verify(css, made, snapshot_id)).status_code == 201
    again = await verify(css, made, snapshot_id)
    assert (again.status_code, again.json()["errCode"]) == (409, "CSS.0029")
    project_id = ProjectId(untended.project_id)
    with untended.service.services.database.write() as connection:
        quotas.put(connection, project_id, {Resource.CLUSTERS: 1})
    try:
        refused = await verify(css, made, another)
    finally:
        with untended.service.services.database.write() as connection:
            quotas.drop(connection, project_id, Resource.CLUSTERS)
    assert (refused.status_code, refused.json()["errCode"]) == (400, "CSS.1112")


async def test_what_cannot_be_restored_or_is_not_there_is_refused(
    untended: Live, css: httpx.AsyncClient
) -> None:
    made = await idle_cluster(untended, css)
    failed = await verify(css, made, listed(untended, made, status=SnapshotStatus.FAILED))
    assert (failed.status_code, failed.json()["errCode"]) == (400, "CSS.5090")
    leaving = await verify(css, made, listed(untended, made, is_leaving=True))
    assert leaving.json()["errCode"] == "CSS.3016"
    missing = await verify(css, made, "00000000-0000-0000-0000-000000000000")
    assert (missing.status_code, missing.json()["errCode"]) == (404, "CSS.0016")


@pytest.mark.parametrize("succeeded", [True, False, None])
async def test_what_came_of_it_stands_beside_the_snapshot(
    untended: Live, css: httpx.AsyncClient, succeeded: bool | None
) -> None:
    made = await idle_cluster(untended, css)
    verified = Verified(NOW + timedelta(hours=1), succeeded, "compared", (("logs", "digest"),))
    snapshot_id = listed(untended, made, verified=verified)
    with untended.service.services.database.read() as connection:
        assert snapshots.find(connection, snapshot_id)
    found = (await css.get("/snapshots")).json()["snapshots"]
    (shown,) = [one for one in found if one["id"] == snapshot_id]
    assert shown["verified"] == {
        "at": "2026-11-24T13:00:00",
        "succeeded": succeeded,
        "sentence": "compared",
    }
    assert shown["verifiedIn"] is None
