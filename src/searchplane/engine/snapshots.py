"""The engine's part in backups: the port of the loop (reconciler/ports.py), by REST.

Each call is one short conversation with a cluster (calls.py); what is said in it is in taking.py,
indices.py, restores.py and contents.py. Nothing is remembered between calls.

What the engine remembers of a repository can be wrong after another cluster has written to it; it
is then made to forget it, and the next call, which registers it anew, reads what is really there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from searchplane.domain.cluster import SnapshotSettings
from searchplane.domain.observed import Target
from searchplane.domain.snapshots import Repository, Snapshot, TargetIndex
from searchplane.domain.snapshots_seen import (
    OWN_REPOSITORY,
    Contents,
    IndexCount,
    IndexSeen,
    SnapshotsView,
)
from searchplane.engine import contents, indices, restores, taking
from searchplane.engine.calls import Ask, Calls, Stale
from searchplane.engine.repositories import BucketStore, registration


class Snapshots:
    """`store` is where buckets are."""

    def __init__(self, store: BucketStore, calls: Calls | None = None) -> None:
        self._store = store
        self._calls = calls or Calls()

    async def register(
        self,
        target: Target,
        repository: str,
        place: Repository,
        settings: SnapshotSettings | None = None,
        *,
        read_only: bool,
    ) -> None:
        """One that others write to as well is read anew each time."""
        wanted = registration(self._store, place, settings, read_only=read_only or place.read_only)
        async with self._in(target, repository) as ask:
            if repository != OWN_REPOSITORY and "readonly" not in wanted["settings"]:
                await taking.forget(ask, repository)
            await taking.register(ask, repository, wanted)

    async def begin_snapshot(self, target: Target, repository: str, snapshot: Snapshot) -> None:
        async with self._in(target, repository) as ask:
            await taking.begin(ask, repository, snapshot)

    async def look(
        self, target: Target, repository: str, names: Collection[str] | None = None
    ) -> SnapshotsView:
        async with self._in(target, repository) as ask:
            return await taking.look(ask, repository, names)

    async def delete_snapshot(self, target: Target, repository: str, name: str) -> None:
        async with self._in(target, repository) as ask:
            await taking.delete(ask, repository, name)

    async def clean(self, target: Target, repository: str) -> None:
        async with self._in(target, repository) as ask:
            await taking.clean(ask, repository)

    async def count(self, target: Target, indices: Collection[str]) -> Mapping[str, IndexCount]:
        async with self._calls.to(target) as ask:
            return await contents.count(ask, indices)

    async def look_at_indices(
        self, target: Target, names: Collection[str]
    ) -> Mapping[str, IndexSeen]:
        async with self._calls.to(target) as ask:
            return await indices.look_at(ask, names)

    async def close_indices(self, target: Target, identities: Mapping[str, str]) -> None:
        async with self._calls.to(target) as ask:
            await indices.for_each(ask, identities, "POST", "/_close")

    async def open_indices(self, target: Target, identities: Mapping[str, str]) -> None:
        async with self._calls.to(target) as ask:
            await indices.for_each(ask, identities, "POST", "/_open")

    async def delete_indices(self, target: Target, identities: Mapping[str, str]) -> None:
        async with self._calls.to(target) as ask:
            await indices.for_each(ask, identities, "DELETE", "")

    async def begin_restore(
        self,
        target: Target,
        repository: str,
        name: str,
        targets: Sequence[TargetIndex],
        *,
        partial: bool,
    ) -> None:
        async with self._in(target, repository) as ask:
            await restores.begin(ask, repository, name, targets, partial=partial)

    async def contents(self, target: Target, index: str) -> Contents:
        async with self._calls.to(target) as ask:
            return await contents.read(ask, index)

    @asynccontextmanager
    async def _in(self, target: Target, repository: str) -> AsyncIterator[Ask]:
        async with self._calls.to(target) as ask:
            try:
                yield ask
            except Stale:
                await taking.forget(ask, repository)
                raise
