"""wanted - observed -> steps: what one pass does to one cluster, and what it says.

The plan is made anew from a fresh look every time; nothing is remembered between passes but the
record. Steps are small and may be repeated. Every plan ends in a sentence a person understands.

A failed cluster is planned like any other: when its cause is mended, the next pass heals it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from searchplane.domain.cluster import ActionKind, Cluster, Failure, Node
from searchplane.domain.ids import NodeId
from searchplane.domain.observed import (
    Absent,
    EngineView,
    Health,
    InstallFailed,
    Installing,
    Observation,
    Running,
    Stopped,
    Unknown,
)
from searchplane.domain.predicates import may_remove, may_start, seconds_until_start

SOON = 0.2
"""Seconds to the next look while something is being done."""
STEADY = 15.0
"""Seconds to the next look at a cluster that is what it should be; a death wakes the loop."""
YELLOW_PATIENCE = timedelta(seconds=120)
"""How long creation waits for replicas to be placed before it takes yellow as final."""


@dataclass(frozen=True)
class PlaceNode:
    """Choose the node's address and store it."""

    node_id: NodeId


@dataclass(frozen=True)
class IssueCertificates:
    """Make the cluster's authority and the certificates that are missing, and store them."""


@dataclass(frozen=True)
class StartNode:
    """Make the node's storage and configuration and start its process."""

    node_id: NodeId


@dataclass(frozen=True)
class EndBootstrap:
    """Take the bootstrap setting out of every node's configuration, then store that it is out."""


@dataclass(frozen=True)
class CompleteAction:
    """The wanted state is reached: nothing of the action is left."""


@dataclass(frozen=True)
class StopNode:
    """End the node's process at once; its data is not wanted any longer."""

    node_id: NodeId


@dataclass(frozen=True)
class RemoveNode:
    """Remove the node's storage."""

    node_id: NodeId


@dataclass(frozen=True)
class ForgetCluster:
    """Remove the record; nothing of the cluster exists any longer."""


Step = (
    PlaceNode
    | IssueCertificates
    | StartNode
    | EndBootstrap
    | CompleteAction
    | StopNode
    | RemoveNode
    | ForgetCluster
)


class Phase(StrEnum):
    """Where a cluster is on its way; the time each takes is a metric."""

    INSTALL = "install"
    PREPARE = "prepare"
    START = "start"
    FORM = "form"
    BALANCE = "balance"
    STEADY = "steady"
    DELETE = "delete"


@dataclass(frozen=True)
class Plan:
    """`after` is in seconds. `ready` are the nodes that are members now."""

    phase: Phase
    sentence: str
    steps: tuple[Step, ...] = ()
    after: float = SOON
    progress: int = 0
    ready: frozenset[NodeId] = frozenset()
    healthy: bool = False
    failure: Failure | None = None


@dataclass(frozen=True)
class Patience:
    """How long things may take before they count as failed."""

    create: timedelta


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
    found = _advance(cluster, observation, certified=certified)
    return _with_failure(found, cluster, observation, patience)


def _advance(cluster: Cluster, observation: Observation, *, certified: bool) -> Plan:
    waiting = _distribution(cluster, observation)
    if waiting is not None:
        return waiting
    unplaced = tuple(PlaceNode(node.id) for node in cluster.nodes if node.address is None)
    if unplaced or not certified:
        issue = () if certified else (IssueCertificates(),)
        return Plan(
            Phase.PREPARE,
            f"choosing addresses for {_count(len(cluster.nodes))}",
            (*unplaced, *issue),
            after=0.0,
            progress=5,
        )
    if any(not isinstance(state, Running) for state in observation.nodes.values()):
        return _start(cluster, observation)
    return _form(cluster, observation)


def _distribution(cluster: Cluster, observation: Observation) -> Plan | None:
    """Wait for the engine's files, if a node that needs them does not run."""
    if all(isinstance(state, Running) for state in observation.nodes.values()):
        return None
    engine = cluster.spec.engine
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
    )


