"""Named predicates of a change to a live cluster: may this node be restarted, emptied, let go?

Each is a pure function from a look to None (it does not object) or the sentence of why not now.
They are asked in a fixed order, and the first that objects is stored with the cluster under its
name, so that a user can read it and an operator can set it aside for one action. Those that guard
against losing data cannot be set aside, and neither can "it is not known".

What is gathered here is what operators of these engines have learnt: one master at a time, never
the last vote, a node goes only when two looks saw it empty, and a node that is ill anyway is no
reason to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from searchplane.domain.cluster import Cluster, Node, Refusal, Role
from searchplane.domain.observed import (
    EngineView,
    Health,
    Observation,
    Running,
    ShardsView,
    Unknown,
)

SETTLED = timedelta(seconds=10)
"""How long after the last start of a node a yellow cluster with nothing moving counts as final."""

RESTART_ORDER = (Role.COLD, Role.DATA, Role.CLIENT, Role.MASTER)
"""Tiers in the order they are restarted; masters last, as both engines advise for upgrades."""


@dataclass(frozen=True)
class Question:
    """A node, and all that is known when it is asked about."""

    cluster: Cluster
    node: Node
    observation: Observation

    @property
    def view(self) -> EngineView:
        """Only after `is_known` did not object."""
        if isinstance(self.observation.engine, Unknown):
            raise TypeError("nobody knows what the engine says")
        return self.observation.engine

    @property
    def shards(self) -> ShardsView:
        """Only after `is_known` did not object."""
        shards = self.view.shards
        if not isinstance(shards, ShardsView):
            raise TypeError("nobody knows where the shards are")
        return shards

    @property
    def is_member(self) -> bool:
        return self.node.name in self.view.members


Predicate = Callable[[Question], str | None]


def masters(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes that may be elected: dedicated masters where there are any, else data nodes."""
    dedicated = tuple(node for node in nodes if node.role is Role.MASTER)
    return dedicated or tuple(node for node in nodes if node.role is Role.DATA)


def is_known(question: Question) -> str | None:
    """Unknown is not safe: processes, engine and shards were all seen."""
    for node in question.cluster.nodes:
        state = question.observation.nodes[node.id]
        if isinstance(state, Unknown):
            return f"it cannot be seen whether {node.name} runs: {state.reason}"
    engine = question.observation.engine
    if isinstance(engine, Unknown):
        return f"it cannot be seen what the engine says: {engine.reason}"
    if isinstance(engine.shards, ShardsView):
        return None
    why = engine.shards.reason if engine.shards is not None else "nobody asked"
    return f"it cannot be seen where the shards are: {why}"


def others_are_members(question: Question) -> str | None:
    """No second node is away; one that is ill itself may always be taken."""
    if not question.is_member:
        return None
    away = [
        node.name
        for node in question.cluster.nodes
        if node.id != question.node.id and node.name not in question.view.members
    ]
    return f"waiting for {', '.join(away)} to be a member again" if away else None


def nothing_moves(question: Question) -> str | None:
    """Shards are neither built nor moved: what is under way is done first."""
    view = question.view
    if not view.is_moving:
        return None
    return (
        f"{view.initializing} shards are being built and {view.relocating} moved, "
        f"{view.pending} decisions are pending"
    )


def is_as_healthy_as_it_gets(question: Question) -> str | None:
    """Green; or it cannot be healthier: one node, or yellow and settled with nothing moving."""
    view, cluster = question.view, question.cluster
    if view.health is Health.GREEN or len(cluster.nodes) == 1 or not question.is_member:
        return None
    if view.health is Health.RED:
        return "primary shards are missing"
    started = [node.last_start for node in cluster.nodes if node.last_start is not None]
    if started and question.observation.at - max(started) < SETTLED:
        return f"{view.unassigned} shards are not assigned yet"
    return None


