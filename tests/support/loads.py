"""What the loop has seen of how busy nodes are, written by hand."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.support.live_service import Live

from searchplane.domain.cluster import Cluster, LoadSeen
from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import NodeLoad
from searchplane.store import clusters, loads


def found(live: Live, cluster_id: str) -> Cluster:
    with live.service.services.database.read() as connection:
        record = clusters.find(connection, ClusterId(cluster_id))
    assert record is not None
    return record


def loads_now(live: Live, record: Cluster, nodes: dict[str, NodeLoad]) -> None:
    """The last look at the cluster, a moment ago; of nodes that are not named it saw nothing."""
    with live.service.services.database.write() as connection:
        loads.record(connection, {record.id: LoadSeen(datetime.now(UTC), nodes)})
