"""Every snapshot operation of the official Huawei Cloud SDK, unmodified, v1 and v2."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcss import v1, v2
from tests.clients.test_huawei_sdk import basic, connected, create_request
from tests.support.running import RunningService

pytestmark = [
    pytest.mark.clients,
    pytest.mark.filterwarnings("ignore:Method '.*' of CssClient:DeprecationWarning"),
]
PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
def css(service: RunningService) -> Iterator[Any]:
    with connected(v1.CssClient, basic(service), endpoint=service.url) as client:
        yield client


@pytest.fixture(scope="module")
def newer(service: RunningService) -> Iterator[Any]:
    with connected(v2.CssClient, basic(service), endpoint=service.url) as client:
        yield client


@pytest.fixture(scope="module")
def cluster(css: Any) -> str:
    made = str(css.create_cluster(create_request("sdk-snapshots")).cluster.id)
    until(lambda: shown(css, made).status == "200")
    return made


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline


def shown(css: Any, cluster: str) -> Any:
    return css.show_cluster_detail(v1.ShowClusterDetailRequest(cluster_id=cluster))


def policy(css: Any, cluster: str) -> Any:
    return css.show_auto_create_policy(v1.ShowAutoCreatePolicyRequest(cluster_id=cluster))


def backups(css: Any, cluster: str) -> list[Any]:
    return list(css.list_snapshots(v1.ListSnapshotsRequest(cluster_id=cluster)).backups)


def test_snapshots_are_set_up_turned_off_and_on(css: Any, cluster: str) -> None:
    css.stop_snapshot(v1.StopSnapshotRequest(cluster_id=cluster))
    assert shown(css, cluster).backup_available is False
    css.start_auto_setting(v1.StartAutoSettingRequest(cluster_id=cluster))
    assert shown(css, cluster).backup_available is True
    body = v1.UpdateSnapshotSettingReq(
        bucket="sdk-backups", agency="css", base_path="a/b", max_snapshot_bytes_per_seconds="80mb"
    )
    css.update_snapshot_setting(v1.UpdateSnapshotSettingRequest(cluster_id=cluster, body=body))
    found = policy(css, cluster)
    assert (found.bucket, found.base_path, found.agency) == ("sdk-backups", "a/b", "css")
    assert (found.enable, found.max_snapshot_bytes_per_seconds) == ("false", "80mb")


def test_the_policy_is_set_by_both_versions(css: Any, newer: Any, cluster: str) -> None:
    css.start_auto_setting(v1.StartAutoSettingRequest(cluster_id=cluster))
    body = v1.SetRDSBackupCnfReq(
        prefix="auto", period="00:00 GMT+08:00", keepday=7, enable="true", frequency="SUN"
    )
    css.create_auto_create_policy(v1.CreateAutoCreatePolicyRequest(cluster_id=cluster, body=body))
    found = policy(css, cluster)
    assert (found.enable, found.keepday, found.frequency) == ("true", 7, "SUN")
    newer.stop_auto_create_snapshots(v2.StopAutoCreateSnapshotsRequest(cluster_id=cluster))
    assert policy(css, cluster).enable == "false"
    again = v2.StartAutoCreateSnapshotsReq(
        prefix="auto", period="00:00 GMT+08:00", keepday=3, frequency="MON"
    )
    newer.start_auto_create_snapshots(
        v2.StartAutoCreateSnapshotsRequest(cluster_id=cluster, body=again)
    )
    assert policy(css, cluster).keepday == 3


def test_one_is_taken_listed_restored_and_deleted(css: Any, cluster: str) -> None:
    css.start_auto_setting(v1.StartAutoSettingRequest(cluster_id=cluster))
    body = v1.CreateSnapshotReq(name="by-the-sdk", description="x", indices="*")
    made = css.create_snapshot(v1.CreateSnapshotRequest(cluster_id=cluster, body=body)).backup
    until(lambda: backups(css, cluster)[0].status != "BUILDING")
    (found,) = backups(css, cluster)
    assert (found.id, found.status, found.backup_type) == (made.id, "COMPLETED", "1")
    assert found.end_time >= found.start_time
    assert found.datastore.type == "elasticsearch"
    wanted = v1.RestoreSnapshotReq(target_cluster=cluster)
    css.restore_snapshot(
        v1.RestoreSnapshotRequest(cluster_id=cluster, snapshot_id=made.id, body=wanted)
    )
    until(lambda: shown(css, cluster).actions == [])
    assert backups(css, cluster)[0].restore_status == "success"
    css.delete_snapshot(v1.DeleteSnapshotRequest(cluster_id=cluster, snapshot_id=made.id))
    assert backups(css, cluster) == []


def test_a_refusal_has_its_code(css: Any, cluster: str) -> None:
    css.stop_snapshot(v1.StopSnapshotRequest(cluster_id=cluster))
    body = v1.CreateSnapshotReq(name="refused")
    with pytest.raises(ClientRequestException) as refused:
        css.create_snapshot(v1.CreateSnapshotRequest(cluster_id=cluster, body=body))
    assert (refused.value.status_code, refused.value.error_code) == (415, "CSS.0004")
