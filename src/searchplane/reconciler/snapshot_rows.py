"""What steps of snapshots and restores store: rows, the cluster's action and an event, in one
transaction, and only while nobody has changed the cluster's record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from searchplane.domain import heirs
from searchplane.domain.change import begun, completed
from searchplane.domain.cluster import Action, ActionKind, Cluster
from searchplane.domain.ids import ClusterId
from searchplane.domain.plan import Phase
from searchplane.domain.snapshot_steps import (
    AddSnapshots,
    BeginAutomatic,
    EndSnapshot,
    ForgetSnapshot,
    RetireSnapshots,
    SaveRestore,
    SaveSnapshot,
    SkipAutomatic,
    SnapshotStep,
)
from searchplane.domain.snapshots import (
    Repository,
    Restore,
    RestoreStatus,
    Snapshot,
    SnapshotStatus,
)
from searchplane.domain.snapshots_seen import second_id
from searchplane.domain.snapshotting import newest_engine
from searchplane.reconciler.ports import Ports
from searchplane.reconciler.recording import record
from searchplane.store import buckets, events, restores, scratch, snapshots
from searchplane.store.database import Transaction

log = logging.getLogger(__name__)


async def store(step: SnapshotStep, cluster: Cluster, ports: Ports) -> Cluster:
    """Store what the step says; gives the cluster as it is recorded then. Raises Superseded."""
    now = datetime.now(UTC)
    after = _after(step, cluster, now)

    def also(connection: Transaction) -> None:
        said = _save(connection, step, cluster)
        if said is not None:
            phase = Phase.RESTORE if isinstance(step, SaveRestore) else Phase.SNAPSHOT
            events.add(connection, cluster.id, now, phase.value, said)
            events.prune(connection, cluster.id, now)
            log.info("cluster %s (%s): %s", cluster.spec.name, cluster.id, said)

    return await record(cluster, after, ports, also)


def _after(step: SnapshotStep, cluster: Cluster, now: datetime) -> Cluster:
    """The cluster's record when the step is stored."""
    match step:
        case BeginAutomatic(snapshot, moment):
            action = Action(ActionKind.SNAPSHOTTING, now, id=snapshot.id)
            return replace(begun(cluster, action), backed_up=moment, updated=now)
        case SkipAutomatic(moment):
            return replace(cluster, backed_up=moment)
        case EndSnapshot(snapshot) | SaveSnapshot(snapshot):
            is_over = snapshot.status is not SnapshotStatus.BUILDING
            return _without_action(cluster, snapshot.id, now) if is_over else cluster
        case SaveRestore(restore, _, ends_action):
            is_over = ends_action or restore.ended is not None
            return _without_action(cluster, restore.id, now) if is_over else cluster
        case _:
            return cluster


def _without_action(cluster: Cluster, action_id: str, now: datetime) -> Cluster:
    if cluster.action is None or cluster.action.id != action_id:
        return cluster
    return replace(completed(cluster), updated=now)


def _save(connection: Transaction, step: SnapshotStep, cluster: Cluster) -> str | None:
    """Store the rows; gives the sentence that is worth an event."""
    is_worth = True
    match step:
        case AddSnapshots(found):
            is_worth = _add(connection, found)
        case BeginAutomatic(snapshot):
            snapshots.add(connection, snapshot)
        case EndSnapshot(snapshot) | SaveSnapshot(snapshot):
            is_worth = _keep(connection, snapshot, cluster)
        case RetireSnapshots(leaving):
            is_worth = _retire(connection, leaving)
        case ForgetSnapshot(snapshot):
            snapshots.forget(connection, snapshot.id)
        case SaveRestore(restore):
            _keep_restore(connection, restore, cluster)
        case SkipAutomatic():
            pass
        case _:
            raise TypeError(f"{type(step).__name__} is nothing to store")
    return step.said if is_worth else None


async def touch(place: Repository, writer: ClusterId, cluster: Cluster, ports: Ports) -> None:
    """Have all rows of a repository tell that the cluster's engine writes there, before it does."""

    def mark() -> None:
        with ports.database.read() as connection:
            if not _untouched(connection, place, writer, cluster):
                return
        with ports.database.write() as connection:
            for row in _untouched(connection, place, writer, cluster):
                snapshots.save(connection, row)

    await asyncio.to_thread(mark)


def _untouched(
    connection: Transaction, place: Repository, writer: ClusterId, cluster: Cluster
) -> Sequence[Snapshot]:
    rows = snapshots.of_cluster(connection, cluster.project_id, writer)
    mine = [row for row in rows if row.repository == place]
    return heirs.touched(mine, newest_engine(cluster))


def _add(connection: Transaction, found: tuple[Snapshot, ...]) -> bool:
    """List those that were found; False if all are listed already, here or in another place, or if
    somebody has let go of their bucket meanwhile.

    They are of one repository, and so of one cluster, whose names are read once.
    """
    place = found[0].repository
    if place.read_only and not buckets.is_attached(connection, found[0].project_id, place.bucket):
        return False
    names = snapshots.names_of_cluster(connection, found[0].project_id, found[0].cluster_id)
    is_any = False
    for one in found:
        free = _with_free_id(connection, one) if one.name not in names else None
        if free is not None:
            snapshots.add(connection, free)
            is_any = True
    return is_any


def _with_free_id(connection: Transaction, snapshot: Snapshot) -> Snapshot | None:
    """What another project lists has a second id here; None if that is listed too."""
    there = snapshots.find(connection, snapshot.id)
    if there is None:
        return snapshot
    if there.project_id == snapshot.project_id:
        return None
    second = replace(snapshot, id=second_id(snapshot))
    return second if snapshots.find(connection, second.id) is None else None


def _keep(connection: Transaction, snapshot: Snapshot, cluster: Cluster) -> bool:
    """Save it with what others have stored; False where it is gone, or another cluster was told
    meanwhile to delete it."""
    there = snapshots.find(connection, snapshot.id)
    if there is None:
        return False
    if there.is_leaving and not snapshot.is_leaving and there.worker != cluster.id:
        return False
    kept = replace(snapshot, restore_status=there.restore_status, verified=there.verified)
    return snapshots.save(connection, kept)


def _retire(connection: Transaction, leaving: tuple[Snapshot, ...]) -> bool:
    """Those that somebody restores, or is about to, stay for now."""
    found = [snapshots.find(connection, one.id) for one in leaving]
    free = [
        one
        for one in found
        if one is not None and not one.is_leaving and not restores.held(connection, one.id)
    ]
    workers = {one.id: one.worker for one in leaving}
    for one in free:
        snapshots.save(connection, replace(one, is_leaving=True, worker=workers[one.id]))
    return bool(free)


def _keep_restore(connection: Transaction, restore: Restore, cluster: Cluster) -> None:
    """What a user is shown of a snapshot's restores is of those that users asked for."""
    restores.save(connection, restore)
    if cluster.spec.verifies is not None:
        return
    snapshot = snapshots.find(connection, restore.snapshot_id)
    if restore.succeeded is None or snapshot is None:
        return
    others = [one for one in scratch.asked_for(connection, snapshot.id) if one.id != restore.id]
    if not any(one.succeeded is None for one in others):
        status = RestoreStatus.SUCCESS if restore.succeeded else RestoreStatus.FAILED
        snapshots.save(connection, replace(snapshot, restore_status=status))
