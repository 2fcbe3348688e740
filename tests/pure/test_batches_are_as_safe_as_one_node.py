"""Several nodes restarted at the same moment: when one may be stopped beside others, and how an
upgrade makes its batches of that."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.change_examples import UP, ask, engine, name, of_roles, seen, shards
from tests.support.cluster_examples import NOW

from searchplane.domain import changes, safety
from searchplane.domain.cluster import Action, ActionKind, Cluster, Node, Role
from searchplane.domain.ids import NodeId
from searchplane.domain.observed import Observation
from searchplane.domain.safety import Predicate
from searchplane.domain.steps import HaltNode

M, D, C = Role.MASTER, Role.DATA, Role.CLIENT
ROLES = (M, M, M, D, D, D, D, C, C, C)
BESIDE = (
    safety.are_of_one_type,
    safety.one_of_its_type_stays,
    safety.one_vote_at_a_time,
    safety.a_copy_stays,
)


def pairs(*held: tuple[int, ...]) -> frozenset[frozenset[str]]:
    """Which nodes hold the copies of a shard, each shard in turn."""
    return frozenset(frozenset(map(name, nodes)) for nodes in held)


def looks(
    *held: tuple[int, ...], members: int = len(ROLES), voters: tuple[int, ...] = (1, 2, 3)
) -> Observation:
    """All ten nodes run; the first so many have joined."""
    placed = shards(voters, holders=pairs(*held), copies={})
    view = engine(*range(1, members + 1), placed=placed)
    return seen(*(UP,) * len(ROLES), engine_says=view)


def upgrading(batch_size: int, *stale: int) -> Cluster:
    """Masters, data nodes and clients, of which these are still to be restarted."""
    made = of_roles(*ROLES)
    ids = {f"node-{number}" for number in stale}
    nodes = tuple(replace(one, restarts_wanted=int(one.id in ids)) for one in made.nodes)
    action = Action(ActionKind.UPGRADING, NOW, batch_size=batch_size)
    return replace(made, nodes=nodes, action=action)


def beside(record: Cluster, *numbers: int) -> tuple[Node, ...]:
    return tuple(record.nodes[number - 1] for number in numbers)


TYPES = of_roles(*ROLES)
EQUAL = of_roles(D, D, D, D)
CASES: list[tuple[Predicate, Cluster, int, tuple[int, ...], Observation, str | None]] = [
    (safety.are_of_one_type, TYPES, 5, (4,), looks(), None),
    (safety.are_of_one_type, TYPES, 8, (4,), looks(), "is of another type"),
    (safety.one_of_its_type_stays, TYPES, 9, (8,), looks(), None),
    (safety.one_of_its_type_stays, TYPES, 10, (8, 9), looks(), "is the last of its type"),
    (safety.one_of_its_type_stays, TYPES, 9, (8,), looks(members=9), "is the last of its type"),
    (safety.one_vote_at_a_time, TYPES, 5, (4,), looks(), None),
    (safety.one_vote_at_a_time, TYPES, 2, (1,), looks(), f"{name(1)} and {name(2)} have votes"),
    (safety.one_vote_at_a_time, EQUAL, 4, (3,), looks(voters=(1, 2, 3)), "have votes"),
    (safety.one_vote_at_a_time, TYPES, 5, (4,), looks(voters=(1, 4, 5)), "have votes"),
    (safety.a_copy_stays, TYPES, 5, (4,), looks((4, 6), (5, 7)), None),
    (safety.a_copy_stays, TYPES, 5, (4,), looks((4, 5, 6)), None),
    (safety.a_copy_stays, TYPES, 5, (4,), looks((4, 6), (4, 5)), "hold all started copies"),
    (safety.a_copy_stays, TYPES, 5, (4,), looks((5,)), "hold all started copies"),
    (safety.a_copy_stays, TYPES, 5, (4,), looks(()), None),  # there is none that could be lost
    (safety.a_copy_stays, TYPES, 5, (4,), seen(*(UP,) * 10), "it cannot be seen"),
]


@pytest.mark.parametrize(("predicate", "record", "number", "others", "seen_now", "says"), CASES)
def test_each_predicate(
    predicate: Predicate,
    record: Cluster,
    number: int,
    others: tuple[int, ...],
    seen_now: Observation,
    says: str | None,
) -> None:
    question = replace(ask(record, number, seen_now), beside=beside(record, *others))
    found = predicate(question)
    assert found is None if says is None else says in (found or "")


def test_each_is_asked_besides_what_is_asked_of_one_node_and_cannot_be_set_aside() -> None:
    assert (*safety.RESTART, *BESIDE) == safety.RESTART_BESIDE
    for predicate in BESIDE:
        assert "Cannot be set aside" in " ".join((predicate.__doc__ or "").split())
        assert predicate.__name__ not in safety.SKIPPABLE


@pytest.mark.parametrize(
    ("batch_size", "stale", "held", "stopped"),
    [
        (1, (4, 5, 6, 7), ((4, 5),), (4,)),
        (2, (4, 5, 6, 7), ((4, 5), (6, 7)), (4, 6)),
        (3, (4, 5, 6, 7), ((4, 5), (6, 7)), (4, 6)),
        (3, (4, 5, 6, 7), ((4, 5, 6),), (4, 5, 7)),
        (9, (8, 9, 10), (), (8, 9)),
        (2, (6, 8, 9), ((6, 7),), (6,)),
        (3, (1, 2, 3), (), (2,)),
    ],
    ids=[
        "one",
        "no two with all copies of a shard",
        "fewer than wanted",
        "three copies",
        "a client stays",
        "one type after the other",
        "masters alone, the elected last",
    ],
)
def test_batches(
    batch_size: int,
    stale: tuple[int, ...],
    held: tuple[tuple[int, ...], ...],
    stopped: tuple[int, ...],
) -> None:
    found = changes.left(upgrading(batch_size, *stale), looks(*held))
    assert found.steps == tuple(HaltNode(NodeId(f"node-{one}")) for one in stopped)


def test_there_is_no_batch_while_a_node_is_ill() -> None:
    record = upgrading(3, 8, 10)
    found = changes.left(record, looks(members=9))
    assert found.steps == (HaltNode(NodeId("node-10")),)
