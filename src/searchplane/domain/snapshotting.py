"""What is accepted of making and deleting snapshots (api/semantics.md, section 4.6).

A snapshot's files are written by one cluster at a time: its own while that is there. When it is
gone, another one of the project may delete in its place (heirs.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from searchplane.domain.change import BACKING_UP, Change, begun, check_idle
from searchplane.domain.cluster import Action, ActionKind, Cluster, SnapshotSettings
from searchplane.domain.engines import ENGINES, Engine
from searchplane.domain.heirs import worker_for
from searchplane.domain.ids import ClusterId, SnapshotId
from searchplane.domain.index_patterns import ALL_INDICES
from searchplane.domain.retention import is_whole
from searchplane.domain.snapshot_texts import (
    description_violations,
    expression_violations,
    name_violations,
)
from searchplane.domain.snapshots import (
    Method,
    RestoreStatus,
    Snapshot,
    SnapshotStatus,
    repository_of,
)
from searchplane.domain.violation import Violation, refuse
from searchplane.errors import Refused


@dataclass(frozen=True)
class Wish:
    """A snapshot as a user asks for it."""

    name: str
    description: str
    indices: str


def take(cluster: Cluster, wish: Wish, snapshot_id: SnapshotId, now: datetime) -> Change:
    """`POST index_snapshot`. Whether the name is taken, the store tells.

    Raises Refused CSS.0004 while snapshots are off, CSS.3004 while one is taken or restored, and
    with every broken rule.
    """
    settings = settings_of(cluster)
    check_idle(cluster, backing_up="CSS.3004")
    refuse([*_violations(wish)])
    snapshot = Snapshot(
        id=snapshot_id,
        project_id=cluster.project_id,
        cluster_id=cluster.id,
        cluster_name=cluster.spec.name,
        name=wish.name,
        repository=repository_of(settings, cluster.id),
        datastore=cluster.spec.datastore,
        engine=newest_engine(cluster),
        method=Method.MANUAL,
        created=now,
        updated=now,
        worker=cluster.id,
        indices=wish.indices,
        description=wish.description,
    )
    action = Action(ActionKind.SNAPSHOTTING, now, id=snapshot_id)
    said = f"take the snapshot {wish.name} of {wish.indices}"
    return Change(cluster, begun(cluster, action), said, takes=snapshot)


def settings_of(cluster: Cluster) -> SnapshotSettings:
    """Raises Refused CSS.0004 while snapshots are off."""
    if cluster.spec.snapshots is None:
        raise Refused(
            "CSS.0004",
            "snapshots of the cluster are off: index_snapshot/auto_setting or "
            "index_snapshot/setting turns them on",
        )
    return cluster.spec.snapshots


def check_removable(snapshot: Snapshot, held: str | None) -> None:
    """Refuse to delete what is being made (CSS.0029), is restored now or about to be (CSS.0012), or
    is not ours. `held` says what somebody wants of it, None if nobody does."""
    if snapshot.status is SnapshotStatus.BUILDING:
        raise Refused("CSS.0029", f"the snapshot {snapshot.name} is still being made")
    check_free(snapshot, held)
    if snapshot.repository.read_only:
        raise Refused(
            "CSS.5090",
            f"the bucket {snapshot.repository.bucket} is attached to restore from: nothing is "
            "deleted in it",
        )


def check_free(snapshot: Snapshot, held: str | None) -> None:
    """Refuse what would take it from somebody who restores it. Raises Refused CSS.0012."""
    if held is None and snapshot.restore_status is RestoreStatus.RESTORING:
        held = "is being restored"
    if held is not None:
        raise Refused("CSS.0012", f"the snapshot {snapshot.name} {held}: wait for its end")


def remove(worker: Cluster, snapshot: Snapshot) -> Change:
    """`DELETE index_snapshot/{id}`, to be done by this cluster. Again is nothing more."""
    going = leaving(snapshot, snapshot.worker if snapshot.is_leaving else worker.id)
    said = f"delete the snapshot {snapshot.name}"
    if worker.id != snapshot.cluster_id:
        said = f"{said} of {snapshot.cluster_name}, which is gone"
    return Change(worker, worker, said, snapshots=(going,))


def leaving(snapshot: Snapshot, worker: ClusterId | None, *, is_swept: bool = False) -> Snapshot:
    """What somebody named goes whatever it is; what is only swept stays if it is whole."""
    return replace(snapshot, is_leaving=True, worker=worker, is_swept=is_swept)


def check_deletable(cluster: Cluster) -> None:
    """Refuse to delete a cluster of which a snapshot is taken, or into which one is restored.

    One that has failed may go: nothing else might end it. Raises Refused CSS.3004.
    """
    action = cluster.action
    if action is not None and action.kind in BACKING_UP and cluster.failure is None:
        raise Refused(
            "CSS.3004", f"the cluster is {action.kind.value}: {cluster.sentence}; wait for its end"
        )


def released(
    cluster: Cluster, work: Sequence[Snapshot], clusters: Sequence[Cluster], now: datetime
) -> tuple[Snapshot, ...]:
    """What becomes of a cluster's work with snapshots when the cluster is deleted.

    What it made is over. What it was to delete is left to it until it is gone and its heir begins
    (heirs.py); where there is none, it is listed again, as its files stay.
    """
    others = [one for one in clusters if one.id != cluster.id]
    done: list[Snapshot] = []
    for one in work:
        if one.status is SnapshotStatus.BUILDING:
            done.append(_given_up(one, now))
        elif not one.is_leaving or worker_for(one, work, others) is None:
            done.append(_kept(one, now))
    return tuple(done)


def _given_up(snapshot: Snapshot, now: datetime) -> Snapshot:
    return replace(
        snapshot,
        status=SnapshotStatus.FAILED,
        reason="its cluster was deleted while it was being made",
        worker=None,
        is_leaving=False,
        ended=now,
        updated=now,
    )


def _kept(snapshot: Snapshot, now: datetime) -> Snapshot:
    return replace(snapshot, worker=None, is_leaving=False, is_swept=False, updated=now)


def is_full(snapshot: Snapshot) -> bool:
    """Whether it holds all indices that there were, and no verification has said otherwise."""
    return is_whole(snapshot) and snapshot.indices == ALL_INDICES and not snapshot.is_leaving


def newest_engine(cluster: Cluster) -> Engine:
    """The newest that a node runs: an older one may not read what it wrote."""
    return max(
        (node.engine or cluster.spec.engine for node in cluster.nodes),
        key=ENGINES.index,
        default=cluster.spec.engine,
    )


def _violations(wish: Wish) -> Iterator[Violation]:
    yield from name_violations(wish.name)
    yield from description_violations(wish.description)
    yield from expression_violations(wish.indices)
