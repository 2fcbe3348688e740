"""What the loop needs of the driver's and the engine's rooms; app.py plugs them in."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from searchplane.domain.engines import Engine
from searchplane.domain.observed import Distribution, EngineView, Target, Unknown
from searchplane.drivers.base import Checkpoint, Driver
from searchplane.reconciler.compose import Compose
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
    ensure_distribution: EnsureDistribution
    compose: Compose
    checkpoint: Checkpoint
