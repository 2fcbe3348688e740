"""Snapshots and restores within the pass: reading rows, looking, and the plan with what is to do.

An idle cluster costs nothing: whether an automatic snapshot is due is told from the record, rows
are read only where the record is read, and the engine is asked only where there is something to
do. What is remembered here only spares work: which lists were compared since this process
started, with which settings, and what did not come off. A list is compared once after each start,
and after all that was done in its bucket.

Several snapshots that are to go are tried in turn, and nothing waits for one that cannot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from searchplane.domain import snapshot_plan
from searchplane.domain.cluster import Cluster
from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import Target, Unknown
from searchplane.domain.plan import SOON, STEADY, Plan
from searchplane.domain.snapshot_steps import SnapshotStep
from searchplane.domain.snapshot_work import (
    Broken,
    Job,
    Removing,
    Restoring,
    TakenSeen,
    Taking,
    TargetsSeen,
    Work,
    WorkPatience,
)
from searchplane.domain.snapshots import Snapshot
from searchplane.domain.snapshots_seen import repository_name
from searchplane.domain.steps import Step
from searchplane.errors import Permanent, SearchplaneError, Transient
from searchplane.reconciler.compose import addresses_of, target_of
from searchplane.reconciler.ports import Ports
from searchplane.reconciler.registering import registered
from searchplane.reconciler.snapshot_lists import Lists
from searchplane.reconciler.waits import (
    Order,
    Waits,
    order_of,
    order_to_delete,
    order_to_take_back,
)
from searchplane.store import buckets, restores, snapshots
from searchplane.store.database import Transaction


class SnapshotPasses:
    """Its part in the passes over all clusters."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._waits = Waits()
        self._lists = Lists(ports, self._waits)

    def read(self, connection: Transaction, cluster: Cluster) -> Work:
        """What the rows ask of this cluster's engine, read with its record."""
        attached = [
            one for one in buckets.of_project(connection, cluster.project_id) if one.read_only
        ]
        self._lists.attached(cluster.project_id, attached)
        running = restores.running_into(connection, cluster.id)
        return Work(
            tuple(snapshots.work_of(connection, cluster.id)),
            tuple(Restoring(one, snapshots.find(connection, one.snapshot_id)) for one in running),
        )

    async def plan(
        self,
        cluster: Cluster,
        kept: Mapping[str, str],
        work: Work,
        found: Plan,
        since: datetime,
    ) -> Plan:
        """The plan with what is to be done about snapshots; `since` is the first look."""
        now = datetime.now(UTC)
        work, later = self._due(work, now)
        found = replace(found, after=min(found.after, later))
        if not work.is_nothing or cluster.action is not None:
            found = await self._with_work(cluster, kept, work, found, WorkPatience(since, now))
        found = snapshot_plan.automatic(cluster, found, now)
        if found.steps or not work.is_nothing or self._lists.are_known(cluster, now):
            return found
        if not snapshot_plan.is_idle(cluster, found):
            return found
        steps = await self._lists.compare(cluster, kept, now)
        wait = SOON if steps else self._lists.seconds_left(cluster, now)
        return replace(found, steps=steps, after=min(found.after, wait or found.after))

    async def _with_work(
        self,
        cluster: Cluster,
        kept: Mapping[str, str],
        work: Work,
        found: Plan,
        patience: WorkPatience,
    ) -> Plan:
        job = snapshot_plan.next_job(cluster, work, found, patience.now)
        if job is None:
            return snapshot_plan.without_job(cluster, found, work, patience)
        self._lists.changed(cluster)
        order = _order(job, cluster)
        refusal = self._waits.answer(order) if order is not None else None
        if isinstance(job, Removing):
            job = replace(job, tries=self._waits.tries(order_to_delete(job.snapshot)))
        seen = Broken(refusal) if refusal else await look(job, cluster, kept, self._ports)
        if isinstance(job, Removing):
            self._remember(job.snapshot, seen, patience.now)
        return snapshot_plan.advance(cluster, found, job, seen, patience)

    def _due(self, work: Work, now: datetime) -> tuple[Work, float]:
        """Without deletions whose time has not come, and the seconds until that of the next."""
        left = {
            one.id: self._waits.seconds_left(order_to_delete(one), now)
            for one in work.snapshots
            if one.is_leaving
        }
        due = tuple(one for one in work.snapshots if not left.get(one.id))
        later = min((seconds for seconds in left.values() if seconds), default=STEADY)
        return replace(work, snapshots=due), later

    def _remember(self, snapshot: Snapshot, seen: TakenSeen | TargetsSeen, now: datetime) -> None:
        """How an attempt to delete went."""
        order = order_to_delete(snapshot)
        match seen:
            case Broken():
                self._waits.refused(order, now)
            case Unknown():
                self._waits.in_vain(order, now)
            case None:
                self._waits.done(order)

    def failed(self, cluster: Cluster, step: SnapshotStep, error: SearchplaneError) -> None:
        """A step did not come off: what it was of is tried later, or ended by the engine's answer;
        if it was of a list, that is compared again."""
        now, order = datetime.now(UTC), order_of(step, cluster)
        if order is not None and isinstance(error, Permanent):
            self._waits.refused(order, now, str(error))
        elif order is not None:
            self._waits.in_vain(order, now)
        self._lists.failed(cluster, now)

    def superseded(self, cluster: Cluster, steps: Iterable[Step]) -> None:
        """These steps were planned and not all taken: somebody asked for something meanwhile."""
        if any(isinstance(step, SnapshotStep) for step in steps):
            self._lists.undone(cluster)

    def gone(self, cluster_id: ClusterId) -> None:
        self._lists.gone(cluster_id)


def _order(job: Job, cluster: Cluster) -> Order | None:
    """What was ordered for a job, if the engine's refusal of it ends the job."""
    match job:
        case Removing(snapshot):
            return order_to_delete(snapshot)
        case Restoring(restore) if restore.succeeded is False:
            return order_to_take_back(cluster)
        case _:
            return None


async def look(
    job: Job, cluster: Cluster, kept: Mapping[str, str], ports: Ports
) -> TakenSeen | TargetsSeen:
    """What the engine says of a job. It never raises for what it cannot see."""
    target = target_of(cluster, kept, addresses_of(cluster))
    try:
        match job:
            case Taking(snapshot):
                return await _look_at(snapshot, cluster, target, ports, is_new=not snapshot.begun)
            case Removing(snapshot):
                return await _look_at(snapshot, cluster, target, ports, is_new=True)
            case Restoring(restore):
                names = [one.name for one in restore.targets]
                return await ports.snapshots.look_at_indices(target, names)
    except Transient as error:
        return Unknown(str(error))
    except Permanent as error:
        return Broken(str(error))


async def _look_at(
    snapshot: Snapshot, cluster: Cluster, target: Target, ports: Ports, *, is_new: bool
) -> TakenSeen:
    """An engine lets nobody touch a repository in use, so it is named to it only before that."""
    repository = repository_name(cluster.id, snapshot.cluster_id)
    if is_new:
        await registered(snapshot.repository, snapshot.cluster_id, cluster, target, ports)
    seen = await ports.snapshots.look(target, repository, [snapshot.name])
    return seen.snapshots.get(snapshot.name)