def others_have_its_shards(question: Question) -> str | None:
    """Each of its shards has another started copy; waived where none can have one."""
    lonely = question.shards.lonely.get(question.node.name, ())
    if not lonely or question.view.health is Health.GREEN or len(question.cluster.nodes) == 1:
        return None
    if not question.view.is_moving and is_as_healthy_as_it_gets(question) is None:
        return None
    return f"{question.node.name} holds the only started copy of shards of {_few(lonely)}"


def its_data_is_elsewhere(question: Question) -> str | None:
    """For a node that goes without being emptied first. Cannot be set aside."""
    lonely = question.shards.lonely.get(question.node.name, ())
    if not lonely:
        return None
    return (
        f"{question.node.name} holds the only copy of shards of {_few(lonely)}; without moving "
        "its data they would be lost"
    )


def has_no_shards(question: Question) -> str | None:
    """Asked at two looks one after the other before the node goes. Cannot be set aside."""
    copies = question.shards.copies.get(question.node.name, 0)
    if not copies:
        return None
    return f"{copies} shards are still on {question.node.name}"


def has_no_vote(question: Question) -> str | None:
    """The masters that stay have taken over its vote. Cannot be set aside."""
    if question.node.name not in question.shards.voters:
        return None
    return f"{question.node.name} still has a vote in electing the master"


def votes_remain(question: Question) -> str | None:
    """Somebody who stays can be elected. Cannot be set aside."""
    staying = [
        one.name
        for one in masters(question.cluster.nodes)
        if one.id != question.node.id and one.name in question.view.members
    ]
    if question.node not in masters(question.cluster.nodes) or staying:
        return None
    return f"{question.node.name} is the last node that can be master"


def earlier_tiers_are_done(question: Question) -> str | None:
    """Cold before hot before client before master."""
    place = RESTART_ORDER.index(question.node.role)
    before = [
        node.name
        for node in question.cluster.nodes
        if node.is_stale and RESTART_ORDER.index(node.role) < place
    ]
    return f"{before[0]} comes first" if before else None


def is_not_master_yet(question: Question) -> str | None:
    """The elected master comes last: each of its restarts is an election."""
    if question.view.master != question.node.name:
        return None
    others = [one for one in question.cluster.nodes if one.is_stale and one != question.node]
    return f"{question.node.name} is the elected master and comes last" if others else None


RESTART: tuple[Predicate, ...] = (
    is_known,
    others_are_members,
    nothing_moves,
    is_as_healthy_as_it_gets,
    others_have_its_shards,
    earlier_tiers_are_done,
    is_not_master_yet,
)
"""Of a node that comes back with its data."""

RESTART_AT_ONCE: tuple[Predicate, ...] = (is_known,)
"""Of all nodes together: the user asked for an interruption."""

LEAVE: tuple[Predicate, ...] = (is_known, votes_remain, has_no_shards, has_no_vote)
"""Of a node whose storage will be removed."""

LEAVE_WITH_DATA: tuple[Predicate, ...] = (
    is_known,
    others_are_members,
    nothing_moves,
    votes_remain,
    its_data_is_elsewhere,
    has_no_vote,
)
"""Of a node that goes without its data having been moved."""

SKIPPABLE = frozenset(
    predicate.__name__
    for predicate in (
        others_are_members,
        nothing_moves,
        is_as_healthy_as_it_gets,
        others_have_its_shards,
        earlier_tiers_are_done,
        is_not_master_yet,
    )
)
"""What an operator may set aside; nothing of it can lose data that is on a disk."""


def refusal(predicates: Sequence[Predicate], question: Question) -> Refusal | None:
    """The first objection that was not set aside."""
    for predicate in predicates:
        name = predicate.__name__
        if name in question.cluster.skipped and name in SKIPPABLE:
            continue
        sentence = predicate(question)
        if sentence is not None:
            return Refusal(name, sentence)
    return None


def is_whole_without(question: Question) -> bool:
    """Whether a node that does not run is missed by nobody: every primary is started elsewhere."""
    engine = question.observation.engine
    return (
        isinstance(engine, EngineView)
        and engine.health is not Health.RED
        and not question.is_member
        and not isinstance(question.observation.nodes[question.node.id], Running | Unknown)
    )


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
