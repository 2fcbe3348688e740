"""Indices, documents and repositories on paper: what the fake engine keeps for snapshots.

Documents are texts. A restore or a snapshot is at work for as many looks as it was told to take,
and is forgotten by its engine when all nodes end that ran when it began, as real engines forget:
a half snapshot stays in its repository, an index that was being restored is lost, and one that was
being restored over comes up with what it had before.
A shard of a snapshot fails when its node ended meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Coming:
    """What a restore brings when no look is left, unless there is a `reason` why it fails.

    `sessions` are the runs of the nodes that were there when it began; `is_over` is whether the
    index was there before, with the documents that it still has.
    """

    documents: tuple[str, ...]
    looks: int
    left: int
    sessions: frozenset[str]
    reason: str | None = None
    is_over: bool = False


@dataclass(frozen=True)
class FakeIndex:
    """`is_emptied` when its engine forgot to restore over it; `restored_from` as a look says."""

    name: str
    identity: str
    documents: tuple[str, ...] = ()
    writes: int = 0
    is_open: bool = True
    is_emptied: bool = False
    coming: Coming | None = None
    restored_from: str | None = None


@dataclass(frozen=True)
class FakeRepository:
    """`folder` is where it lies on the disk."""

    name: str
    folder: str
    read_only: bool
    rates: tuple[str | None, str | None] = (None, None)


@dataclass(frozen=True)
class Taking:
    """A snapshot at work. `holders` are the runs of the nodes that each shard is copied from."""

    repository: str
    name: str
    looks: int
    left: int
    sessions: frozenset[str]
    holders: tuple[str, ...]
    reason: str | None = None


@dataclass(frozen=True)
class Paper:
    """What one cluster's engine keeps of all this."""

    indices: tuple[FakeIndex, ...] = ()
    repositories: tuple[FakeRepository, ...] = ()
    taking: tuple[Taking, ...] = ()

    def index(self, name: str) -> FakeIndex | None:
        return next((one for one in self.indices if one.name == name), None)

    def repository(self, name: str) -> FakeRepository | None:
        return next((one for one in self.repositories if one.name == name), None)


def with_index(paper: Paper, index: FakeIndex) -> Paper:
    others = tuple(one for one in paper.indices if one.name != index.name)
    return replace(paper, indices=(*others, index))


def with_repository(paper: Paper, repository: FakeRepository) -> Paper:
    others = tuple(one for one in paper.repositories if one.name != repository.name)
    return replace(paper, repositories=(*others, repository))


def step(index: FakeIndex, alive: frozenset[str]) -> FakeIndex:
    """One look further in a restore: the index as it is then."""
    coming = index.coming
    if coming is None or coming.left == 0:
        return index
    if not coming.sessions & alive:
        lost = replace(coming, left=0, reason="all nodes ended")
        is_over = coming.is_over
        index = replace(index, restored_from=None)
        return replace(index, coming=None if is_over else lost, is_emptied=is_over)
    coming = replace(coming, left=coming.left - 1)
    if coming.left or coming.reason is not None:
        return replace(index, coming=coming)
    return replace(index, coming=None, documents=coming.documents)
