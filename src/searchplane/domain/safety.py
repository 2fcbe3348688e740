"""Named predicates: may this node of a live cluster be restarted, emptied, let go?

They are asked before each step of a change, and before a node that hangs is restarted though nobody
asked for anything; a node may be taken beside others that are stopped in the same moment.

Each is a pure function from a look to None (it does not object) or the sentence of why not now.
They are asked in a fixed order, and the first that objects is stored with the cluster under its
name, so that a user can read it and an operator can set it aside for one action (SKIPPABLE). Those
that guard data and votes cannot be set aside, and neither can `is_known`: where shards are was not
seen. That a process was not seen may be, since what is on its disk stays (`process_is_known`).

What is gathered here is what operators of these engines have learnt: one vote at a time, never the
last one, a copy of every shard stays up, a node goes only when two looks saw it empty, and a node
that is ill anyway is no reason to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from searchplane.domain.cluster import Cluster, Fate, Node, Refusal, Role
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

HANGS = timedelta(minutes=3)
"""How long a node that was a member may run without being one before it counts as hung; an engine
notices within half a minute, and a node that is merely slow comes back."""
NEVER_JOINS = timedelta(minutes=15)
"""The same for a node that was no member since its start: much may be to be read from its disk."""

HOLDS_DATA = (Role.DATA, Role.COLD)

RESTART_ORDER = (Role.COLD, Role.DATA, Role.CLIENT, Role.MASTER)
"""Tiers in the order they are restarted; masters last, as both engines advise for upgrades."""


@dataclass(frozen=True)
class Question:
    """A node, and all that is known when it is asked about; `beside` are nodes that are about to
    be stopped at the same time."""

    cluster: Cluster
    node: Node
    observation: Observation
    beside: tuple[Node, ...] = ()

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

    @property
    def runs(self) -> bool:
        return isinstance(self.observation.nodes[self.node.id], Running)


Predicate = Callable[[Question], str | None]


def masters(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes that may be elected: dedicated masters where there are any, else data nodes."""
    dedicated = tuple(node for node in nodes if node.role is Role.MASTER)
    return dedicated or tuple(node for node in nodes if node.role is Role.DATA)


def last_start(cluster: Cluster, now: datetime) -> datetime | None:
    """When a node was started last. One in the future, of a clock set back, says nothing."""
    started = [
        node.last_start
        for node in cluster.nodes
        if node.last_start is not None and node.last_start <= now
    ]
    return max(started, default=None)


def process_is_known(question: Question) -> str | None:
    """It was seen whether the node itself runs."""
    return _unseen(question.node, question.observation)


def is_known(question: Question) -> str | None:
    """Unknown is not safe: processes, engine and shards were all seen. Cannot be set aside."""
    for node in question.cluster.nodes:
        unseen = _unseen(node, question.observation)
        if unseen is not None:
            return unseen
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
    started = last_start(cluster, question.observation.at)
    if started is not None and question.observation.at - started < SETTLED:
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


def a_quorum_stays(question: Question) -> str | None:
    """For a node that comes back without a vote, as data nodes do once there are dedicated
    masters: the votes that stay elect a master without it. Cannot be set aside."""
    shards, eligible = question.shards, masters(question.cluster.nodes)
    if question.node in eligible or question.node.name not in shards.voters:
        return None
    keep = {
        one.name
        for one in question.cluster.nodes
        if one.id != question.node.id and (one in eligible or question.cluster.is_outdated(one))
    }
    staying = keep & shards.voters & question.view.members
    if 2 * len(staying) > max(shards.votes, len(shards.voters)):
        return None
    return f"the new masters have not taken over the vote of {question.node.name} yet"


def primaries_are_there(question: Question) -> str | None:
    """Every shard has a started copy; what is not started may be on a disk alone. Cannot be set
    aside."""
    missing = question.shards.missing
    if missing:
        return f"no copy of shards of {_few(missing)} is started"
    return "primary shards are missing" if question.view.health is Health.RED else None


def its_data_is_elsewhere(question: Question) -> str | None:
    """For a node that goes without being emptied first. Cannot be set aside."""
    lonely = question.shards.lonely.get(question.node.name, ())
    if not lonely:
        return None
    return (
        f"{question.node.name} holds the only copy of shards of {_few(lonely)}; without moving "
        "its data they would be lost; give the indices a replica"
    )


