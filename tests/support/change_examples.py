"""Looks at live clusters that are being changed, to vary in tables of cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.support.cluster_examples import NOW, live, look, node, view

from searchplane.domain.cluster import Action, ActionKind, Cluster, Fate, Node, Pace, Role
from searchplane.domain.ids import NodeId
from searchplane.domain.observed import (
    EngineView,
    NodeState,
    Observation,
    Running,
    ShardsView,
    Unknown,
)
from searchplane.domain.safety import Question

UP = Running()


def name(number: int) -> str:
    return node(number).name


def named(*numbers: int) -> frozenset[str]:
    return frozenset(map(name, numbers))


def address(number: int) -> str:
    found = node(number).address
    assert found is not None
    return found


def shards(voters: tuple[int, ...] = (1, 2, 3), **changes: Any) -> ShardsView:
    """Nothing is lonely, nothing was told; each of the nodes 1 to 3 has a vote and one copy."""
    usual = ShardsView(
        copies={name(number): 1 for number in (1, 2, 3)},
        lonely={},
        voters=named(*voters),
        votes=len(voters),
    )
    return replace(usual, **changes)


def engine(*members: int, placed: ShardsView | Unknown | None = None, **changes: Any) -> EngineView:
    """Green; the first of `members` is master."""
    return replace(view(*(members or (1, 2, 3))), shards=placed or shards(), **changes)


def seen(
    *states: NodeState, engine_says: EngineView | Unknown | None = None, at: Any = NOW
) -> Observation:
    """Without `states`, three nodes run."""
    return look(*(states or (UP, UP, UP)), engine=engine_says or engine(), at=at)


def changing(kind: ActionKind = ActionKind.SHRINKING, count: int = 3, **changes: Any) -> Cluster:
    """A live cluster of which something was asked; `change` is called with each node."""
    pace = changes.pop("pace", Pace.ROLLING)
    drains = changes.pop("drains", True)
    change: Callable[[Node], Node] = changes.pop("change", lambda one: one)
    record = live(count, **changes)
    record = replace(record, nodes=tuple(change(one) for one in record.nodes))
    return replace(record, action=Action(kind, NOW, pace=pace, drains=drains))


def only(*numbers: int, **changes: Any) -> Callable[[Node], Node]:
    """A change of these nodes."""
    ids = {node(number).id for number in numbers}
    return lambda one: replace(one, **changes) if one.id in ids else one


def leaving(*numbers: int, drains: bool = True, count: int = 3, **changes: Any) -> Cluster:
    change = only(*numbers, fate=Fate.LEAVE, **changes)
    return changing(change=change, drains=drains, count=count)


def restarting(*numbers: int, pace: Pace = Pace.ROLLING) -> Cluster:
    kind = ActionKind.REBOOTING
    return changing(kind, change=only(*(numbers or (1, 2, 3)), restarts_wanted=1), pace=pace)


def of_roles(*roles: Role, **changes: Any) -> Cluster:
    """A live cluster of nodes with these roles, numbered from 1."""
    members = tuple(
        node(number, role=role, ready=True, **changes) for number, role in enumerate(roles, 1)
    )
    return replace(live(len(roles)), nodes=members)


def ask(record: Cluster, number: int, observation: Observation | None = None) -> Question:
    wanted = NodeId(f"node-{number}")
    found = next(one for one in record.nodes if one.id == wanted)
    return Question(record, found, observation or seen())
