"""Named predicates: whether a step is safe now. Unknown never permits one that can lose data.

Each is a pure function that gives None when the step may be taken, else the sentence of why not.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from searchplane.domain.cluster import Cluster, Node
from searchplane.domain.observed import (
    Absent,
    EngineView,
    Observation,
    Running,
    Stopped,
    Unknown,
)
from searchplane.domain.wording import count

MAX_BACKOFF_SECONDS = 60.0
HOPELESS = 12
"""Starts of a node without its joining, about six minutes, after which an action has failed."""


def backoff_seconds(starts: int) -> float:
    """How long after the last start the next one may come: 0, 1, 2, 4 ... 60 s."""
    return 0.0 if starts == 0 else min(MAX_BACKOFF_SECONDS, float(2 ** min(starts - 1, 10)))


def seconds_until_start(node: Node, now: datetime) -> float:
    """0 when the node need not back off any longer.

    A last start in the future means that the clock was set back: it says nothing.
    """
    if node.last_start is None or node.last_start > now:
        return 0.0
    due = node.last_start + timedelta(seconds=backoff_seconds(node.starts))
    return max(0.0, (due - now).total_seconds())


def may_start(cluster: Cluster, node: Node, observation: Observation) -> str | None:
    """A node may be started when it is known not to run and its data cannot be shadowed.

    A node of a formed cluster whose storage is gone would start empty. That is right when the
    others have elected a master, which then fills it; otherwise its disk may merely not be
    mounted, and an empty node would take the place of the data.
    """
    match observation.nodes[node.id]:
        case Running():
            return f"{node.name} runs already"
        case Unknown(reason):
            return f"it cannot be seen whether {node.name} runs: {reason}"
        case Stopped():
            return None
        case Absent():
            if cluster.bootstrapped and not isinstance(observation.engine, EngineView):
                return (
                    f"the storage of {node.name} is gone and no master is elected that could "
                    f"fill it; bring its folder back"
                )
            return None


def may_begin_again(cluster: Cluster, observation: Observation) -> str | None:
    """A cluster that had formed is not begun again, empty, when no node has anything of it left.

    Its folders may merely be elsewhere; the sentence says what can be done.
    """
    states = observation.nodes.values()
    if not cluster.bootstrapped or not all(isinstance(state, Absent) for state in states):
        return None
    nodes = cluster.nodes
    all_nodes = f"all {count(len(nodes))}" if len(nodes) > 1 else nodes[0].name
    return (
        f"the storage of {all_nodes} is gone; an empty cluster does not take its place by itself: "
        f"bring the folders back, or give the data up with searchplane cluster rebuild "
        f"{cluster.spec.name}"
    )


def may_form_anew(cluster: Cluster, observation: Observation) -> str | None:
    """A cluster that has formed may be formed a second time when no node has anything of it left.

    A single folder may hold what all others have lost.
    """
    for node in cluster.nodes:
        match observation.nodes[node.id]:
            case Unknown(reason):
                return f"it cannot be seen whether {node.name} has storage: {reason}"
            case Running() | Stopped():
                return f"the storage of {node.name} is there"
            case Absent():
                continue
    return None


def may_remove(node: Node, observation: Observation) -> str | None:
    """Storage may be removed when the node is known not to run."""
    match observation.nodes[node.id]:
        case Running():
            return f"{node.name} still runs"
        case Unknown(reason):
            return f"it cannot be seen whether {node.name} runs: {reason}"
        case Stopped() | Absent():
            return None


def is_stuck(cluster: Cluster, now: datetime, patience: timedelta) -> bool:
    """Whether an action waits for a node that was started again and again and never joined.

    Then it counts as failed, so that its user may replace the node or take it away; what is left
    of it is done all the same as soon as that is possible.
    """
    return cluster.action is not None and any(
        not node.ready
        and node.last_start is not None
        and (node.starts >= HOPELESS or (node.starts > 0 and now - node.last_start > patience))
        for node in cluster.nodes
    )
