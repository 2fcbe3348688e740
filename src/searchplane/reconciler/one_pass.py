"""One pass over one cluster: read, observe, plan, say, act.

What the plan says is recorded before its steps are taken, so that a client that polls sees what
is about to happen, and a crash leaves the sentence of what was going on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from searchplane.domain.changes import missed_since
from searchplane.domain.cluster import ActionKind, Cluster, IndicesSeen
from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import Observation, ShardsView, Unknown
from searchplane.domain.plan import Patience, Phase, Plan, plan, subject_of
from searchplane.domain.snapshot_steps import SnapshotStep
from searchplane.domain.snapshot_work import NO_WORK, Work
from searchplane.domain.steps import (
    OF_ONE_NODE,
    CompleteAction,
    ForgetCluster,
    StartNode,
    Step,
)
from searchplane.domain.verification_course import Case, verify
from searchplane.errors import Permanent, Refused, Transient
from searchplane.observability.metrics import Metrics
from searchplane.reconciler.act import act
from searchplane.reconciler.certificates import certified
from searchplane.reconciler.load import Loads
from searchplane.reconciler.observe import observe
from searchplane.reconciler.ports import Ports
from searchplane.reconciler.recording import Superseded
from searchplane.reconciler.snapshots import SnapshotPasses
from searchplane.reconciler.verifications import Verifications
from searchplane.reconciler.verifying import case_of
from searchplane.store import clusters, events

log = logging.getLogger(__name__)

AT_ONCE = 0.0
AFTER_ERROR = 1.0
BARE_KEPT = 10
"""Names of indices without a replica that are kept, for sentences."""


@dataclass(frozen=True)
class Outcome:
    """`after`: seconds to the next pass; None when the cluster is gone."""

    after: float | None


@dataclass(frozen=True)
class Read:
    """A cluster's record, its secrets, and what there is to do with snapshots."""

    cluster: Cluster
    kept: dict[str, str]
    work: Work
    case: Case | None = None
    """Of a scratch cluster: what it is for."""


@dataclass
class Memory:
    """What passes over one cluster remember; a restart loses nothing but a repeated event.

    `since` is the first look. `told` and `said` are the phase and subject of the last plan and of
    the last error that became events: they are kept apart, as both come up in the same pass.
    `unchanged` is what was read, if the last pass left it with nothing to do.
    """

    since: datetime
    told: tuple[str, str] | None
    said: tuple[str, str] | None
    unchanged: Read | None = None