def copies_fit_elsewhere(question: Question) -> str | None:
    """No two copies of a shard go to one node: enough nodes that hold data stay. Cannot be set
    aside."""
    node, shards = question.node, question.shards
    if question.view.is_moving or not shards.copies.get(node.name, 0):
        return None
    staying = sum(
        one.role in HOLDS_DATA and one.fate is Fate.STAY and one.id != node.id
        for one in question.cluster.nodes
    )
    if staying > shards.replicas:
        return None
    return (
        f"an index with {shards.replicas} replicas needs {shards.replicas + 1} nodes that hold "
        f"data and {staying} stay; lower its number_of_replicas"
    )


def has_no_shards(question: Question) -> str | None:
    """Asked at two looks one after the other before the node goes. Cannot be set aside."""
    copies = question.shards.copies.get(question.node.name, 0)
    if not copies:
        return None
    said = f"{copies} shards are still on {question.node.name}"
    if question.view.is_moving:
        return said
    return f"{said} and none moves; the engine's /_cluster/allocation/explain tells why"


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
        if one.id != question.node.id
        and one.fate is Fate.STAY
        and one.name in question.view.members
    ]
    if question.node not in masters(question.cluster.nodes) or staying:
        return None
    return f"{question.node.name} is the last node that can be master"


def is_not_elected(question: Question) -> str | None:
    """Another node is master by now. Cannot be set aside."""
    if question.view.master != question.node.name:
        return None
    return f"{question.node.name} is still the elected master"


def has_ended(question: Question) -> str | None:
    """Neither its process nor the cluster says that the node is there. Cannot be set aside."""
    if question.runs:
        return f"{question.node.name} still runs"
    return f"{question.node.name} still counts as a member" if question.is_member else None


def copies_are_there_again(question: Question) -> str | None:
    """What a node held that died before it was empty has another copy. Cannot be set aside."""
    view = question.view
    if question.node.emptied or view.health is Health.GREEN or not view.is_moving:
        return None
    return (
        f"{question.node.name} has ended and holds shards yet; waiting until there are other "
        "copies of them"
    )


def earlier_tiers_are_done(question: Question) -> str | None:
    """Cold before hot before client before master."""
    place = RESTART_ORDER.index(question.node.role)
    before = [
        node.name
        for node in question.cluster.nodes
        if question.cluster.is_outdated(node) and RESTART_ORDER.index(node.role) < place
    ]
    return f"{before[0]} comes first" if before else None


def is_not_master_yet(question: Question) -> str | None:
    """Of its tier the elected master comes last: each of its restarts is an election."""
    node = question.node
    if question.view.master != node.name:
        return None
    others = [
        one
        for one in question.cluster.nodes
        if question.cluster.is_outdated(one) and one.role is node.role and one.id != node.id
    ]
    return f"{question.node.name} is the elected master and comes last" if others else None


def is_missed_for_long(question: Question) -> str | None:
    """It ran and was no member at any look for three minutes, or fifteen if it never was one since
    its start; a look that cannot tell begins anew, so a machine that is slow does not count."""
    node, now = question.node, question.observation.at
    if _is_missed_for_long(node, now):
        return None
    due = (node.missed_since or now) + _patience(node)
    return f"{node.name} is started again if it is no member by {due:%H:%M:%S} UTC"


def others_can_spare_it(question: Question) -> str | None:
    """Every other node is a member, or has been missed for long itself."""
    now, members = question.observation.at, question.view.members
    away = [
        one.name
        for one in question.cluster.nodes
        if one.id != question.node.id
        and one.name not in members
        and not _is_missed_for_long(one, now)
    ]
    return f"waiting for {', '.join(away)} to be a member again" if away else None


def are_of_one_type(question: Question) -> str | None:
    """Nodes that are stopped together are of one type. Cannot be set aside."""
    other = next((one for one in question.beside if one.role is not question.node.role), None)
    return f"{other.name} is of another type" if other else None


def one_of_its_type_stays(question: Question) -> str | None:
    """Not all nodes of a type are stopped together. Cannot be set aside."""
    stopped = {one.id for one in (*question.beside, question.node)}
    staying = [
        one
        for one in question.cluster.nodes
        if one.role is question.node.role
        and one.id not in stopped
        and one.name in question.view.members
    ]
    return None if staying else f"{question.node.name} is the last of its type that would stay"


