"""Snapshots and restores as a part of the pass: rows, a look and a plan -> the plan with them.

domain/plan.py has the first word. Only where it leaves nothing to do (all nodes have joined) is
there time for this, one job at a time and in this order: a restore into the cluster, a snapshot
that is being taken, an automatic one that is due, snapshots that are to be deleted, lists to be
compared. What is asked of the engine is told by `next_job`; what it says comes back to `advance`.

Where the first word is another, nothing is begun, but what waits in vain is given up in the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from searchplane.domain import restore_course, snapshot_course
from searchplane.domain.cluster import ActionKind, BackupStrategy, Cluster, SnapshotSettings
from searchplane.domain.ids import SnapshotId
from searchplane.domain.observed import Unknown
from searchplane.domain.plan import SOON, STEADY, WATCHING, Phase, Plan
from searchplane.domain.schedule import Due, automatic_name, dealt_with, due, next_due
from searchplane.domain.snapshot_course import as_seen
from searchplane.domain.snapshot_steps import (
    ONLY_RECORDED,
    BeginAutomatic,
    BeginRestore,
    DeleteFiles,
    ForgetSnapshot,
    SaveSnapshot,
    SkipAutomatic,
    SnapshotStep,
)
from searchplane.domain.snapshot_work import (
    Broken,
    Doing,
    Job,
    Removing,
    Restoring,
    TakenSeen,
    Taking,
    TargetsSeen,
    Work,
    WorkPatience,
)
from searchplane.domain.snapshots import (
    RESTORABLE,
    Method,
    Snapshot,
    SnapshotStatus,
    repository_of,
)
from searchplane.domain.snapshots_seen import SnapshotSeen, is_same
from searchplane.domain.snapshotting import newest_engine
from searchplane.domain.steps import CompleteAction, Step

QUIET = frozenset({Phase.STEADY, Phase.BALANCE})
"""Phases in which all nodes are members and none is to be changed."""
ACTIONS = frozenset({ActionKind.SNAPSHOTTING, ActionKind.RESTORING})
PACE = 0.05
"""A look that often in what has passed: long copies are not asked about all the time."""
LATE = timedelta(minutes=5)
"""An automatic snapshot that begins later than this is told to be made up."""
TOLD_AFTER = 8
"""Looks in vain for what is to be deleted until it is told: some minutes (reconciler/waits.py)."""


def next_job(cluster: Cluster, work: Work, found: Plan, now: datetime) -> Job | None:
    """What to look at in the engine, if there is time for it.

    Deleting comes last: it may be that it cannot be done, and nobody waits for it.
    """
    if found.phase not in QUIET:
        return None
    if work.restores:
        return work.restores[0]
    building = [one for one in work.snapshots if one.status is SnapshotStatus.BUILDING]
    if building:
        return Taking(building[0])
    leaving = [one for one in work.snapshots if one.is_leaving]
    has_time = is_idle(cluster, found) and _due(cluster, now) is None
    return Removing(leaving[0]) if leaving and has_time else None


def is_idle(cluster: Cluster, found: Plan) -> bool:
    """Whether snapshots may be begun and removed, and lists compared."""
    return (
        found.phase in QUIET
        and found.healthy
        and found.failure is None
        and cluster.action is None
        and cluster.bootstrapped
        and not cluster.paused
    )


def advance(
    cluster: Cluster,
    found: Plan,
    job: Job,
    seen: TakenSeen | TargetsSeen,
    patience: WorkPatience,
) -> Plan:
    """The plan with what is to be done about the job."""
    match job:
        case Taking(snapshot):
            doing = snapshot_course.take(cluster, snapshot, _taken(seen), patience)
            began, phase = snapshot.created, Phase.SNAPSHOT
        case Restoring(restore):
            doing = restore_course.bring(cluster, job, _indices(seen), patience)
            began, phase = restore.started, Phase.RESTORE
        case Removing():
            doing = _remove(job, _taken(seen), patience.now)
            began, phase = patience.now, Phase.SNAPSHOT
    if cluster.paused:
        return _only_recorded(found, doing)
    pace = min(WATCHING, max(SOON, PACE * (patience.now - began).total_seconds()))
    steps = (*found.steps, *doing.steps)
    if doing.said is None:
        return replace(found, steps=steps, after=SOON) if steps else found
    return replace(
        found,
        phase=phase,
        sentence=doing.said,
        steps=steps,
        after=pace if doing.total or not doing.steps else SOON,
        progress=doing.progress,
        topic=None,
    )


def without_job(cluster: Cluster, found: Plan, work: Work, patience: WorkPatience) -> Plan:
    """The plan where nothing is looked at: what is overdue, or was never stored, is given up."""
    steps: list[Step] = [
        step for doing in _overdue(cluster, work, patience) for step in doing.steps
    ]
    has_none = not work.restores and not any(
        one.status is SnapshotStatus.BUILDING for one in work.snapshots
    )
    if cluster.action is not None and cluster.action.kind in ACTIONS and has_none:
        steps.append(CompleteAction())
    return replace(found, steps=(*found.steps, *steps), after=SOON) if steps else found


def automatic(cluster: Cluster, found: Plan, now: datetime) -> Plan:
    """The plan with the automatic snapshot that is due: begun, or skipped where one runs."""
    policy, settings = cluster.spec.backup, cluster.spec.snapshots
    if policy is None or settings is None or not cluster.bootstrapped or cluster.paused:
        return found
    moment = _due(cluster, now)
    if moment is None:
        wait = max(SOON, (next_due(policy, now) - now).total_seconds())
        return replace(found, after=min(found.after, wait))
    if cluster.action is not None and cluster.action.kind in ACTIONS:
        doing = "taken" if cluster.is_being(ActionKind.SNAPSHOTTING) else "restored"
        said = f"the automatic snapshot of {_at(moment.at)} is skipped: one is being {doing}"
        return replace(found, steps=(*found.steps, SkipAutomatic(moment.at, said)))
    if not is_idle(cluster, found) or found.steps:
        return found
    begin = BeginAutomatic(
        _automatic(cluster, policy, settings, moment, now), moment.at, _begun(policy, moment, now)
    )
    return replace(found, steps=(begin,), after=0.0)


def _due(cluster: Cluster, now: datetime) -> Due | None:
    policy = cluster.spec.backup
    if policy is None or cluster.spec.snapshots is None:
        return None
    return due(policy, dealt_with(cluster), now)


def _overdue(cluster: Cluster, work: Work, patience: WorkPatience) -> Iterable[Doing]:
    for one in work.snapshots:
        if one.status is SnapshotStatus.BUILDING:
            doing = snapshot_course.overdue(cluster, one, patience)
            if doing is not None:
                yield doing
    for job in work.restores:
        doing = restore_course.overdue(cluster, job, patience)
        if doing is not None:
            yield doing


def _remove(job: Removing, seen: TakenSeen, now: datetime) -> Doing:
    """Its files first, then its record. What cannot be removed for good is there again.

    So is one that goes only for having failed and is whole after all: nobody asked for its end.
    """
    snapshot = job.snapshot
    match seen:
        case Broken(reason):
            kept = replace(snapshot, is_leaving=False, is_swept=False, worker=None)
            said = f"snapshot {snapshot.name} cannot be deleted: {reason}"
            return Doing(None, (SaveSnapshot(kept, said),))
        case Unknown(reason):
            return _not_seen(job, reason)
        case SnapshotSeen() if is_same(snapshot, seen):
            if snapshot.is_swept and seen.status in RESTORABLE:
                whole = replace(as_seen(snapshot, seen, now), is_leaving=False, is_swept=False)
                said = f"snapshot {snapshot.name} is complete after all, and is kept"
                return Doing(None, (SaveSnapshot(whole, said),))
            delete = DeleteFiles(snapshot.repository, snapshot.cluster_id, snapshot.name)
            return Doing(f"deleting snapshot {snapshot.name}", (delete,))
        case _:
            gone = f"snapshot {snapshot.name} is deleted"
            return Doing(None, (ForgetSnapshot(snapshot, gone),))


def _not_seen(job: Removing, reason: str) -> Doing:
    """It is tried again, ever more slowly, and told once: nothing else waits for it."""
    if job.tries != TOLD_AFTER:
        return Doing(None)
    said = f"snapshot {job.snapshot.name} is not deleted yet, and tried again: {reason}"
    return Doing(None, (SaveSnapshot(job.snapshot, said),))


def _automatic(
    cluster: Cluster,
    policy: BackupStrategy,
    settings: SnapshotSettings,
    moment: Due,
    now: datetime,
) -> Snapshot:
    """The same for the same moment, whenever it is asked for."""
    name = automatic_name(policy, moment.at)
    return Snapshot(
        id=SnapshotId(str(uuid5(NAMESPACE_URL, f"{cluster.id}/{name}"))),
        project_id=cluster.project_id,
        cluster_id=cluster.id,
        cluster_name=cluster.spec.name,
        name=name,
        repository=repository_of(settings, cluster.id),
        datastore=cluster.spec.datastore,
        engine=newest_engine(cluster),
        method=Method.AUTO,
        created=now,
        updated=now,
        worker=cluster.id,
        indices=policy.indices,
        frequency=policy.frequency,
        keepday=policy.keepday,
    )


def _begun(policy: BackupStrategy, moment: Due, now: datetime) -> str:
    name = automatic_name(policy, moment.at)
    if now - moment.at <= LATE:
        return f"automatic snapshot {name} begins"
    said = f"automatic snapshot {name} is made up for {_at(moment.at)}"
    return f"{said}; {moment.missed} before it were missed" if moment.missed else said


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _only_recorded(found: Plan, doing: Doing) -> Plan:
    """Nothing is recorded of an order that is not given: what comes later would be taken for it."""
    begins = any(isinstance(step, BeginRestore) for step in doing.steps)
    steps: tuple[SnapshotStep, ...] = tuple(
        step for step in doing.steps if isinstance(step, ONLY_RECORDED) and not begins
    )
    return replace(found, steps=(*found.steps, *steps), after=min(found.after, STEADY))


def _taken(seen: TakenSeen | TargetsSeen) -> TakenSeen:
    if isinstance(seen, SnapshotSeen | Unknown | Broken | None):
        return seen
    raise TypeError("indices were looked at where a snapshot was asked about")


def _indices(seen: TakenSeen | TargetsSeen) -> TargetsSeen:
    if isinstance(seen, SnapshotSeen) or seen is None:
        raise TypeError("a snapshot was looked at where indices were asked about")
    return seen
