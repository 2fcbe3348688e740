"""An accepted change: the record with what is wanted now, and what that means for its nodes.

Every operation on a live cluster is a pure function from a record (and a request) to a `Change`,
or a refusal. What all have in common is here: in which state a change may be accepted, and how
the record is marked so that passes carry it out. Rules of single operations are in files named
after them (growth.py, departure.py, restarts.py ...).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from searchplane.domain import status
from searchplane.domain.cluster import Action, ActionKind, Cluster, Fate, Node, Pace
from searchplane.domain.layout import memory_needed_mb
from searchplane.domain.snapshots import Restore, Snapshot
from searchplane.domain.tasks import Task
from searchplane.errors import Refused

SCALING = frozenset({ActionKind.GROWING, ActionKind.RESIZING_VOLUME, ActionKind.SHRINKING})
BACKING_UP = frozenset({ActionKind.SNAPSHOTTING, ActionKind.RESTORING})


@dataclass(frozen=True)
class Change:
    """What is stored when the request is accepted; `said` is the event's sentence, `task` what
    the public API lists of it afterwards. `takes` is a snapshot that is new, `snapshots` are those
    of which something else is wanted now."""

    before: Cluster
    after: Cluster
    said: str
    task: Task | None = None
    warnings: tuple[str, ...] = ()
    takes: Snapshot | None = None
    snapshots: tuple[Snapshot, ...] = ()
    restore: Restore | None = None

    @property
    def begins(self) -> Action | None:
        """What passes are to carry out; None where the record is all that changes."""
        return self.after.action if self.after.action != self.before.action else None

    @property
    def new_nodes(self) -> tuple[Node, ...]:
        known = {node.id for node in self.before.nodes}
        return tuple(node for node in self.after.nodes if node.id not in known)

    @property
    def more_memory_mb(self) -> int:
        """What nodes that come or grow take besides. What others give up is free only later."""
        before = {node.id: memory_needed_mb((node,)) for node in self.before.nodes}
        return sum(
            max(0, memory_needed_mb((node,)) - before.get(node.id, 0)) for node in self.after.nodes
        )

    @property
    def going(self) -> tuple[Node, ...]:
        return tuple(node for node in self.after.nodes if node.fate is not Fate.STAY)

    @property
    def restarting(self) -> tuple[Node, ...]:
        return tuple(node for node in self.after.nodes if node.is_stale)


def check_idle(cluster: Cluster, *, repairs: bool = False, backing_up: str = "CSS.0012") -> None:
    """Refuse unless a change may be accepted now.

    `repairs` are changes that may mend a cluster (restart, replacing a node, taking away a dead
    one): a failed one may have them, be it that its action failed for good, and one that lacks a
    node. `backing_up` is the code while a snapshot is taken or restored.
    Raises Refused with that, CSS.0077 while scaling, else CSS.5090. Source: api/semantics.md,
    section 5.
    """
    action = cluster.action
    if cluster.paused:
        raise Refused("CSS.5090", "the cluster is paused by an operator: resume it first")
    has_failed = repairs and cluster.bootstrapped and cluster.failure is not None
    if action is not None and not has_failed:
        code = "CSS.0077" if action.kind in SCALING else "CSS.5090"
        code = backing_up if action.kind in BACKING_UP else code
        raise Refused(
            code,
            f"the cluster is {action.kind.value}: {cluster.sentence}; wait until its actions "
            "are empty",
        )
    if repairs:
        return
    if status.cluster_status(cluster) == status.FAILED:
        raise Refused("CSS.5090", f"the cluster has failed: {cluster.sentence}")
    if status.actions(cluster):
        raise Refused("CSS.5090", f"the cluster is not whole now: {cluster.sentence}")


def completed(cluster: Cluster) -> Cluster:
    """The record of a cluster whose action is done."""
    spec = replace(cluster.spec, datastore=cluster.answers_as)
    return replace(cluster, spec=spec, action=None, skipped=frozenset())


def next_engine(cluster: Cluster) -> Cluster:
    """The record when all nodes run the wanted engine: the next of the action is wanted now."""
    action = cluster.action
    if action is None or not action.hops:
        raise ValueError("no engine is to follow")
    spec = replace(cluster.spec, engine=action.hops[0])
    after = replace(cluster, spec=spec, action=replace(action, hops=action.hops[1:]))
    return with_nodes(after, to_restart)


def with_nodes(cluster: Cluster, change: Callable[[Node], Node]) -> Cluster:
    return replace(cluster, nodes=tuple(change(node) for node in cluster.nodes))


def to_restart(node: Node) -> Node:
    """The node marked to be restarted; again is nothing more."""
    return replace(node, restarts_wanted=max(node.restarts_wanted, node.restarts_done + 1))


def as_new(node: Node) -> Node:
    """The node as if it had never been started; it keeps its id, name and address."""
    return replace(
        node,
        fate=Fate.STAY,
        emptied=False,
        starts=0,
        last_start=None,
        engine=None,
        mode=None,
        certified_until=None,
        ready=False,
        votes=False,
    )


def begun(cluster: Cluster, action: Action) -> Cluster:
    """The record with its action: it is shown before the answer to the request is sent."""
    return replace(cluster, action=action, failure=None, refusal=None, progress=0)


def given_up(cluster: Cluster) -> Cluster:
    """The record after nodes that were to go could not: they stay, and are counted again."""
    groups = tuple(
        replace(group, count=sum(node.role is group.role for node in cluster.nodes))
        for group in cluster.spec.groups
    )
    stay = with_nodes(cluster, lambda node: replace(node, fate=Fate.STAY, emptied=False))
    return replace(stay, spec=replace(cluster.spec, groups=groups), refusal=None)


def rolling(action: Action, *, at_once: bool) -> Action:
    return replace(action, pace=Pace.AT_ONCE if at_once else Pace.ROLLING)