def one_vote_at_a_time(question: Question) -> str | None:
    """Of the nodes that are stopped together one at most can be master or has a vote. Cannot be
    set aside."""
    voters, eligible = question.shards.voters, masters(question.cluster.nodes)
    voting = [
        one.name
        for one in (*question.beside, question.node)
        if one.name in voters or one in eligible
    ]
    return f"{' and '.join(voting)} have votes" if len(voting) > 1 else None


def a_copy_stays(question: Question) -> str | None:
    """Of every shard a started copy is on none of the nodes that are stopped together. Cannot be
    set aside."""
    holders = question.shards.holders
    stopped = {one.name for one in (*question.beside, question.node)}
    if holders is None:
        return "it cannot be seen which nodes hold the same shards"
    if not any(nodes and nodes <= stopped for nodes in holders):
        return None
    return f"{' and '.join(sorted(stopped))} hold all started copies of a shard"


RESTART: tuple[Predicate, ...] = (
    is_known,
    others_are_members,
    nothing_moves,
    is_as_healthy_as_it_gets,
    others_have_its_shards,
    a_quorum_stays,
    earlier_tiers_are_done,
    is_not_master_yet,
)
"""Of a node that comes back with its data."""

RESTART_BESIDE: tuple[Predicate, ...] = (
    *RESTART,
    are_of_one_type,
    one_of_its_type_stays,
    one_vote_at_a_time,
    a_copy_stays,
)
"""Of a node that is stopped in the same moment as others that may be."""

RESTART_AT_ONCE: tuple[Predicate, ...] = (process_is_known,)
"""Of all nodes together: the user asked for an interruption."""

RESTART_ILL: tuple[Predicate, ...] = (process_is_known,)
"""Of a node that runs and is no member: nobody misses it."""

RESTART_HUNG: tuple[Predicate, ...] = (
    is_known,
    is_missed_for_long,
    others_can_spare_it,
    nothing_moves,
)
"""Of a node that runs and is no member, and of which nobody asked anything."""

LEAVE: tuple[Predicate, ...] = (
    is_known,
    votes_remain,
    primaries_are_there,
    copies_fit_elsewhere,
    has_no_shards,
    has_no_vote,
    is_not_elected,
)
"""Of a node whose storage will be removed."""

LEAVE_WITH_DATA: tuple[Predicate, ...] = (
    is_known,
    others_are_members,
    nothing_moves,
    votes_remain,
    primaries_are_there,
    its_data_is_elsewhere,
    has_no_vote,
    is_not_elected,
)
"""Of a node that goes without its data having been moved."""

LEAVE_ILL: tuple[Predicate, ...] = (is_known, primaries_are_there, copies_are_there_again)
"""Of a node that is to go and is no member, though it may run."""

BURY: tuple[Predicate, ...] = (is_known, has_ended, primaries_are_there, copies_are_there_again)
"""Before the storage of a node that is to go is removed."""

ALL: frozenset[Predicate] = frozenset(
    {
        *RESTART,
        *RESTART_BESIDE,
        *RESTART_AT_ONCE,
        *RESTART_ILL,
        *RESTART_HUNG,
        *LEAVE,
        *LEAVE_WITH_DATA,
        *LEAVE_ILL,
        *BURY,
    }
)

SKIPPABLE = frozenset(
    predicate.__name__
    for predicate in (
        process_is_known,
        others_are_members,
        nothing_moves,
        is_as_healthy_as_it_gets,
        others_have_its_shards,
        earlier_tiers_are_done,
        is_not_master_yet,
        is_missed_for_long,
        others_can_spare_it,
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


def _is_missed_for_long(node: Node, now: datetime) -> bool:
    """A moment in the future, of a clock set back, says nothing."""
    since = node.missed_since
    return since is not None and now - since >= _patience(node)


def _patience(node: Node) -> timedelta:
    return HANGS if node.starts == 0 else NEVER_JOINS


def _unseen(node: Node, observation: Observation) -> str | None:
    state = observation.nodes[node.id]
    if not isinstance(state, Unknown):
        return None
    return f"it cannot be seen whether {node.name} runs: {state.reason}"


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
