"""Where buckets are: the store behind them, and how an engine is told of a repository in one.

Folders are the default: a repository is a folder below the project's bucket root, which is the
nodes' only `path.repo`. The engine resolves a relative location there by itself, so the control
plane need not know where that is, and no other project's folder can be named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from searchplane.domain.cluster import SnapshotSettings
from searchplane.domain.snapshots import Repository

UNLIMITED = "0b"
"""What the public API's 0 and -1 mean."""


class BucketStore(Protocol):
    """Puts repositories somewhere."""

    def place(self, repository: Repository) -> tuple[str, Mapping[str, str]]:
        """The engine's repository type, and the settings that say where it is."""


@dataclass(frozen=True)
class FolderBuckets:
    """Each bucket is a folder on the machine."""

    def place(self, repository: Repository) -> tuple[str, Mapping[str, str]]:
        return "fs", {"location": repository.location}


def registration(
    store: BucketStore,
    repository: Repository,
    settings: SnapshotSettings | None,
    *,
    read_only: bool,
) -> dict[str, Any]:
    """What the engine is told; all values are texts, as it answers them."""
    kind, place = store.place(repository)
    return {"type": kind, "settings": {**place, **_rates(settings), **_access(read_only)}}


def _access(read_only: bool) -> dict[str, str]:
    return {"readonly": "true"} if read_only else {}


def _rates(settings: SnapshotSettings | None) -> dict[str, str]:
    if settings is None:
        return {}
    given = {
        "max_snapshot_bytes_per_sec": settings.max_snapshot_rate,
        "max_restore_bytes_per_sec": settings.max_restore_rate,
    }
    return {name: _rate(value) for name, value in given.items() if value is not None}


def _rate(value: str) -> str:
    """The engine knows b, kb ... and k, m ... in small letters."""
    return UNLIMITED if value in ("0", "-1") else value.lower()
