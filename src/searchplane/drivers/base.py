"""The protocol every driver keeps, and what it is told about a node.

The verbs are per node and may be repeated at any time: a crash between any two lines of a driver
is cured by calling the same verb again. How data is kept safe (drain, order, votes) is decided by
the caller; a driver only drops storage when told `Storage.DROP`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from searchplane.domain.engines import Engine
from searchplane.domain.ids import ClusterId, NodeId
from searchplane.domain.observed import HostCapacity, NodeState


@dataclass(frozen=True)
class NodeRef:
    """Which node; enough to find everything a driver has of it."""

    cluster_id: ClusterId
    node_id: NodeId


@dataclass(frozen=True)
class NodeSpec:
    """All a driver needs to make one node run.

    `tenant` is the project's number: drivers that separate tenants by operating system user use
    it. `files` are the node's configuration folder, by relative path, complete: a file that is not
    named does not belong there (the engine's own keystore aside).
    """

    ref: NodeRef
    name: str
    tenant: int
    address: str
    engine: Engine
    secured: bool
    processors: int
    heap_mb: int
    files: Mapping[str, bytes]


class Storage(Enum):
    """Said explicitly whenever a node is removed."""

    KEEP = "keep"
    DROP = "drop"


Checkpoint = Callable[[str], None]
"""Called with a step's name after each durable effect; tests kill the process there."""


def no_checkpoint(step: str) -> None:
    """The checkpoint of a service that is not under test."""


class Driver(Protocol):
    """Errors: Transient when trying again may help, Permanent when a person must act."""

    async def capacity(self) -> HostCapacity:
        """What the host has left now."""

    async def place(self, ref: NodeRef) -> str:
        """An address for the node, free when it was chosen; the caller stores it."""

    async def ensure(self, spec: NodeSpec) -> None:
        """Make the node's storage and configuration as in `spec` and start its process.

        A running process is left alone, though its files are brought up to date. Raises Transient
        if the process cannot be started now.
        """

    async def stop(self, ref: NodeRef, *, force: bool = False) -> None:
        """Ask the process to end (`force`: at once). Returns without waiting for it to be gone."""

    async def remove(self, ref: NodeRef, storage: Storage) -> None:
        """Remove a stopped node. Raises Transient while its process still runs.

        With Storage.KEEP nothing but the process's own leftovers (pid file, lock) goes.
        """

    async def observe(self, ref: NodeRef) -> NodeState:
        """What is there now. Never raises: what cannot be seen is Unknown."""

    async def used_bytes(self, ref: NodeRef) -> int | None:
        """What the node's storage holds, in bytes; None where there is none, or it cannot be
        seen. Never raises."""

    async def nodes(self) -> tuple[NodeRef, ...]:
        """Every node this driver has anything of."""

    async def attach(self, tenant: int, bucket: str, path: Path) -> tuple[str, ...]:
        """Have the folder at `path` be a bucket of the project that its nodes can read.

        Gives where in it there are repositories, below the project's buckets. Raises Permanent
        when the nodes cannot read it, could write in it or would be led out of it by a link, or
        the project has a bucket of its own of that name.
        """

    async def detach(self, tenant: int, bucket: str) -> None:
        """Undo `attach`; a bucket of the project's own is left alone."""

    async def detach_others(self, tenant: int, kept: Collection[str]) -> None:
        """Undo what was ever attached to the project but for these buckets."""

    async def close(self) -> None:
        """Let go of watches and handles; nodes go on running."""
