"""The last step of forming a cluster anew: which snapshot is restored into it.

The newest one may be younger than the list is, when that came from a backup of the control plane.
So the cluster's own repositories are looked at first, and what lies there and is in no list is
listed. A bucket that cannot be read ends it: the cluster is empty then, and its event says why.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from searchplane.domain import rebuilding
from searchplane.domain.cluster import Cluster
from searchplane.domain.ids import RestoreId
from searchplane.domain.plan import Phase
from searchplane.domain.snapshot_lists import compare
from searchplane.domain.snapshot_steps import AddSnapshots, SaveSnapshot
from searchplane.domain.snapshots import Snapshot
from searchplane.errors import Permanent
from searchplane.reconciler.ports import Ports
from searchplane.reconciler.recording import Superseded, record, secrets_of
from searchplane.reconciler.snapshot_lists import Shelf, look_into, own_shelves
from searchplane.reconciler.snapshot_rows import store
from searchplane.store import events, restores, snapshots
from searchplane.store.database import Transaction

log = logging.getLogger(__name__)


async def bring_back(cluster: Cluster, ports: Ports) -> Cluster:
    """Have the snapshot restored; gives the cluster as it is recorded then.

    Raises Transient while the repository cannot be looked at, and Superseded.
    """
    problem, settings = None, cluster.spec.snapshots
    asked = cluster.action.id if cluster.action is not None else None
    if asked is None and settings is not None:
        try:
            cluster = await _listed(cluster, ports)
        except Permanent as error:
            problem = f"bucket {settings.bucket} cannot be read: {error}"
    chosen = await asyncio.to_thread(_chosen, cluster, asked, ports)
    now = datetime.now(UTC)
    found = rebuilding.bring_back(cluster, chosen, RestoreId(str(uuid4())), now)
    said = f"{found.said}; {problem}" if problem else found.said

    def also(connection: Transaction) -> None:
        for one in found.snapshots:
            _mark(connection, one)
        if found.restore is not None:
            restores.save(connection, found.restore)
        events.add(connection, cluster.id, now, Phase.RESTORE.value, said)

    log.info("cluster %s (%s): %s", cluster.spec.name, cluster.id, said)
    return await record(cluster, replace(found.after, updated=now), ports, also)


def _mark(connection: Transaction, wanted: Snapshot) -> None:
    """Store that it is restored. Raises Superseded where it was told to go meanwhile."""
    there = snapshots.find(connection, wanted.id)
    if there is None or not there.is_restorable:
        raise Superseded
    marked = replace(there, restore_status=wanted.restore_status, updated=wanted.updated)
    snapshots.save(connection, marked)


async def _listed(cluster: Cluster, ports: Ports) -> Cluster:
    """The cluster, once its list holds what its repositories hold."""
    rows = await asyncio.to_thread(_rows, cluster, ports)
    for shelf in own_shelves(cluster, [row for row in rows if not row.repository.read_only]):
        cluster = await _shelf_listed(cluster, shelf, ports)
    return cluster


async def _shelf_listed(cluster: Cluster, shelf: Shelf, ports: Ports) -> Cluster:
    listed = await look_into(shelf, cluster, await secrets_of(cluster, ports), ports)
    for step in compare(cluster, listed, datetime.now(UTC)):
        if isinstance(step, AddSnapshots | SaveSnapshot):
            cluster = await store(step, cluster, ports)
    return cluster


def _chosen(cluster: Cluster, asked: str | None, ports: Ports) -> Snapshot | None:
    with ports.database.read() as connection:
        if asked is not None:
            return snapshots.find(connection, asked)
    return rebuilding.newest(cluster, _rows(cluster, ports))


def _rows(cluster: Cluster, ports: Ports) -> list[Snapshot]:
    with ports.database.read() as connection:
        return snapshots.of_cluster(connection, cluster.project_id, cluster.id)
