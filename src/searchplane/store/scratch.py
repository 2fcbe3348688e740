"""Scratch clusters: made in one transaction, like any cluster, where there is room for one."""

from __future__ import annotations

import secrets as randomness
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from searchplane.domain import quota
from searchplane.domain.cluster import Action, ActionKind, Cluster, Network
from searchplane.domain.engines import SECURED_ENGINE
from searchplane.domain.ids import ClusterId, NodeId, ProjectId, SnapshotId
from searchplane.domain.layout import HostLimits, lay_out, memory_needed_mb
from searchplane.domain.snapshots import Restore, Snapshot
from searchplane.domain.verification import check, scratch_spec
from searchplane.settings import Settings
from searchplane.store import clusters, events, restores, room
from searchplane.store.schema import clusters as table
from searchplane.store.secrets import ADMIN_HASH, ClusterSecrets

PASSWORD_BYTES = 24

NO_NETWORK = Network("", "", "")
"""Of a scratch cluster whose snapshot's own cluster is gone."""


@dataclass(frozen=True)
class Makings:
    """What it takes to make one. `admin_hash` is of a password that nobody knows."""

    settings: Settings
    limits: HostLimits
    secrets: ClusterSecrets
    admin_hash: str


def admin_hash(snapshot: Snapshot, hash_password: Callable[[str], str]) -> str:
    """Of a password that nobody is told; none where there is no security mode."""
    if snapshot.engine != SECURED_ENGINE:
        return ""
    return hash_password(randomness.token_urlsafe(PASSWORD_BYTES))


def make(
    connection: Connection,
    makings: Makings,
    snapshot: Snapshot,
    tenant: int,
    now: datetime,
    *,
    said: str,
) -> Cluster:
    """Store a scratch cluster for the snapshot.

    Raises Refused where it cannot be verified (domain/verification.py), is being verified, or
    there is no room.
    """
    cluster = plan(connection, makings, snapshot, tenant, now)
    clusters.add(connection, cluster)
    if cluster.spec.security.authority:
        kept = {ADMIN_HASH: makings.admin_hash}
        makings.secrets.add_missing(connection, cluster.id, kept)
    events.add(connection, cluster.id, now, events.ACCEPTED, said)
    return cluster


def plan(
    connection: Connection, makings: Makings, snapshot: Snapshot, tenant: int, now: datetime
) -> Cluster:
    """The scratch cluster that `make` would store now. Raises what that raises."""
    scratch = at_work(connection, snapshot.project_id).get(snapshot.id)
    check(snapshot, scratch.spec.name if scratch is not None else None)
    cluster = _new(connection, makings, snapshot, tenant, now)
    room.check(
        connection,
        makings.settings,
        cluster.project_id,
        now,
        asked=quota.asked_by(cluster.spec),
        memory_mb=memory_needed_mb(cluster.nodes),
        disk_mb=snapshot.bytes_total // 2**20,
    )
    return cluster


def at_work(connection: Connection, project_id: ProjectId) -> dict[SnapshotId, Cluster]:
    """The project's scratch clusters, by the snapshot that each verifies."""
    found = clusters.of_project(connection, project_id)
    return {one.spec.verifies.snapshot_id: one for one in found if one.spec.verifies is not None}


def verifying(
    connection: Connection, project_id: ProjectId, snapshot_ids: Collection[SnapshotId]
) -> dict[SnapshotId, ClusterId]:
    """Those of these snapshots that are being verified, and in which scratch clusters."""
    verified = table.c.spec_json["verifies", "snapshot_id"].as_string()
    wanted = select(verified, table.c.id).where(
        table.c.project_id == project_id, verified.in_(snapshot_ids)
    )
    return {SnapshotId(one): ClusterId(found) for one, found in connection.execute(wanted)}


def asked_for(connection: Connection, snapshot_id: SnapshotId) -> list[Restore]:
    """The snapshot's restores that run because users asked for them: none into scratch clusters."""
    running = restores.running_of(connection, snapshot_id)
    found = {one.cluster_id: clusters.find(connection, one.cluster_id) for one in running}
    scratch = {one for one, target in found.items() if target and target.spec.verifies is not None}
    return [one for one in running if one.cluster_id not in scratch]


def _new(
    connection: Connection, makings: Makings, snapshot: Snapshot, tenant: int, now: datetime
) -> Cluster:
    own = clusters.find_in_project(connection, snapshot.project_id, snapshot.cluster_id)
    network = own.spec.network if own is not None else NO_NETWORK
    taken = [one.name for one in clusters.specs(connection, snapshot.project_id)]
    spec = scratch_spec(snapshot, network, makings.settings.zones[0], now, taken)
    return Cluster(
        id=ClusterId(str(uuid.uuid4())),
        project_id=snapshot.project_id,
        tenant=tenant,
        spec=spec,
        nodes=lay_out(spec, makings.limits, lambda: NodeId(str(uuid.uuid4()))),
        created=now,
        updated=now,
        action=Action(ActionKind.CREATING, now),
        sentence="accepted; not looked at yet",
        unhealthy_since=now,
    )
