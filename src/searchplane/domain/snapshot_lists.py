"""Lists and buckets kept alike: what is listed can be restored, and what is in a bucket is listed.

The bucket is right. A snapshot that the list calls complete and the bucket has not is FAILED; one
that the list gave up and the engine finished all the same is there again; a complete one of ours
that is in no list is listed, be it of a cluster that is gone, or in a bucket that was attached.
What is left of those that failed is removed. Where everything is missing at once the bucket may
not be mounted, and one that is in no list and at work may be whole soon: both are looked at again
later. What carries no label of ours is left alone, and so
is what a label tells of another cluster than the folder is of, or of a time to come: it would have
two clusters write to one place, or push out what is real.

Snapshots whose cluster went away while there was something to do with them are taken over by the
cluster that compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from searchplane.domain import retention, snapshotting
from searchplane.domain.cluster import Cluster
from searchplane.domain.ids import ProjectId, SnapshotId
from searchplane.domain.snapshot_course import as_seen, failed
from searchplane.domain.snapshot_steps import (
    AddSnapshots,
    CleanRepository,
    DeleteFiles,
    RetireSnapshots,
    SaveSnapshot,
    SnapshotStep,
)
from searchplane.domain.snapshot_work import Listed
from searchplane.domain.snapshots import (
    RESTORABLE,
    IndexKept,
    Repository,
    Snapshot,
    SnapshotStatus,
)
from searchplane.domain.snapshots_seen import Label, SnapshotSeen, is_same, second_id
from searchplane.domain.wording import named

GONE = "its files are in the bucket no longer"
ADDED_AT_ONCE = 500
"""Snapshots that are listed in one transaction; a bucket may hold any number."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,127}\Z")
"""Longer than any that is given here; none means more than itself to an engine."""


def compare(cluster: Cluster, listed: Listed, now: datetime) -> tuple[SnapshotStep, ...]:
    """What to do so that a repository and its list are alike."""
    rows = {row.name: row for row in listed.rows}
    steps: list[SnapshotStep] = [*_found(cluster, listed, now)]
    for name, seen in sorted(listed.seen.snapshots.items()):
        row = rows.pop(name, None)
        if row is None:
            steps += _unlisted(listed, seen, now)
        elif row.status is not SnapshotStatus.BUILDING and not row.is_leaving:
            steps += _known(listed, row, seen, now)
    if _is_elsewhere(listed):
        return ()
    steps += [_lost(row, now) for row in rows.values() if row.is_restorable]
    has_failed = any(row.status is SnapshotStatus.FAILED for row in listed.rows)
    if has_failed and not listed.place.read_only and not listed.seen.is_building():
        steps.append(CleanRepository(listed.place, listed.writer))
    return tuple(steps)


def why_again(listed: Listed) -> str | None:
    """What a comparison leaves open: it is made again until that is known."""
    place, rows = listed.place, {row.name for row in listed.rows}
    if _is_elsewhere(listed):
        count = sum(row.is_restorable for row in listed.rows)
        return (
            f"bucket {place.bucket} holds none of the {count} snapshots that it should hold, nor "
            "any other: it may not be mounted"
        )
    for name, seen in listed.seen.snapshots.items():
        is_at_work = seen.status is SnapshotStatus.BUILDING and not place.read_only
        if is_at_work and seen.label is not None and name not in rows:
            return f"snapshot {name}, which is in no list, is still being taken"
    return None


def retire(
    cluster: Cluster,
    snapshots: Iterable[Snapshot],
    now: datetime,
    spared: frozenset[SnapshotId] = frozenset(),
) -> tuple[RetireSnapshots, ...]:
    """Automatic snapshots that newer ones have taken the place of, but for those `spared`."""
    policy = cluster.spec.backup
    if policy is None:
        return ()
    superseded = retention.superseded(policy, snapshots, now)
    old = [one for one in superseded if one.id not in spared]
    if not old:
        return ()
    names = ", ".join(one.name for one in old)
    said = f"deleting {names}: the policy keeps {policy.keepday}"
    leaving = tuple(
        snapshotting.leaving(one, cluster.id, is_swept=one.status is SnapshotStatus.FAILED)
        for one in old
    )
    return (RetireSnapshots(leaving, said),)


