"""The course of one restore into a cluster, from the order to its end, from a fresh look.

    accepted -> `begun` with the ids of what was there -> the indices come -> over
                                                       -> failed -> taken back -> over

`begun` is stored before the engine is told, so an index that comes then may be anybody's: a writer
makes indices too. It is the restore's own only where it is seen to come from the snapshot, and from
that moment its id is kept (`after`), and that it is `done` once it is. What is done is the user's,
whatever becomes of it. What has not arrived is ordered again. Of a restore that fails, what is its
own and broken is removed, and what was closed for it and not touched is opened again. What the
engine forgot to restore over is ordered anew; where the restore is given up, it stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from searchplane.domain.cluster import Cluster
from searchplane.domain.observed import Unknown
from searchplane.domain.snapshot_course import given_up_for
from searchplane.domain.snapshot_steps import BeginRestore, SaveRestore, TakeBackRestore
from searchplane.domain.snapshot_work import (
    Broken,
    Doing,
    Restoring,
    TargetsSeen,
    WorkPatience,
    why_late,
)
from searchplane.domain.snapshots import Restore, RestoreFailure, Snapshot, TargetIndex
from searchplane.domain.snapshots_seen import IndexSeen, repository_name
from searchplane.domain.wording import named, size

Seen = Mapping[str, IndexSeen]


def bring(cluster: Cluster, job: Restoring, seen: TargetsSeen, patience: WorkPatience) -> Doing:
    """What to do about a restore that is not over."""
    restore = job.restore
    if restore.succeeded is False:
        return _take_back(restore, job.snapshot, seen, patience.now)
    given_up = given_up_for(cluster, restore.id)
    if given_up is not None:
        return give_up(restore, given_up, patience.now)
    if job.snapshot is None or not job.snapshot.is_restorable:
        return fail(restore, "its snapshot cannot be restored any longer", patience.now)
    return _go_on(restore, job.snapshot, seen, patience)


def overdue(cluster: Cluster, job: Restoring, patience: WorkPatience) -> Doing | None:
    """Whether it is given up though nobody could look at it: the cluster is not whole.

    The action ends at once; its traces go when the cluster can be asked again.
    """
    restore = job.restore
    if restore.succeeded is False:
        return None
    given_up = given_up_for(cluster, restore.id)
    if given_up is None and _is_late(restore, patience):
        given_up = f"{why_late(begun=restore.begun)}: {cluster.sentence}"
    if given_up is None:
        return None
    step = failure(restore, given_up, patience.now, RestoreFailure.GIVEN_UP)
    return Doing(None, (replace(step, ends_action=True),))


def fail(restore: Restore, reason: str, now: datetime) -> Doing:
    return Doing(None, (failure(restore, reason, now),))


def give_up(restore: Restore, reason: str, now: datetime) -> Doing:
    return Doing(None, (failure(restore, reason, now, RestoreFailure.GIVEN_UP),))


def failure(
    restore: Restore, reason: str, now: datetime, kind: RestoreFailure = RestoreFailure.REFUSED
) -> SaveRestore:
    """Its reason is stored first, so that nothing brings back what is being taken back."""
    failed = replace(restore, succeeded=False, reason=reason, failure=kind, updated=now)
    return SaveRestore(failed, f"the restore has failed: {reason}")


def _go_on(
    restore: Restore, snapshot: Snapshot, seen: TargetsSeen, patience: WorkPatience
) -> Doing:
    match seen:
        case Broken(reason):
            return fail(restore, reason, patience.now)
        case Unknown(reason):
            return _wait(restore, f"it cannot be seen how far it is: {reason}", patience)
    if restore.begun:
        return _follow(restore, snapshot, seen, patience)
    return _begin(restore, snapshot, seen, patience)


def _begin(restore: Restore, snapshot: Snapshot, seen: Seen, patience: WorkPatience) -> Doing:
    taken = [one.name for one in restore.targets if one.name in seen]
    if taken and not restore.replaces:
        reason = f"the cluster has {named(taken)} already, and nothing is to be replaced"
        return fail(restore, reason, patience.now)
    if _is_late(restore, patience):
        return give_up(restore, why_late(begun=False), patience.now)
    targets = tuple(_marked(one, seen) for one in restore.targets)
    begun = replace(restore, targets=targets, begun=True, updated=patience.now)
    return _order(begun, snapshot, targets, seen, SaveRestore(begun))


def _marked(target: TargetIndex, seen: Seen) -> TargetIndex:
    there = seen.get(target.name)
    return replace(target, before=there.identity if there is not None else None, after=None)


def _order(
    restore: Restore,
    snapshot: Snapshot,
    targets: tuple[TargetIndex, ...],
    seen: Seen,
    first: SaveRestore | None = None,
) -> Doing:
    """The first order, or one more for what has not arrived."""
    closes = {
        one.name: seen[one.name].identity
        for one in targets
        if one.name in seen and seen[one.name].is_open
    }
    order = BeginRestore(restore, snapshot, targets, closes)
    steps = (first, order) if first is not None else (order,)
    return Doing(f"restoring {_what(restore)}", steps)


def noticed(restore: Restore, snapshot: Snapshot | None, seen: Seen) -> Restore:
    """With what is seen to be the restore's own, and of that what is done."""
    if snapshot is None:
        return restore
    place = f"{repository_name(restore.cluster_id, snapshot.cluster_id)}/{snapshot.name}"
    targets = tuple(_noticed(one, seen.get(one.name), place) for one in restore.targets)
    return replace(restore, targets=targets)


