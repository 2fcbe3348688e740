"""Whether a step is safe: Unknown never permits one that can lose data."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.cluster_examples import NOW, UNSEEN, cluster, live, look, node, view

from searchplane.domain.observed import Absent, NodeState, Running, Stopped, Unknown
from searchplane.domain.predicates import (
    backoff_seconds,
    may_remove,
    may_start,
    seconds_until_start,
)


@pytest.mark.parametrize("state", [Running(), UNSEEN])
def test_neither_start_nor_removal_while_a_process_may_be_there(state: NodeState) -> None:
    seen = look(state)
    refusals = [may_start(cluster(1), node(), seen), may_remove(node(), seen)]
    assert all(refusal is not None and node().name in refusal for refusal in refusals)


def test_a_refusal_says_why_it_is_not_known() -> None:
    seen = look(UNSEEN)
    assert UNSEEN.reason in (may_start(cluster(1), node(), seen) or "")
    assert UNSEEN.reason in (may_remove(node(), seen) or "")


@pytest.mark.parametrize("state", [Stopped(), Stopped("out of memory"), Absent()])
def test_storage_of_a_node_that_does_not_run_may_go(state: NodeState) -> None:
    assert may_remove(node(), look(state)) is None


def test_a_stopped_node_may_start_whatever_the_engine_says() -> None:
    for engine in (Unknown("no answer"), view(2, 3)):
        assert may_start(live(), node(), look(Stopped(), engine=engine)) is None


def test_a_new_clusters_node_may_start_from_nothing() -> None:
    seen = look(Absent(), engine=Unknown("no node runs"))
    assert may_start(cluster(1), node(), seen) is None


def test_lost_storage_is_filled_again_by_the_others() -> None:
    seen = look(Absent(), Running(), Running(), engine=view(2, 3))
    assert may_start(live(), node(), seen) is None


def test_lost_storage_without_a_master_is_not_shadowed_by_an_empty_node() -> None:
    seen = look(Absent(), Running(), Running(), engine=Unknown("no master"))
    refusal = may_start(live(), node(), seen)
    assert refusal is not None
    assert node().name in refusal
    assert "bring its folder back" in refusal


@pytest.mark.parametrize(
    ("starts", "seconds"), [(0, 0), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (10**6, 60)]
)
def test_the_pause_doubles_up_to_a_minute(starts: int, seconds: float) -> None:
    assert backoff_seconds(starts) == seconds


def test_a_node_that_was_never_started_need_not_wait() -> None:
    assert seconds_until_start(node(), NOW) == 0


def test_the_pause_is_counted_from_the_last_start() -> None:
    tried = node(starts=3, last_start=NOW)
    assert seconds_until_start(tried, NOW) == 4
    assert seconds_until_start(tried, NOW + timedelta(seconds=3)) == 1
    assert seconds_until_start(tried, NOW + timedelta(seconds=9)) == 0


def test_a_clock_that_was_set_back_holds_no_node_down() -> None:
    tried = node(starts=7, last_start=NOW + timedelta(days=365))
    assert seconds_until_start(tried, NOW) == 0
