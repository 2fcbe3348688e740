"""What the loop needs of the driver's and the engine's rooms; app.py plugs them in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from searchplane.domain.cluster import SnapshotSettings
from searchplane.domain.engines import Engine
from searchplane.domain.observed import Distribution, EngineView, NodeLoad, Target, Unknown
from searchplane.domain.snapshots import Repository, Snapshot, TargetIndex
from searchplane.domain.snapshots_seen import Contents, IndexCount, IndexSeen, SnapshotsView
from searchplane.drivers.base import Checkpoint, Driver
from searchplane.reconciler.compose import Compose
from searchplane.reconciler.readings import Readings
from searchplane.store.database import Database, Transaction
from searchplane.store.secrets import ClusterSecrets


class EngineProbe(Protocol):
    """Asks a cluster's nodes how it is."""

    async def view(
        self, target: Target, *, placement: bool = False, unsure: Collection[str] = ()
    ) -> EngineView | Unknown:
        """What the elected master says; Unknown when no node can tell.

        With `placement`, also where shards are. Nodes at an `unsure` address count as members only
        once they answer themselves.
        """

    async def load(self, target: Target) -> Mapping[str, NodeLoad] | Unknown:
        """What the nodes that are there have to do, by name."""


class EngineControl(Protocol):
    """Tells a cluster's master what it is to do with nodes. Each may be repeated.

    Raises Transient when no node took it.
    """

    async def exclude_from_allocation(self, target: Target, addresses: frozenset[str]) -> None:
        """Have shards moved away from exactly these addresses."""

    async def exclude_from_voting(self, target: Target, names: frozenset[str]) -> None:
        """Have exactly these nodes give up their votes."""

    async def set_admin_hash(self, target: Target, admin_hash: str) -> None:
        """Have the admin log in with the password of this hash, and with no other."""

    async def drop_security_data(self, target: Target) -> None:
        """Have a plain cluster forget the users and rights of its time in security mode."""

    async def reload_certificates(self, target: Target) -> None:
        """Have the one node of `target` use the certificates in its files.

        Raises Permanent where it cannot without a restart.
        """


class SnapshotEngine(Protocol):
    """Has a cluster's engine take, look at, restore and remove snapshots. Each may be repeated.

    `repository` is what that engine calls a repository (domain/snapshots_seen.py). Raises
    Transient when no node took it, Permanent when the engine refuses for good; its reason is in
    the sentence.
    """

    async def register(
        self,
        target: Target,
        repository: str,
        place: Repository,
        settings: SnapshotSettings | None = None,
        *,
        read_only: bool,
    ) -> None:
        """Have the engine know where the snapshots are, and how fast they may be copied."""

    async def begin_snapshot(self, target: Target, repository: str, snapshot: Snapshot) -> None:
        """Have the snapshot taken, under its name and with its label; does not wait for it.

        Nothing to do where it is there with that label, at work or over.
        """

    async def look(
        self, target: Target, repository: str, names: Collection[str] | None = None
    ) -> SnapshotsView:
        """The snapshots of these names that are there, with bytes; or all, without bytes."""

    async def delete_snapshot(self, target: Target, repository: str, name: str) -> None:
        """Have the files removed, of a snapshot that is being taken too; gone is fine."""

    async def clean(self, target: Target, repository: str) -> None:
        """Have files removed that belong to no snapshot: those of one whose engine was killed."""

    async def count(self, target: Target, indices: Collection[str]) -> Mapping[str, IndexCount]:
        """The documents of those of the indices that can be searched; makes the last ones show.

        Their names may be patterns, as index_patterns.py has them.
        """

    async def look_at_indices(
        self, target: Target, names: Collection[str]
    ) -> Mapping[str, IndexSeen]:
        """Those of the indices that are there."""

    async def close_indices(self, target: Target, identities: Mapping[str, str]) -> None:
        """Close these indices, so that they can be restored over.

        `identities` are by name what look_at_indices said: one that has changed is left alone.
        """

    async def open_indices(self, target: Target, identities: Mapping[str, str]) -> None:
        """Open again what was closed, as above."""

    async def delete_indices(self, target: Target, identities: Mapping[str, str]) -> None:
        """Delete these indices, as above."""

    async def begin_restore(
        self,
        target: Target,
        repository: str,
        name: str,
        targets: Sequence[TargetIndex],
        *,
        partial: bool,
    ) -> None:
        """Have exactly these indices restored from a snapshot; does not wait for it.

        Those whose new name is taken must be closed, and none may be on its way already. A closed
        one that is still `before` and has another number of shards than in the snapshot is deleted
        first. With `partial` shards that the snapshot lacks come up empty; without, they refuse
        all of it.
        """

    async def contents(self, target: Target, index: str) -> Contents:
        """Read all documents of an index; takes about a minute for each GB."""


class EnsureDistribution(Protocol):
    """Has engines installed."""

    async def __call__(self, engine: Engine, *, secured: bool) -> Distribution:
        """Begin to install the engine if it is missing, and say at once how far that is."""


class Tenure(Protocol):
    """The right to tend the clusters of the database, which one process has at a time."""

    @property
    def is_held(self) -> bool:
        """False after a loss, until a reading has brought it back."""

    def read(self) -> AbstractContextManager[Transaction]:
        """A connection that answers only while the right is held; it is taken again if lost.

        Raises TendedByAnother, or Transient when it cannot be known who has it.
        """


@dataclass(frozen=True)
class Ports:
    """All of it, in one value. `checkpoint` is called after each durable effect."""

    database: Database
    secrets: ClusterSecrets
    driver: Driver
    probe: EngineProbe
    control: EngineControl
    snapshots: SnapshotEngine
    ensure_distribution: EnsureDistribution
    compose: Compose
    checkpoint: Checkpoint
    readings: Readings = field(default_factory=Readings)
