"""What is remembered of work in repositories that did not come off: when it is tried again.

What cannot be done now is tried ever more slowly. What the engine refuses for good is not tried
again at all by itself for some hours: who wants it before, asks again. Nothing of it is stored, so
a restart of the service tries everything once.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from searchplane.domain.cluster import Cluster
from searchplane.domain.snapshot_steps import (
    CleanRepository,
    DeleteFiles,
    SnapshotStep,
    TakeBackRestore,
)
from searchplane.domain.snapshots import Snapshot

Key = TypeVar("Key", bound=Hashable)

FIRST = timedelta(seconds=1)
LONGEST = timedelta(minutes=10)
"""Between two attempts to delete a snapshot: the eighth comes after some four minutes."""
REFUSED_FOR = timedelta(hours=6)
"""How long what the engine has refused is not ordered again unless somebody asks."""


@dataclass
class Backoff(Generic[Key]):
    """When what failed is due again: `first` after the first time, then ever twice as long."""

    first: timedelta
    longest: timedelta
    _failed: dict[Key, tuple[datetime, int]] = field(default_factory=dict)

    def failed(self, key: Key, now: datetime) -> None:
        tries = self.tries(key) + 1
        self._failed[key] = (now + min(self.longest, self.first * 2 ** min(tries - 1, 20)), tries)

    def forget(self, key: Key) -> None:
        self._failed.pop(key, None)

    def tries(self, key: Key) -> int:
        return self._failed[key][1] if key in self._failed else 0

    def seconds_left(self, key: Key, now: datetime) -> float | None:
        """None for what never failed, 0 for what is due."""
        if key not in self._failed:
            return None
        return max(0.0, (self._failed[key][0] - now).total_seconds())


Order = tuple[str, ...]
"""What was ordered: of a snapshot its place and name, of a repository its place, of a restore the
cluster."""


def order_to_delete(snapshot: Snapshot) -> Order:
    return snapshot.repository.location, snapshot.name


def order_to_take_back(cluster: Cluster) -> Order:
    return ("restore", cluster.id, "")


def order_of(step: SnapshotStep, cluster: Cluster) -> Order | None:
    """None for steps of which nothing is remembered."""
    match step:
        case DeleteFiles(place, _, name):
            return place.location, name
        case CleanRepository(place):
            return (place.location,)
        case TakeBackRestore():
            return order_to_take_back(cluster)
        case _:
            return None


class Waits:
    """Orders to engines that were refused, or could not be given."""

    def __init__(self) -> None:
        self._later = Backoff[Order](FIRST, LONGEST)
        self._answers: dict[Order, str] = {}
        self._refused: dict[Order, datetime] = {}

    def in_vain(self, order: Order, now: datetime) -> None:
        self._later.failed(order, now)

    def tries(self, order: Order) -> int:
        return self._later.tries(order)

    def seconds_left(self, order: Order, now: datetime) -> float:
        return self._later.seconds_left(order, now) or 0.0

    def refused(self, order: Order, now: datetime, answer: str | None = None) -> None:
        """With the answer if what was asked for is still to be ended by it."""
        self._later.forget(order)
        self._refused[order] = now
        if answer is not None:
            self._answers[order] = answer

    def answer(self, order: Order) -> str | None:
        """The engine's answer, once: if it is asked for after that, the engine is asked again."""
        return self._answers.pop(order, None)

    def is_refused(self, order: Order, now: datetime) -> bool:
        return order in self._refused and now - self._refused[order] < REFUSED_FOR

    def done(self, order: Order) -> None:
        for kept in (self._answers, self._refused):
            kept.pop(order, None)
        self._later.forget(order)
