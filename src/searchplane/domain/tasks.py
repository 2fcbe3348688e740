"""Tasks: what the public API tells of upgrades and moves between zones, also when they are over.

A task is what was asked for. How far it has come is not written down but read from the cluster's
record, as status is everywhere: which nodes are restarted and are members again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from searchplane.domain.cluster import Cluster, Node
from searchplane.domain.ids import ClusterId

GIVES_UP = 5
"""Launches of a node that never became a member, after which its task counts as failed. The loop
goes on trying: a cause that is mended needs no retry."""


class Mode(StrEnum):
    UPGRADING = "UPGRADING"
    AZ_MIGRATION = "AZ_MIGRATION"


class Outcome(StrEnum):
    """What a task is shown as."""

    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Task:
    """`nodes` are names. `ended` and `outcome` are None while it runs; `request` is what was asked
    for as JSON; `origins` are the zones that nodes were in, by name."""

    id: str
    cluster_id: ClusterId
    mode: Mode
    started: datetime
    nodes: tuple[str, ...]
    agency: str
    image_id: str | None = None
    batch_size: int = 1
    attempts: int = 1
    request: str | None = None
    origins: tuple[tuple[str, str], ...] = ()
    ended: datetime | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True)
class NodeStep:
    """One step of the node that is being taken; `order` counts from 0."""

    order: int
    name: str
    state: str
    said: str
    began: datetime | None = None


@dataclass(frozen=True)
class Standing:
    """How far a task has come: names of nodes, and the steps of the one that is being taken;
    `batch` are those that are away together."""

    outcome: Outcome
    completed: tuple[str, ...]
    current: str | None
    steps: tuple[NodeStep, ...]
    batch: tuple[str, ...] = ()


def new_task(
    cluster: Cluster,
    mode: Mode,
    task_id: str,
    now: datetime,
    *,
    agency: str,
    image_id: str | None = None,
    batch_size: int = 1,
    request: str | None = None,
    origins: tuple[tuple[str, str], ...] = (),
) -> Task:
    """The task of a record whose nodes are marked already."""
    nodes = tuple(node.name for node in cluster.nodes if node.is_stale)
    return Task(
        task_id, cluster.id, mode, now, nodes, agency, image_id, batch_size, 1, request, origins
    )


def finished(task: Task, outcome: Outcome, now: datetime) -> Task:
    return replace(task, outcome=outcome, ended=now)


def outcome(task: Task, cluster: Cluster) -> Outcome:
    """What it came to, or looks like coming to."""
    if task.outcome is not None:
        return task.outcome
    is_carried_out = cluster.action is not None and cluster.action.id == task.id
    stuck = any(not node.ready and node.starts >= GIVES_UP for node in _nodes(task, cluster))
    failed = not is_carried_out or cluster.failure is not None or stuck
    return Outcome.FAILED if failed else Outcome.RUNNING


def standing(task: Task, cluster: Cluster) -> Standing:
    """How far it has come."""
    now = outcome(task, cluster)
    if now is Outcome.SUCCESS:
        return Standing(now, task.nodes, None, ())
    mine = _nodes(task, cluster)
    completed = tuple(node.name for node in mine if node.ready and not node.is_stale)
    if task.ended is not None:
        return Standing(now, completed, None, ())
    current = _current(mine)
    if current is None:
        return Standing(now, completed, None, ())
    away = tuple(node.name for node in mine if not node.ready)
    steps = _steps(cluster, current, now)
    return Standing(now, completed, current.name, steps, away or (current.name,))


def _nodes(task: Task, cluster: Cluster) -> tuple[Node, ...]:
    return tuple(node for node in cluster.nodes if node.name in task.nodes)


def _current(nodes: tuple[Node, ...]) -> Node | None:
    """The one that is away, else the next that waits."""
    away = [node for node in nodes if not node.ready]
    waiting = [node for node in nodes if node.is_stale]
    return next(iter(away or waiting), None)


def _steps(cluster: Cluster, node: Node, now: Outcome) -> tuple[NodeStep, ...]:
    names = ("Waiting until it may be restarted", "Stopping the node", "Starting the node")
    at = 0 if node.ready else 1 if node.is_stale else 2
    doing = Outcome.FAILED.value if now is Outcome.FAILED else Outcome.RUNNING.value
    return tuple(
        NodeStep(
            order,
            name,
            Outcome.SUCCESS.value if order < at else doing if order == at else "WAITING",
            (node.last_error or cluster.sentence) if order == at else "",
            node.last_start if order == at == 2 else None,
        )
        for order, name in enumerate(names)
    )
