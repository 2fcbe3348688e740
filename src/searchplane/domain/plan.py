"""wanted - observed -> steps: what one pass does to one cluster, and what it says.

The plan is made anew from a fresh look every time; nothing is remembered between passes but the
record. Steps are small and may be repeated. Every plan ends in a sentence a person understands.

A failed cluster is planned like any other: when its cause is mended, the next pass heals it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from searchplane.domain import changes, finishing, rebuilding, renewal, starting
from searchplane.domain.cluster import ActionKind, Cluster, Failure, Refusal
from searchplane.domain.ids import NodeId
from searchplane.domain.observed import (
    Absent,
    EngineView,
    Health,
    InstallFailed,
    Installing,
    Observation,
    Running,
    Unknown,
)
from searchplane.domain.predicates import is_stuck, may_remove
from searchplane.domain.safety import SETTLED, last_start
from searchplane.domain.steps import (
    EndBootstrap,
    ForgetCluster,
    GiveUp,
    IssueCertificates,
    PlaceNode,
    RemoveNode,
    Step,
    StopNode,
)
from searchplane.domain.wording import count, hours, joined, progress, said_of, shards, todo

SOON = 0.2
"""Seconds to the next look while something is being done."""
WATCHING = 1.0
"""Seconds to the next look at a live cluster that is not whole, where nothing can be done."""
STEADY = 30.0
"""Seconds to the next look at a cluster that is what it should be; a death wakes the loop."""
YELLOW_PATIENCE = timedelta(seconds=120)
"""How long creation waits for replicas to be placed before it takes yellow as final."""
MOVES = timedelta(hours=48)
"""How long the data of nodes that are to go may take to move; api/semantics.md, section 4.2."""
DEPARTURES = (ActionKind.SHRINKING, ActionKind.REPLACING)


class Phase(StrEnum):
    """Where a cluster is on its way; the time each takes is a metric."""

    INSTALL = "install"
    PREPARE = "prepare"
    HALT = "halt"
    START = "start"
    FORM = "form"
    BALANCE = "balance"
    CHANGE = "change"
    STEADY = "steady"
    SNAPSHOT = "snapshot"
    RESTORE = "restore"
    VERIFY = "verify"
    DELETE = "delete"


_FIGURE = re.compile(r"(?<![\w.:/-])\d+(?:\.\d+)?(?![\w:/-]|\.\d)")
"""A number that stands for itself; not part of a name, a version or an address."""


def subject_of(sentence: str) -> str:
    """The sentence without its figures: the same as long as the same is going on."""
    return _FIGURE.sub("N", sentence)


@dataclass(frozen=True)
class Plan:
    """`after` is in seconds. `ready` are the nodes that are members now.

    `topic` stands for the sentence where two sentences alternate while the same is going on.
    `refusal` is why the next step of a change is not taken now.
    """

    phase: Phase
    sentence: str
    steps: tuple[Step, ...] = ()
    after: float = SOON
    progress: int = 0
    ready: frozenset[NodeId] = frozenset()
    healthy: bool = False
    failure: Failure | None = None
    topic: str | None = None
    refusal: Refusal | None = None

    @property
    def subject(self) -> str:
        """What the plan is about; a new one is worth an event."""
        return subject_of(self.topic or self.sentence)


@dataclass(frozen=True)
class Patience:
    """How long things may take before they count as failed.

    `since` is when this process first looked at the cluster: nothing before it counts as late,
    since nobody was there to act.
    """

    create: timedelta
    since: datetime | None = None


def plan(
    cluster: Cluster,
    observation: Observation,
    patience: Patience,
    *,
    certified: bool,
) -> Plan:
    """What to do now. `certified`: the certificates a secured cluster needs are all stored."""
    if cluster.is_being(ActionKind.DELETING):
        return _delete(cluster, observation)
    found = _with_renewals(
        _advance(cluster, observation, certified=certified), cluster, observation
    )
    if cluster.paused:
        return _paused(found, cluster)
    return _with_failure(found, cluster, observation, patience)


def _with_renewals(found: Plan, cluster: Cluster, observation: Observation) -> Plan:
    """Whatever else is done, nodes that can be reached get the certificates made for them."""
    steps = renewal.loads(cluster, observation)
    if not steps:
        return found
    sentence = f"{found.sentence}; renewing the certificates of {count(len(steps))}"
    return replace(found, steps=(*found.steps, *steps), after=SOON, sentence=sentence)


def _paused(found: Plan, cluster: Cluster) -> Plan:
    """Nothing is done and nothing gets late."""
    sentence = f"paused by an operator, so this is not done: {found.sentence}"
    return replace(
        found, sentence=sentence, steps=(), after=STEADY, failure=cluster.failure, topic=None
    )


def _advance(cluster: Cluster, observation: Observation, *, certified: bool) -> Plan:
    waiting = _distribution(cluster, observation)
    if waiting is not None:
        return waiting
    unplaced = tuple(PlaceNode(node.id) for node in cluster.nodes if node.address is None)
    if unplaced or not certified:
        issue = () if certified else (IssueCertificates(),)
        placing = f"choosing addresses for {count(len(cluster.nodes))}"
        return _waiting(
            Phase.PREPARE,
            placing if unplaced else "making certificates",
            cluster,
            observation,
            steps=(*unplaced, *issue),
            after=0.0,
            progress=5,
        )
    halting = changes.halts_all(cluster, observation)
    if halting.is_nothing:
        halting = renewal.halts_expired(cluster, observation)
    if not halting.is_nothing:
        return _halt(cluster, observation, halting)
    lost = rebuilding.lost(cluster, observation)
    if lost is not None:
        return _lost(cluster, observation, lost)
    if any(not isinstance(state, Running) for state in observation.nodes.values()):
        return _start(cluster, observation)
    return _form(cluster, observation)


def _halt(cluster: Cluster, observation: Observation, halting: changes.Left) -> Plan:
    """All nodes to be restarted at once have ended before the first is started again."""
    refused = _refused(halting)
    said = f"stopping {count(len(halting.steps))}, to start them again together"
    found = _waiting(
        Phase.HALT,
        refused.sentence if refused else said,
        cluster,
        observation,
        steps=halting.steps,
        after=WATCHING if refused else SOON,
    )
    return replace(found, refusal=refused)


def _distribution(cluster: Cluster, observation: Observation) -> Plan | None:
    """Wait for the engine's files, if a node that needs them does not run or is to be stopped."""
    running = all(isinstance(state, Running) for state in observation.nodes.values())
    if running and not cluster.awaits_engine:
        return None
    engine = observation.awaited or cluster.spec.engine
    match observation.distribution:
        case Installing(sentence):
            sentence = f"installing {engine}: {sentence}"
            return _waiting(Phase.INSTALL, sentence, cluster, observation, after=0.5)
        case InstallFailed(reason):
            sentence = f"{engine} cannot be installed: {reason}"
            return _waiting(Phase.INSTALL, sentence, cluster, observation, after=2.0)
        case _:
            return None


