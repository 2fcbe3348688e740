"""Each predicate: when it objects, when it does not, and what cannot be set aside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.change_examples import (
    UP,
    ask,
    changing,
    engine,
    leaving,
    name,
    named,
    of_roles,
    only,
    restarting,
    seen,
    shards,
)
from tests.support.cluster_examples import NOW, UNSEEN, live

from searchplane.domain import safety
from searchplane.domain.cluster import Cluster, Fate, Role
from searchplane.domain.observed import Absent, Health, Observation, Stopped, Unknown
from searchplane.domain.safety import Predicate

GREEN, YELLOW, RED = Health.GREEN, Health.YELLOW, Health.RED
SILENT = Unknown("no node answers")
LONE = {name(1): ("books",)}
JUST = only(2, last_start=NOW - timedelta(seconds=1))
LONG_AGO = only(2, last_start=NOW - timedelta(days=1))
CLOCK_SET_BACK = only(2, last_start=NOW + timedelta(days=1))
M, D, C, COLD = Role.MASTER, Role.DATA, Role.CLIENT, Role.COLD


def looks(**changes: object) -> Observation:
    """Three nodes run and have joined; `placed` and the rest are what the engine says."""
    return seen(engine_says=engine(**changes))  # type: ignore[arg-type]


def away(*members: int, **changes: object) -> Observation:
    return seen(engine_says=engine(*members, **changes))  # type: ignore[arg-type]


def stale(record: Cluster, *numbers: int) -> Cluster:
    change = only(*numbers, restarts_wanted=1)
    return replace(record, nodes=tuple(map(change, record.nodes)))


def missed(seconds: int, numbers: tuple[int, ...] = (1,), **changes: object) -> Cluster:
    """Nodes that have run for so long and were no members."""
    change = only(*numbers, missed_since=NOW - timedelta(seconds=seconds), **changes)
    return replace(live(), nodes=tuple(map(change, live().nodes)))


MIXED = of_roles(M, M, M, D, D, C, COLD)
NEW_MASTERS = stale(of_roles(D, D, D, M, M, M), 1, 2, 3)
SIX = (UP,) * 6


def of_six(*voters: int, members: tuple[int, ...] = (1, 2, 3, 4, 5, 6)) -> Observation:
    placed = shards(voters, votes=len(voters))
    return seen(*SIX, engine_says=engine(*members, placed=placed))


OBJECTS: list[tuple[Predicate, Cluster, int, Observation, str]] = [
    (safety.is_known, live(), 1, seen(UP, UNSEEN, UP), "es-test-ess-esn-2-1 runs: the disk"),
    (safety.is_known, live(), 1, seen(engine_says=SILENT), "the engine says: no node answers"),
    (safety.is_known, live(), 1, looks(placed=SILENT), "where the shards are: no node answers"),
    (
        safety.is_known,
        live(),
        1,
        seen(engine_says=replace(engine(), shards=None)),
        "where the shards are: nobody asked",
    ),
    (safety.process_is_known, live(), 2, seen(UP, UNSEEN, UP), "the disk does not answer"),
    (safety.others_are_members, live(), 1, away(1, 3), f"waiting for {name(2)}"),
    (safety.nothing_moves, live(), 1, looks(initializing=1), "1 shards are being built"),
    (safety.nothing_moves, live(), 1, looks(relocating=2), "2 moved"),
    (safety.nothing_moves, live(), 1, looks(pending=3), "3 decisions are pending"),
    (safety.is_as_healthy_as_it_gets, live(), 1, looks(health=RED), "primary shards are missing"),
    (
        safety.is_as_healthy_as_it_gets,
        changing(change=JUST),
        1,
        looks(health=YELLOW, unassigned=4),
        "4 shards are not assigned yet",
    ),
    (
        safety.others_have_its_shards,
        changing(change=JUST),
        1,
        looks(health=YELLOW, placed=shards(lonely=LONE)),
        "only started copy of shards of books",
    ),
    (
        safety.others_have_its_shards,
        live(),
        1,
        looks(health=YELLOW, relocating=1, placed=shards(lonely=LONE)),
        "only started copy",
    ),
    (safety.a_quorum_stays, NEW_MASTERS, 1, of_six(1), "have not taken over the vote"),
    (safety.a_quorum_stays, NEW_MASTERS, 1, of_six(1, 4), "have not taken over"),
    (
        safety.a_quorum_stays,
        stale(of_roles(D, D, D, M, M, M), 2, 3),  # 1 was restarted: its vote counts no longer
        2,
        of_six(1, 2, 3),
        "have not taken over",
    ),
    (
        safety.a_quorum_stays,
        NEW_MASTERS,
        1,
        of_six(1, 2, 4, members=(1, 2, 3)),
        "have not taken over",
    ),
    (safety.primaries_are_there, live(), 1, looks(health=RED), "primary shards are missing"),
    (
        safety.primaries_are_there,
        live(),
        1,
        looks(placed=shards(missing=("books",))),  # seen a moment after the health
        "no copy of shards of books is started",
    ),
    (
        safety.its_data_is_elsewhere,
        leaving(1, drains=False),
        1,
        looks(placed=shards(lonely=LONE)),
        "holds the only copy of shards of books",
    ),
    (
        safety.copies_fit_elsewhere,
        leaving(1),
        1,
        looks(placed=shards(replicas=2)),
        "an index with 2 replicas needs 3 nodes that hold data and 2 stay",
    ),
    (
        safety.copies_fit_elsewhere,
        leaving(1, 2),
        1,
        looks(placed=shards(replicas=1)),
        "needs 2 nodes that hold data and 1 stay",
    ),
    (safety.has_no_shards, leaving(1), 1, looks(), "1 shards are still on"),
    (safety.has_no_shards, leaving(1), 1, looks(), "allocation/explain"),
    (safety.has_no_vote, leaving(1), 1, looks(), "still has a vote"),
    (safety.votes_remain, live(1), 1, seen(UP, engine_says=engine(1)), "the last node that can"),
    (safety.votes_remain, leaving(1, 2, 3), 1, looks(), "the last node that can be master"),
    (safety.votes_remain, leaving(1), 1, away(1), "the last node that can be master"),
    (safety.is_not_elected, leaving(1), 1, looks(), "still the elected master"),
    (safety.has_ended, leaving(1), 1, away(2, 3), "still runs"),
    (
        safety.has_ended,
        leaving(1),
        1,
        seen(Stopped(), UP, UP, engine_says=engine(1, 2, 3)),
        "still counts as a member",
    ),
    (
        safety.copies_are_there_again,
        leaving(1),
        1,
        seen(Stopped(), UP, UP, engine_says=engine(2, 3, health=YELLOW, pending=1)),
        "waiting until there are other copies",
    ),
    (safety.earlier_tiers_are_done, stale(MIXED, 1, 4), 1, looks(), f"{name(4)} comes first"),
    (safety.earlier_tiers_are_done, stale(MIXED, 4, 7), 4, looks(), f"{name(7)} comes first"),
    (safety.earlier_tiers_are_done, stale(MIXED, 1, 6), 1, looks(), f"{name(6)} comes first"),
    (safety.is_not_master_yet, restarting(1, 2), 1, looks(), "is the elected master"),
    (safety.is_missed_for_long, live(), 1, away(2, 3), "if it is no member by 12:03:00 UTC"),
    (safety.is_missed_for_long, missed(179), 1, away(2, 3), "if it is no member by 12:00:01 UTC"),
    (safety.is_missed_for_long, missed(899, starts=1), 1, away(2, 3), "by 12:00:01 UTC"),
    (safety.is_missed_for_long, missed(-60), 1, away(2, 3), "is started again if"),
    (safety.others_can_spare_it, missed(180), 1, away(3), f"waiting for {name(2)}"),
]

SILENT_ABOUT: list[tuple[Predicate, Cluster, int, Observation]] = [
    (safety.is_known, live(), 1, seen()),
    (safety.process_is_known, live(), 1, seen(UP, UNSEEN, UP)),
    (safety.others_are_members, live(), 1, seen()),
    (safety.others_are_members, live(), 1, away(2)),  # it is ill itself
    (safety.nothing_moves, live(), 1, looks(unassigned=5)),
    (safety.is_as_healthy_as_it_gets, live(), 1, seen()),
    (safety.is_as_healthy_as_it_gets, live(1), 1, seen(UP, engine_says=engine(1, health=RED))),
    (safety.is_as_healthy_as_it_gets, live(), 1, away(2, 3, health=RED)),
    (safety.is_as_healthy_as_it_gets, changing(change=LONG_AGO), 1, looks(health=YELLOW)),
    (safety.is_as_healthy_as_it_gets, changing(change=CLOCK_SET_BACK), 1, looks(health=YELLOW)),
    (safety.others_have_its_shards, live(), 1, looks(placed=shards(lonely=LONE))),
    (safety.others_have_its_shards, live(), 2, looks(health=RED, placed=shards(lonely=LONE))),
    (
        safety.others_have_its_shards,
        changing(change=LONG_AGO),
        1,
        looks(health=YELLOW, placed=shards(lonely=LONE)),
    ),
    (safety.a_quorum_stays, NEW_MASTERS, 1, of_six(1, 2, 3, 4, 5)),
    (safety.a_quorum_stays, NEW_MASTERS, 1, of_six(1, 4, 5)),
    (safety.a_quorum_stays, NEW_MASTERS, 1, of_six(4, 5, 6)),  # it has no vote
    (safety.a_quorum_stays, restarting(), 1, looks(placed=shards((1,)))),  # keeps its vote
    (safety.primaries_are_there, live(), 1, looks(health=YELLOW)),
    (safety.its_data_is_elsewhere, live(), 2, looks(placed=shards(lonely=LONE))),
    (safety.copies_fit_elsewhere, leaving(1), 1, looks(placed=shards(replicas=1))),
    (safety.copies_fit_elsewhere, leaving(1), 1, looks(placed=shards(replicas=2, copies={}))),
    (safety.copies_fit_elsewhere, leaving(1), 1, looks(relocating=1, placed=shards(replicas=2))),
    (safety.has_no_shards, leaving(1), 1, looks(placed=shards(copies={name(2): 4}))),
    (safety.has_no_vote, leaving(1), 1, looks(placed=shards((2, 3)))),
    (safety.votes_remain, leaving(1), 1, seen()),
    (safety.votes_remain, MIXED, 4, away(4)),  # no master itself
    (safety.is_not_elected, leaving(2), 2, seen()),
    (safety.has_ended, leaving(1), 1, seen(Stopped(), UP, UP, engine_says=engine(2, 3))),
    (safety.has_ended, leaving(1), 1, seen(Absent(), UP, UP, engine_says=engine(2, 3))),
    (safety.copies_are_there_again, leaving(1, emptied=True), 1, looks(health=YELLOW, pending=1)),
    (safety.copies_are_there_again, leaving(1), 1, looks(health=YELLOW)),
    (safety.copies_are_there_again, leaving(1), 1, looks(relocating=1)),
    (safety.earlier_tiers_are_done, stale(MIXED, 4, 1), 4, seen()),
    (safety.earlier_tiers_are_done, stale(MIXED, 4, 5), 5, seen()),
    (safety.is_not_master_yet, restarting(1), 1, seen()),
    (safety.is_not_master_yet, restarting(1, 2), 2, seen()),
    (safety.is_missed_for_long, missed(180), 1, away(2, 3)),
    (safety.is_missed_for_long, missed(900, starts=1), 1, away(2, 3)),
    (safety.others_can_spare_it, missed(180), 1, away(2, 3)),
    (safety.others_can_spare_it, missed(180, numbers=(1, 2)), 1, away(3)),
    # Clients come after data nodes: the master must not wait for them, nor they for it.
    (safety.is_not_master_yet, stale(of_roles(D, D, D, C), 1, 4), 1, seen()),
]


@pytest.mark.parametrize(("predicate", "record", "number", "observation", "says"), OBJECTS)
def test_objects(
    predicate: Predicate, record: Cluster, number: int, observation: Observation, says: str
) -> None:
    assert says in (predicate(ask(record, number, observation)) or "")


@pytest.mark.parametrize(("predicate", "record", "number", "observation"), SILENT_ABOUT)
def test_does_not_object(
    predicate: Predicate, record: Cluster, number: int, observation: Observation
) -> None:
    assert predicate(ask(record, number, observation)) is None


ALL = {
    *safety.RESTART,
    *safety.RESTART_AT_ONCE,
    *safety.RESTART_ILL,
    *safety.RESTART_HUNG,
    *safety.LEAVE,
    *safety.LEAVE_WITH_DATA,
    *safety.LEAVE_ILL,
    *safety.BURY,
}


def test_every_predicate_is_in_both_tables() -> None:
    assert {case[0] for case in OBJECTS} == ALL
    assert {case[0] for case in SILENT_ABOUT} == ALL


def test_what_may_be_set_aside_is_exactly_this() -> None:
    assert sorted(safety.SKIPPABLE) == [
        "earlier_tiers_are_done",
        "is_as_healthy_as_it_gets",
        "is_missed_for_long",
        "is_not_master_yet",
        "nothing_moves",
        "others_are_members",
        "others_can_spare_it",
        "others_have_its_shards",
        "process_is_known",
    ]


def test_a_predicate_that_may_not_be_set_aside_says_so() -> None:
    for predicate in ALL:
        says = " ".join((predicate.__doc__ or "").split())
        may = predicate.__name__ in safety.SKIPPABLE
        assert ("Cannot be set aside" in says) is not may, predicate.__name__


@pytest.mark.parametrize("predicate", sorted(ALL, key=lambda one: one.__name__))
def test_only_skippable_predicates_are_set_aside(predicate: Predicate) -> None:
    def objects(_: object) -> str:
        return "no"

    objects.__name__ = predicate.__name__
    record = replace(live(), skipped=frozenset({predicate.__name__}))
    refused = safety.refusal((objects,), ask(record, 1))
    assert (refused is None) is (predicate.__name__ in safety.SKIPPABLE)
    assert safety.refusal((objects,), ask(live(), 1)) is not None


def test_the_first_objection_is_told_with_its_name() -> None:
    record = leaving(1)
    refused = safety.refusal(safety.LEAVE, ask(record, 1))
    assert refused is not None
    assert refused.predicate == "has_no_shards"
    assert refused.sentence.startswith(f"1 shards are still on {name(1)}")


@pytest.mark.parametrize(
    ("roles", "eligible"),
    [((D, D), (1, 2)), ((D, M, M, M), (2, 3, 4)), ((D, C, COLD), (1,))],
)
def test_dedicated_masters_are_the_only_ones(
    roles: tuple[Role, ...], eligible: tuple[int, ...]
) -> None:
    found = safety.masters(of_roles(*roles).nodes)
    assert {one.name for one in found} == named(*eligible)


@pytest.mark.parametrize(
    ("predicates", "wanted"),
    [
        (safety.RESTART, "is_known"),
        (safety.LEAVE, "is_known"),
        (safety.LEAVE_WITH_DATA, "is_known"),
        (safety.LEAVE_ILL, "is_known"),
        (safety.BURY, "is_known"),
        (safety.RESTART_HUNG, "is_known"),
    ],
)
def test_unknown_comes_first(predicates: tuple[Predicate, ...], wanted: str) -> None:
    """The others may only ask of a look that saw everything."""
    assert predicates[0].__name__ == wanted


def test_a_question_of_what_nobody_knows_is_a_fault() -> None:
    unseen: list[Callable[[], object]] = [
        lambda: ask(live(), 1, seen(engine_says=SILENT)).view,
        lambda: ask(live(), 1, looks(placed=SILENT)).shards,
    ]
    for question in unseen:
        with pytest.raises(TypeError):
            question()


def test_many_indices_are_told_by_three() -> None:
    lonely = {name(1): ("a", "b", "c", "d", "e")}
    said = safety.its_data_is_elsewhere(ask(leaving(1), 1, looks(placed=shards(lonely=lonely))))
    assert "a, b, c and 2 more" in (said or "")


def test_fates_other_than_staying_hold_no_copies_for_others() -> None:
    both = changing(change=only(2, 3, fate=Fate.REPLACE))
    objection = safety.copies_fit_elsewhere(ask(both, 2, looks(placed=shards(replicas=1))))
    assert "1 stay" in (objection or "")