def _noticed(target: TargetIndex, there: IndexSeen | None, place: str) -> TargetIndex:
    if there is None or target.done:
        return target
    if target.after is None and _is_made(target, there, place):
        target = replace(target, after=there.identity)
    return replace(target, done=there.identity == target.after and there.is_restored)


def _is_made(target: TargetIndex, there: IndexSeen, place: str) -> bool:
    """Nothing but a restore gives an index another history."""
    if there.identity == target.before:
        return False
    is_over = target.before is not None and _uuid(there.identity) == _uuid(target.before)
    return is_over or there.restored_from == place


def _uuid(identity: str) -> str:
    return identity.partition("/")[0]


def _follow(restore: Restore, snapshot: Snapshot, seen: Seen, patience: WorkPatience) -> Doing:
    known = noticed(restore, snapshot, seen)
    left = [one for one in known.targets if not one.done]
    reason = _why_broken(left, seen)
    if reason is not None:
        return fail(known, reason, patience.now)
    emptied = [one for one in left if _is_emptied(one, seen)]
    missing = tuple(one for one in left if one.after is None)
    if not emptied and not missing:
        return _watch(restore, known, seen, patience)
    if known != restore:
        return Doing(f"restoring {_what(restore)}", (SaveRestore(known),))
    if patience.is_out(begun=False, moved=restore.updated or restore.started):
        return give_up(restore, why_late(begun=False), patience.now)
    if emptied:
        return _again(restore, snapshot, seen, patience)
    return _order(restore, snapshot, missing, seen)


def _why_broken(left: Iterable[TargetIndex], seen: Seen) -> str | None:
    """Why what is not done yet will never be, if that is so."""
    ours = {one.name: seen[one.name] for one in left if _is_own(one, seen)}
    gone = [one.name for one in left if one.after is not None and one.name not in ours]
    if gone:
        return f"{named(gone)} went away meanwhile"
    others = [one.name for one in left if one.after is None and _is_another(one, seen)]
    if others:
        return f"{named(others)} came meanwhile, and was not seen to come from the snapshot"
    broken = [name for name, one in ours.items() if one.failed]
    if not broken:
        return None
    why = next((ours[name].reason for name in broken if ours[name].reason), None)
    reason = f"{named(broken)} could not be restored"
    return f"{reason}: {why}" if why else reason


def _is_own(target: TargetIndex, seen: Seen) -> bool:
    there = seen.get(target.name)
    return there is not None and there.identity == target.after


def _is_emptied(target: TargetIndex, seen: Seen) -> bool:
    return _is_own(target, seen) and seen[target.name].emptied > 0


def _is_another(target: TargetIndex, seen: Seen) -> bool:
    there = seen.get(target.name)
    return there is not None and there.identity != target.before