def _waiting(
    phase: Phase,
    sentence: str,
    cluster: Cluster,
    observation: Observation,
    *,
    steps: tuple[Step, ...] = (),
    after: float = SOON,
    progress: int = 2,
    topic: str | None = None,
) -> Plan:
    """A plan of a cluster that is not whole, with what the engine says of it all the same."""
    return Plan(
        phase,
        sentence,
        steps,
        after,
        progress,
        ready=_ready(cluster, observation),
        healthy=_primaries_there(observation),
        topic=topic,
    )


def _lost(cluster: Cluster, observation: Observation, lost: rebuilding.Lost) -> Plan:
    """Nothing of a cluster that had formed is left, and it is for a person to say what now."""
    after = SOON if lost.steps else WATCHING
    found = _waiting(Phase.START, lost.said, cluster, observation, steps=lost.steps, after=after)
    return replace(found, refusal=lost.refusal)


def _start(cluster: Cluster, observation: Observation) -> Plan:
    """Start what does not run, or bury it if it was to go."""
    found = [
        starting.down(cluster, node, observation)
        for node in cluster.nodes
        if not isinstance(observation.nodes[node.id], Running)
    ]
    steps = tuple(step for one in found for step in one.steps)
    # Starts do not wait for a master that may be hard to reach.
    steps += changes.taken_back(cluster, observation)
    plan = _waiting(
        Phase.START,
        "; ".join(one.said for one in found),
        cluster,
        observation,
        steps=steps,
        after=SOON if steps else min(one.after for one in found),
        progress=10 + 60 * len(_ready(cluster, observation)) // len(cluster.nodes),
        topic="; ".join(one.topic for one in found),
    )
    return replace(plan, refusal=next((one.refusal for one in found if one.refusal), None))


