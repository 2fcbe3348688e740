"""The fake engine's part in backups: the port of the loop (reconciler/ports.py), on paper.

Work takes as many looks as `slowness` says. What can go wrong is made to go wrong by the
attributes below; they are not kept across a restart, what the engine keeps is.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from searchplane.domain.cluster import SnapshotSettings
from searchplane.domain.ids import ClusterId
from searchplane.domain.index_patterns import matching
from searchplane.domain.observed import Target
from searchplane.domain.snapshots import Repository, Snapshot, TargetIndex
from searchplane.domain.snapshots_seen import (
    Contents,
    IndexCount,
    IndexSeen,
    SnapshotsView,
    label_of,
)
from searchplane.drivers.fake.engine import FakeEngine, Members
from searchplane.drivers.fake.indices import (
    Coming,
    FakeIndex,
    FakeRepository,
    Taking,
    step,
    with_index,
    with_repository,
)
from searchplane.drivers.fake.paperwork import (
    check_ours,
    check_restorable,
    completed,
    copied,
    filled,
    holders,
    index_seen,
    same,
    sessions,
    snapshot_seen,
    with_shards_to_fill,
    without_indices,
)
from searchplane.drivers.fake.repository import PaperIndex, PaperRepository, PaperSnapshot
from searchplane.errors import Permanent, Transient


class Host(Protocol):
    """What the fake driver knows of clusters."""

    def led(self, target: Target) -> tuple[ClusterId, FakeEngine]: ...

    def engine(self, cluster_id: ClusterId) -> FakeEngine: ...

    def keep(self, cluster_id: ClusterId, engine: FakeEngine) -> None: ...

    def members(self, cluster_id: ClusterId) -> Members: ...


class FakeSnapshots:
    """`slowness`: looks after which a snapshot or restore is over; 0 is at once.

    Set `refuses` to have every order refused for good, `busy` to have none taken for now,
    `snapshots_fail` or `restores_fail` to have those that begin end so; each is the reason.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self.slowness = 1
        self.refuses: str | None = None
        self.busy: str | None = None
        self.snapshots_fail: str | None = None
        self.restores_fail: str | None = None

    async def register(
        self,
        target: Target,
        repository: str,
        place: Repository,
        settings: SnapshotSettings | None = None,
        *,
        read_only: bool,
    ) -> None:
        cluster_id, engine = self._ordered(target)
        nodes = self._host.members(cluster_id).joined.values()
        root = next((node.repo for node in nodes if node.repo), None)
        if root is None:
            raise Permanent(f"the engine refuses: {place.location} is in no folder of path.repo")
        rates = (settings.max_snapshot_rate, settings.max_restore_rate) if settings else (None,) * 2
        folder = str(Path(root) / place.location)
        known = FakeRepository(repository, folder, read_only or place.read_only, rates)
        self._host.keep(cluster_id, replace(engine, paper=with_repository(engine.paper, known)))

    async def begin_snapshot(self, target: Target, repository: str, snapshot: Snapshot) -> None:
        cluster_id, engine = self._ordered(target)
        folder = self._repository(engine, repository)
        there = self._named(engine, repository, snapshot.name)
        if there is not None:
            check_ours(there, snapshot)
            return
        members = self._host.members(cluster_id)
        indices = copied(engine, snapshot.indices)
        label = label_of(snapshot)
        folder.begin(PaperSnapshot(snapshot.name, label, indices, datetime.now(UTC)))
        taking = Taking(
            repository,
            snapshot.name,
            self.slowness,
            self.slowness,
            sessions(members),
            holders(engine, members, indices),
            self.snapshots_fail,
        )
        paper = replace(engine.paper, taking=(*engine.paper.taking, taking))
        self._host.keep(cluster_id, replace(engine, paper=paper))
        if not self.slowness:
            self._step(cluster_id, repository)

    async def look(
        self, target: Target, repository: str, names: Collection[str] | None = None
    ) -> SnapshotsView:
        cluster_id, engine = self._host.led(target)
        self._repository(engine, repository)
        self._step(cluster_id, repository)
        engine = self._host.engine(cluster_id)
        folder = self._repository(engine, repository)
        seen = {one.name: snapshot_seen(one) for one in folder.whole()}
        for taking in engine.paper.taking:
            if taking.repository == repository:
                seen[taking.name] = snapshot_seen(folder.half(taking.name), taking)
        wanted = seen if names is None else seen.keys() & set(names)
        return SnapshotsView({name: seen[name] for name in wanted})

    async def delete_snapshot(self, target: Target, repository: str, name: str) -> None:
        cluster_id, engine = self._ordered(target)
        self._repository(engine, repository).remove(name)
        left = tuple(
            one for one in engine.paper.taking if (one.repository, one.name) != (repository, name)
        )
        self._host.keep(cluster_id, replace(engine, paper=replace(engine.paper, taking=left)))

    async def clean(self, target: Target, repository: str) -> None:
        _cluster_id, engine = self._ordered(target)
        at_work = frozenset(one.name for one in engine.paper.taking if one.repository == repository)
        self._repository(engine, repository).clean(at_work)

    async def count(self, target: Target, indices: Collection[str]) -> Mapping[str, IndexCount]:
        _cluster_id, engine = self._host.led(target)
        meant = matching((one.name for one in engine.paper.indices), ",".join(indices))
        return {
            one.name: IndexCount(len(one.documents), one.writes)
            for one in engine.paper.indices
            if one.name in meant and one.is_open and one.coming is None
        }

    async def look_at_indices(
        self, target: Target, names: Collection[str]
    ) -> Mapping[str, IndexSeen]:
        cluster_id, engine = self._host.led(target)
        members = self._host.members(cluster_id)
        stepped = tuple(step(one, sessions(members)) for one in engine.paper.indices)
        engine = replace(engine, paper=replace(engine.paper, indices=stepped))
        engine = filled(engine, members)
        self._host.keep(cluster_id, engine)
        return {one.name: index_seen(one, engine) for one in stepped if one.name in names}

    async def close_indices(self, target: Target, identities: Mapping[str, str]) -> None:
        self._set_open(target, identities, is_open=False)

    async def open_indices(self, target: Target, identities: Mapping[str, str]) -> None:
        self._set_open(target, identities, is_open=True)

    async def delete_indices(self, target: Target, identities: Mapping[str, str]) -> None:
        cluster_id, engine = self._ordered(target)
        names = frozenset(one.name for one in same(engine.paper, identities))
        self._host.keep(cluster_id, without_indices(engine, names))

    async def begin_restore(
        self,
        target: Target,
        repository: str,
        name: str,
        targets: Sequence[TargetIndex],
        *,
        partial: bool,
    ) -> None:
        cluster_id, engine = self._ordered(target)
        snapshot = self._repository(engine, repository).find(name)
        if snapshot is None:
            raise Permanent(f"the engine refuses: snapshot {name} is not in the repository")
        check_restorable(snapshot, self._host.members(cluster_id), partial=partial)
        kept = {index.name: index for index in snapshot.indices}
        for one in targets:
            place = f"{repository}/{name}"
            engine = self._restoring(cluster_id, engine, one, kept.get(one.source), place)
        self._host.keep(cluster_id, engine)
        if not self.slowness:
            await self.look_at_indices(target, ())

    async def contents(self, target: Target, index: str) -> Contents:
        _cluster_id, engine = self._host.led(target)
        found = engine.paper.index(index)
        if found is None:
            raise Permanent(f"the engine refuses: there is no index {index}")
        digest = hashlib.sha256("\0".join(sorted(found.documents)).encode()).hexdigest()
        return Contents(len(found.documents), digest)

    def write(self, cluster_id: ClusterId, index: str, *documents: str) -> None:
        """Add documents, as a user would."""
        engine = self._host.engine(cluster_id)
        before = engine.paper.index(index)
        if before is None or not before.is_open:
            raise ValueError(f"{index} is not there, or closed")
        after = replace(
            before,
            documents=(*before.documents, *documents),
            writes=before.writes + len(documents),
        )
        self._host.keep(cluster_id, replace(engine, paper=with_index(engine.paper, after)))

    def documents(self, cluster_id: ClusterId, index: str) -> tuple[str, ...]:
        """What a user finds in an index; ValueError if it is not there."""
        found = self._host.engine(cluster_id).paper.index(index)
        if found is None:
            raise ValueError(f"{index} is not there")
        return found.documents

    def _ordered(self, target: Target) -> tuple[ClusterId, FakeEngine]:
        """The engine that is given an order, unless it takes none."""
        if self.busy is not None:
            raise Transient(self.busy)
        found = self._host.led(target)
        if self.refuses is not None:
            raise Permanent(f"the engine refuses: {self.refuses}")
        return found

    def _repository(self, engine: FakeEngine, name: str) -> PaperRepository:
        known = engine.paper.repository(name)
        if known is None:
            raise Permanent(f"the engine refuses: there is no repository {name}")
        return PaperRepository(Path(known.folder), read_only=known.read_only)

    def _named(self, engine: FakeEngine, repository: str, name: str) -> PaperSnapshot | None:
        """The snapshot of that name, at work or over."""
        folder = self._repository(engine, repository)
        at_work = {one.name for one in engine.paper.taking if one.repository == repository}
        return folder.half(name) if name in at_work else folder.find(name)

    def _step(self, cluster_id: ClusterId, repository: str) -> None:
        """One look further in the snapshots of a repository."""
        engine = self._host.engine(cluster_id)
        alive = sessions(self._host.members(cluster_id))
        folder, left = self._repository(engine, repository), []
        for taking in engine.paper.taking:
            if taking.repository != repository:
                left.append(taking)
            elif taking.sessions & alive:
                if taking.left:
                    left.append(replace(taking, left=taking.left - 1))
                else:
                    folder.complete(completed(folder.half(taking.name), taking, alive))
        paper = replace(engine.paper, taking=tuple(left))
        self._host.keep(cluster_id, replace(engine, paper=paper))

    def _restoring(
        self,
        cluster_id: ClusterId,
        engine: FakeEngine,
        wanted: TargetIndex,
        kept: PaperIndex | None,
        place: str,
    ) -> FakeEngine:
        """The engine once it restores one index."""
        before = engine.paper.index(wanted.name)
        if kept is None:
            raise Permanent(f"the engine refuses: {wanted.source} is not in the snapshot")
        if before is not None and before.is_open:
            raise Permanent(f"the engine refuses: an open index {wanted.name} is there")
        running = sessions(self._host.members(cluster_id))
        looks = self.slowness + 1  # the last one sees it done
        fails, is_over = self.restores_fail, before is not None
        coming = Coming(kept.documents, looks, looks, running, fails, is_over)
        had = before.documents if before is not None else ()
        identity = uuid.uuid4().hex
        if before is not None:
            identity = f"{before.identity.partition('/')[0]}/{identity}"
        index = FakeIndex(wanted.name, identity, had, coming=coming, restored_from=place)
        engine = without_indices(engine, frozenset({wanted.name}))
        engine = with_shards_to_fill(engine, wanted.name, kept)
        return replace(engine, paper=with_index(engine.paper, index))

    def _set_open(self, target: Target, identities: Mapping[str, str], *, is_open: bool) -> None:
        cluster_id, engine = self._ordered(target)
        paper = engine.paper
        for one in same(paper, identities):
            paper = with_index(paper, replace(one, is_open=is_open))
        self._host.keep(cluster_id, replace(engine, paper=paper))
