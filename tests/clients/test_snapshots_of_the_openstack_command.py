"""Every `openstack css snapshot ...` command (otcextensions), unmodified."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.clients.test_openstack_command import answer, openstack
from tests.support.running import RunningService, getting_started

pytestmark = pytest.mark.clients

CLUSTER = "es-snapshots"


@pytest.fixture(scope="module")
def cluster(service: RunningService) -> str:
    """One whose snapshots are off, made and waited for."""
    body = getting_started(CLUSTER, nodes=1)
    del body["cluster"]["backupStrategy"]
    with service.project_client() as client:
        made = client.post("/clusters", json=body).json()["cluster"]["id"]
        while client.get(f"/clusters/{made}").json()["status"] != "200":
            pass  # every question is a request: the test's own time limit ends it
    return CLUSTER


def done(service: RunningService, *words: str) -> str:
    ended = openstack(service, "css", "snapshot", *words)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def told(service: RunningService, *words: str) -> Any:
    return answer(service, "css", "snapshot", *words)


def backups(service: RunningService, cluster_id: str) -> Any:
    with service.project_client() as client:
        return client.get(f"/clusters/{cluster_id}/index_snapshots").json()["backups"]


def test_from_configure_to_disable(service: RunningService, cluster: str) -> None:
    done(service, "configure", cluster, "--auto-configure")
    place = ("--bucket", "cli-backups", "--agency", "css", "--backup-path", "a/b")
    done(service, "configure", cluster, *place)
    schedule = ("--name-prefix", "auto", "--keep-days", "7", "--frequency", "sun")
    policy = told(service, "policy", "set", cluster, *schedule)
    assert (policy["is_enabled"], policy["backup_keep_days"]) == (True, 7)
    assert (policy["bucket_name"], policy["frequency"]) == ("cli-backups", "SUN")
    made = told(service, "create", cluster, "by-hand", "--description", "x", "--wait")
    (listed,) = told(service, "list", cluster)
    assert (listed["ID"], listed["Name"]) == (made["id"], "by-hand")
    assert (listed["Status"], listed["Backup Method"]) == ("COMPLETED", "manual")
    assert (listed["Bucket Name"], listed["Backup Keep Days"]) == ("cli-backups", 0)
    assert re.fullmatch(r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}", listed["Created At"])
    shown = told(service, "show", cluster, "by-hand")
    assert (shown["description"], shown["restore_status"]) == ("x", "none")
    where = ("--target-cluster", cluster, "--wait")
    restored = openstack(service, "css", "snapshot", "restore", cluster, made["id"], *where)
    # The command returns the target where its exit code belongs, so it is 1 and this is "stderr".
    assert "'es-snapshots'" in restored.stderr
    assert "'AVAILABLE', 200" in restored.stderr
    (shown,) = backups(service, shown["cluster_id"])
    assert shown["restoreStatus"] == "success"
    done(service, "delete", cluster, made["id"])
    assert backups(service, shown["clusterId"]) == []
    disabled = told(service, "policy", "set", cluster, *schedule, "--disable", "--delete-auto")
    assert disabled["is_enabled"] is False
    done(service, "disable", cluster)
    shown = told(service, "policy", "show", cluster)
    assert (shown["is_enabled"], "bucket_name" in shown) == (False, False)


def test_a_refusal_is_shown_with_its_field_and_what_is_right(
    service: RunningService, cluster: str
) -> None:
    done(service, "configure", cluster, "--auto-configure")
    refused = openstack(service, "css", "snapshot", "create", cluster, "Upper")
    assert refused.returncode != 0
    assert "CSS.5057" in refused.stderr
    assert "name is 'Upper'" in refused.stderr
