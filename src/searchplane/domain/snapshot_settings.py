"""Where snapshots of a live cluster go, and the policy of automatic ones (api/semantics.md, 4.6).

All of it is only wanted state: a pass reads it when it takes a snapshot. Turning things off may be
asked for at any time, as nothing is in its way but a snapshot or restore at work.

A policy holds from the moment it is set: what lies before was not missed (schedule.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from searchplane.domain.backup import default_bucket, place_violations, policy_violations
from searchplane.domain.change import BACKING_UP, Change, check_idle
from searchplane.domain.cluster import ActionKind, BackupStrategy, Cluster, SnapshotSettings
from searchplane.domain.ids import SnapshotId
from searchplane.domain.snapshots import Method, Snapshot, SnapshotStatus, repository_of
from searchplane.domain.snapshotting import check_free, check_removable, leaving, settings_of
from searchplane.domain.violation import refuse
from searchplane.errors import Refused

Held = Mapping[SnapshotId, str]
"""What somebody wants of snapshots that must stay for it (store/restores.py)."""
NONE: Held = MappingProxyType({})


def settle(
    cluster: Cluster, wanted: SnapshotSettings, kept: Sequence[Snapshot], now: datetime
) -> Change:
    """`POST index_snapshot/setting`: snapshots are on, and go there. `kept` are those there are.

    The place cannot change while it holds snapshots of the cluster. Raises Refused with every
    broken rule.
    """
    check_idle(cluster)
    refuse([*place_violations(wanted, "")])
    before = cluster.spec.snapshots
    if before is not None:
        _check_place(cluster, before, wanted, kept)
    after = replace(cluster, spec=replace(cluster.spec, snapshots=wanted), updated=now)
    return Change(cluster, after, f"keep snapshots in the bucket {wanted.bucket}")


def settle_by_default(cluster: Cluster, now: datetime) -> Change:
    """`POST index_snapshot/auto_setting`: on, in the project's own bucket; on already, as it is."""
    bucket = default_bucket(cluster.project_id)
    return settle(cluster, cluster.spec.snapshots or SnapshotSettings(bucket), (), now)


def set_policy(
    cluster: Cluster, wanted: BackupStrategy, kept: Sequence[Snapshot], now: datetime
) -> Change:
    """Automatic snapshots are on. Raises Refused CSS.0004 while snapshots are off."""
    check_idle(cluster)
    settings_of(cluster)
    return with_policy(Change(cluster, cluster, ""), wanted, kept, now)


def with_policy(
    change: Change, wanted: BackupStrategy, kept: Sequence[Snapshot], now: datetime
) -> Change:
    """The change with this policy besides; it is about what was found meanwhile too."""
    refuse([*policy_violations(wanted, "")])
    before = change.before.spec.backup
    is_same = before is not None and _moments(before) == _moments(wanted)
    after = replace(
        change.after,
        spec=replace(change.after.spec, backup=wanted),
        backed_up=change.after.backed_up if is_same else now,
        updated=now,
    )
    said = f"take snapshots by themselves ({wanted.frequency}, {wanted.period}), {wanted.keepday} "
    said = _joined(change.said, f"{said}are kept")
    settled = tuple(replace(one, adopted=None) for one in kept if one.adopted is not None)
    return replace(change, after=after, said=said, snapshots=settled)


def end_policy(
    cluster: Cluster,
    kept: Sequence[Snapshot],
    now: datetime,
    *,
    deletes: bool,
    held: Held = NONE,
) -> Change:
    """No automatic snapshots from now on; `deletes` removes those there are.

    Raises Refused CSS.0004 while snapshots are off, CSS.0012 if one that would go is restored.
    """
    check_calm(cluster)
    settings_of(cluster)
    return without_policy(Change(cluster, cluster, ""), kept, now, deletes=deletes, held=held)


def without_policy(
    change: Change,
    kept: Sequence[Snapshot],
    now: datetime,
    *,
    deletes: bool,
    held: Held = NONE,
) -> Change:
    """The change, and no policy besides. One that is restored now is not deleted but refused; those
    in an attached bucket are copies, and stay."""
    own = [one for one in kept if one.method is Method.AUTO and not one.repository.read_only]
    automatic = [one for one in own if deletes and not one.is_leaving]
    for one in automatic:
        check_removable(one, held.get(one.id))
    going = tuple(leaving(one, change.before.id) for one in automatic)
    after = replace(change.after, spec=replace(change.after.spec, backup=None), updated=now)
    said = "take no more snapshots by themselves"
    if going:
        said = f"{said}, and delete the {len(going)} there are"
    return replace(change, after=after, snapshots=going, said=_joined(change.said, said))


def turn_off(
    cluster: Cluster, kept: Sequence[Snapshot], now: datetime, *, held: Held = NONE
) -> Change:
    """`DELETE index_snapshots`: no more snapshots, by hand or by themselves.

    Those there are stay, and stay listed, as nothing else would lead to them; records of failed
    ones go, unless they turn out to be whole. Raises Refused CSS.0012 while another cluster
    restores one of them, or is to.
    """
    check_calm(cluster)
    for one in kept:
        check_free(one, held.get(one.id))
    failed = [one for one in kept if one.status is SnapshotStatus.FAILED and not one.is_leaving]
    spec = replace(cluster.spec, snapshots=None, backup=None)
    return Change(
        cluster,
        replace(cluster, spec=spec, updated=now),
        "turn snapshots off; those there are stay in the bucket",
        snapshots=tuple(leaving(one, cluster.id, is_swept=True) for one in failed),
    )


def check_calm(cluster: Cluster) -> None:
    """Refuse what may be asked for unless a snapshot is taken or restored, or the cluster goes."""
    if cluster.action is not None and cluster.action.kind in BACKING_UP:
        check_idle(cluster)
    if cluster.is_being(ActionKind.DELETING):
        raise Refused("CSS.5090", "the cluster is being deleted")


def _check_place(
    cluster: Cluster,
    before: SnapshotSettings,
    wanted: SnapshotSettings,
    kept: Sequence[Snapshot],
) -> None:
    place = repository_of(before, cluster.id)
    there = [one for one in kept if one.repository.location == place.location]
    if there and repository_of(wanted, cluster.id) != place:
        raise Refused(
            "CSS.5090",
            f"bucket is {wanted.bucket!r} and base_path {wanted.base_path!r}, but {len(there)} "
            f"snapshots of the cluster lie in {before.bucket!r}, {before.base_path!r}: the place "
            "cannot change before they are deleted, or snapshots are turned off",
        )


def _moments(policy: BackupStrategy) -> tuple[str, str]:
    return policy.frequency, policy.period


def _joined(before: str, more: str) -> str:
    return f"{before}; {more}" if before else more
