"""Deleting in order, giving up past the deadline, and healing when the cause is mended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.cluster_examples import NOW, UNSEEN, cluster, doomed, live, look, node, view

from searchplane.domain.cluster import Action, ActionKind, Cluster, Failure
from searchplane.domain.observed import (
    Absent,
    EngineView,
    Health,
    InstallFailed,
    Installing,
    NodeState,
    Observation,
    Ready,
    Running,
    Stopped,
    Unknown,
)
from searchplane.domain.plan import (
    ForgetCluster,
    Patience,
    Phase,
    Plan,
    RemoveNode,
    StopNode,
    plan,
)
from searchplane.domain.steps import CompleteAction, StartNode

PATIENCE = Patience(timedelta(minutes=10))
LATE = NOW + timedelta(minutes=11)
UP = (Running(), Running(), Running())


def planned(record: Cluster, seen: Observation) -> Plan:
    return plan(record, seen, PATIENCE, certified=True)


@pytest.mark.parametrize(
    ("states", "steps", "gone"),
    [
        (UP, [StopNode, StopNode, StopNode], 0),
        ((Running(), Stopped(), Absent()), [StopNode, RemoveNode], 1),
        ((Stopped("oom"), Absent(), Absent()), [RemoveNode], 2),
        ((UNSEEN, Stopped(), Absent()), [RemoveNode], 1),
        ((UNSEEN, Absent(), Absent()), [], 2),
        ((Absent(), Absent(), Absent()), [ForgetCluster], 3),
    ],
)
def test_processes_go_before_storage_and_the_record_goes_last(
    states: tuple[NodeState, ...], steps: list[type], gone: int
) -> None:
    found = planned(doomed(), look(*states))
    assert [type(step) for step in found.steps] == steps
    assert found.phase is Phase.DELETE
    assert gone == 3 or f"deleting: {gone} of 3 nodes gone" in found.sentence


def test_a_node_that_cannot_be_seen_holds_the_record_and_says_why() -> None:
    found = planned(doomed(), look(UNSEEN, Absent(), Absent()))
    assert found.steps == ()
    assert UNSEEN.reason in found.sentence


def test_deleting_does_not_ask_for_files_and_never_fails() -> None:
    seen = look(Running(), distribution=InstallFailed("no mirror"), at=NOW + timedelta(days=1))
    found = planned(doomed(1), seen)
    assert [type(step) for step in found.steps] == [StopNode]
    assert found.failure is None


def test_a_creation_fails_past_its_deadline_and_not_before() -> None:
    record = cluster()
    assert record.action is not None
    deadline = record.action.started + PATIENCE.create
    waiting = look(*UP, engine=view(1, 2), at=deadline)
    assert planned(record, waiting).failure is None
    late = replace(waiting, at=deadline + timedelta(seconds=1))
    failure = planned(record, late).failure
    assert failure is not None
    assert (failure.code, failure.since) == ("CSS.6000", late.at)
    assert failure.message == "2 of 3 nodes joined; waiting for es-test-ess-esn-3-1"


def test_a_failed_creation_goes_on_and_says_what_it_waits_for_now() -> None:
    record = cluster(failure=Failure("CSS.6000", "no disk", NOW))
    found = planned(record, look(Stopped("no memory"), *UP[1:], engine=view(2, 3), at=LATE))
    assert found.steps == (StartNode(node(1).id),)
    assert found.failure is not None
    assert found.failure.since == NOW
    assert "no memory" in found.failure.message


def test_a_mended_cause_heals_and_completes_it() -> None:
    record = cluster(failure=Failure("CSS.6000", "no disk", NOW), bootstrapped=True)
    found = planned(record, look(*UP, at=LATE))
    assert found.failure is None
    assert found.steps == (CompleteAction(),)


def test_a_live_cluster_fails_when_primaries_are_gone_past_the_deadline() -> None:
    record = live(unhealthy_since=NOW)
    dead = look(UNSEEN, UNSEEN, UNSEEN, engine=Unknown("no node answers"), at=LATE)
    failure = planned(record, dead).failure
    assert failure is not None
    assert failure.code == "CSS.6002"
    assert planned(record, replace(dead, at=NOW)).failure is None


def test_a_live_cluster_with_its_primaries_does_not_fail_for_one_node() -> None:
    seen = look(UNSEEN, *UP[1:], engine=view(2, 3, health=Health.YELLOW), at=LATE)
    assert planned(live(), seen).failure is None


def test_primaries_that_are_back_end_the_failure_of_a_live_cluster() -> None:
    record = live(failure=Failure("CSS.6002", "no node answers", NOW), unhealthy_since=NOW)
    seen = look(Stopped(), *UP[1:], engine=view(2, 3, health=Health.YELLOW), at=LATE)
    assert planned(record, seen).failure is None
    red = look(Stopped(), *UP[1:], engine=view(2, 3, health=Health.RED), at=LATE)
    assert planned(record, red).failure is not None


def test_a_creation_s_failure_stays_until_all_of_it_is_there() -> None:
    record = cluster(failure=Failure("CSS.6000", "no disk", NOW))
    seen = look(Stopped(), *UP[1:], engine=view(2, 3, health=Health.YELLOW), at=LATE)
    assert planned(record, seen).failure is not None


def test_a_download_may_take_its_time() -> None:
    seen = look(Absent(), distribution=Installing("80 of 300 MB"), at=LATE)
    assert planned(cluster(1), seen).failure is None


def test_an_installation_that_fails_has_the_time_since_the_request() -> None:
    began = NOW - timedelta(seconds=1)
    record = cluster(1, action=Action(ActionKind.CREATING, LATE), created=began, updated=began)
    failing = look(Absent(), distribution=InstallFailed("no mirror"), at=began + PATIENCE.create)
    assert planned(record, failing).failure is None
    failure = planned(record, replace(failing, at=LATE)).failure
    assert failure is not None
    assert (failure.code, "no mirror" in failure.message) == ("CSS.6000", True)


@pytest.mark.parametrize("record", [cluster(), live(unhealthy_since=NOW)])
def test_nothing_is_late_that_nobody_looked_at(record: Cluster) -> None:
    dead = look(UNSEEN, UNSEEN, UNSEEN, engine=Unknown("no node answers"), at=LATE)
    back = Patience(PATIENCE.create, since=LATE - PATIENCE.create)
    assert plan(record, dead, back, certified=True).failure is None
    before = Patience(PATIENCE.create, LATE - PATIENCE.create - timedelta(seconds=1))
    assert plan(record, dead, before, certified=True).failure is not None


STATES = st.sampled_from([Absent(), Stopped(), Stopped("oom"), Running(), Running(7), UNSEEN])
VIEWS = st.builds(
    EngineView,
    cluster_uuid=st.just("uuid"),
    master=st.none() | st.just(node(1).name),
    members=st.frozensets(st.sampled_from([*(node(n).name for n in (1, 2, 3)), "stranger"])),
    health=st.sampled_from(Health),
    initializing=st.integers(0, 3),
    relocating=st.integers(0, 3),
    unassigned=st.integers(0, 3),
)
FILES = st.sampled_from([Ready(), Installing("5 MB"), InstallFailed("no disk")])
NODES = st.tuples(
    *(
        st.builds(
            node,
            st.just(number),
            address=st.none() | st.just(f"127.20.0.{number}"),
            starts=st.integers(0, 50),
            last_start=st.none() | st.just(NOW) | st.just(LATE),
            last_error=st.none() | st.just("port is busy"),
            ready=st.booleans(),
        )
        for number in (1, 2, 3)
    )
)
RECORDS = st.builds(
    lambda made, nodes, formed, failed: replace(
        made,
        nodes=nodes,
        bootstrapped=formed,
        failure=Failure("CSS.6000", "x", NOW) if failed else None,
    ),
    st.sampled_from([cluster(), live(), live(unhealthy_since=NOW), doomed()]),
    NODES,
    st.booleans(),
    st.booleans(),
)
LOOKS = st.builds(
    lambda states, engine, files, at: look(*states, engine=engine, distribution=files, at=at),
    st.tuples(STATES, STATES, STATES),
    VIEWS | st.just(Unknown("no answer")),
    FILES,
    st.sampled_from([NOW, LATE]),
)


@given(record=RECORDS, seen=LOOKS, certified=st.booleans())
def test_no_look_leads_to_a_step_that_is_not_safe(
    record: Cluster, seen: Observation, certified: bool
) -> None:
    found = plan(record, seen, PATIENCE, certified=certified)
    assert found.sentence
    assert 0 <= found.progress <= 100
    assert found.after >= 0
    for step in found.steps:
        match step:
            case RemoveNode(node_id):
                assert isinstance(seen.nodes[node_id], Stopped)
            case StopNode(node_id):
                assert isinstance(seen.nodes[node_id], Running)
            case StartNode(node_id):
                assert isinstance(seen.nodes[node_id], Stopped | Absent)
                assert certified
            case ForgetCluster():
                assert all(isinstance(state, Absent) for state in seen.nodes.values())
            case CompleteAction():
                assert all(isinstance(state, Running) for state in seen.nodes.values())
            case _:
                pass
    assert found.steps or found.after > 0, "a pass that does nothing must not be repeated at once"
