"""One pass over one cluster: read, observe, plan, say, act.

What the plan says is recorded before its steps are taken, so that a client that polls sees what
is about to happen, and a crash leaves the sentence of what was going on.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from searchplane.domain.cluster import Cluster
from searchplane.domain.ids import ClusterId
from searchplane.domain.plan import CompleteAction, ForgetCluster, Patience, Phase, Plan, plan
from searchplane.errors import Permanent, Transient
from searchplane.observability.metrics import Metrics
from searchplane.reconciler.act import Superseded, act
from searchplane.reconciler.certificates import certified
from searchplane.reconciler.observe import observe
from searchplane.reconciler.ports import Ports
from searchplane.store import clusters, events, secrets

log = logging.getLogger(__name__)

AT_ONCE = 0.0
AFTER_ERROR = 1.0


@dataclass(frozen=True)
class Outcome:
    """`after`: seconds to the next pass; None when the cluster is gone."""

    after: float | None


class OnePass:
    """Passes over any cluster; keeps nothing between them but the time each phase began."""

    def __init__(self, ports: Ports, create_deadline_seconds: float, metrics: Metrics) -> None:
        self._ports = ports
        self._patience = Patience(create=timedelta(seconds=create_deadline_seconds))
        self._metrics = metrics

    async def run(self, cluster_id: ClusterId) -> Outcome:
        """One pass; raises only what is a fault of ours."""
        read = await asyncio.to_thread(self._read, cluster_id)
        if read is None:
            self._metrics.gone(cluster_id)
            return Outcome(None)
        cluster, kept = read
        observation = await observe(cluster, kept, self._ports)
        states = [type(state).__name__.lower() for state in observation.nodes.values()]
        found = plan(cluster, observation, self._patience, certified=certified(cluster, kept))
        try:
            told = await asyncio.to_thread(self._tell, cluster, found, observation.at)
            self._ports.checkpoint(f"told: {found.phase}")
            self._metrics.passed(cluster_id, found.phase.value, states)
            return await self._act(told, found)
        except Superseded:
            return Outcome(AT_ONCE)

    async def _act(self, cluster: Cluster, found: Plan) -> Outcome:
        for step in found.steps:
            try:
                cluster = await act(step, cluster, self._ports)
            except (Transient, Permanent) as error:
                await asyncio.to_thread(self._say, cluster, found.phase, str(error))
                return Outcome(AFTER_ERROR)
            if isinstance(step, CompleteAction):
                self._metrics.became_green((cluster.updated - cluster.created).total_seconds())
        if ForgetCluster() in found.steps:
            self._metrics.gone(cluster.id)
            return Outcome(None)
        return Outcome(found.after)

    def _read(self, cluster_id: ClusterId) -> tuple[Cluster, dict[str, str]] | None:
        with self._ports.database.read() as connection:
            cluster = clusters.find(connection, cluster_id)
            if cluster is None:
                return None
            secured = cluster.spec.security.authority
            return cluster, secrets.of_cluster(connection, cluster_id) if secured else {}

    def _tell(self, cluster: Cluster, found: Plan, at: datetime) -> Cluster:
        after = _told(cluster, found, at)
        if after != cluster:
            self._write(cluster, after, found.phase, at)
        return after

    def _say(self, cluster: Cluster, phase: Phase, sentence: str) -> None:
        """Record a sentence that came up while acting."""
        if sentence != cluster.sentence:
            after = replace(cluster, sentence=sentence)
            self._write(cluster, after, phase, datetime.now(cluster.created.tzinfo))

    def _write(self, before: Cluster, after: Cluster, phase: Phase, at: datetime) -> None:
        with self._ports.database.write() as connection:
            if not clusters.record(connection, before, after):
                raise Superseded
            if after.sentence != before.sentence:
                events.add(connection, after.id, at, phase.value, after.sentence)
                events.prune(connection, after.id, at)
                log.info("cluster %s (%s): %s", after.spec.name, after.id, after.sentence)


def _told(cluster: Cluster, found: Plan, at: datetime) -> Cluster:
    """The record after this look. A member's count of starts begins anew."""
    nodes = tuple(
        replace(node, ready=True, starts=0, last_error=None)
        if node.id in found.ready
        else replace(node, ready=False)
        for node in cluster.nodes
    )
    unhealthy = None if found.healthy else cluster.unhealthy_since or at
    return replace(
        cluster,
        nodes=nodes,
        sentence=found.sentence,
        progress=found.progress,
        failure=found.failure,
        unhealthy_since=unhealthy,
    )
