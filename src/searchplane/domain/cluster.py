"""A cluster as the service knows it: what is wanted, what it is made of, and what runs on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from searchplane.domain.engines import SECURED_ENGINE, Datastore, Engine
from searchplane.domain.exposure import NOWHERE, Exposure
from searchplane.domain.ids import ClusterId, NodeId, ProjectId
from searchplane.domain.index_patterns import ALL_INDICES
from searchplane.domain.observed import NodeLoad
from searchplane.domain.scratch import Verification


class Role(StrEnum):
    """Node types of the public API."""

    DATA = "ess"
    MASTER = "ess-master"
    CLIENT = "ess-client"
    COLD = "ess-cold"


@dataclass(frozen=True)
class Volume:
    """A node's disk: `type` is COMMON, HIGH, ULTRAHIGH or ESSD; `size_gb` is nominal here."""

    type: str
    size_gb: int


@dataclass(frozen=True)
class NodeGroup:
    """All nodes of one role; they share flavor and volume."""

    role: Role
    count: int
    flavor: str
    volume: Volume


@dataclass(frozen=True)
class Network:
    """Opaque strings of the caller, echoed and never interpreted."""

    vpc_id: str
    subnet_id: str
    security_group_id: str


@dataclass(frozen=True)
class Security:
    """`authority`: users and passwords; `https`: TLS on the REST port (needs `authority`)."""

    authority: bool = False
    https: bool = False


@dataclass(frozen=True)
class BackupStrategy:
    """The policy of automatic snapshots.

    `period` is `HH:mm GMT+hh:mm`, `keepday` the number of snapshots kept, `indices` an expression
    as in a request for a snapshot.
    """

    period: str
    prefix: str
    keepday: int
    frequency: str = "DAY"
    indices: str = ALL_INDICES


@dataclass(frozen=True)
class SnapshotSettings:
    """Where a cluster's snapshots go, and how fast; without them it can have none.

    Agency and key are echoed and never interpreted. Rates are as in the public API, such as 40mb;
    None is the engine's own.
    """

    bucket: str
    base_path: str = ""
    agency: str = ""
    max_snapshot_rate: str | None = None
    max_restore_rate: str | None = None
    cmk_id: str | None = None


@dataclass(frozen=True)
class Tag:
    key: str
    value: str


@dataclass(frozen=True)
class ClusterSpec:
    """The wanted state, as accepted. `engine` is what runs, `datastore` what was asked for.

    `snapshots` is None while the feature is off, `backup` while there are no automatic ones.
    `initial_name` is set once the cluster was renamed: the engine and its nodes keep that name.
    `verifies` is what a scratch cluster is for, None of every other.
    """

    name: str
    datastore: Datastore
    engine: Engine
    groups: tuple[NodeGroup, ...]
    network: Network
    zones: tuple[str, ...]
    security: Security = Security()
    description: str = ""
    snapshots: SnapshotSettings | None = None
    backup: BackupStrategy | None = None
    tags: tuple[Tag, ...] = ()
    enterprise_project_id: str = "0"
    cmk_id: str | None = None
    initial_name: str | None = None
    exposure: Exposure = NOWHERE
    verifies: Verification | None = None

    @property
    def engine_name(self) -> str:
        """What the engine calls the cluster, for all its life."""
        return self.initial_name or self.name

    @property
    def mode(self) -> Security:
        """How nodes are started now: plain while an engine without security mode is passed."""
        return self.security if self.engine == SECURED_ENGINE else Security()


class Fate(StrEnum):
    """What is to become of a node."""

    STAY = "stay"
    LEAVE = "leave"
    """Its data is moved away, then it goes for good."""
    REPLACE = "replace"
    """Its data is moved away, then it starts again, empty, with its id and address."""


