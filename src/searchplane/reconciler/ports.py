"""What the loop needs of the driver's and the engine's rooms; app.py plugs them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from searchplane.domain.engines import Engine
from searchplane.domain.observed import Distribution, EngineView, Target, Unknown
from searchplane.drivers.base import Checkpoint, Driver
from searchplane.reconciler.compose import Compose
from searchplane.store.database import Database
from searchplane.store.secrets import ClusterSecrets


class EngineProbe(Protocol):
    """Asks a cluster's nodes how it is."""

    async def view(self, target: Target) -> EngineView | Unknown:
        """What the elected master says; Unknown when no node can tell."""


class EnsureDistribution(Protocol):
    """Has engines installed."""

    async def __call__(self, engine: Engine, *, secured: bool) -> Distribution:
        """Begin to install the engine if it is missing, and say at once how far that is."""


@dataclass(frozen=True)
class Ports:
    """All of it, in one value. `checkpoint` is called after each durable effect."""

    database: Database
    secrets: ClusterSecrets
    driver: Driver
    probe: EngineProbe
    ensure_distribution: EnsureDistribution
    compose: Compose
    checkpoint: Checkpoint