class OnePass:
    """Passes over any cluster; the record is what counts, `Memory` only spares events."""

    def __init__(
        self,
        ports: Ports,
        create_deadline_seconds: float,
        metrics: Metrics,
        verifications: Verifications | None = None,
    ) -> None:
        self._ports = ports
        self._verifications = verifications
        self._patience = Patience(create=timedelta(seconds=create_deadline_seconds))
        self._metrics = metrics
        self._snapshots = SnapshotPasses(ports)
        self._memories: dict[ClusterId, Memory] = {}
        self.loads = Loads(ports)

    async def run(self, cluster_id: ClusterId, *, is_unchanged: bool = False) -> Outcome:
        """One pass; raises only what is a fault of ours.

        With `is_unchanged` nobody has asked for anything since the last pass: if that had nothing
        to do, the record is what it was then and need not be read. If somebody has after all, it
        cannot be written either, and the next pass reads it.
        """
        began = time.perf_counter()
        read = self._remembered(cluster_id) if is_unchanged else None
        read = read or await asyncio.to_thread(self._read, cluster_id)
        if read is None:
            return self._gone(cluster_id)
        cluster, kept = read.cluster, read.kept
        memory = self._memories[cluster_id]
        memory.unchanged = None
        observation = await observe(cluster, kept, self._ports)
        states = [type(state).__name__.lower() for state in observation.nodes.values()]
        patience = replace(self._patience, since=memory.since)
        is_certified = certified(cluster, kept, observation.at)
        found = plan(cluster, observation, patience, certified=is_certified)
        found = await self._snapshots.plan(cluster, kept, read.work, found, memory.since)
        if read.case is not None:
            found = verify(found, cluster, read.case, observation.at)
        try:
            told = await self._tell(cluster, found, observation)
            self._ports.checkpoint(f"told: {found.phase}")
            if found.phase is Phase.STEADY:
                await self.loads.look(told, kept, observation)
            outcome = await self._act(told, found)
            if self._verifications is not None:
                told = await self._verifications.look(told, found)
        except Superseded:
            self._snapshots.superseded(cluster, found.steps)
            return Outcome(AT_ONCE)
        finally:
            seconds = time.perf_counter() - began
            self._metrics.passed(cluster_id, found.phase.value, states, seconds)
        if not found.steps and read.work.is_nothing and read.case is None:
            memory.unchanged = Read(told, kept, NO_WORK)
        return outcome

    def _remembered(self, cluster_id: ClusterId) -> Read | None:
        memory = self._memories.get(cluster_id)
        return memory.unchanged if memory is not None else None

    async def _act(self, cluster: Cluster, found: Plan) -> Outcome:
        """Take the steps. One node's step that fails holds up no other node's; a step of the
        whole cluster needs all those before it."""
        failed: list[tuple[Step, str]] = []
        for step in found.steps:
            if failed and not isinstance(step, OF_ONE_NODE):
                break
            try:
                after = await act(step, cluster, self._ports)
            except (Transient, Permanent, Refused) as error:
                failed.append((step, str(error)))
                if isinstance(step, SnapshotStep):
                    self._snapshots.failed(cluster, step, error)
                continue
            if isinstance(step, CompleteAction) and cluster.is_being(ActionKind.CREATING):
                self._metrics.became_green((after.updated - after.created).total_seconds())
            cluster = after
        if ForgetCluster() in found.steps and not failed:
            return self._gone(cluster.id)
        if found.steps:
            await asyncio.to_thread(self._say, cluster, found.phase, failed)
        return Outcome(AFTER_ERROR if failed else found.after)

    def _read(self, cluster_id: ClusterId) -> Read | None:
        with self._ports.database.read() as connection:
            cluster = clusters.find(connection, cluster_id)
            if cluster is None:
                return None
            if cluster_id not in self._memories:
                self._memories[cluster_id] = _remembered(events.last(connection, cluster_id))
            work = self._snapshots.read(connection, cluster)
            secured = cluster.spec.security.authority or cluster.mode.authority
            kept = self._ports.secrets.of_cluster(connection, cluster_id) if secured else {}
            return Read(cluster, kept, work, case_of(connection, cluster))

    async def _tell(self, cluster: Cluster, found: Plan, seen: Observation) -> Cluster:
        at, after = seen.at, _told(cluster, found, seen)
        memory, topic = self._memories[cluster.id], (found.phase.value, found.subject)
        if after != cluster or topic != memory.told:
            event = found.phase if topic != memory.told else None
            await asyncio.to_thread(self._write, cluster, after, at, event)
        memory.told = topic
        return after

    def _say(self, cluster: Cluster, phase: Phase, failed: list[tuple[Step, str]]) -> None:
        """Record what came up while acting; a start's error is the node's, and the next plan
        says it."""
        memory = self._memories[cluster.id]
        sentence = "; ".join(error for step, error in failed if not isinstance(step, StartNode))
        topic = (phase.value, subject_of(sentence)) if sentence else None
        if topic is not None:
            after = replace(cluster, sentence=sentence)
            self._write(cluster, after, datetime.now(UTC), phase if topic != memory.said else None)
        memory.said = topic

    def _write(self, before: Cluster, after: Cluster, at: datetime, event: Phase | None) -> None:
        """Store the record, and its sentence as an event of the phase `event`."""
        with self._ports.database.write() as connection:
            if not clusters.record(connection, before, after):
                raise Superseded
            if event is not None:
                events.add(connection, after.id, at, event.value, after.sentence)
                events.prune(connection, after.id, at)
        if event is not None:
            log.info("cluster %s (%s): %s", after.spec.name, after.id, after.sentence)

    def _gone(self, cluster_id: ClusterId) -> Outcome:
        self._metrics.gone(cluster_id)
        self._snapshots.gone(cluster_id)
        self._memories.pop(cluster_id, None)
        self.loads.forget(cluster_id)
        if self._verifications is not None:
            self._verifications.forget(cluster_id)
        return Outcome(None)


def _remembered(last: events.Event | None) -> Memory:
    """After a restart the last event stands for both the last plan and the last error."""
    topic = None if last is None else (last.phase, subject_of(last.sentence))
    return Memory(since=datetime.now(UTC), told=topic, said=topic)


def _told(cluster: Cluster, found: Plan, seen: Observation) -> Cluster:
    """The record after this look. A member's count of starts begins anew.

    A creation begins when the engine is installed, as far as being late is concerned.
    """
    nodes = tuple(
        replace(node, ready=True, starts=0, last_error=None, missed_since=None)
        if node.id in found.ready
        else replace(node, ready=False, missed_since=missed_since(node, seen))
        for node in cluster.nodes
    )
    unhealthy = None if found.healthy else cluster.unhealthy_since or seen.at
    action = cluster.action
    if action is not None and found.phase is Phase.INSTALL:
        action = replace(action, started=seen.at)
    return replace(
        cluster,
        nodes=nodes,
        action=action,
        sentence=found.sentence,
        progress=found.progress,
        failure=found.failure,
        unhealthy_since=unhealthy,
        refusal=found.refusal,
        indices=_indices(seen) or cluster.indices,
    )


def _indices(seen: Observation) -> IndicesSeen | None:
    engine = seen.engine
    if isinstance(engine, Unknown) or not isinstance(engine.shards, ShardsView):
        return None
    return IndicesSeen(engine.shards.replicas, engine.shards.bare[:BARE_KEPT])