@dataclass(frozen=True)
class Node:
    """One engine process, chosen at acceptance.

    `address` is None until the driver has placed it. `starts` counts the launches since it last
    was a member of the cluster; with `last_start` it decides how long to back off. `last_error` is
    why the last launch did not come off; `ready` whether the last pass saw it as a member.

    A node is restarted while `restarts_done` is less than `restarts_wanted`; a start catches up.
    `engine` is what its storage was last opened with, None until it was started. `emptied` is set
    when a look saw it without shards after it was told to give them away: the second such look
    lets it go. `mode` is how it was started, None until then and for what is older than this
    field; `certified_until` is when the certificate ends that it was given. `subnet_id` is where
    it was put, None for what is older than this field: then it is the cluster's. `used_bytes` is
    what its storage held when the loop last looked. `missed_since` is the first of the looks that
    saw it run and, all of them, not as a member. `votes` is whether it may be elected, as it was
    last started.
    """

    id: NodeId
    name: str
    role: Role
    zone: str
    flavor: str
    volume: Volume
    heap_mb: int
    processors: int
    address: str | None = None
    starts: int = 0
    last_start: datetime | None = None
    last_error: str | None = None
    ready: bool = False
    restarts_wanted: int = 0
    restarts_done: int = 0
    fate: Fate = Fate.STAY
    engine: Engine | None = None
    emptied: bool = False
    mode: Security | None = None
    certified_until: datetime | None = None
    subnet_id: str | None = None
    used_bytes: int | None = None
    missed_since: datetime | None = None
    votes: bool = False

    @property
    def is_stale(self) -> bool:
        """Whether it runs with what is not wanted any longer and is to be restarted."""
        return self.restarts_done < self.restarts_wanted


class ActionKind(StrEnum):
    """What is being done to a cluster; shown in `actions` while it runs."""

    CREATING = "CREATING"
    DELETING = "DELETING"
    GROWING = "GROWING"
    RESIZING_VOLUME = "RESIZING_VOLUME"
    SHRINKING = "SHRINKING"
    REPLACING = "REPLACING"
    REBOOTING = "REBOOTING"
    RESIZING_FLAVOR = "RESIZING_FLAVOR"
    UPGRADING = "UPGRADING"
    CHANGING_MODE = "CHANGING_MODE"
    MIGRATING_ZONES = "AZ_MIGRATING"
    SNAPSHOTTING = "SNAPSHOTTING"
    RESTORING = "RESTORING"
    RESETTING_PASSWORD = "RESETTING_PASSWORD"  # noqa: S105 - a name of what is done


class Anew(StrEnum):
    """How far a cluster is that is formed a second time, as nothing of its data is left."""

    NO = ""
    WANTED = "wanted"
    FORMING = "forming"
    """Its record says that it never formed; its snapshot is restored once it has."""


class Pace(StrEnum):
    """How the nodes that are to be restarted are taken."""

    ROLLING = "rolling"
    """One after the other; the cluster goes on serving."""
    AT_ONCE = "at-once"
    """All are stopped before the first is started again."""


@dataclass(frozen=True)
class Action:
    """What was asked for and is not finished, chosen at acceptance.

    `started` moves on while an engine is being installed: nothing is late before that ends.
    `pace` is how nodes are restarted. `drains` is False where the user wants nodes to go with
    their data unmoved; then every shard must have another copy. `id` is what the public API calls
    the task where it has a name for it (upgrades), or the snapshot or restore it is about.
    `becomes` is the datastore the cluster is shown as when an upgrade is done. `hops` are the
    engines that the nodes still have to be started on, one after the other, when all of them run
    the wanted one. `batch_size` is how many nodes may be restarted at the same time, where that is
    as safe as one. With `anew` the cluster is formed a second time, and `id` is the snapshot that
    is restored then, None for the newest.
    """

    kind: ActionKind
    started: datetime
    pace: Pace = Pace.ROLLING
    drains: bool = True
    id: str | None = None
    becomes: Datastore | None = None
    hops: tuple[Engine, ...] = ()
    batch_size: int = 1
    anew: Anew = Anew.NO