def _start(cluster: Cluster, observation: Observation) -> Plan:
    steps: list[Step] = []
    said: list[str] = []
    after = STEADY
    for node in cluster.nodes:
        if isinstance(observation.nodes[node.id], Running):
            continue
        refusal = may_start(cluster, node, observation)
        wait = seconds_until_start(node, observation.at)
        if refusal is not None:
            said.append(refusal)
            after = min(after, 2.0)
        elif wait > 0:
            said.append(_backing_off(node, observation, wait))
            after = min(after, wait)
        else:
            said.append(_starting(cluster, node, observation))
            steps.append(StartNode(node.id))
    return _waiting(
        Phase.START,
        "; ".join(said),
        cluster,
        observation,
        steps=tuple(steps),
        after=SOON if steps else after,
        progress=10 + 60 * len(_ready(cluster, observation)) // len(cluster.nodes),
    )


def _backing_off(node: Node, observation: Observation, wait: float) -> str:
    return f"{node.name} {_why_down(node, observation)}; trying again in {wait:.0f} s"


def _starting(cluster: Cluster, node: Node, observation: Observation) -> str:
    if node.starts == 0 and isinstance(observation.nodes[node.id], Absent):
        return f"starting {node.name} ({cluster.spec.engine}, {node.heap_mb} MB of heap)"
    return f"{node.name} {_why_down(node, observation)}; starting it again"


def _why_down(node: Node, observation: Observation) -> str:
    state = observation.nodes[node.id]
    reason = (state.last_error if isinstance(state, Stopped) else None) or node.last_error
    return f"does not run: {reason}" if reason else "does not run"


def _form(cluster: Cluster, observation: Observation) -> Plan:
    engine = observation.engine
    ready = _ready(cluster, observation)
    share = 20 + 60 * len(ready) // len(cluster.nodes)
    if isinstance(engine, Unknown):
        sentence = f"{_count(len(cluster.nodes))} started; {engine.reason}"
        return _waiting(Phase.FORM, sentence, cluster, observation, progress=share)
    missing = [node.name for node in cluster.nodes if node.id not in ready]
    if missing:
        sentence = (
            f"{len(ready)} of {len(cluster.nodes)} nodes joined; waiting for {', '.join(missing)}"
        )
        return _waiting(Phase.FORM, sentence, cluster, observation, progress=share)
    steps: tuple[Step, ...] = () if cluster.bootstrapped else (EndBootstrap(),)
    if not _balanced(cluster, engine, observation.at):
        sentence = (
            f"{_joined(cluster)}; {engine.initializing + engine.relocating} shards moving, "
            f"{engine.unassigned} unassigned"
        )
        return _waiting(Phase.BALANCE, sentence, cluster, observation, steps=steps, progress=90)
    if cluster.action is not None:
        steps = (*steps, CompleteAction())
    return _waiting(
        Phase.STEADY,
        f"{_joined(cluster)}; the cluster is {engine.health.value}",
        cluster,
        observation,
        steps=steps,
        after=STEADY,
        progress=100,
    )


def _balanced(cluster: Cluster, engine: EngineView, now: datetime) -> bool:
    """Green; or yellow with nothing moving, once creation has waited long enough for replicas."""
    if engine.health is Health.GREEN:
        return True
    if engine.health is Health.RED or engine.initializing or engine.relocating:
        return False
    if cluster.action is None or len(cluster.nodes) == 1:
        return True
    return now - cluster.action.started > YELLOW_PATIENCE


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
    said.insert(0, f"deleting: {gone} of {_count(len(cluster.nodes))} gone")
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
    """Past its deadline a cluster counts as failed, until a pass finds it whole again."""
    if found.phase is Phase.STEADY:
        return found
    if cluster.failure is not None:
        kept = Failure(cluster.failure.code, found.sentence, cluster.failure.since)
        return _failing(found, kept)
    if cluster.action is not None:
        since, code = cluster.action.started, "CSS.6000"
    elif cluster.unhealthy_since is not None and not found.healthy:
        since, code = cluster.unhealthy_since, "CSS.6002"
    else:
        return found
    if observation.at - since <= patience.create:
        return found
    return _failing(found, Failure(code, found.sentence, observation.at))


def _failing(found: Plan, failure: Failure) -> Plan:
    return Plan(
        found.phase,
        found.sentence,
        found.steps,
        max(found.after, 1.0),
        found.progress,
        found.ready,
        found.healthy,
        failure,
    )


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


def _joined(cluster: Cluster) -> str:
    count = len(cluster.nodes)
    return f"all {count} nodes joined" if count > 1 else "the node has formed its cluster"


def _count(number: int) -> str:
    return f"{number} nodes" if number != 1 else "1 node"
