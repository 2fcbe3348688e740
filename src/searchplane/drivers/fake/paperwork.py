"""What the fake engine's snapshots and restores come to. Pure; snapshots.py does it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from searchplane.domain.index_patterns import matching
from searchplane.domain.snapshots import Snapshot, SnapshotStatus
from searchplane.domain.snapshots_seen import IndexSeen, SnapshotSeen
from searchplane.drivers.fake.engine import FakeEngine, FakeShard, Members, age
from searchplane.drivers.fake.indices import FakeIndex, Paper, Taking
from searchplane.drivers.fake.repository import PaperIndex, PaperSnapshot
from searchplane.errors import Permanent


def sessions(members: Members) -> frozenset[str]:
    """The runs of the nodes that are there."""
    return frozenset(node.session for node in members.joined.values())


def copied(engine: FakeEngine, expression: str) -> tuple[PaperIndex, ...]:
    """What goes into a snapshot now."""
    shards = Counter(shard.index for shard in engine.shards)
    replicas = {shard.index: shard.replicas for shard in engine.shards}
    kept = {index.name: index for index in engine.paper.indices if index.coming is None}
    return tuple(
        PaperIndex(name, kept[name].documents, shards[name], replicas[name])
        for name in matching(kept, expression)
    )


def holders(
    engine: FakeEngine, members: Members, indices: tuple[PaperIndex, ...]
) -> tuple[str, ...]:
    """The runs of the nodes that the shards are copied from; empty for a shard that is nowhere."""
    names = {index.name for index in indices}
    found = []
    for shard in engine.shards:
        if shard.index in names:
            there = [one for one in shard.copies if one in members.joined]
            found.append(members.joined[there[0]].session if there else "")
    return tuple(found)


def completed(snapshot: PaperSnapshot, taking: Taking, alive: frozenset[str]) -> PaperSnapshot:
    """The snapshot when nothing is left to do."""
    failed = sum(holder not in alive for holder in taking.holders)
    reason = taking.reason or ("a node ended while its shards were copied" if failed else None)
    status = SnapshotStatus.PART_FAILED if failed else SnapshotStatus.COMPLETED
    if taking.reason is not None or failed == len(taking.holders) > 0:
        status = SnapshotStatus.FAILED
    return replace(
        snapshot,
        status=status,
        ended=datetime.now(UTC),
        failed_shards=failed,
        reason=reason,
    )


def snapshot_seen(snapshot: PaperSnapshot, taking: Taking | None = None) -> SnapshotSeen:
    """What a look says of it; `taking` while it is at work."""
    share = 1.0 if taking is None else 1 - taking.left / taking.looks
    return SnapshotSeen(
        name=snapshot.name,
        status=snapshot.status,
        label=snapshot.label,
        indices=tuple(index.name for index in snapshot.indices),
        began=snapshot.began,
        ended=snapshot.ended,
        shards_total=snapshot.shards,
        shards_done=int(share * snapshot.shards) - snapshot.failed_shards,
        shards_failed=snapshot.failed_shards,
        bytes_total=snapshot.size,
        bytes_done=int(share * snapshot.size),
        reason=snapshot.reason,
    )


def check_ours(there: PaperSnapshot, wanted: Snapshot) -> None:
    """Raises Permanent where another snapshot has the name."""
    if there.label is None or there.label.snapshot_id != wanted.id:
        raise Permanent(f"the repository has another snapshot that is called {wanted.name}")


def check_restorable(snapshot: PaperSnapshot, members: Members, *, partial: bool) -> None:
    """Raises Permanent where the engine would not restore it."""
    if snapshot.failed_shards and not partial:
        raise Permanent("the engine refuses: not all shards are in the snapshot")
    versions = [node.version for node in members.joined.values()]
    made_by = snapshot.label.engine.version if snapshot.label else ""
    if any(age(version) < age(made_by) for version in versions if version):
        raise Permanent(f"the engine refuses: the snapshot is of version {made_by}, which is later")


def with_shards_to_fill(engine: FakeEngine, name: str, kept: PaperIndex) -> FakeEngine:
    """The engine with the shards of an index that is being restored; no node holds them yet."""
    shard = FakeShard(name, kept.replicas, (), awaits_restore=True)
    return replace(engine, shards=(*engine.shards, *(shard for _ in range(kept.shards))))


def filled(engine: FakeEngine, members: Members) -> FakeEngine:
    """The engine with a copy of every shard whose restore is over."""
    nodes = [one for one, node in sorted(members.joined.items()) if node.holds_data]
    over = {index.name for index in engine.paper.indices if index.coming is None}
    if not nodes:
        return engine
    return replace(
        engine,
        shards=tuple(
            replace(shard, copies=(nodes[place % len(nodes)],), awaits_restore=False)
            if shard.awaits_restore and shard.index in over
            else shard
            for place, shard in enumerate(engine.shards)
        ),
    )


def index_seen(index: FakeIndex, engine: FakeEngine) -> IndexSeen:
    shards = [shard for shard in engine.shards if shard.index == index.name]
    started = sum(bool(shard.copies) for shard in shards)
    coming, waiting = index.coming, len(shards) - started
    is_over = coming is None or coming.left == 0
    size = sum(len(text) for text in coming.documents) if coming else 0
    share = 1 - coming.left / coming.looks if coming else 0
    return IndexSeen(
        identity=index.identity,
        is_open=index.is_open,
        shards=len(shards),
        started=started,
        restoring=0 if is_over else waiting,
        failed=waiting if coming and is_over else 0,
        emptied=len(shards) if index.is_emptied else 0,
        bytes_total=size,
        bytes_done=int(size * share),
        reason=coming.reason if coming and is_over else None,
        restored_from=index.restored_from,
    )


def same(paper: Paper, identities: Mapping[str, str]) -> tuple[FakeIndex, ...]:
    """Those of the indices that are still what they were."""
    return tuple(one for one in paper.indices if identities.get(one.name) == one.identity)


def without_indices(engine: FakeEngine, names: frozenset[str]) -> FakeEngine:
    left = tuple(one for one in engine.paper.indices if one.name not in names)
    shards = tuple(one for one in engine.shards if one.index not in names)
    return replace(engine, shards=shards, paper=replace(engine.paper, indices=left))
