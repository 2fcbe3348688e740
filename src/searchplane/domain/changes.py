"""What is left to do of a change to a live cluster, from a fresh look: nodes that go, nodes that
are restarted, and what the engine was told on the way.

Nothing here remembers how far a change has come. Which nodes leave or are restarted stands in the
record; where their shards are and who has a vote, the engine says. So a change that was cut off
anywhere goes on, and what an earlier pass told the engine is taken back as soon as no node needs
it, whoever asked and whatever became of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from searchplane.domain import safety
from searchplane.domain.cluster import Cluster, Fate, Node, Pace, Refusal
from searchplane.domain.observed import (
    Absent,
    EngineView,
    Observation,
    Running,
    ShardsView,
    Unknown,
)
from searchplane.domain.safety import RESTART_ORDER, Question
from searchplane.domain.steps import (
    ExcludeFromAllocation,
    ExcludeFromVoting,
    ForgetNode,
    HaltNode,
    MarkEmptied,
    RemoveNode,
    RenewNode,
    Step,
)


@dataclass(frozen=True)
class Left:
    """What of a change can be done now, and what holds up the rest."""

    steps: tuple[Step, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def is_nothing(self) -> bool:
        return not self.steps and not self.refusals

    def __add__(self, other: Left) -> Left:
        return Left(self.steps + other.steps, self.refusals + other.refusals)


def halts_all(cluster: Cluster, observation: Observation) -> tuple[HaltNode, ...]:
    """The nodes to stop before any may start, where all are to be restarted at once."""
    if cluster.action is None or cluster.action.pace is not Pace.AT_ONCE:
        return ()
    return tuple(
        HaltNode(node.id)
        for node in cluster.nodes
        if node.is_stale and isinstance(observation.nodes[node.id], Running)
    )


def gone(cluster: Cluster, observation: Observation) -> tuple[Step, ...]:
    """What is left to do about nodes that went: their storage, then their record."""
    return tuple(
        _bury(node, observation) for node in cluster.nodes if is_gone(cluster, node, observation)
    )


def is_gone(cluster: Cluster, node: Node, observation: Observation) -> bool:
    """Whether a node that is to go has ended and nothing of its data is missed."""
    return node.fate is not Fate.STAY and safety.is_whole_without(
        Question(cluster, node, observation)
    )


def _bury(node: Node, observation: Observation) -> Step:
    if not isinstance(observation.nodes[node.id], Absent):
        return RemoveNode(node.id)
    return RenewNode(node.id) if node.fate is Fate.REPLACE else ForgetNode(node.id)


def left(cluster: Cluster, observation: Observation) -> Left:
    """Of a cluster whose nodes all run and have joined."""
    told = _tell_engine(cluster, observation)
    if told:
        return Left(told)
    going = _going(cluster)
    if going:
        return sum((_let_go(cluster, node, observation) for node in going), Left())
    return _restart(cluster, observation)


def _going(cluster: Cluster) -> tuple[Node, ...]:
    return tuple(node for node in cluster.nodes if node.fate is not Fate.STAY)


def _drains(cluster: Cluster) -> bool:
    return cluster.action is None or cluster.action.drains


def _tell_engine(cluster: Cluster, observation: Observation) -> tuple[Step, ...]:
    """Make what the engine was told equal to what the nodes that go need, in both directions."""
    engine = observation.engine
    if isinstance(engine, Unknown) or not isinstance(engine.shards, ShardsView):
        return ()
    return tuple(_differences(cluster, engine, engine.shards))


def _differences(cluster: Cluster, engine: EngineView, shards: ShardsView) -> Iterator[Step]:
    going = _going(cluster) if _drains(cluster) else ()
    addresses = frozenset(node.address for node in going if node.address is not None)
    if shards.excluded != addresses:
        yield ExcludeFromAllocation(addresses)
    names = _give_up_votes(cluster, shards)
    if shards.voting_excluded != names:
        yield ExcludeFromVoting(names)


def _give_up_votes(cluster: Cluster, shards: ShardsView) -> frozenset[str]:
    """One master at a time: the first of those that are otherwise ready to go."""
    for node in _going(cluster):
        ready = node.emptied or not _drains(cluster)
        if ready and node.name in shards.voters | shards.voting_excluded:
            return frozenset({node.name})
    return frozenset()


def _let_go(cluster: Cluster, node: Node, observation: Observation) -> Left:
    question = Question(cluster, node, observation)
    if not _drains(cluster):
        objection = safety.refusal(safety.LEAVE_WITH_DATA, question)
        return Left(refusals=(objection,)) if objection else Left((HaltNode(node.id),))
    objection = safety.refusal(safety.LEAVE, question)
    if objection is None:
        return Left((HaltNode(node.id),) if node.emptied else (MarkEmptied(node.id),))
    if objection.predicate == safety.has_no_vote.__name__ and not node.emptied:
        return Left((MarkEmptied(node.id),))
    return Left(refusals=(objection,))


def _restart(cluster: Cluster, observation: Observation) -> Left:
    """The next node that may be restarted; one at a time, so that at most one is away."""
    stale = in_order(cluster, observation)
    refusals: list[Refusal] = []
    for node in stale:
        objection = safety.refusal(safety.RESTART, Question(cluster, node, observation))
        if objection is None:
            return Left((HaltNode(node.id),))
        refusals.append(objection)
    return Left(refusals=tuple(refusals[:1]))


def in_order(cluster: Cluster, observation: Observation) -> Sequence[Node]:
    """The nodes to restart, tier by tier, the ill before the healthy and the master last."""
    engine = observation.engine
    master = None if isinstance(engine, Unknown) else engine.master
    members = frozenset() if isinstance(engine, Unknown) else engine.members
    return sorted(
        (node for node in cluster.nodes if node.is_stale),
        key=lambda node: (
            node.name in members,
            RESTART_ORDER.index(node.role),
            node.name == master,
        ),
    )
