"""Verifications that are due by themselves, of clusters that are backed up by themselves.

Whether one is due is told from the cluster's record, so an idle cluster costs nothing more; that it
was begun is stored with the scratch cluster. One that cannot be, as there is no room, counts as
tried: that stands beside the snapshot, and the next is due in its turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from searchplane.domain import verification
from searchplane.domain.cluster import Cluster
from searchplane.domain.ids import ClusterId
from searchplane.domain.layout import HostLimits
from searchplane.domain.plan import Phase, Plan
from searchplane.domain.snapshots import Snapshot
from searchplane.domain.verification_course import in_vain
from searchplane.errors import Refused
from searchplane.reconciler.ports import Ports
from searchplane.reconciler.recording import Superseded
from searchplane.settings import Settings
from searchplane.store import clusters, scratch, snapshots
from searchplane.store.database import Transaction
from searchplane.store.scratch import Makings

log = logging.getLogger(__name__)


@dataclass
class Verifications:
    """`every` is how long after the last attempt the next is due."""

    ports: Ports
    every: timedelta
    settings: Settings
    limits: HostLimits
    hash_password: Callable[[str], str]
    without: set[ClusterId] = field(default_factory=set)
    """Clusters that have no snapshot to verify, until they have a new one."""

    async def look(self, cluster: Cluster, found: Plan) -> Cluster:
        """Begin one if it is due for a cluster that was looked at and has nothing to do.

        Gives the cluster as it is recorded then. Raises Superseded.
        """
        now = datetime.now(UTC)
        if found.phase is Phase.SNAPSHOT:
            self.without.discard(cluster.id)
        if found.phase is not Phase.STEADY or found.steps or cluster.paused:
            return cluster
        if cluster.id in self.without or not verification.is_due(cluster, self.every, now):
            return cluster
        snapshot = await asyncio.to_thread(self._newest, cluster)
        if snapshot is None:
            self.without.add(cluster.id)
            return cluster
        return await asyncio.to_thread(self._begin, cluster, snapshot, now)

    def forget(self, cluster_id: ClusterId) -> None:
        self.without.discard(cluster_id)

    def _newest(self, cluster: Cluster) -> Snapshot | None:
        with self.ports.database.read() as connection:
            found = snapshots.of_cluster(connection, cluster.project_id, cluster.id)
        return verification.newest(found)

    def _begin(self, cluster: Cluster, snapshot: Snapshot, now: datetime) -> Cluster:
        makings = Makings(
            self.settings,
            self.limits,
            self.ports.secrets,
            scratch.admin_hash(snapshot, self.hash_password),
        )
        said = f"verify the snapshot {snapshot.name}: it is due every {self.every.days} days"
        try:
            with self.ports.database.write() as connection:
                after = _tried(connection, cluster, now)
                scratch.make(connection, makings, snapshot, cluster.tenant, now, said=said)
        except Refused as refused:
            log.warning("snapshot %s is due and not verified: %s", snapshot.name, refused)
            with self.ports.database.write() as connection:
                after = _tried(connection, cluster, now)
                _say_in_vain(connection, snapshot, str(refused), now)
        return after


def _tried(connection: Transaction, cluster: Cluster, now: datetime) -> Cluster:
    after = replace(cluster, verified=now)
    if not clusters.record(connection, cluster, after):
        raise Superseded
    return after


def _say_in_vain(connection: Transaction, snapshot: Snapshot, reason: str, now: datetime) -> None:
    """Unless it is being verified already, which is what was wanted."""
    if snapshot.id in scratch.at_work(connection, snapshot.project_id):
        return
    known = snapshots.find(connection, snapshot.id)
    if known is not None:
        snapshots.save(connection, replace(known, verified=in_vain(known.verified, reason, now)))
