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
from datetime import datetime, timedelta

from searchplane.domain import safety
from searchplane.domain.cluster import ActionKind, Cluster, Fate, Node, Pace, Refusal
from searchplane.domain.observed import (
    Absent,
    EngineView,
    NodeState,
    Observation,
    Running,
    ShardsView,
    Stopped,
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

ELECTION = timedelta(seconds=15)
"""How long a node that is to go and has ended is left alone while no master is elected: its vote
may be what is missing, but an election takes some seconds anyway."""


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


def halts_all(cluster: Cluster, observation: Observation) -> Left:
    """The nodes to stop before any may start, where all are to be restarted at once."""
    if cluster.action is None or cluster.action.pace is not Pace.AT_ONCE:
        return Left()
    stale = [node for node in cluster.nodes if node.is_stale]
    running = [node for node in stale if not _is_down(node, observation)]
    for node in running:
        objection = safety.refusal(safety.RESTART_AT_ONCE, Question(cluster, node, observation))
        if objection is not None:
            return Left(refusals=(objection,))
    return Left(tuple(HaltNode(node.id) for node in running))


def bury(cluster: Cluster, node: Node, observation: Observation) -> Left:
    """What is to be done about a node that does not run. Nothing at all: it is to be started.

    One that is to go is started again only where something is missed without it.
    """
    if node.fate is Fate.STAY:
        return Left()
    state = observation.nodes[node.id]
    is_replaced = node.fate is Fate.REPLACE
    if is_replaced and isinstance(state, Absent) and isinstance(observation.engine, EngineView):
        return Left((RenewNode(node.id),))  # nothing of it is left to lose
    objection = safety.refusal(safety.BURY, Question(cluster, node, observation))
    if objection is None:
        return Left((_buried(node, state),))
    is_missed = _is_missed(cluster, observation, objection)
    return Left() if is_missed and not isinstance(state, Absent) else Left(refusals=(objection,))


def _buried(node: Node, state: NodeState) -> Step:
    if not isinstance(state, Absent):
        return RemoveNode(node.id)
    return RenewNode(node.id) if node.fate is Fate.REPLACE else ForgetNode(node.id)


def _is_missed(cluster: Cluster, observation: Observation, objection: Refusal) -> bool:
    if objection.predicate == safety.primaries_are_there.__name__:
        return True
    since = cluster.unhealthy_since
    return (
        isinstance(observation.engine, Unknown)
        and since is not None
        and observation.at - since > ELECTION
    )


def left(cluster: Cluster, observation: Observation) -> Left:
    """Of a cluster whose nodes all run and have joined."""
    told = tuple(_tell_engine(cluster, observation))
    if told:
        return Left(told)
    going = _going(cluster)
    if not going:
        return _restart(cluster, observation)
    found = [_let_go(cluster, node, observation) for node in going]
    if _drains(cluster):
        return sum(found, Left())
    return next((one for one in found if one.steps), found[0])  # one at a time is away


def left_of_ill(cluster: Cluster, observation: Observation) -> Left:
    """Of a cluster of which nodes run and are no members: a change need not wait for those that
    are to be restarted or to go anyway, and one that hangs is restarted in the end."""
    if not isinstance(observation.engine, EngineView):
        return Left()
    members = observation.engine.members
    ill = [
        node
        for node in cluster.nodes
        if node.name not in members and isinstance(observation.nodes[node.id], Running)
    ]
    return sum((_end_ill(cluster, node, observation) for node in ill), Left())


def _end_ill(cluster: Cluster, node: Node, observation: Observation) -> Left:
    if node.fate is Fate.STAY and not node.is_stale:
        return _end_hung(cluster, node, observation)
    predicates = safety.RESTART_ILL if node.fate is Fate.STAY else safety.LEAVE_ILL
    objection = safety.refusal(predicates, Question(cluster, node, observation))
    return Left(refusals=(objection,)) if objection else Left((HaltNode(node.id),))


def _end_hung(cluster: Cluster, node: Node, observation: Observation) -> Left:
    """Nobody asked anything of it. It is asked to end, which it may have forgotten how to: a
    driver ends it then, and it is started again like any that died."""
    if not cluster.bootstrapped or cluster.is_being(ActionKind.CREATING):
        return Left()
    objection = safety.refusal(safety.RESTART_HUNG, Question(cluster, node, observation))
    if objection is None:
        return Left((HaltNode(node.id),))
    is_starting = node.starts > 0 and objection.predicate == safety.is_missed_for_long.__name__
    return Left() if is_starting else Left(refusals=(objection,))


def missed_since(node: Node, observation: Observation) -> datetime | None:
    """Since when it is missed though it runs; None where a look cannot tell."""
    if not isinstance(observation.engine, EngineView):
        return None
    if not isinstance(observation.nodes[node.id], Running):
        return None
    since = node.missed_since
    return since if since is not None and since <= observation.at else observation.at


def taken_back(cluster: Cluster, observation: Observation) -> tuple[Step, ...]:
    """What the engine was told and no node needs any longer; also while nodes are away."""
    shards = _shards(observation)
    if shards is None:
        return ()
    steps: list[Step] = []
    addresses = shards.excluded & _addresses(cluster)
    if addresses != shards.excluded:
        steps.append(ExcludeFromAllocation(addresses))
    names = shards.voting_excluded & {node.name for node in _going(cluster)}
    if names != shards.voting_excluded:
        steps.append(ExcludeFromVoting(names))
    return tuple(steps)


def _is_down(node: Node, observation: Observation) -> bool:
    return isinstance(observation.nodes[node.id], Absent | Stopped)


def _going(cluster: Cluster) -> tuple[Node, ...]:
    return tuple(node for node in cluster.nodes if node.fate is not Fate.STAY)


def _drains(cluster: Cluster) -> bool:
    return cluster.action is None or cluster.action.drains


def _shards(observation: Observation) -> ShardsView | None:
    engine = observation.engine
    if isinstance(engine, Unknown) or not isinstance(engine.shards, ShardsView):
        return None
    return engine.shards


def _addresses(cluster: Cluster) -> frozenset[str]:
    """From where shards are to be moved."""
    going = _going(cluster) if _drains(cluster) else ()
    return frozenset(node.address for node in going if node.address is not None)


def _tell_engine(cluster: Cluster, observation: Observation) -> Iterator[Step]:
    """Make what the engine was told equal to what the nodes that go need, in both directions."""
    shards = _shards(observation)
    if shards is None:
        return
    addresses = _addresses(cluster)
    if shards.excluded != addresses:
        yield ExcludeFromAllocation(addresses)
    names = _give_up_votes(cluster, observation, shards)
    if shards.voting_excluded != names:
        yield ExcludeFromVoting(names)


def _give_up_votes(
    cluster: Cluster, observation: Observation, shards: ShardsView
) -> frozenset[str]:
    """One master at a time: who has given its vote up already, else the first that is ready to go
    but for its vote."""
    going = _going(cluster)
    for node in going:
        if node.name in shards.voting_excluded:
            return frozenset({node.name})
    for node in going:
        objection = _objection(cluster, node, observation)
        ready = node.emptied or not _drains(cluster)
        if ready and objection and objection.predicate == safety.has_no_vote.__name__:
            return frozenset({node.name})
    return frozenset()


def _objection(cluster: Cluster, node: Node, observation: Observation) -> Refusal | None:
    predicates = safety.LEAVE if _drains(cluster) else safety.LEAVE_WITH_DATA
    return safety.refusal(predicates, Question(cluster, node, observation))


FULL = frozenset({safety.copies_fit_elsewhere.__name__, safety.has_no_shards.__name__})
VOTING = frozenset({safety.has_no_vote.__name__, safety.is_not_elected.__name__})


def _let_go(cluster: Cluster, node: Node, observation: Observation) -> Left:
    objection = _objection(cluster, node, observation)
    if not _drains(cluster):
        return Left(refusals=(objection,)) if objection else Left((HaltNode(node.id),))
    if objection is None and node.emptied:
        return Left((HaltNode(node.id),))
    if not node.emptied and (objection is None or objection.predicate in VOTING):
        return Left((MarkEmptied(node.id),))
    refusals = (objection,) if objection else ()
    if node.emptied and objection and objection.predicate in FULL:
        return Left((MarkEmptied(node.id, emptied=False),), refusals)
    return Left(refusals=refusals)


def _restart(cluster: Cluster, observation: Observation) -> Left:
    """The next node that may be restarted, or the next batch."""
    stale = in_order(cluster, observation)
    refusals: list[Refusal] = []
    for node in stale:
        objection = safety.refusal(safety.RESTART, Question(cluster, node, observation))
        if objection is None:
            together = _batch(cluster, node, stale, observation)
            return Left(tuple(HaltNode(one.id) for one in together))
        refusals.append(objection)
    return Left(refusals=tuple(refusals[:1])) if stale else _unseen(cluster, observation)


def _batch(
    cluster: Cluster, first: Node, stale: Sequence[Node], observation: Observation
) -> tuple[Node, ...]:
    """The node, and as many others as are wanted at once and may be stopped beside it."""
    together: tuple[Node, ...] = (first,)
    most = cluster.action.batch_size if cluster.action is not None else 1
    for node in stale:
        question = Question(cluster, node, observation, together)
        if len(together) >= most:
            break
        if node != first and safety.refusal(safety.RESTART_BESIDE, question) is None:
            together = (*together, node)
    return together


def _unseen(cluster: Cluster, observation: Observation) -> Left:
    """An action is not over before it was seen that the engine was told nothing any longer."""
    engine = observation.engine
    if cluster.action is None or isinstance(engine, Unknown) or engine.shards is None:
        return Left()
    question = Question(cluster, cluster.nodes[0], observation)
    objection = safety.refusal((safety.is_known,), question)
    return Left(refusals=(objection,)) if objection else Left()


def in_order(cluster: Cluster, observation: Observation) -> Sequence[Node]:
    """The nodes to restart, tier by tier, the ill before the healthy and the master last."""
    engine = observation.engine
    master = None if isinstance(engine, Unknown) else engine.master
    members = frozenset() if isinstance(engine, Unknown) else engine.members
    return sorted(
        (node for node in cluster.nodes if cluster.is_outdated(node)),
        key=lambda node: (
            node.name in members,
            RESTART_ORDER.index(node.role),
            node.name == master,
        ),
    )