@dataclass(frozen=True)
class Refusal:
    """A step that is not taken now: the predicate that refuses it, and its sentence."""

    predicate: str
    sentence: str


@dataclass(frozen=True)
class IndicesSeen:
    """What the last look that could tell saw of the indices.

    `most_replicas` is of the index that has most; `bare` are indices that have no replica, the
    first ten of them by name.
    """

    most_replicas: int = 0
    bare: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadSeen:
    """What the nodes had to do, by name, when the loop looked."""

    at: datetime
    nodes: Mapping[str, NodeLoad]


@dataclass(frozen=True)
class Failure:
    """Why an action failed for good: a code of the public API (CSS.6000 ...) and a sentence."""

    code: str
    message: str
    since: datetime


@dataclass(frozen=True)
class Cluster:
    """A cluster's record: what is wanted, and what the last pass said.

    `tenant` is the project's number. `revision` grows with every accepted request, so that a pass
    that began before it cannot write over it. `bootstrapped` is set once the cluster has elected
    its first master; from then on no node may be configured to form a cluster of its own.
    `progress` is in percent. `unhealthy_since` is None while primaries are all there. `refusal` is
    why the next step of the action is not taken now. A `paused` cluster is observed and nothing
    is done to it; `skipped` names predicates that an operator has set aside for this action.
    `indices` and `load` are None until a look could tell. `backed_up` is the moment of the newest
    automatic snapshot that was taken, skipped or given up, by its policy; None before the first.
    `verified` is when one of its snapshots was last to be verified by itself.
    """

    id: ClusterId
    project_id: ProjectId
    tenant: int
    spec: ClusterSpec
    nodes: tuple[Node, ...]
    created: datetime
    updated: datetime
    revision: int = 1
    action: Action | None = None
    failure: Failure | None = None
    bootstrapped: bool = False
    sentence: str = ""
    progress: int = 0
    unhealthy_since: datetime | None = None
    refusal: Refusal | None = None
    paused: bool = False
    skipped: frozenset[str] = frozenset()
    indices: IndicesSeen | None = None
    load: LoadSeen | None = None
    backed_up: datetime | None = None
    verified: datetime | None = None

    @property
    def awaits_engine(self) -> bool:
        """Whether a node is to be restarted on another engine than it runs, or in another mode."""
        return any(node.is_stale and self._needs_files(node) for node in self.nodes)

    def _needs_files(self, node: Node) -> bool:
        wanted = self.spec.mode
        return node.engine != self.spec.engine or (node.mode or wanted) != wanted

    def gives_up_vote(self, node: Node) -> bool:
        """Whether it is a master yet where dedicated masters are to be the only ones."""
        return (
            node.votes
            and node.role is not Role.MASTER
            and any(one.role is Role.MASTER for one in self.nodes)
        )

    def is_outdated(self, node: Node) -> bool:
        """Whether it is to be restarted, be it for its vote alone."""
        return node.is_stale or self.gives_up_vote(node)

    @property
    def mode(self) -> Security:
        """How the nodes that run can be spoken to: the last that were started decide."""
        known = sorted((one for one in self.nodes if one.mode is not None), key=_is_stale)
        return known[0].mode or self.spec.mode if known else self.spec.mode

    @property
    def engines_to_come(self) -> tuple[tuple[Engine, bool], ...]:
        """Every engine that nodes are still to be started on, and whether in security mode."""
        hops = self.action.hops if self.action else ()
        secured = self.spec.security.authority
        return tuple(
            (engine, secured and engine == SECURED_ENGINE) for engine in (self.spec.engine, *hops)
        )

    @property
    def answers_as(self) -> Datastore:
        """What the engine is to tell clients that it is; during an upgrade, what it becomes."""
        action = self.action
        return action.becomes if action and action.becomes else self.spec.datastore

    def is_being(self, kind: ActionKind) -> bool:
        return self.action is not None and self.action.kind is kind


def _is_stale(node: Node) -> bool:
    return node.is_stale
