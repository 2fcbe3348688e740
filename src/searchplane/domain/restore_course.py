"""The course of one restore into a cluster, from the order to its end, from a fresh look.

    accepted -> `begun` with the ids of what was there -> the indices come -> over
                                                       -> failed -> taken back -> over

`begun` is stored before the engine is told. From then on an index of another id than before is
one that was restored: so a repeated pass knows whether the engine has taken the order, and what a
failed restore has made. Of that, what is broken is removed, and what was closed for it and not
touched is opened again. What the engine forgot to restore over is ordered anew; where the restore
is given up, it stays as it is.
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
    Patience,
    Restoring,
    TargetsSeen,
    why_late,
)
from searchplane.domain.snapshots import Restore, Snapshot, TargetIndex
from searchplane.domain.snapshots_seen import IndexSeen
from searchplane.domain.wording import size

NAMED = 5
"""Names of indices in a sentence."""

Seen = Mapping[str, IndexSeen]


def bring(cluster: Cluster, job: Restoring, seen: TargetsSeen, patience: Patience) -> Doing:
    """What to do about a restore that is not over."""
    restore = job.restore
    if restore.succeeded is False:
        return _take_back(restore, seen, patience.now)
    given_up = given_up_for(cluster, restore.id)
    if given_up is not None:
        return fail(restore, given_up, patience.now)
    if job.snapshot is None or not job.snapshot.is_restorable:
        return fail(restore, "its snapshot cannot be restored any longer", patience.now)
    return _go_on(restore, job.snapshot, seen, patience)


def overdue(cluster: Cluster, job: Restoring, patience: Patience) -> Doing | None:
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
    step = replace(failure(restore, given_up, patience.now), ends_action=True)
    return Doing(None, (step,))


def fail(restore: Restore, reason: str, now: datetime) -> Doing:
    return Doing(None, (failure(restore, reason, now),))


def failure(restore: Restore, reason: str, now: datetime) -> SaveRestore:
    """Its reason is stored first, so that nothing brings back what is being taken back."""
    failed = replace(restore, succeeded=False, reason=reason, updated=now)
    return SaveRestore(failed, f"the restore has failed: {reason}")


def _go_on(restore: Restore, snapshot: Snapshot, seen: TargetsSeen, patience: Patience) -> Doing:
    match seen:
        case Broken(reason):
            return fail(restore, reason, patience.now)
        case Unknown(reason):
            return _wait(restore, f"it cannot be seen how far it is: {reason}", patience)
    if restore.begun:
        return _follow(restore, snapshot, seen, patience)
    return _begin(restore, snapshot, seen, patience)


def _begin(restore: Restore, snapshot: Snapshot, seen: Seen, patience: Patience) -> Doing:
    taken = [one.name for one in restore.targets if one.name in seen]
    if taken and not restore.replaces:
        reason = f"the cluster has {named(taken)} already, and nothing is to be replaced"
        return fail(restore, reason, patience.now)
    if _is_late(restore, patience):
        return fail(restore, why_late(begun=False), patience.now)
    targets = tuple(_marked(one, seen) for one in restore.targets)
    begun = replace(restore, targets=targets, begun=True, updated=patience.now)
    return _order(begun, snapshot, seen, SaveRestore(begun))


def _marked(target: TargetIndex, seen: Seen) -> TargetIndex:
    there = seen.get(target.name)
    return replace(target, before=there.identity if there is not None else None)


def _order(
    restore: Restore, snapshot: Snapshot, seen: Seen, first: SaveRestore | None = None
) -> Doing:
    """The first order, or the same once more where nothing of it has arrived."""
    closes = {
        one.name: seen[one.name].identity
        for one in restore.targets
        if one.name in seen and seen[one.name].is_open
    }
    order = BeginRestore(restore, snapshot, closes)
    steps = (first, order) if first is not None else (order,)
    return Doing(f"restoring {_what(restore)}", steps)


def _follow(restore: Restore, snapshot: Snapshot, seen: Seen, patience: Patience) -> Doing:
    arrived = {one.name: seen[one.name] for one in restore.targets if _has_arrived(one, seen)}
    if not arrived:
        if patience.is_out(begun=False, moved=restore.updated or restore.started):
            return fail(restore, why_late(begun=False), patience.now)
        return _order(restore, snapshot, seen)
    missing = [one.name for one in restore.targets if one.name not in arrived]
    if missing:
        reason = f"{named(missing)} went away meanwhile or never came"
        return fail(restore, reason, patience.now)
    broken = [name for name, one in arrived.items() if one.failed]
    if not broken and any(one.emptied for one in arrived.values()):
        return _again(restore, snapshot, seen, patience)
    if broken:
        why = next((arrived[name].reason for name in broken if arrived[name].reason), None)
        reason = f"{named(broken)} could not be restored"
        return fail(restore, f"{reason}: {why}" if why else reason, patience.now)
    return _watch(restore, arrived, patience)


def _again(restore: Restore, snapshot: Snapshot, seen: Seen, patience: Patience) -> Doing:
    """All nodes ended while indices were restored over: they are open again with what they had
    before, which nobody is to take for the snapshot's."""
    targets = tuple(_marked(one, seen) for one in restore.targets)
    anew = replace(restore, targets=targets, updated=patience.now)
    return _order(anew, snapshot, seen, SaveRestore(anew))


