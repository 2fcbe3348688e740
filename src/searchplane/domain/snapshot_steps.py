"""The steps of snapshots and restores. Each may be repeated, and carries the record as it is to
be: how a step came to it is the plan's affair (snapshot_plan.py), not of who takes it.

Where a step ends what the cluster's action is about, the action ends in the same transaction, and
`said` becomes an event in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from searchplane.domain.ids import ClusterId
from searchplane.domain.snapshots import Repository, Restore, Snapshot, TargetIndex


@dataclass(frozen=True)
class AddSnapshots:
    """Store some that lie in a bucket and are in no list, at once; `left` more are there."""

    snapshots: tuple[Snapshot, ...]
    said: str
    left: int = 0


@dataclass(frozen=True)
class BeginAutomatic:
    """Store a snapshot that is due with the action that takes it, and its moment as dealt with."""

    snapshot: Snapshot
    moment: datetime
    said: str


@dataclass(frozen=True)
class SkipAutomatic:
    """Store that the moment's snapshot is not taken."""

    moment: datetime
    said: str


@dataclass(frozen=True)
class RetireSnapshots:
    """Store that these are to be deleted: newer ones have taken their place."""

    snapshots: tuple[Snapshot, ...]
    said: str


@dataclass(frozen=True)
class BeginSnapshot:
    """Count the documents, have the engine take the order, and store that it has."""

    snapshot: Snapshot


@dataclass(frozen=True)
class EndSnapshot:
    """Count the documents again and store the snapshot as it ended."""

    snapshot: Snapshot
    said: str


@dataclass(frozen=True)
class SaveSnapshot:
    """Store what was seen of it; one that is not being taken any longer ends its action."""

    snapshot: Snapshot
    said: str | None = None


@dataclass(frozen=True)
class DeleteFiles:
    """Have the engine remove a snapshot's files, be they whole or not."""

    place: Repository
    writer: ClusterId
    name: str


@dataclass(frozen=True)
class CleanRepository:
    """Have files removed that belong to no snapshot."""

    place: Repository
    writer: ClusterId


@dataclass(frozen=True)
class ForgetSnapshot:
    """Take it out of the list: its files are gone."""

    snapshot: Snapshot
    said: str


@dataclass(frozen=True)
class SaveRestore:
    """Store how far it is; with `ends_action` the action is over before its traces are gone."""

    restore: Restore
    said: str | None = None
    ends_action: bool = False


@dataclass(frozen=True)
class BeginRestore:
    """Have the indices that are in the way closed, and those of `targets` restored."""

    restore: Restore
    snapshot: Snapshot
    targets: tuple[TargetIndex, ...]
    closes: Mapping[str, str]
    """Names and the engine's ids."""


@dataclass(frozen=True)
class TakeBackRestore:
    """Remove what a failed restore left broken, and open what it has not touched. By name, the
    engine's ids."""

    removes: Mapping[str, str]
    opens: Mapping[str, str]


SnapshotStep = (
    AddSnapshots
    | BeginAutomatic
    | SkipAutomatic
    | RetireSnapshots
    | BeginSnapshot
    | EndSnapshot
    | SaveSnapshot
    | DeleteFiles
    | CleanRepository
    | ForgetSnapshot
    | SaveRestore
    | BeginRestore
    | TakeBackRestore
)

ONLY_RECORDED = (EndSnapshot, SaveSnapshot, SaveRestore)
"""Steps that tell a cluster's engine nothing: they are taken also while the cluster is paused."""
