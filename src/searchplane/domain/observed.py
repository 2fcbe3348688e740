"""What a pass saw. `Unknown` is a value of its own and never permits a step that loses data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from searchplane.domain.engines import Engine
from searchplane.domain.ids import NodeId


@dataclass(frozen=True)
class Unknown:
    """The question was asked and not answered; `reason` is a sentence."""

    reason: str


@dataclass(frozen=True)
class Absent:
    """Nothing of the node exists: no process, no folder."""


@dataclass(frozen=True)
class Stopped:
    """The node's storage exists and no process runs. `last_error` is the last error of its log."""

    last_error: str | None = None


@dataclass(frozen=True)
class Running:
    """The node's process runs; whether it is a member only the engine can say."""

    pid: int | None = None


NodeState = Absent | Stopped | Running | Unknown


class Health(StrEnum):
    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True)
class ShardsView:
    """Where the copies of shards are, by node name, and what the master was told about nodes.

    `copies` counts started, initializing and relocating copies on a node; `lonely` are indices of
    which the node holds a started copy of a shard that no other node holds, `missing` those of
    which a shard has no started copy at all. `replicas` is the largest number of replicas of any
    index, less those whose number the engine chooses; `bare` are indices without any. `excluded`
    are addresses that shards are moved away from, `voting_excluded` names that have no vote.
    `voters` are the members whose votes count, `votes` how many count, of nodes that are away too.
    `holders` are the sets of nodes that hold all started copies of a shard, each set once; None
    where it was not asked.
    """

    copies: Mapping[str, int]
    lonely: Mapping[str, tuple[str, ...]]
    replicas: int = 0
    bare: tuple[str, ...] = ()
    excluded: frozenset[str] = frozenset()
    voting_excluded: frozenset[str] = frozenset()
    voters: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()
    votes: int = 0
    holders: frozenset[frozenset[str]] | None = None


@dataclass(frozen=True)
class EngineView:
    """What the elected master says. Shard figures are counts of shards.

    `pending` counts what the master has not decided yet: tasks, looks for copies of a shard, and
    shards whose placing is put off. `shards` is None where nobody asked for it (a cluster that is
    being created), and Unknown where it was asked for and not answered. `versions` are the engine
    versions by node name.
    """

    cluster_uuid: str
    master: str | None
    members: frozenset[str]
    """Names of the nodes that have joined."""
    health: Health
    initializing: int = 0
    relocating: int = 0
    unassigned: int = 0
    pending: int = 0
    shards: ShardsView | Unknown | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_moving(self) -> bool:
        """Whether shards are being built or moved, or are about to be."""
        return self.initializing > 0 or self.relocating > 0 or self.pending > 0


@dataclass(frozen=True)
class NodeLoad:
    """What a node has to do: requests that wait in its queues, its process's share of the
    machine's CPU, and how many CPUs its threads used on average since the look before."""

    search_queue: int
    write_queue: int
    cpu_percent: int
    cpus: float


@dataclass(frozen=True)
class Ready:
    """The engine's files are installed and verified."""


@dataclass(frozen=True)
class Installing:
    """The engine's files are being fetched; `sentence` says how far.

    `done` and `total` are bytes; a total of 0 means that nothing is being fetched at the moment.
    """

    sentence: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class InstallFailed:
    """The last attempt failed; it is tried again. `reason` is a sentence."""

    reason: str


Distribution = Ready | Installing | InstallFailed


@dataclass(frozen=True)
class Observation:
    """One look at one cluster.

    `distribution` is of the engine `awaited`, where it is not the wanted one. `certificates` say
    when the certificate ends that is stored for a node.
    """

    at: datetime
    nodes: Mapping[NodeId, NodeState]
    engine: EngineView | Unknown
    distribution: Distribution
    awaited: Engine | None = None
    certificates: Mapping[NodeId, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class HostCapacity:
    """What the driver's host has left, in MB (memory) and bytes (disk)."""

    memory_total_mb: int
    memory_available_mb: int
    disk_free_bytes: int
    observed: datetime


@dataclass(frozen=True)
class ClientIdentity:
    """How the control plane proves itself to a secured cluster: PEM texts, the key never shown."""

    authority_pem: str
    certificate_pem: str
    key_pem: str = field(repr=False)


@dataclass(frozen=True)
class Target:
    """Where and how to ask a cluster: `addresses` are hosts, the REST port is 9200."""

    addresses: tuple[str, ...]
    https: bool = False
    identity: ClientIdentity | None = None
