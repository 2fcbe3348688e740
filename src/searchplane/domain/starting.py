"""What is done, and said, about a node that does not run: it is started, buried or waited for."""

from __future__ import annotations

from dataclasses import dataclass

from searchplane.domain import changes
from searchplane.domain.cluster import Cluster, Node, Refusal
from searchplane.domain.observed import Absent, Observation, Stopped
from searchplane.domain.predicates import may_start, seconds_until_start
from searchplane.domain.steps import StartNode, Step
from searchplane.domain.votes import keeps_vote

LATER = 30.0
"""Seconds to the next look, where nothing else makes it sooner."""
BURIAL_REFUSED, START_REFUSED = 1.0, 2.0


@dataclass(frozen=True)
class Down:
    """What is done, and said, about a node that does not run; `after` is in seconds."""

    said: str
    topic: str
    steps: tuple[Step, ...] = ()
    after: float = LATER
    refusal: Refusal | None = None


def down(cluster: Cluster, node: Node, observation: Observation) -> Down:
    """The node does not run; what is to be done about it now."""
    burial = changes.bury(cluster, node, observation)
    if burial.steps:
        said = f"{node.name} has ended; removing what is left of it"
        return Down(said, said, burial.steps)
    if burial.refusals:
        refused = burial.refusals[0]
        said = f"{node.name} has ended: {refused.sentence}"
        return Down(said, said, after=BURIAL_REFUSED, refusal=refused)
    refusal = may_start(cluster, node, observation)
    if refusal is not None:
        return Down(refusal, refusal, after=START_REFUSED)
    topic = _situation(cluster, node, observation)
    wait = seconds_until_start(node, observation.at)
    if wait > 0:
        return Down(f"{topic}; trying again in {wait:.0f} s", topic, after=wait)
    said = topic if _is_first(node, observation) else f"{topic}; starting it again"
    start = StartNode(node.id, keeps_vote=keeps_vote(cluster, node, observation))
    return Down(said, topic, (start,))


def _is_first(node: Node, observation: Observation) -> bool:
    return node.starts == 0 and isinstance(observation.nodes[node.id], Absent)


def _situation(cluster: Cluster, node: Node, observation: Observation) -> str:
    """What is the matter with a node that does not run: why its last launch did not come off,
    else the last error of its log."""
    if _is_first(node, observation):
        return f"starting {node.name} ({cluster.spec.engine}, {node.heap_mb} MB of heap)"
    state = observation.nodes[node.id]
    reason = node.last_error or (state.last_error if isinstance(state, Stopped) else None)
    return f"{node.name} does not run: {reason}" if reason else f"{node.name} does not run"
