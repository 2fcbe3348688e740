"""The course of one snapshot, from the order to its end, from a fresh look every time.

    accepted -> the engine has taken the order (`begun`) -> COMPLETED, PART_FAILED or FAILED

The engine does the work and knows how far it is. What it may forget, when all its nodes end, is
found out by `begun`: what has begun and is nowhere any longer has failed. A failed one is only
recorded here; what is left of its files goes when lists are compared (snapshot_lists.py).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from searchplane.domain.cluster import Cluster
from searchplane.domain.observed import Unknown
from searchplane.domain.snapshot_steps import BeginSnapshot, EndSnapshot, SaveSnapshot
from searchplane.domain.snapshot_work import Broken, Doing, TakenSeen, WorkPatience, why_late
from searchplane.domain.snapshots import IndexKept, Snapshot, SnapshotStatus
from searchplane.domain.snapshots_seen import SnapshotSeen, is_same
from searchplane.domain.wording import size

LOST = "the engine has lost it: all nodes that took it have ended"


def take(cluster: Cluster, snapshot: Snapshot, seen: TakenSeen, patience: WorkPatience) -> Doing:
    """What to do about a snapshot that is BUILDING."""
    reason = given_up_for(cluster, snapshot.id) or _why_hopeless(snapshot, seen)
    if reason is not None:
        return fail(snapshot, reason, patience.now)
    match seen:
        case SnapshotSeen():
            return _follow(snapshot, seen, patience)
        case Unknown(reason):
            return _wait(snapshot, f"it cannot be seen how far it is: {reason}", patience)
        case _:
            return _begin(snapshot, patience)


def overdue(cluster: Cluster, snapshot: Snapshot, patience: WorkPatience) -> Doing | None:
    """Whether it is given up though nobody could look at it: the cluster is not whole."""
    given_up = given_up_for(cluster, snapshot.id)
    if given_up is None and _is_late(snapshot, patience):
        given_up = f"{why_late(begun=snapshot.begun)}: {cluster.sentence}"
    return fail(snapshot, given_up, patience.now) if given_up is not None else None


def given_up_for(cluster: Cluster, action_id: str) -> str | None:
    """Why what the cluster was about is not gone on with: a repair took its place."""
    action = cluster.action
    if action is not None and action.id == action_id:
        return None
    return f"given up: the cluster is {action.kind.value} now" if action else "given up"


def fail(snapshot: Snapshot, reason: str, now: datetime) -> Doing:
    return Doing(None, (failure(snapshot, reason, now),))


def failure(snapshot: Snapshot, reason: str, now: datetime) -> SaveSnapshot:
    said = f"snapshot {snapshot.name} has failed: {reason}"
    return SaveSnapshot(failed(snapshot, reason, now), said)


def failed(snapshot: Snapshot, reason: str, now: datetime) -> Snapshot:
    return replace(
        snapshot,
        status=SnapshotStatus.FAILED,
        reason=reason,
        ended=now,
        updated=now,
        worker=None,
    )


def as_seen(snapshot: Snapshot, seen: SnapshotSeen, now: datetime) -> Snapshot:
    """The record of a snapshot that is over, by what the engine says of it.

    Bytes that were not asked for stay as they are.
    """
    known = {index.name: index for index in snapshot.contents}
    return replace(
        snapshot,
        status=seen.status,
        begun=True,
        ended=seen.ended or now,
        updated=now,
        worker=None,
        total_shards=seen.shards_total,
        failed_shards=seen.shards_failed,
        bytes_total=seen.bytes_total or snapshot.bytes_total,
        bytes_done=seen.bytes_done or snapshot.bytes_done,
        contents=tuple(known.get(name, IndexKept(name)) for name in sorted(seen.indices)),
        reason=seen.reason,
    )


def _why_hopeless(snapshot: Snapshot, seen: TakenSeen) -> str | None:
    match seen:
        case Broken(reason):
            return reason
        case SnapshotSeen() if not is_same(snapshot, seen):
            return "the bucket holds another snapshot of this name, which is none of ours"
        case None if snapshot.begun:
            return LOST
        case _:
            return None


def _begin(snapshot: Snapshot, patience: WorkPatience) -> Doing:
    if _is_late(snapshot, patience):
        return fail(snapshot, why_late(begun=False), patience.now)
    return Doing(f"taking snapshot {snapshot.name}", (BeginSnapshot(snapshot),))


def _follow(snapshot: Snapshot, seen: SnapshotSeen, patience: WorkPatience) -> Doing:
    if seen.status is SnapshotStatus.FAILED:
        return fail(snapshot, seen.reason or "the engine does not say why", patience.now)
    if seen.status is not SnapshotStatus.BUILDING:
        return _end(as_seen(snapshot, seen, patience.now))
    now_known = replace(
        snapshot,
        begun=True,
        total_shards=seen.shards_total,
        failed_shards=seen.shards_failed,
        bytes_total=seen.bytes_total,
        bytes_done=seen.bytes_done,
    )
    said = f"{seen.shards_done} of {seen.shards_total} shards"
    if seen.bytes_total:
        said += f", {size(seen.bytes_done)} of {size(seen.bytes_total)}"
    if now_known == snapshot:
        return _wait(snapshot, said, patience, seen)
    moved = replace(now_known, updated=patience.now)
    return replace(_wait(moved, said, patience, seen), steps=(SaveSnapshot(moved),))


def _wait(
    snapshot: Snapshot, said: str, patience: WorkPatience, seen: SnapshotSeen | None = None
) -> Doing:
    if _is_late(snapshot, patience):
        return fail(snapshot, f"{why_late(begun=snapshot.begun)}: {said}", patience.now)
    doing = Doing(f"taking snapshot {snapshot.name}: {said}")
    if seen is None:
        return doing
    if seen.bytes_total:
        return replace(doing, done=seen.bytes_done, total=seen.bytes_total)
    return replace(doing, done=seen.shards_done, total=seen.shards_total)


def _end(snapshot: Snapshot) -> Doing:
    indices = len(snapshot.contents)
    said = f"snapshot {snapshot.name} is there: {indices} {'index' if indices == 1 else 'indices'}"
    if snapshot.status is SnapshotStatus.PART_FAILED:
        said = (
            f"snapshot {snapshot.name} lacks {snapshot.failed_shards} of "
            f"{snapshot.total_shards} shards: {snapshot.reason or 'the engine does not say why'}"
        )
    elif snapshot.bytes_total:
        said += f", {size(snapshot.bytes_total)} copied"
    return Doing(None, (EndSnapshot(snapshot, said),))


def _is_late(snapshot: Snapshot, patience: WorkPatience) -> bool:
    return patience.is_out(begun=snapshot.begun, moved=snapshot.updated)
