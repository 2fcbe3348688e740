"""A repository on paper: one JSON file for each snapshot, in a folder like a real one's.

The file is called NAME.half while the snapshot is being taken, and NAME.json when it is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter

from searchplane.domain.snapshots import SnapshotStatus
from searchplane.domain.snapshots_seen import Label
from searchplane.errors import Permanent, Transient

WHOLE = ".json"
HALF = ".half"


@dataclass(frozen=True)
class PaperIndex:
    """An index in a snapshot."""

    name: str
    documents: tuple[str, ...]
    shards: int
    replicas: int


@dataclass(frozen=True)
class PaperSnapshot:
    """A snapshot's file."""

    name: str
    label: Label | None
    indices: tuple[PaperIndex, ...]
    began: datetime
    status: SnapshotStatus = SnapshotStatus.BUILDING
    ended: datetime | None = None
    failed_shards: int = 0
    reason: str | None = None

    @property
    def shards(self) -> int:
        return sum(index.shards for index in self.indices)

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(len(text) for index in self.indices for text in index.documents)


_SNAPSHOT = TypeAdapter(PaperSnapshot)


class PaperRepository:
    """The folder of one repository."""

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        self._folder = folder
        self._read_only = read_only

    def whole(self) -> Iterator[PaperSnapshot]:
        """All that are there."""
        for path in sorted(self._folder.glob(f"*{WHOLE}")):
            yield _SNAPSHOT.validate_json(path.read_bytes())

    def find(self, name: str) -> PaperSnapshot | None:
        path = self._folder / f"{name}{WHOLE}"
        return _SNAPSHOT.validate_json(path.read_bytes()) if path.exists() else None

    def half(self, name: str) -> PaperSnapshot:
        return _SNAPSHOT.validate_json((self._folder / f"{name}{HALF}").read_bytes())

    def begin(self, snapshot: PaperSnapshot) -> None:
        self._put(snapshot, HALF)

    def complete(self, snapshot: PaperSnapshot) -> None:
        self._put(snapshot, WHOLE)
        (self._folder / f"{snapshot.name}{HALF}").unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        self._check()
        for ending in (WHOLE, HALF):
            (self._folder / f"{name}{ending}").unlink(missing_ok=True)

    def clean(self, at_work: frozenset[str]) -> None:
        """Remove the halves of those that nobody is at work on."""
        self._check()
        for path in self._folder.glob(f"*{HALF}"):
            if path.stem not in at_work:
                path.unlink()

    def _put(self, snapshot: PaperSnapshot, ending: str) -> None:
        self._check()
        path = self._folder / f"{snapshot.name}{ending}"
        temporary = path.with_suffix(".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(_SNAPSHOT.dump_json(snapshot))
            temporary.replace(path)
        except OSError as error:
            raise Transient(f"{path} cannot be written: {error.strerror}") from error

    def _check(self) -> None:
        if self._read_only:
            raise Permanent("the repository is read-only")