def _watch(restore: Restore, arrived: Seen, patience: Patience) -> Doing:
    """All indices have come, and nothing of them is broken."""
    known = replace(
        restore,
        shards_total=sum(one.shards for one in arrived.values()),
        shards_done=sum(one.started for one in arrived.values()),
        bytes_total=sum(one.bytes_total for one in arrived.values()),
        bytes_done=sum(one.bytes_done for one in arrived.values()),
    )
    if all(one.is_restored for one in arrived.values()):
        return _end(known, patience.now)
    said = f"{known.shards_done} of {known.shards_total} shards"
    if known.bytes_total:
        said += f", {size(known.bytes_done)} of {size(known.bytes_total)}"
    if known == restore:
        return _wait(restore, said, patience)
    moved = replace(known, updated=patience.now)
    return replace(_wait(moved, said, patience), steps=(SaveRestore(moved),))


def _wait(restore: Restore, said: str, patience: Patience) -> Doing:
    if _is_late(restore, patience):
        return fail(restore, f"{why_late(begun=restore.begun)}: {said}", patience.now)
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


def _take_back(restore: Restore, seen: TargetsSeen, now: datetime) -> Doing:
    """A failed one is over when nothing broken of it is left; what nobody can see may be."""
    said = f"taking back a restore that has failed: {restore.reason}"
    over = replace(restore, ended=now, updated=now)
    if isinstance(seen, Unknown):
        return Doing(f"{said}; it cannot be seen what is left of it: {seen.reason}")
    if isinstance(seen, Broken) or not restore.begun:
        return Doing(said, (SaveRestore(over),))
    there = [(one, seen[one.name]) for one in restore.targets if one.name in seen]
    removes = {
        one.name: index.identity
        for one, index in there
        if index.identity != one.before and not (index.is_restored or index.emptied)
    }
    opens = {
        one.name: index.identity
        for one, index in there
        if index.identity == one.before and not index.is_open
    }
    if removes or opens:
        return Doing(said, (TakeBackRestore(removes, opens),))
    return Doing(said, (SaveRestore(over),))


def _has_arrived(target: TargetIndex, seen: Seen) -> bool:
    there = seen.get(target.name)
    return there is not None and there.identity != target.before


def _is_late(restore: Restore, patience: Patience) -> bool:
    return patience.is_out(begun=restore.begun, moved=restore.updated or restore.started)


def _what(restore: Restore) -> str:
    return named(one.name for one in restore.targets)


def named(names: Iterable[str]) -> str:
    """The first few by name."""
    known = sorted(names)
    rest = len(known) - NAMED
    said = ", ".join(known[:NAMED])
    return f"{said} and {rest} more" if rest > 0 else said
