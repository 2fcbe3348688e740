"""After a disaster, with real nodes: from the folder of a bucket alone, and from a backup.

docs/backups.md walks an operator through both.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.chaos.real_nodes import (
    INDEX,
    Watched,
    index_documents,
    kill_nodes,
    made,
    processes,
    waited_for,
    watched,
)
from tests.support.running import RunningService, running_service

pytestmark = [
    pytest.mark.engine,
    pytest.mark.chaos,
    pytest.mark.nightly,
    pytest.mark.timeout(900),
]

DOCUMENTS = 400


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "searchplane.cli.main", *map(str, words)]
    return subprocess.run(program, capture_output=True, text=True, check=False, timeout=120)


@contextmanager
def serving(data: Path) -> Iterator[tuple[RunningService, httpx.Client]]:
    with running_service(data, {}) as service, service.project_client() as css:
        yield service, css


def contents(cluster: Watched) -> dict[str, str]:
    """A hash of every document, by id."""
    query = {"size": 10_000}
    endpoint = cluster.endpoints()[0]
    answer = httpx.post(f"{endpoint}/{INDEX}/_search", json=query, timeout=60).json()
    assert answer["_shards"]["failed"] == 0, answer["_shards"]
    return {
        hit["_id"]: hashlib.sha256(repr(sorted(hit["_source"].items())).encode()).hexdigest()
        for hit in answer["hits"]["hits"]
    }


def more_documents(cluster: Watched, *names: str) -> None:
    endpoint = cluster.endpoints()[0]
    for name in names:
        place = f"{endpoint}/{INDEX}/_doc/{name}?refresh=true"
        httpx.put(place, json={"title": name}, timeout=60).raise_for_status()


def taken(cluster: Watched, name: str) -> str:
    """The id of a new snapshot, once it is complete."""
    path = f"/clusters/{cluster.cluster_id}/index_snapshot"
    answer = cluster.css.post(path, json={"name": name}).raise_for_status().json()
    cluster.available()
    found = {one["name"]: one["status"] for one in listed(cluster)}
    assert found[name] == "COMPLETED"
    return str(answer["backup"]["id"])


def listed(cluster: Watched) -> list[dict[str, Any]]:
    path = f"/clusters/{cluster.cluster_id}/index_snapshots"
    found: list[dict[str, Any]] = cluster.css.get(path).raise_for_status().json()["backups"]
    return found


def all_killed(service: RunningService) -> None:
    service.process.kill()
    service.process.wait()
    kill_nodes(service.data)


def test_documents_come_back_from_the_folder_of_a_bucket_alone(
    data: Path, other_data: Path
) -> None:
    with serving(data) as (service, css):
        cluster = made(service, css, 1)
        cluster.available()
        index_documents(cluster.endpoints()[0], DOCUMENTS, replicas=0)
        snapshot, kept = taken(cluster, "before-the-fire"), contents(cluster)
        all_killed(service)
    (bucket,) = (data / "buckets").resolve().glob("*/*")
    elsewhere = Path(shutil.copytree(bucket, other_data.parent / "elsewhere"))
    shutil.rmtree(data)

    with serving(other_data) as (service, css):
        new = made(service, css, 1)
        new.available()
        words = ("bucket", "attach", elsewhere, "--project", service.admin["project_id"])
        ran = command(*words, "--data", other_data)
        # As root the nodes cannot read the copy, otherwise they could write in it.
        right = ran.stderr.rpartition("; right is: ")[2]
        subprocess.run(["/bin/sh", "-c", right], check=True)
        ran = command(*words, "--data", other_data)
        assert "It holds the snapshots of 1 cluster" in ran.stdout, ran.stderr

        def is_listed() -> bool:
            found = css.get("/buckets").raise_for_status().json()["buckets"]
            return any(one["name"] == "elsewhere" and one["snapshots"] for one in found)

        waited_for(is_listed, "the snapshots of the bucket are not listed")
        path = f"/clusters/{cluster.cluster_id}/index_snapshot/{snapshot}/restore"
        css.post(path, json={"targetCluster": new.cluster_id}).raise_for_status()
        new.available()
        assert contents(new) == kept
        assert any(elsewhere.rglob("index-*"))
    subprocess.run(["chmod", "-R", "u+w", str(elsewhere)], check=True)


def test_a_backup_and_the_nodes_folders_make_the_service_again(
    data: Path, other_data: Path
) -> None:
    file = data.parent / "kept"
    with serving(data) as (service, css):
        cluster = made(service, css, 1)
        cluster.available()
        index_documents(cluster.endpoints()[0], DOCUMENTS, replicas=0)
        taken(cluster, "older")
        token = css.headers["X-Auth-Token"]
        ran = command("backup", file, "--data", data)
        assert ran.returncode == 0, ran.stderr
        more_documents(cluster, "after-the-backup")
        kept = contents(cluster)
        taken(cluster, "younger-than-the-backup")
        all_killed(service)
    other_data.mkdir()
    for name in ("nodes", "buckets"):
        (data / name).resolve().rename(other_data / name)
    shutil.rmtree(data)
    ran = command("restore", file, "--data", other_data)
    assert "ES-Test: the folder" in ran.stdout, ran.stderr

    with serving(other_data) as (service, css):
        cluster = watched(service, css)
        assert css.get("/clusters", headers={"X-Auth-Token": token}).status_code == 200
        cluster.available()
        assert contents(cluster) == kept
        pids = {process.pid for process in processes(other_data)}
        service.process.kill()
        service.process.wait()

    # The control plane alone is lost: what runs is taken over as it runs.
    for name in ("searchplane.db", "searchplane.db-wal", "searchplane.db-shm"):
        (other_data / name).unlink(missing_ok=True)
    assert command("restore", file, "--data", other_data).returncode == 0
    with serving(other_data) as (service, css):
        cluster = watched(service, css)
        cluster.available()
        assert {process.pid for process in processes(other_data)} == pids
        assert contents(cluster) == kept
        all_killed(service)

    # The nodes' folders are lost too: nothing is begun by itself, and asked for it is rebuilt.
    shutil.rmtree((other_data / "nodes").resolve())
    (other_data / "nodes").mkdir()
    with serving(other_data) as (service, css):
        cluster = watched(service, css)
        cluster.says("searchplane cluster rebuild ES-Test")
        assert processes(other_data) == []
        ran = command("cluster", "rebuild", "ES-Test", "--data", other_data)
        assert ran.returncode == 0, ran.stderr
        cluster.available()
        assert contents(cluster) == kept
