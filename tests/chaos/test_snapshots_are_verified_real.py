"""Verifying snapshots with real nodes: what is whole, what was damaged in the bucket, and a control
plane that is killed meanwhile."""

from __future__ import annotations

import signal
import time
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
    made,
    processes,
    waited_for,
    watched,
)
from tests.support.running import RunningService, by_role, running_service

pytestmark = [
    pytest.mark.engine,
    pytest.mark.chaos,
    pytest.mark.nightly,
    pytest.mark.timeout(900),
]

DOCUMENTS = 300
PASSWORD = "Fresh-Pear-27"
VERIFIED_SECONDS = 240.0


@contextmanager
def serving(data: Path) -> Iterator[tuple[RunningService, httpx.Client]]:
    with running_service(data, {}) as service, service.project_client() as css:
        yield service, css


def taken(cluster: Watched) -> str:
    """The id of a new snapshot, once it is complete."""
    path = f"/clusters/{cluster.cluster_id}/index_snapshot"
    answer = cluster.css.post(path, json={"name": "kept"}).raise_for_status().json()
    cluster.available()
    assert shown(cluster.css)["status"] == "COMPLETED"
    return str(answer["backup"]["id"])


def shown(css: httpx.Client) -> dict[str, Any]:
    """The only snapshot of the project."""
    (found,) = css.get("/snapshots").raise_for_status().json()["snapshots"]
    return dict(found)


def begin(css: httpx.Client) -> None:
    one = shown(css)
    path = f"/clusters/{one['clusterId']}/index_snapshot/{one['id']}/verify"
    assert css.post(path).status_code == 201


def verified(css: httpx.Client) -> dict[str, Any]:
    """What came of a verification, once the scratch cluster is gone."""

    def over() -> bool:
        return shown(css)["verifiedIn"] is None

    waited_for(over, "the scratch cluster is still there", VERIFIED_SECONDS)
    return dict(shown(css)["verified"])


def damage(data: Path) -> None:
    """Change one byte in the middle of the largest file of documents."""
    blobs = [path for path in (data / "buckets").rglob("__*") if path.is_file()]
    largest = max(blobs, key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    largest.write_bytes(content)


def test_a_damaged_file_is_found_out_and_a_whole_snapshot_is_too(data: Path) -> None:
    with serving(data) as (service, css):
        cluster = made(service, css, 1)
        cluster.available()
        index_documents(cluster.endpoints()[0], DOCUMENTS, replicas=0)
        taken(cluster)
        begin(css)
        found = verified(css)
        assert found["succeeded"] is True, found
        assert found["sentence"] == (
            f"1 index with {DOCUMENTS} documents restored and read, "
            "1 index with exactly what was counted"
        )
        damage(data)
        begin(css)
        found = verified(css)
        assert found["succeeded"] is False, found
        assert found["sentence"].startswith("it cannot be restored: "), found
        assert INDEX in found["sentence"]
        assert "hardware problem?" in found["sentence"], found
        assert len(processes(data)) == 1
        assert len(css.get("/clusters").json()["clusters"]) == 1
        told = css.get(f"/clusters/{cluster.cluster_id}/events?limit=1000").json()["events"]
        assert any("cannot be restored as it was" in one["sentence"] for one in told)


def test_a_verification_of_a_secured_cluster_goes_on_after_kills(data: Path) -> None:
    body = by_role()
    body["cluster"] |= {"authorityEnable": True, "httpsEnable": True, "adminPwd": PASSWORD}
    with serving(data) as (service, css):
        url = f"{service.url}/v2.0/{service.admin['project_id']}/clusters"
        css.post(url, json=body).raise_for_status()
        cluster = watched(service, css)
        cluster.available()
        index_secured(cluster)
        css.post(f"/clusters/{cluster.cluster_id}/index_snapshot/auto_setting").raise_for_status()
        taken(cluster)
        begin(css)
    for _ in range(4):
        with serving(data) as (service, css):
            time.sleep(5)  # wherever that is: what goes on is not known when it is cut off
            service.process.send_signal(signal.SIGKILL)
            service.process.wait(30)
    with serving(data) as (_service, css):
        found = verified(css)
        assert found["succeeded"] is True, found
        assert f"with {DOCUMENTS} documents restored and read" in found["sentence"]
        assert len(processes(data)) == 1


def index_secured(cluster: Watched) -> None:
    endpoint = cluster.endpoints()[0].replace("http://", "https://")
    lines = "".join(f'{{"index":{{}}}}\n{{"number":{number}}}\n' for number in range(DOCUMENTS))
    answer = httpx.post(
        f"{endpoint}/{INDEX}/_bulk?refresh=true",
        content=lines,
        headers={"Content-Type": "application/x-ndjson"},
        auth=("admin", PASSWORD),
        verify=False,  # noqa: S501 - what is tested is not TLS
        timeout=120,
    )
    assert answer.json()["errors"] is False