def _form(cluster: Cluster, observation: Observation) -> Plan:
    engine = observation.engine
    ready = _ready(cluster, observation)
    share = 20 + 60 * len(ready) // len(cluster.nodes)
    after = SOON if cluster.action is not None else WATCHING
    if isinstance(engine, Unknown):
        sentence = f"{count(len(cluster.nodes))} started; {engine.reason}"
        return _waiting(Phase.FORM, sentence, cluster, observation, after=after, progress=share)
    missing = [node.name for node in cluster.nodes if node.id not in ready]
    if missing:
        return _join(cluster, observation, missing, after, share)
    steps: tuple[Step, ...] = () if cluster.bootstrapped else (EndBootstrap(),)
    change = changes.left(cluster, observation) if cluster.bootstrapped else changes.Left()
    if not change.is_nothing:
        return _change(cluster, observation, change)
    if not _balanced(cluster, engine, observation.at):
        sentence = (
            f"{joined(cluster)}; {shards(engine.initializing + engine.relocating)} moving, "
            f"{engine.unassigned} unassigned"
        )
        return _waiting(
            Phase.BALANCE,
            sentence,
            cluster,
            observation,
            steps=steps,
            after=after,
            progress=90,
        )
    steps = (*steps, *finishing.last_steps(cluster))
    return _waiting(
        Phase.STEADY,
        f"{joined(cluster)}; the cluster is {engine.health.value}",
        cluster,
        observation,
        steps=steps,
        after=SOON if finishing.goes_on(cluster) else STEADY,
        progress=100,
    )


def _join(
    cluster: Cluster, observation: Observation, missing: list[str], after: float, share: int
) -> Plan:
    """Nodes run and are no members: they are waited for, or ended if they were to go anyway."""
    ill = changes.left_of_ill(cluster, observation)
    steps = (*ill.steps, *changes.taken_back(cluster, observation))
    there = len(cluster.nodes) - len(missing)
    sentence = f"{there} of {len(cluster.nodes)} nodes joined; waiting for {', '.join(missing)}"
    refused = _refused(ill)
    if ill.steps:
        sentence += f"; {'; '.join(said_of(step, cluster) for step in ill.steps)}"
    elif refused:
        sentence += f": {refused.sentence}"
    found = _waiting(
        Phase.FORM, sentence, cluster, observation, steps=steps, after=after, progress=share
    )
    return replace(found, refusal=refused)


def _refused(left: changes.Left) -> Refusal | None:
    """Why nothing is done now; None where something is."""
    return left.refusals[0] if left.refusals and not left.steps else None


def _change(cluster: Cluster, observation: Observation, change: changes.Left) -> Plan:
    """The next steps of a change to a live cluster, or why there is none now."""
    refused = _refused(change)
    steps = change.steps
    said = refused.sentence if refused else "; ".join(said_of(step, cluster) for step in steps)
    sentence = f"{todo(cluster)}: {said}"
    if refused and _is_given_up(cluster, observation.at):
        steps, sentence = (GiveUp(),), f"given up after {hours(MOVES)}, the nodes stay: {said}"
    found = _waiting(
        Phase.CHANGE,
        sentence,
        cluster,
        observation,
        steps=steps,
        after=SOON if steps else WATCHING,
        progress=progress(cluster),
    )
    return replace(found, refusal=refused)


def _is_given_up(cluster: Cluster, now: datetime) -> bool:
    """Whether nodes that were to go could not for so long that they stay."""
    action = cluster.action
    return action is not None and action.kind in DEPARTURES and now - action.started > MOVES


