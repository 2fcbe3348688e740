"""Snapshots on paper, to vary in tables of cases, and to put into the lists of a live service."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import httpx
from tests.support.cluster_examples import NOW
from tests.support.live_service import Live
from tests.support.running import by_role, getting_started

from searchplane.domain.engines import OPENSEARCH_2_19_1, Datastore
from searchplane.domain.ids import ClusterId, ProjectId, SnapshotId
from searchplane.domain.snapshots import (
    IndexKept,
    Method,
    Repository,
    Snapshot,
    SnapshotStatus,
)
from searchplane.store import clusters, snapshots

KEPT = Snapshot(
    id=SnapshotId("snapshot-1"),
    project_id=ProjectId("project-1"),
    cluster_id=ClusterId("cluster-1"),
    cluster_name="ES-Test",
    name="by-hand",
    repository=Repository("bucket", "bucket/cluster-1"),
    datastore=Datastore("opensearch", "2.19.1"),
    engine=OPENSEARCH_2_19_1,
    method=Method.MANUAL,
    created=NOW,
    updated=NOW,
    worker=None,
    status=SnapshotStatus.COMPLETED,
    begun=True,
    ended=NOW,
    contents=(IndexKept("logs-1", 3, 3), IndexKept("logs-2", 4, 4), IndexKept("items", 5, 5)),
)
"""One that is there, of the cluster `cluster-1`."""
LABELLED = replace(
    KEPT,
    id=SnapshotId("00000000-0000-4000-8000-000000000001"),
    cluster_id=ClusterId("00000000-0000-4000-8000-000000000002"),
)
"""One with ids such as a label may have."""


def holding(*names: str, **changes: Any) -> Snapshot:
    """One that holds these indices."""
    return replace(KEPT, contents=tuple(map(IndexKept, names)), **changes)


def listed(live: Live, cluster_id: str, **changes: Any) -> str:
    """Put a snapshot of a live cluster into the list, as if it had been taken; gives its id."""
    with live.service.services.database.write() as connection:
        cluster = clusters.find(connection, ClusterId(cluster_id))
        assert cluster is not None
        usual: dict[str, Any] = {
            "id": SnapshotId(str(uuid.uuid4())),
            "project_id": cluster.project_id,
            "cluster_id": cluster.id,
            "cluster_name": cluster.spec.name,
            "name": f"kept-{uuid.uuid4().hex[:8]}",
            "repository": Repository("bucket", f"bucket/{cluster.id}"),
            "datastore": cluster.spec.datastore,
            "engine": cluster.spec.engine,
        }
        snapshot = replace(KEPT, **(usual | changes))
        snapshots.add(connection, snapshot)
    return snapshot.id


async def idle_cluster(live: Live, css: httpx.AsyncClient, **changes: Any) -> str:
    """A cluster that nothing is done to, though no loop has made it; gives its id.

    `changes` are of its record, `snapshots` and `engine` of what is wanted of it.
    """
    name = f"idle-{uuid.uuid4().hex[:8]}"
    body = by_role(name)
    if changes.pop("backed_up_by_itself", False):
        body["cluster"]["backupStrategy"] = getting_started()["cluster"]["backupStrategy"]
    answer = await css.post(f"http://127.0.0.1:9480/v2.0/{live.project_id}/clusters", json=body)
    assert answer.status_code == 200, answer.text
    made = str(answer.json()["cluster"]["id"])
    of_spec = {one: changes.pop(one) for one in ("snapshots", "engine") if one in changes}
    change_record(live, made, of_spec, **changes)
    return made


def change_record(live: Live, cluster_id: str, of_spec: Any = None, **changes: Any) -> None:
    """Have a cluster be idle and whole but for these changes of its record."""
    with live.service.services.database.write() as connection:
        before = clusters.find(connection, ClusterId(cluster_id))
        assert before is not None
        idle = {"action": None, "bootstrapped": True, "unhealthy_since": None}
        after = replace(
            before,
            spec=replace(before.spec, **(of_spec or {})),
            nodes=tuple(replace(node, ready=True) for node in before.nodes),
            **(idle | changes),
        )
        clusters.change(connection, before, after)
