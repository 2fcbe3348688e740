"""Which automatic snapshots have had their time, once newer ones are there.

`keepday` is a number of snapshots, of the policy's own frequency; everything else is the user's:
manual ones, those of another frequency and those in a bucket that is not ours to write are never
touched (api/semantics.md, section 1.3).

What counts is what a cluster could be made whole from. A snapshot that lacks shards, or that a
verification could not restore, pushes none out that is complete, so the last complete one always
stays; there are never more than twice `keepday`.

A snapshot that was found in the bucket and in no list says that the list is old, and so may the
policy be: a database that was restored has the `keepday` of its day. What was there when one was
found is therefore neither counted nor touched until the policy is set again; what was taken since
is kept by the policy that its user sees.

Deleting is no business of this module: it only names them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from searchplane.domain.cluster import BackupStrategy
from searchplane.domain.snapshots import Method, RestoreStatus, Snapshot, SnapshotStatus

FAILED_SHOWN = timedelta(days=7)
"""How long a failed automatic snapshot stays in the list to be read about."""


def superseded(
    policy: BackupStrategy, snapshots: Iterable[Snapshot], now: datetime
) -> tuple[Snapshot, ...]:
    """Those of one cluster that are to be deleted, oldest first."""
    known = tuple(snapshots)
    found = max((one.adopted for one in known if one.adopted is not None), default=None)
    mine = sorted(
        (one for one in known if _is_of(policy, one) and (found is None or one.created > found)),
        key=lambda one: (one.created, one.id),
    )
    kept = _kept(policy.keepday, [one for one in mine if one.is_restorable])
    return tuple(
        one for one in mine if _may_go(one) and one not in kept and not _is_fresh(one, now)
    )


def is_whole(snapshot: Snapshot) -> bool:
    """Everything that was asked for is in it, and no verification has said otherwise."""
    verdict = snapshot.verified.succeeded if snapshot.verified else None
    return snapshot.status is SnapshotStatus.COMPLETED and verdict is not False


def _is_of(policy: BackupStrategy, snapshot: Snapshot) -> bool:
    return (
        snapshot.method is Method.AUTO
        and snapshot.frequency == policy.frequency
        and not snapshot.repository.read_only
    )


def _kept(count: int, oldest_first: list[Snapshot]) -> list[Snapshot]:
    """The newest whole ones, and of the others as many that are newer than all of these."""
    whole = [one for one in oldest_first if is_whole(one)][-count:]
    others = [one for one in oldest_first if not is_whole(one)]
    if whole:
        others = [one for one in others if one.created > whole[0].created]
    return whole + others[-count:]


def _may_go(snapshot: Snapshot) -> bool:
    """Nobody writes, reads or deletes it now."""
    return (
        snapshot.status is not SnapshotStatus.BUILDING
        and snapshot.restore_status is not RestoreStatus.RESTORING
        and not snapshot.is_leaving
    )


def _is_fresh(snapshot: Snapshot, now: datetime) -> bool:
    """Whether it has failed so short a while ago that its reason is still to be read."""
    return snapshot.status is SnapshotStatus.FAILED and now - snapshot.updated < FAILED_SHOWN