def _balanced(cluster: Cluster, engine: EngineView, now: datetime) -> bool:
    """Green; or yellow with nothing moving, once replicas had the time to be placed."""
    if engine.health is Health.GREEN:
        return True
    if engine.health is Health.RED or engine.is_moving:
        return False
    action = cluster.action
    if action is None or len(cluster.nodes) == 1:
        return True
    since = max(action.started, last_start(cluster, now) or action.started)
    patience = YELLOW_PATIENCE if action.kind is ActionKind.CREATING else SETTLED
    return now - since > patience


def _delete(cluster: Cluster, observation: Observation) -> Plan:
    steps: list[Step] = []
    said: list[str] = []
    for node in cluster.nodes:
        match observation.nodes[node.id]:
            case Absent():
                continue
            case Running():
                steps.append(StopNode(node.id))
            case _ if (refusal := may_remove(node, observation)) is not None:
                said.append(refusal)
            case _:
                steps.append(RemoveNode(node.id))
    gone = sum(isinstance(state, Absent) for state in observation.nodes.values())
    if gone == len(cluster.nodes):
        return Plan(Phase.DELETE, "nothing of the cluster is left", (ForgetCluster(),), progress=99)
    said.insert(0, f"deleting: {gone} of {count(len(cluster.nodes))} gone")
    return Plan(
        Phase.DELETE,
        "; ".join(said),
        tuple(steps),
        after=0.05 if steps else 2.0,
        progress=100 * gone // len(cluster.nodes),
    )


def _with_failure(
    found: Plan, cluster: Cluster, observation: Observation, patience: Patience
) -> Plan:
    """Past its deadline a cluster counts as failed, until a pass finds it as it should be.

    A live cluster is, as soon as its primaries are there; a creation, when all of it is. While
    indices are restored their primaries are on their way.
    """
    creating = cluster.is_being(ActionKind.CREATING)
    coming = cluster.is_being(ActionKind.RESTORING) and found.phase is Phase.BALANCE
    stuck = not creating and is_stuck(cluster, observation.at, patience.create)
    if found.phase is Phase.STEADY or coming or (not creating and found.healthy and not stuck):
        return found
    if cluster.failure is not None:
        kept = Failure(cluster.failure.code, found.sentence, cluster.failure.since)
        return _failing(found, kept)
    if stuck:
        code = "CSS.6001" if cluster.is_being(ActionKind.GROWING) else "CSS.6002"
        return _failing(found, Failure(code, found.sentence, observation.at))
    since = _late_from(found, cluster, observation)
    if since is None:
        return found
    if patience.since is not None:
        since = max(since, patience.since)
    if observation.at - since <= patience.create:
        return found
    code = "CSS.6000" if creating else "CSS.6002"
    return _failing(found, Failure(code, found.sentence, observation.at))


def _late_from(found: Plan, cluster: Cluster, observation: Observation) -> datetime | None:
    """What the deadline is counted from; None when nothing can be late.

    A download may take as long as it takes. An installation that fails has the time since the
    request, because attempts that begin anew again and again would never be late.
    """
    if cluster.action is None or cluster.action.kind is not ActionKind.CREATING:
        return cluster.unhealthy_since
    if found.phase is not Phase.INSTALL:
        return cluster.action.started
    return cluster.created if isinstance(observation.distribution, InstallFailed) else None


def _failing(found: Plan, failure: Failure) -> Plan:
    return replace(found, after=max(found.after, 1.0), failure=failure)


def _ready(cluster: Cluster, observation: Observation) -> frozenset[NodeId]:
    """Running nodes that are members; while nobody can say, those that were at the last look."""
    engine = observation.engine
    return frozenset(
        node.id
        for node in cluster.nodes
        if isinstance(observation.nodes[node.id], Running)
        and (node.ready if isinstance(engine, Unknown) else node.name in engine.members)
    )


def _primaries_there(observation: Observation) -> bool:
    return isinstance(observation.engine, EngineView) and (
        observation.engine.health is not Health.RED
    )
