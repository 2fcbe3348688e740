"""What there is to do with snapshots and restores, and what a look at one of them comes to.

`Work` is read with the cluster's record. One `Job` of it is taken at a time, its state is looked
at in the engine, and what is to be done is a `Doing`, which becomes part of the pass's plan
(snapshot_plan.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import Unknown
from searchplane.domain.snapshot_steps import SnapshotStep
from searchplane.domain.snapshots import Repository, Restore, Snapshot
from searchplane.domain.snapshots_seen import IndexSeen, SnapshotSeen, SnapshotsView

BEGINS_WITHIN = timedelta(hours=1)
"""How long the engine may not have taken the order yet: the cluster is not whole, or is paused."""
STANDS_STILL = timedelta(hours=2)
"""How long nothing more may be copied."""


@dataclass(frozen=True)
class Broken:
    """The engine refuses for good; `reason` is a sentence."""

    reason: str


@dataclass(frozen=True)
class Taking:
    """A snapshot that is being taken."""

    snapshot: Snapshot


@dataclass(frozen=True)
class Restoring:
    """A restore into the cluster; `snapshot` is None if it is in no list any longer."""

    restore: Restore
    snapshot: Snapshot | None


@dataclass(frozen=True)
class Removing:
    """A snapshot that is to be deleted. `tries` is how often that could not be done, since this
    process began."""

    snapshot: Snapshot
    tries: int = 0


@dataclass(frozen=True)
class Work:
    """What of the record concerns a cluster's engine: snapshots, oldest first, and restores."""

    snapshots: tuple[Snapshot, ...] = ()
    restores: tuple[Restoring, ...] = ()

    @property
    def is_nothing(self) -> bool:
        return not self.snapshots and not self.restores


NO_WORK = Work()

Job = Taking | Restoring | Removing

TakenSeen = SnapshotSeen | None | Unknown | Broken
"""The snapshot in its repository; None where it is not there."""

TargetsSeen = Mapping[str, IndexSeen] | Unknown | Broken
"""The indices to be restored that are there, by name."""


@dataclass(frozen=True)
class Listed:
    """A repository, what the list says is in it, and what is. `names` are those of all that its
    writer has in the list, be it in another place: of a name there is one."""

    place: Repository
    writer: ClusterId
    rows: tuple[Snapshot, ...]
    seen: SnapshotsView
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Doing:
    """What is done now. `done` of `total` is how far it is.

    `said` is None where the step itself tells what has come of it.
    """

    said: str | None
    steps: tuple[SnapshotStep, ...] = ()
    done: int = 0
    total: int = 0

    @property
    def progress(self) -> int:
        """In percent; what is not over is never all of it."""
        return min(99, 100 * self.done // self.total) if self.total else 0


@dataclass(frozen=True)
class WorkPatience:
    """`since` is when this process first looked: before, nobody was there to see anything move."""

    since: datetime
    now: datetime

    def is_out(self, *, begun: bool, moved: datetime) -> bool:
        """Whether something that last moved then has been given its time."""
        longest = STANDS_STILL if begun else BEGINS_WITHIN
        return self.now - max(moved, self.since) > longest


def why_late(*, begun: bool) -> str:
    if begun:
        return f"nothing was copied for {STANDS_STILL // timedelta(hours=1)} hours"
    minutes = BEGINS_WITHIN // timedelta(minutes=1)
    return f"the cluster could not begin with it for {minutes} minutes"
