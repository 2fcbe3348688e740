"""A cluster as the service knows it: what is wanted, what it is made of, and what runs on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from searchplane.domain.engines import Datastore, Engine
from searchplane.domain.ids import ClusterId, NodeId, ProjectId


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
    """Automatic snapshots; `period` is `HH:mm GMT+hh:mm`, `keepday` the snapshots kept."""

    period: str
    prefix: str
    keepday: int
    frequency: str = "DAY"
    bucket: str | None = None
    base_path: str | None = None
    agency: str | None = None
    max_snapshot_bytes_per_second: str | None = None
    max_restore_bytes_per_second: str | None = None


@dataclass(frozen=True)
class Tag:
    key: str
    value: str


@dataclass(frozen=True)
class ClusterSpec:
    """The wanted state, as accepted. `engine` is what runs, `datastore` what was asked for."""

    name: str
    datastore: Datastore
    engine: Engine
    groups: tuple[NodeGroup, ...]
    network: Network
    zones: tuple[str, ...]
    security: Security = Security()
    description: str = ""
    backup: BackupStrategy | None = None
    tags: tuple[Tag, ...] = ()
    enterprise_project_id: str = "0"
    cmk_id: str | None = None


@dataclass(frozen=True)
class Node:
    """One engine process, chosen at acceptance.

    `address` is None until the driver has placed it. `starts` counts the launches since it last
    was a member of the cluster; with `last_start` it decides how long to back off. `last_error` is
    why the last launch did not come off; `ready` whether the last pass saw it as a member.
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


class ActionKind(StrEnum):
    """What is being done to a cluster; shown in `actions` while it runs."""

    CREATING = "CREATING"
    DELETING = "DELETING"


@dataclass(frozen=True)
class Action:
    """`started` moves on while the engine is being installed: nothing is late before that ends."""

    kind: ActionKind
    started: datetime


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
    `progress` is in percent. `unhealthy_since` is None while primaries are all there.
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

    def is_being(self, kind: ActionKind) -> bool:
        return self.action is not None and self.action.kind is kind
