"""Snapshots on paper, to vary in tables of cases, and to put into the lists of a live service."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from tests.support.cluster_examples import NOW
from tests.support.live_service import Live

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