def take_over(
    cluster: Cluster, orphans: Iterable[Snapshot], now: datetime
) -> Iterator[SaveSnapshot]:
    """What becomes of snapshots whose cluster is gone and that somebody waits for; `cluster` is the
    one that works in their repository now (heirs.py)."""
    for one in orphans:
        if one.status is SnapshotStatus.BUILDING:
            said = f"snapshot {one.name} has failed: its cluster is gone"
            yield SaveSnapshot(failed(one, "its cluster is gone", now), said)
        elif one.is_leaving:
            yield SaveSnapshot(replace(one, worker=cluster.id))


def adopted(
    project_id: ProjectId, place: Repository, seen: SnapshotSeen, label: Label, now: datetime
) -> Snapshot:
    """The record of a snapshot, made from what lies in the bucket."""
    bare = Snapshot(
        id=label.snapshot_id,
        project_id=project_id,
        cluster_id=label.cluster_id,
        cluster_name=label.cluster_name,
        name=seen.name,
        repository=place,
        datastore=label.datastore,
        engine=label.engine,
        method=label.method,
        created=label.created,
        updated=now,
        worker=None,
        indices=label.indices if label.indices is not None else ",".join(seen.indices)[:1024],
        description=label.description or "",
        frequency=label.frequency,
        keepday=label.keepday,
        adopted=None if place.read_only else now,
    )
    known = as_seen(bare, seen, now)
    return replace(known, contents=tuple(IndexKept(name) for name in sorted(seen.indices)))


def _found(cluster: Cluster, listed: Listed, now: datetime) -> Iterator[AddSnapshots]:
    """The newest of what is whole and in no list; of copies of one snapshot, one."""
    names = listed.names | {row.name for row in listed.rows}
    ids = {row.id for row in listed.rows}
    found: dict[SnapshotId, Snapshot] = {}
    for name, seen in sorted(listed.seen.snapshots.items()):
        if name in names or seen.status not in RESTORABLE or seen.label is None:
            continue
        if _is_credible(listed, seen, seen.label, now):
            one = adopted(cluster.project_id, listed.place, seen, seen.label, now)
            if ids.isdisjoint({one.id, second_id(one)}):
                found.setdefault(one.id, one)
    newest = sorted(found.values(), key=lambda one: (one.created, one.name), reverse=True)
    added, left = tuple(newest[:ADDED_AT_ONCE]), len(newest[ADDED_AT_ONCE:])
    if added:
        yield AddSnapshots(added, _said_found(cluster, listed.place, added, left), left)


def _said_found(cluster: Cluster, place: Repository, added: Sequence[Snapshot], left: int) -> str:
    what = f"snapshot {added[0].name} was"
    if len(added) > 1:
        what = f"{len(added)} snapshots ({named(one.name for one in added)}) were"
    said = f"{what} found in bucket {place.bucket}"
    if left:
        said += f", and {left} more are still to be listed"
    if cluster.spec.backup is not None and not place.read_only:
        said += "; what is there by now is not deleted by the policy before that is set again"
    return said


def _unlisted(listed: Listed, seen: SnapshotSeen, now: datetime) -> Iterator[SnapshotStep]:
    if seen.label is None or not _is_credible(listed, seen, seen.label, now):
        return
    if seen.status is SnapshotStatus.FAILED and not listed.place.read_only:
        yield DeleteFiles(listed.place, listed.writer, seen.name)


def _is_elsewhere(listed: Listed) -> bool:
    """Whether all is missing at once: rather is a disk not mounted than every snapshot lost."""
    return not listed.seen.snapshots and any(row.is_restorable for row in listed.rows)


def _is_credible(listed: Listed, seen: SnapshotSeen, label: Label, now: datetime) -> bool:
    """Who can write to a bucket can write a label, and give a snapshot a name such as `*`."""
    is_of_writer = label.cluster_id == listed.writer
    return is_of_writer and label.created <= now and _NAME.match(seen.name) is not None


def _known(
    listed: Listed, row: Snapshot, seen: SnapshotSeen, now: datetime
) -> Iterator[SnapshotStep]:
    if not is_same(row, seen):
        if row.is_restorable:
            yield _lost(row, now)
    elif row.status is SnapshotStatus.FAILED and seen.status in RESTORABLE:
        said = f"snapshot {row.name} is complete after all"
        yield SaveSnapshot(as_seen(row, seen, now), said)
    elif row.status is SnapshotStatus.FAILED and not listed.place.read_only:
        yield DeleteFiles(listed.place, listed.writer, row.name)


def _lost(row: Snapshot, now: datetime) -> SaveSnapshot:
    said = f"snapshot {row.name} cannot be restored: {GONE}"
    return SaveSnapshot(failed(row, GONE, now), said)
