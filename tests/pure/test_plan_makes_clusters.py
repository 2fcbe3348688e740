"""From nothing to a whole cluster: the steps and sentences of each situation on the way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.cluster_examples import NOW, UNSEEN, cluster, live, look, node, view

from searchplane.domain.cluster import Cluster
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
from searchplane.domain.plan import (
    SOON,
    STEADY,
    WATCHING,
    YELLOW_PATIENCE,
    EndBootstrap,
    IssueCertificates,
    Patience,
    Phase,
    PlaceNode,
    Plan,
    plan,
    subject_of,
)
from searchplane.domain.steps import CompleteAction, StartNode

PATIENCE = Patience(timedelta(minutes=10))
UP = (Running(), Running(), Running())


def planned(record: Cluster, seen: Observation, *, certified: bool = True) -> Plan:
    return plan(record, seen, PATIENCE, certified=certified)


def test_files_come_first_and_nothing_is_started_before() -> None:
    seen = look(Absent(), Absent(), Absent(), distribution=Installing("12 of 88 MB"))
    found = planned(cluster(), seen)
    assert (found.phase, found.steps) == (Phase.INSTALL, ())
    assert found.sentence == "installing Elasticsearch 7.10.2: 12 of 88 MB"


def test_files_that_cannot_be_had_are_said_and_asked_for_again() -> None:
    seen = look(Absent(), distribution=InstallFailed("the mirror does not answer"))
    found = planned(cluster(1), seen)
    assert found.steps == ()
    assert found.after == 2.0
    assert "cannot be installed: the mirror does not answer" in found.sentence


def test_a_whole_cluster_needs_no_files() -> None:
    found = planned(live(), look(*UP, distribution=InstallFailed("no mirror")))
    assert found.phase is Phase.STEADY


def test_addresses_and_certificates_before_any_start() -> None:
    record = cluster(2, (node(1, address=None), node(2)))
    found = planned(record, look(Absent(), Absent()), certified=False)
    assert found.phase is Phase.PREPARE
    assert found.steps == (PlaceNode(node(1).id), IssueCertificates())
    assert found.after == 0


def test_certificates_alone_hold_a_start_back() -> None:
    found = planned(cluster(1), look(Absent()), certified=False)
    assert found.steps == (IssueCertificates(),)


def test_all_nodes_start_together() -> None:
    found = planned(cluster(), look(Absent(), Absent(), Absent()))
    assert found.phase is Phase.START
    assert found.steps == tuple(StartNode(node(number).id) for number in (1, 2, 3))
    assert "starting es-test-ess-esn-1-1" in found.sentence
    assert "512 MB of heap" in found.sentence
    assert found.after == SOON


def test_a_dead_node_is_started_again_with_the_last_error_of_its_log() -> None:
    record = live()
    found = planned(record, look(Stopped("out of memory"), *UP[1:], engine=view(2, 3)))
    assert found.steps == (StartNode(node(1).id),)
    assert "does not run: out of memory; starting it again" in found.sentence
    assert found.ready == {node(2).id, node(3).id}
    assert found.healthy


def test_a_node_that_does_not_come_up_backs_off() -> None:
    tried = node(1, starts=3, last_start=NOW - timedelta(seconds=1), last_error="port is busy")
    found = planned(cluster(1, (tried,)), look(Stopped()))
    assert found.steps == ()
    assert found.sentence == "es-test-ess-esn-1-1 does not run: port is busy; trying again in 3 s"
    assert found.after == 3


def test_what_cannot_be_seen_is_not_started_and_said() -> None:
    found = planned(live(), look(UNSEEN, *UP[1:], engine=view(2, 3)))
    assert found.steps == ()
    assert "it cannot be seen whether es-test-ess-esn-1-1 runs" in found.sentence
    assert UNSEEN.reason in found.sentence


def test_lost_storage_without_a_master_waits_with_a_sentence() -> None:
    found = planned(live(), look(Absent(), *UP[1:], engine=Unknown("no master")))
    assert found.steps == ()
    assert "bring its folder back" in found.sentence


def test_an_engine_that_does_not_answer_yet_is_waited_for() -> None:
    found = planned(cluster(), look(*UP, engine=Unknown("no node answers")))
    assert (found.phase, found.steps) == (Phase.FORM, ())
    assert found.sentence == "3 nodes started; no node answers"


def test_who_is_missing_is_named() -> None:
    found = planned(cluster(), look(*UP, engine=view(1, 2)))
    assert found.phase is Phase.FORM
    assert found.sentence == "2 of 3 nodes joined; waiting for es-test-ess-esn-3-1"
    assert found.ready == {node(1).id, node(2).id}


def test_the_bootstrap_setting_goes_once_all_have_joined() -> None:
    found = planned(cluster(), look(*UP))
    assert found.steps == (EndBootstrap(), CompleteAction())
    assert (found.phase, found.progress) == (Phase.STEADY, 100)


def test_a_whole_cluster_is_left_alone() -> None:
    found = planned(live(), look(*UP))
    assert found.steps == ()
    assert found.after == STEADY
    assert found.sentence == "all 3 nodes joined; the cluster is green"


@pytest.mark.parametrize(
    ("count", "waited", "shards", "complete"),
    [
        (3, timedelta(0), {}, False),
        (3, YELLOW_PATIENCE + timedelta(seconds=1), {}, True),
        (3, YELLOW_PATIENCE + timedelta(seconds=1), {"initializing": 1}, False),
        (3, YELLOW_PATIENCE + timedelta(seconds=1), {"relocating": 1}, False),
        (1, timedelta(0), {"unassigned": 5}, True),
        (1, timedelta(0), {"initializing": 1}, False),
    ],
)
def test_yellow_completes_a_creation_only_when_nothing_moves(
    count: int, waited: timedelta, shards: dict[str, int], complete: bool
) -> None:
    record = cluster(count)
    assert record.action is not None
    seen = look(
        *UP[:count],
        engine=view(*range(1, count + 1), health=Health.YELLOW, **shards),
        at=record.action.started + waited,
    )
    found = planned(record, seen)
    assert (CompleteAction() in found.steps) is complete
    assert found.healthy


def test_a_live_cluster_that_stays_yellow_is_steady() -> None:
    found = planned(live(), look(*UP, engine=view(1, 2, 3, health=Health.YELLOW, unassigned=1)))
    assert found.phase is Phase.STEADY


def test_red_is_neither_complete_nor_healthy() -> None:
    late = NOW + YELLOW_PATIENCE
    seen = look(*UP, engine=view(1, 2, 3, health=Health.RED, unassigned=2), at=late)
    found = planned(cluster(), seen)
    assert CompleteAction() not in found.steps
    assert not found.healthy
    assert "2 unassigned" in found.sentence


def test_while_nobody_can_say_members_count_as_at_the_last_look() -> None:
    found = planned(live(), look(*UP, engine=Unknown("timed out")))
    assert found.ready == {node(number).id for number in (1, 2, 3)}
    assert not found.healthy


def test_progress_grows_on_the_way() -> None:
    record = cluster()
    unplaced = cluster(nodes=tuple(node(number, address=None) for number in (1, 2, 3)))
    nothing = (Absent(), Absent(), Absent())
    way = [
        planned(unplaced, look(*nothing, distribution=Installing("..."))),
        planned(unplaced, look(*nothing)),
        planned(record, look(*nothing)),
        planned(record, look(*UP, engine=Unknown("no answer"))),
        planned(record, look(*UP, engine=view(1))),
        planned(record, look(*UP, engine=view(1, 2))),
        planned(record, look(*UP, engine=view(1, 2, 3, health=Health.YELLOW))),
        planned(record, look(*UP)),
    ]
    shown = [one.progress for one in way]
    assert shown == sorted(set(shown))
    assert shown[-1] == 100


@pytest.mark.parametrize(
    "seen", [view(1, 2), view(1, 2, 3, health=Health.RED, unassigned=1), Unknown("no answer")]
)
def test_a_live_cluster_that_is_not_whole_is_watched_at_ease(seen: EngineView | Unknown) -> None:
    assert planned(live(), look(*UP, engine=seen)).after == WATCHING
    assert planned(cluster(), look(*UP, engine=seen)).after == SOON


def test_figures_do_not_make_a_new_subject() -> None:
    def fetching(sentence: str) -> str:
        return planned(cluster(1), look(Absent(), distribution=Installing(sentence))).subject

    assert fetching("12 of 88 MB") == fetching("13.5 of 88 MB") != fetching("unpacking")
    moving = [view(1, 2, 3, health=Health.RED, unassigned=count) for count in (1, 20)]
    assert len({planned(cluster(), look(*UP, engine=seen)).subject for seen in moving}) == 1


@pytest.mark.parametrize("name", ["es-test-ess-esn-1-1", "7.10.2", "127.20.0.1:9200", "a/7/b"])
def test_names_versions_and_addresses_are_no_figures(name: str) -> None:
    assert subject_of(f"{name} has 3 of 12.5; 4.") == f"{name} has N of N; N."


def test_a_node_that_fails_again_and_again_is_one_subject() -> None:
    def tried(seconds: float) -> Plan:
        began = NOW - timedelta(seconds=seconds)
        failed = node(1, starts=5, last_start=began, last_error="port is busy")
        return planned(cluster(1, (failed,)), look(Stopped()))

    assert len({tried(seconds).sentence for seconds in (1, 2, 60)}) == 3
    assert len({tried(seconds).subject for seconds in (1, 2, 60)}) == 1


def test_why_the_last_launch_did_not_come_off_is_newer_than_the_log() -> None:
    failed = node(1, starts=1, last_error="port is busy")
    found = planned(cluster(1, (failed,)), look(Stopped("an old error")))
    assert "port is busy" in found.sentence
