"""What a scratch cluster is for; it stands in the cluster's record and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from searchplane.domain.ids import RestoreId, SnapshotId


@dataclass(frozen=True)
class IndexRead:
    """All documents of a restored index: how many, and a digest that their order does not change.

    `error` is why they could not be read.
    """

    name: str
    documents: int = 0
    digest: str = ""
    error: str | None = None


@dataclass(frozen=True)
class Verification:
    """A snapshot to be restored into the cluster and compared, and how far that is.

    `restore_id` is set with the action that restores it, `read` are the indices read since.
    """

    snapshot_id: SnapshotId
    started: datetime
    restore_id: RestoreId | None = None
    read: tuple[IndexRead, ...] = ()

    def with_read(self, index: IndexRead) -> Verification:
        """Again takes the place of what was read before."""
        others = tuple(one for one in self.read if one.name != index.name)
        return replace(self, read=(*others, index))