def _again(restore: Restore, snapshot: Snapshot, seen: Seen, patience: WorkPatience) -> Doing:
    """All nodes ended while indices were restored over: they are open again with what they had
    before, which nobody is to take for the snapshot's."""
    emptied = {one.name for one in restore.targets if not one.done and _is_emptied(one, seen)}
    targets = tuple(_marked(one, seen) if one.name in emptied else one for one in restore.targets)
    anew = replace(restore, targets=targets, updated=patience.now)
    missing = tuple(one for one in targets if not one.done and one.after is None)
    return _order(anew, snapshot, missing, seen, SaveRestore(anew))


def _watch(restore: Restore, found: Restore, seen: Seen, patience: WorkPatience) -> Doing:
    """All indices have come, and nothing of them is broken; `found` is with what was seen now."""
    arrived = {one.name: seen[one.name] for one in found.targets if _is_own(one, seen)}
    known = replace(
        found,
        shards_total=sum(one.shards for one in arrived.values()),
        shards_done=sum(one.started for one in arrived.values()),
        bytes_total=sum(one.bytes_total for one in arrived.values()),
        bytes_done=sum(one.bytes_done for one in arrived.values()),
    )
    if all(one.done for one in known.targets):
        return _end(known, patience.now)
    said = f"{known.shards_done} of {known.shards_total} shards"
    if known.bytes_total:
        said += f", {size(known.bytes_done)} of {size(known.bytes_total)}"
    if known == restore:
        return _wait(restore, said, patience)
    moved = replace(known, updated=patience.now)
    return replace(_wait(moved, said, patience), steps=(SaveRestore(moved),))


def _wait(restore: Restore, said: str, patience: WorkPatience) -> Doing:
    if _is_late(restore, patience):
        return give_up(restore, f"{why_late(begun=restore.begun)}: {said}", patience.now)
    doing = Doing(f"restoring {_what(restore)}: {said}")
    if restore.bytes_total:
        return replace(doing, done=restore.bytes_done, total=restore.bytes_total)
    return replace(doing, done=restore.shards_done, total=restore.shards_total)


def _end(restore: Restore, now: datetime) -> Doing:
    said = f"{_what(restore)} restored"
    if restore.bytes_total:
        said += f", {size(restore.bytes_total)}"
    over = replace(restore, succeeded=True, ended=now, updated=now)
    return Doing(None, (SaveRestore(over, said),))


def _take_back(
    restore: Restore, snapshot: Snapshot | None, seen: TargetsSeen, now: datetime
) -> Doing:
    """A failed one is over when nothing broken of it is left; what nobody can see may be. What the
    engine refuses to remove is left, and told.

    Only what was seen to be its own is removed, and never while it may still come up.
    """
    said, over = _taking_back(restore), replace(restore, ended=now, updated=now)
    if isinstance(seen, Unknown):
        return Doing(f"{said}; it cannot be seen what is left of it: {seen.reason}")
    if not restore.begun:
        return Doing(said, (SaveRestore(over),))
    if isinstance(seen, Broken):
        left = f"what is left of it could not be taken back: {seen.reason}"
        told = replace(over, reason=f"{restore.reason}; {left}")
        return Doing(None, (SaveRestore(told, f"a restore has failed, and {left}"),))
    return _undo(restore, snapshot, seen, now)


def _undo(restore: Restore, snapshot: Snapshot | None, seen: Seen, now: datetime) -> Doing:
    said = _taking_back(restore)
    known = noticed(restore, snapshot, seen)
    if known != restore:
        return Doing(said, (SaveRestore(known),))
    own = {one.name: seen[one.name] for one in known.targets if not one.done and _is_own(one, seen)}
    waiting = [name for name, one in own.items() if one.is_open and one.pending]
    if waiting:
        return Doing(f"{said}; waiting for shards of {named(waiting)}")
    removes = {name: one.identity for name, one in own.items() if one.failed or one.restoring}
    opens = {
        one.name: seen[one.name].identity
        for one in known.targets
        if one.name in seen and seen[one.name].identity == one.before and not seen[one.name].is_open
    }
    if removes or opens:
        return Doing(said, (TakeBackRestore(removes, opens),))
    return Doing(said, (SaveRestore(replace(restore, ended=now, updated=now)),))


def _taking_back(restore: Restore) -> str:
    return f"taking back a restore that has failed: {restore.reason}"


def _is_late(restore: Restore, patience: WorkPatience) -> bool:
    return patience.is_out(begun=restore.begun, moved=restore.updated or restore.started)


def _what(restore: Restore) -> str:
    return named(one.name for one in restore.targets)
