"""Steps of snapshots and restores made true. Each may be repeated.

What is recorded when is the same everywhere: that a snapshot has begun is stored after the engine
took the order, which may be given twice; that a restore has begun before it, by a step of its
own. What the engine refuses for good ends the snapshot or the restore, and is no error of the
pass. Figures of documents are welcome, not needed: a snapshot does not fail for them.

Before anything is written to a repository, its rows tell which engine does it (domain/heirs.py).
Rows are saved only while nobody has changed the cluster's record, and what others store with a
row (deletion elsewhere, a restore, a verification) stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from searchplane.domain import restore_course, snapshot_course
from searchplane.domain.cluster import Cluster
from searchplane.domain.index_patterns import patterns
from searchplane.domain.observed import Target
from searchplane.domain.restoring import check_held
from searchplane.domain.snapshot_steps import (
    BeginAutomatic,
    BeginRestore,
    BeginSnapshot,
    CleanRepository,
    DeleteFiles,
    EndSnapshot,
    SaveRestore,
    SaveSnapshot,
    SkipAutomatic,
    SnapshotStep,
    TakeBackRestore,
)
from searchplane.domain.snapshots import IndexKept, SnapshotStatus
from searchplane.domain.snapshots_seen import IndexCount, repository_name
from searchplane.errors import Permanent, Refused, SearchplaneError
from searchplane.reconciler.compose import addresses_of, target_of
from searchplane.reconciler.ports import Ports
from searchplane.reconciler.recording import secrets_of
from searchplane.reconciler.registering import registered
from searchplane.reconciler.snapshot_rows import store, touch


async def act(step: SnapshotStep, cluster: Cluster, ports: Ports) -> Cluster:
    """Make one step true; gives the cluster as it is recorded then.

    Raises Transient or Permanent from the engine, and Superseded.
    """
    match step:
        case BeginSnapshot(snapshot):
            await touch(snapshot.repository, snapshot.cluster_id, cluster, ports)
            begun = await _begin_snapshot(step, cluster, await target_for(cluster, ports), ports)
            return await store(begun, cluster, ports)
        case EndSnapshot() | BeginRestore():
            target = await target_for(cluster, ports)
            told = await _told(step, cluster, target, ports)
            return cluster if told is None else await store(told, cluster, ports)
        case DeleteFiles(place, writer) | CleanRepository(place, writer):
            await touch(place, writer, cluster, ports)
            await _tell(step, cluster, await target_for(cluster, ports), ports)
            return cluster
        case TakeBackRestore():
            await _tell(step, cluster, await target_for(cluster, ports), ports)
            return cluster
        case BeginAutomatic():
            return await _begin_automatic(step, cluster, ports)
        case _:
            return await store(step, cluster, ports)


async def _begin_automatic(step: BeginAutomatic, cluster: Cluster, ports: Ports) -> Cluster:
    try:
        return await store(step, cluster, ports)
    except Refused as refused:  # a user's snapshot has the name
        said = f"the automatic snapshot is skipped: {refused}"
        return await store(SkipAutomatic(step.moment, said), cluster, ports)


async def target_for(cluster: Cluster, ports: Ports) -> Target:
    return target_of(cluster, await secrets_of(cluster, ports), addresses_of(cluster))


async def _told(
    step: EndSnapshot | BeginRestore,
    cluster: Cluster,
    target: Target,
    ports: Ports,
) -> SnapshotStep | None:
    """Give the order; what is to be stored of it then, if anything is."""
    match step:
        case EndSnapshot(snapshot, said):
            counts = await _count(target, [one.name for one in snapshot.contents], ports)
            contents = tuple(_counted_after(one, counts) for one in snapshot.contents)
            return EndSnapshot(replace(snapshot, contents=contents), said)
        case BeginRestore():
            return await _begin_restore(step, cluster, target, ports)


async def _begin_snapshot(
    step: BeginSnapshot, cluster: Cluster, target: Target, ports: Ports
) -> SaveSnapshot:
    snapshot, now = step.snapshot, datetime.now(UTC)
    repository = repository_name(cluster.id, snapshot.cluster_id)
    counts = await _count(target, patterns(snapshot.indices), ports)
    try:
        await ports.snapshots.begin_snapshot(target, repository, snapshot)
        ports.checkpoint("snapshot ordered")
    except Permanent as error:
        return snapshot_course.failure(snapshot, str(error), now)
    contents = tuple(
        IndexKept(name, documents=one.documents, writes=one.writes)
        for name, one in sorted(counts.items())
    )
    return SaveSnapshot(replace(snapshot, begun=True, updated=now, contents=contents))


async def _begin_restore(
    step: BeginRestore, cluster: Cluster, target: Target, ports: Ports
) -> SaveRestore | None:
    snapshot = step.snapshot
    place, writer = snapshot.repository, snapshot.cluster_id
    is_other = writer != cluster.id
    try:
        repository = await registered(place, writer, cluster, target, ports, read_only=is_other)
        if step.closes:
            await _check_held(step, target, repository, ports)
        await ports.snapshots.close_indices(target, step.closes)
        ports.checkpoint("indices closed")
        await ports.snapshots.begin_restore(
            target,
            repository,
            snapshot.name,
            step.targets,
            partial=snapshot.status is SnapshotStatus.PART_FAILED,
        )
    except Permanent as error:
        if await _has_begun(step, target, ports):
            return None
        return restore_course.failure(step.restore, str(error), datetime.now(UTC))
    return None


async def _check_held(step: BeginRestore, target: Target, repository: str, ports: Ports) -> None:
    """Nothing is closed for what the snapshot does not hold."""
    name = step.snapshot.name
    seen = (await ports.snapshots.look(target, repository, [name])).snapshots.get(name)
    check_held(name, seen.indices if seen is not None else None, step.targets)


async def _has_begun(step: BeginRestore, target: Target, ports: Ports) -> bool:
    """Whether the engine is at work all the same: an order that was long in being answered is given
    to the next node as well, and refused there for the sake of what it has made."""
    names = [one.name for one in step.targets]
    try:
        seen = await ports.snapshots.look_at_indices(target, names)
    except Permanent:
        return False
    known = restore_course.noticed(step.restore, step.snapshot, seen)
    return any(one.after is not None for one in known.targets if one.name in names)


async def _tell(
    step: DeleteFiles | CleanRepository | TakeBackRestore,
    cluster: Cluster,
    target: Target,
    ports: Ports,
) -> None:
    match step:
        case DeleteFiles(place, writer, name):
            repository = await registered(place, writer, cluster, target, ports)
            await ports.snapshots.delete_snapshot(target, repository, name)
        case CleanRepository(place, writer):
            repository = await registered(place, writer, cluster, target, ports)
            await ports.snapshots.clean(target, repository)
        case TakeBackRestore(removes, opens):
            await ports.snapshots.delete_indices(target, removes)
            ports.checkpoint("broken indices deleted")
            await ports.snapshots.open_indices(target, opens)


async def _count(
    target: Target, indices: list[str] | tuple[str, ...], ports: Ports
) -> Mapping[str, IndexCount]:
    with suppress(SearchplaneError):
        return await ports.snapshots.count(target, indices)
    return {}


def _counted_after(index: IndexKept, counts: Mapping[str, IndexCount]) -> IndexKept:
    after = counts.get(index.name)
    if after is None:
        return index
    return replace(index, documents_after=after.documents, writes_after=after.writes)
