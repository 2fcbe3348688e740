"""What is left of a change, in each situation a pass may find: the next steps, or why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.support.change_examples import (
    UP,
    address,
    changing,
    engine,
    leaving,
    name,
    named,
    only,
    restarting,
    seen,
    shards,
)
from tests.support.cluster_examples import NOW, UNSEEN, live

from searchplane.domain import changes
from searchplane.domain.changes import ELECTION, Left
from searchplane.domain.cluster import ActionKind, Cluster, Fate, Pace
from searchplane.domain.ids import NodeId
from searchplane.domain.observed import (
    Absent,
    Health,
    NodeState,
    Observation,
    ShardsView,
    Stopped,
    Unknown,
)
from searchplane.domain.plan import (
    MOVES,
    Patience,
    Phase,
    Plan,
    plan,
)
from searchplane.domain.predicates import HOPELESS
from searchplane.domain.safety import HANGS
from searchplane.domain.steps import (
    CompleteAction,
    ExcludeFromAllocation,
    ExcludeFromVoting,
    ForgetNode,
    GiveUp,
    HaltNode,
    MarkEmptied,
    RemoveNode,
    RenewNode,
    StartNode,
    Step,
)

YELLOW, RED = Health.YELLOW, Health.RED
PATIENCE = Patience(timedelta(minutes=10))
SILENT = Unknown("no master is elected")
ONE, TWO = (NodeId(f"node-{number}") for number in (1, 2))
AWAY_1 = frozenset({address(1)})
EMPTY = {name(2): 1, name(3): 2}


def looks(placed: ShardsView | None = None, **says: object) -> Observation:
    return seen(engine_says=engine(placed=placed or shards(), **says))  # type: ignore[arg-type]


def drained(**told: object) -> ShardsView:
    """Node 1 was told to give its shards away and has."""
    return shards(copies=EMPTY, excluded=AWAY_1, **told)


def without_1(state: NodeState, *, at: object = NOW, **says: object) -> Observation:
    """Node 1 does not run and is no member."""
    return seen(state, UP, UP, engine_says=engine(2, 3, **says), at=at)  # type: ignore[arg-type]


def names_of(left: Left) -> tuple[str, ...]:
    return tuple(refusal.predicate for refusal in left.refusals)


LEAVE, EMPTIED = leaving(1), leaving(1, emptied=True)
BARE = leaving(1, drains=False)
NO_VOTE = shards((2, 3), copies=EMPTY, excluded=AWAY_1, voting_excluded=named(1))

LEFT: dict[str, tuple[Cluster, Observation, Left]] = {
    "first its shards are to move": (
        LEAVE,
        looks(),
        Left((ExcludeFromAllocation(AWAY_1),)),
    ),
    "once empty that is noted": (LEAVE, looks(drained()), Left((MarkEmptied(ONE),))),
    "empty at the second look, its vote goes": (
        EMPTIED,
        looks(drained()),
        Left((ExcludeFromVoting(named(1)),)),
    ),
    "empty twice and without a vote it is stopped": (
        EMPTIED,
        seen(engine_says=replace(engine(placed=NO_VOTE), master=name(2))),
        Left((HaltNode(ONE),)),
    ),
    "shards that come back are noted": (
        EMPTIED,
        looks(shards(excluded=AWAY_1), relocating=1),
        Left(
            (MarkEmptied(ONE, emptied=False),),
            changes.left(LEAVE, looks(shards(excluded=AWAY_1), relocating=1)).refusals,
        ),
    ),
    "what no node needs is taken back": (
        changing(),
        looks(shards(excluded=AWAY_1, voting_excluded=named(2))),
        Left((ExcludeFromAllocation(frozenset()), ExcludeFromVoting(frozenset()))),
    ),
    "it is taken back when nobody asked anything": (
        live(),
        looks(shards(voting_excluded=named(2))),
        Left((ExcludeFromVoting(frozenset()),)),
    ),
    "a quiet cluster needs nothing": (live(), looks(), Left()),
    "without moving its data: its vote first": (
        BARE,
        looks(),
        Left((ExcludeFromVoting(named(1)),)),
    ),
    "without moving its data: stopped when others hold it": (
        BARE,
        seen(
            engine_says=replace(engine(placed=shards((2, 3), voting_excluded=named(1))), master="x")
        ),
        Left((HaltNode(ONE),)),
    ),
    "of two without votes and data moved both are stopped": (
        leaving(1, 2, emptied=True),
        seen(
            engine_says=replace(
                engine(
                    placed=shards((3,), copies={}, excluded=frozenset({address(1), address(2)}))
                ),
                master=name(3),
            )
        ),
        Left((HaltNode(ONE), HaltNode(TWO))),
    ),
    "of two with their data only one": (
        leaving(1, 2, drains=False),
        seen(engine_says=replace(engine(placed=shards((3,))), master=name(3))),
        Left((HaltNode(ONE),)),
    ),
    "of two masters only one gives up its vote": (
        leaving(1, 2, emptied=True, count=5),
        seen(
            *(UP,) * 5,
            engine_says=engine(
                *range(1, 6),
                placed=shards(
                    (1, 2, 3, 4, 5), copies={}, excluded=frozenset({address(1), address(2)})
                ),
            ),
        ),
        Left((ExcludeFromVoting(named(1)),)),
    ),
    "a restart takes the first that is not master": (
        restarting(),
        looks(),
        Left((HaltNode(TWO),)),
    ),
    "the master comes last": (restarting(1), looks(), Left((HaltNode(ONE),))),
}


@pytest.mark.parametrize("situation", LEFT)
def test_next_steps(situation: str) -> None:
    record, observation, wanted = LEFT[situation]
    assert changes.left(record, observation) == wanted


REFUSED: dict[str, tuple[Cluster, Observation, str]] = {
    "shards are on the node": (LEAVE, looks(shards(excluded=AWAY_1)), "has_no_shards"),
    "they can go nowhere": (
        LEAVE,
        looks(shards(excluded=AWAY_1, replicas=2)),
        "copies_fit_elsewhere",
    ),
    "red though empty": (LEAVE, looks(drained(), health=RED), "primaries_are_there"),
    "red though emptied": (EMPTIED, looks(drained(), health=RED), "primaries_are_there"),
    "missing though green a moment ago": (
        EMPTIED,
        looks(drained(missing=("books",))),
        "primaries_are_there",
    ),
    "the vote is not handed over yet": (
        EMPTIED,
        looks(drained(voting_excluded=named(1))),
        "has_no_vote",
    ),
    "it is master yet": (EMPTIED, looks(NO_VOTE), "is_not_elected"),
    "alone with its data": (BARE, looks(shards(lonely={name(1): ("a",)})), "its_data_is_elsewhere"),
    "shards unseen": (LEAVE, seen(engine_says=replace(engine(), shards=SILENT)), "is_known"),
    "shards unseen at the end": (
        changing(),
        seen(engine_says=replace(engine(), shards=SILENT)),
        "is_known",
    ),
    "a restart while shards move": (restarting(), looks(relocating=1), "nothing_moves"),
    "a restart while red": (restarting(), looks(health=RED), "is_as_healthy_as_it_gets"),
}


@pytest.mark.parametrize("situation", REFUSED)
def test_refused(situation: str) -> None:
    record, observation, predicate = REFUSED[situation]
    found = changes.left(record, observation)
    assert found.steps == ()
    assert names_of(found) == (predicate,)


def test_an_excluded_vote_is_not_given_back_while_its_node_waits() -> None:
    """Else a cluster whose shards come and go would hand one vote to and fro."""
    back = looks(shards((2, 3), excluded=AWAY_1, voting_excluded=named(1)), relocating=1)
    assert ExcludeFromVoting(frozenset()) not in changes.left(EMPTIED, back).steps


REPLACED = changing(ActionKind.REPLACING, change=only(1, fate=Fate.REPLACE))
MISSED = shards(missing=("books",), copies=EMPTY, voters=(2, 3))

BURIED: dict[str, tuple[Cluster, Observation, tuple[Step, ...] | str]] = {
    "one that stays is started": (live(), without_1(Stopped()), ()),
    "its storage goes when all is there without it": (
        LEAVE,
        without_1(Stopped()),
        (RemoveNode(ONE),),
    ),
    "then its record": (LEAVE, without_1(Absent()), (ForgetNode(ONE),)),
    "or it becomes new": (REPLACED, without_1(Absent()), (RenewNode(ONE),)),
    "new even in a red cluster": (REPLACED, without_1(Absent(), health=RED), (RenewNode(ONE),)),
    "not while nobody leads": (
        REPLACED,
        seen(Absent(), UP, UP, engine_says=SILENT),
        "is_known",
    ),
    "it is started when red": (LEAVE, without_1(Stopped(), health=RED), ()),
    "it is started when a shard is missing": (LEAVE, without_1(Stopped(), placed=MISSED), ()),
    "its record stays when red": (LEAVE, without_1(Absent(), health=RED), "primaries_are_there"),
    "it waits for other copies": (
        LEAVE,
        without_1(Stopped(), health=YELLOW, pending=3),
        "copies_are_there_again",
    ),
    "it does not wait for copies it had none of": (
        EMPTIED,
        without_1(Stopped(), health=YELLOW, pending=3),
        (RemoveNode(ONE),),
    ),
    "it waits for none that never come": (
        LEAVE,
        without_1(Stopped(), health=YELLOW, unassigned=3),
        (RemoveNode(ONE),),
    ),
    "a member has not ended": (LEAVE, seen(Stopped(), UP, UP), "has_ended"),
    "an election is waited for": (LEAVE, seen(Stopped(), UP, UP, engine_says=SILENT), "is_known"),
    "an unseen process is left alone": (LEAVE, without_1(UNSEEN), "is_known"),
    "so is one beside an unseen one": (
        LEAVE,
        seen(Stopped(), UNSEEN, UP, engine_says=engine(2, 3)),
        "is_known",
    ),
}


@pytest.mark.parametrize("situation", BURIED)
def test_a_node_that_ended(situation: str) -> None:
    record, observation, wanted = BURIED[situation]
    found = changes.bury(record, record.nodes[0], observation)
    if isinstance(wanted, str):
        assert (found.steps, names_of(found)) == ((), (wanted,))
    else:
        assert found == Left(wanted)


def test_its_vote_is_fetched_back_when_no_election_comes_about() -> None:
    record = replace(LEAVE, unhealthy_since=NOW - ELECTION - timedelta(seconds=1))
    seen_now = seen(Stopped(), UP, UP, engine_says=SILENT)
    assert changes.bury(record, record.nodes[0], seen_now) == Left()
    young = replace(LEAVE, unhealthy_since=NOW - ELECTION)
    assert names_of(changes.bury(young, young.nodes[0], seen_now)) == ("is_known",)


def missed(*numbers: int, count: int = 3) -> Cluster:
    """A cluster of which these nodes have run for three minutes and were no members."""
    record = live(count)
    change = only(*numbers, missed_since=NOW - HANGS)
    return replace(record, nodes=tuple(map(change, record.nodes)))


ILL: dict[str, tuple[Cluster, Observation, tuple[Step, ...] | str]] = {
    "one that hangs and is to be replaced is ended": (
        REPLACED,
        seen(engine_says=engine(2, 3)),
        (HaltNode(ONE),),
    ),
    "one that hangs and is to be restarted is ended": (
        restarting(1),
        seen(engine_says=engine(2, 3, health=RED)),
        (HaltNode(ONE),),
    ),
    "one that stays is waited for": (
        restarting(2),
        seen(engine_says=engine(2, 3)),
        "is_missed_for_long",
    ),
    "one that starts is waited for": (
        replace(restarting(2), nodes=tuple(map(only(1, starts=1), restarting(2).nodes))),
        seen(engine_says=engine(2, 3)),
        (),
    ),
    "and ended when it was missed for long": (
        missed(1),
        seen(engine_says=engine(2, 3)),
        (HaltNode(ONE),),
    ),
    "of several all that were": (
        missed(1, 2, count=5),
        seen(*(UP,) * 5, engine_says=engine(3, 4, 5)),
        (HaltNode(ONE), HaltNode(TWO)),
    ),
    "not while another starts": (
        missed(1, count=5),
        seen(*(UP,) * 5, engine_says=engine(3, 4, 5)),
        "others_can_spare_it",
    ),
    "not while shards are built elsewhere": (
        missed(1),
        seen(engine_says=engine(2, 3, initializing=1)),
        "nothing_moves",
    ),
    "not while nobody can tell": (missed(1), seen(engine_says=SILENT), ()),
    "not while the cluster forms": (
        replace(missed(1), bootstrapped=False),
        seen(engine_says=engine(2, 3)),
        (),
    ),
    "not when its data is missed": (
        LEAVE,
        seen(engine_says=engine(2, 3, health=RED)),
        "primaries_are_there",
    ),
    "not before its shards have copies": (
        LEAVE,
        seen(engine_says=engine(2, 3, health=YELLOW, initializing=2)),
        "copies_are_there_again",
    ),
    "not while nobody leads": (LEAVE, seen(engine_says=SILENT), ()),
    "members are not ill": (LEAVE, seen(), ()),
}


@pytest.mark.parametrize("situation", ILL)
def test_a_node_that_runs_and_is_no_member(situation: str) -> None:
    record, observation, wanted = ILL[situation]
    found = changes.left_of_ill(record, observation)
    if isinstance(wanted, str):
        assert (found.steps, names_of(found)[:1]) == ((), (wanted,))
    else:
        assert found == Left(wanted)


@pytest.mark.parametrize(
    ("record", "told", "wanted"),
    [
        (live(), shards(excluded=AWAY_1), (ExcludeFromAllocation(frozenset()),)),
        (live(), shards(voting_excluded=named(1)), (ExcludeFromVoting(frozenset()),)),
        (LEAVE, shards(excluded=AWAY_1, voting_excluded=named(1)), ()),
        (LEAVE, shards(), ()),  # nothing new is begun while nodes are away
        (BARE, shards(excluded=AWAY_1), (ExcludeFromAllocation(frozenset()),)),
        (
            LEAVE,
            shards(excluded=AWAY_1 | {"127.9.9.9"}, voting_excluded=named(1, 3)),
            (ExcludeFromAllocation(AWAY_1), ExcludeFromVoting(named(1))),
        ),
    ],
)
def test_what_was_told_is_taken_back_while_nodes_are_away(
    record: Cluster, told: ShardsView, wanted: tuple[Step, ...]
) -> None:
    assert changes.taken_back(record, looks(told)) == wanted


AT_ONCE = restarting(1, 2, pace=Pace.AT_ONCE)


def test_all_that_run_are_stopped_before_any_is_started() -> None:
    assert changes.halts_all(AT_ONCE, seen()).steps == (HaltNode(ONE), HaltNode(TWO))
    one_down = seen(Stopped(), UP, UP, engine_says=SILENT)
    assert changes.halts_all(AT_ONCE, one_down) == Left((HaltNode(TWO),))
    both_down = seen(Stopped(), Stopped(), UP, engine_says=SILENT)
    assert changes.halts_all(AT_ONCE, both_down) == Left()
    assert changes.halts_all(restarting(1, 2), seen()) == Left()


def test_none_is_stopped_while_one_of_them_is_not_seen() -> None:
    found = changes.halts_all(AT_ONCE, seen(UP, UNSEEN, UP))
    assert (found.steps, names_of(found)) == ((), ("process_is_known",))
    assert changes.halts_all(AT_ONCE, seen(UP, UP, UNSEEN)).steps  # not one of them


def planned(record: Cluster, observation: Observation) -> Plan:
    return plan(record, observation, PATIENCE, certified=True)


def test_the_refusal_and_its_sentence_are_told() -> None:
    found = planned(LEAVE, looks(shards(excluded=AWAY_1)))
    assert found.refusal is not None
    assert found.refusal.predicate == "has_no_shards"
    assert found.sentence.startswith(f"1 node to go: 1 shards are still on {name(1)}")


@pytest.mark.parametrize(
    ("record", "observation", "says"),
    [
        (LEAVE, looks(), f"moving shards away from {address(1)}"),
        (LEAVE, looks(drained()), f"{name(1)} holds no shards any longer; looking once more"),
        (EMPTIED, looks(shards(excluded=AWAY_1)), f"{name(1)} holds shards again"),
        (EMPTIED, looks(drained()), f"handing over the vote of {name(1)}"),
        (changing(), looks(drained()), "letting shards go to every node again"),
        (changing(), looks(shards(voting_excluded=named(1))), "giving every node its vote again"),
        (restarting(), looks(), f"3 nodes to restart: stopping {name(2)}"),
        (AT_ONCE, seen(), "stopping 2 nodes, to start them again together"),
        (AT_ONCE, seen(UP, UNSEEN, UP), f"it cannot be seen whether {name(2)} runs"),
        (LEAVE, without_1(Stopped()), f"{name(1)} has ended; removing what is left of it"),
        (LEAVE, without_1(Absent(), health=RED), f"{name(1)} has ended: primary shards"),
        (REPLACED, seen(engine_says=engine(2, 3)), f"waiting for {name(1)}; stopping {name(1)}"),
    ],
)
def test_sentences(record: Cluster, observation: Observation, says: str) -> None:
    assert says in planned(record, observation).sentence


def test_a_dead_cluster_starts_all_and_buries_nobody() -> None:
    found = planned(LEAVE, seen(Stopped(), Stopped(), Stopped(), engine_says=SILENT))
    assert found.steps == (StartNode(TWO), StartNode(NodeId("node-3")))
    later = replace(LEAVE, unhealthy_since=NOW - timedelta(minutes=1))
    found = planned(later, seen(Stopped(), Stopped(), Stopped(), engine_says=SILENT))
    assert StartNode(ONE) in found.steps


def test_an_exclusion_is_taken_back_beside_a_node_that_never_starts() -> None:
    told = engine(2, 3, placed=shards(excluded=frozenset({address(3)})))
    found = planned(live(), seen(Stopped(), UP, UP, engine_says=told))
    assert found.steps == (StartNode(ONE), ExcludeFromAllocation(frozenset()))


def test_the_action_is_over_only_when_nothing_is_left() -> None:
    assert planned(changing(), looks()).steps == (CompleteAction(),)
    assert CompleteAction() not in planned(changing(), looks(drained())).steps
    unseen = seen(engine_says=replace(engine(), shards=SILENT))
    assert planned(changing(), unseen).steps == ()


@pytest.mark.parametrize(("seconds", "done"), [(9, False), (11, True)])
def test_a_yellow_cluster_that_stays_so_is_waited_for_briefly(seconds: int, done: bool) -> None:
    observation = seen(engine_says=engine(health=YELLOW), at=NOW + timedelta(seconds=seconds))
    assert (planned(changing(), observation).phase is Phase.STEADY) is done


def test_a_clock_that_was_set_back_holds_up_nothing() -> None:
    record = changing(change=only(1, last_start=NOW + timedelta(days=9)))
    observation = seen(engine_says=engine(health=YELLOW), at=NOW + timedelta(seconds=11))
    assert planned(record, observation).phase is Phase.STEADY


def test_a_departure_is_given_up_after_two_days_and_the_node_stays() -> None:
    stuck = engine(placed=shards(excluded=AWAY_1))
    at = NOW + MOVES
    assert planned(LEAVE, seen(engine_says=stuck, at=at)).steps == ()
    found = planned(LEAVE, seen(engine_says=stuck, at=at + timedelta(seconds=1)))
    assert found.steps == (GiveUp(),)
    assert "given up after 48 hours" in found.sentence
    going_on = seen(engine_says=engine(), at=at + MOVES)
    assert planned(LEAVE, going_on).steps == (ExcludeFromAllocation(AWAY_1),)


def test_a_paused_cluster_is_told_of_and_left_alone() -> None:
    failed = replace(live(), paused=True)
    found = planned(failed, without_1(Stopped()))
    assert found.steps == ()
    assert found.sentence.startswith("paused by an operator, so this is not done: ")


@pytest.mark.parametrize(
    ("kind", "code"), [(ActionKind.GROWING, "CSS.6001"), (ActionKind.SHRINKING, "CSS.6002")]
)
def test_an_action_fails_when_a_node_never_starts(kind: ActionKind, code: str) -> None:
    tried = {"ready": False, "last_start": NOW}
    hopeless = changing(kind, change=only(1, starts=HOPELESS, **tried))
    found = planned(hopeless, without_1(Stopped()))
    assert found.failure is not None
    assert found.failure.code == code
    assert (
        planned(
            changing(kind, change=only(1, starts=HOPELESS - 1, **tried)), without_1(Stopped())
        ).failure
        is None
    )
    nobody_asked = replace(hopeless, action=None)
    assert planned(nobody_asked, without_1(Stopped())).failure is None


def test_an_action_fails_when_a_started_node_never_joins() -> None:
    since = NOW - PATIENCE.create - timedelta(seconds=1)
    record = changing(ActionKind.GROWING, change=only(1, starts=1, ready=False, last_start=since))
    found = planned(record, seen(engine_says=engine(2, 3)))
    assert found.failure is not None
    whole = planned(record, seen())
    assert whole.failure is None


@pytest.mark.parametrize(
    ("before", "observation", "since"),
    [
        (None, seen(engine_says=engine(2, 3)), NOW),
        (NOW - HANGS, seen(engine_says=engine(2, 3)), NOW - HANGS),
        (NOW + HANGS, seen(engine_says=engine(2, 3)), NOW),
        (NOW - HANGS, seen(engine_says=SILENT), None),
        (NOW - HANGS, seen(Stopped(), UP, UP, engine_says=engine(2, 3)), None),
        (NOW - HANGS, seen(UNSEEN, UP, UP, engine_says=engine(2, 3)), None),
    ],
    ids=["first", "still", "clock set back", "nobody leads", "ended", "process not seen"],
)
def test_only_looks_that_can_tell_miss_a_node(
    before: datetime | None, observation: Observation, since: datetime | None
) -> None:
    one = replace(live().nodes[0], missed_since=before)
    assert changes.missed_since(one, observation) == since
