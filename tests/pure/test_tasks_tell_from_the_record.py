"""How far a task has come is read from the record; what may be retried, and what is given up."""

from __future__ import annotations

from dataclasses import replace

from tests.support.cluster_examples import NOW, ZONES, live, refused, spec

from searchplane.domain.change import completed
from searchplane.domain.cluster import ActionKind, Cluster, Failure, Fate
from searchplane.domain.engines import (
    OPENSEARCH_2_11_0,
    OPENSEARCH_2_19_1,
    Datastore,
)
from searchplane.domain.retries import give_up, retry
from searchplane.domain.tasks import GIVES_UP, Outcome, Task, finished, outcome, standing
from searchplane.domain.upgrades import IMAGES, UpgradeKind, Wish, targets, upgrade
from searchplane.domain.zones import Move, MoveKind, move

OLD, NEW = Datastore("opensearch", "2.11.0"), Datastore("opensearch", "2.19.1")


def begun() -> tuple[Cluster, Task]:
    """An upgrade that was just accepted."""
    before = live(spec=spec(engine=OPENSEARCH_2_11_0, datastore=OLD))
    wish = Wish(IMAGES[-1].id, UpgradeKind.CROSS, checks_backup=False, agency="css")
    change = upgrade(before, wish, "task", NOW)
    assert change.task is not None
    return change.after, change.task


def started(cluster: Cluster, place: int, *, ready: bool, starts: int = 1) -> Cluster:
    """The node was started as is wanted now."""
    node = cluster.nodes[place]
    again = replace(
        node,
        ready=ready,
        starts=0 if ready else starts,
        last_start=NOW,
        restarts_done=node.restarts_wanted,
        engine=cluster.spec.engine,
    )
    return with_node(cluster, place, again)


def with_node(cluster: Cluster, place: int, node: object) -> Cluster:
    nodes = list(cluster.nodes)
    nodes[place] = node  # type: ignore[call-overload]
    return replace(cluster, nodes=tuple(nodes))


def steps(cluster: Cluster, task: Task) -> list[str]:
    return [one.state for one in standing(task, cluster).steps]


def test_the_node_that_is_taken_is_shown_step_by_step() -> None:
    cluster, task = begun()
    first, second, _ = task.nodes
    assert standing(task, cluster).current == first
    assert steps(cluster, task) == ["RUNNING", "WAITING", "WAITING"]
    stopping = with_node(cluster, 0, replace(cluster.nodes[0], ready=False))
    assert steps(stopping, task) == ["SUCCESS", "RUNNING", "WAITING"]
    starting = started(cluster, 0, ready=False)
    assert steps(starting, task) == ["SUCCESS", "SUCCESS", "RUNNING"]
    back = standing(task, started(cluster, 0, ready=True))
    assert (back.completed, back.current) == ((first,), second)


def test_a_task_is_over_when_its_action_is_done() -> None:
    cluster, task = begun()
    assert outcome(task, cluster) is Outcome.RUNNING
    for place in range(3):
        cluster = started(cluster, place, ready=True)
    done = completed(cluster)
    assert (done.action, done.spec.datastore) == (None, NEW)
    over = standing(finished(task, Outcome.SUCCESS, NOW), done)
    assert (over.completed, over.current, over.steps) == (task.nodes, None, ())


def test_a_task_has_failed_with_its_cluster_or_when_a_node_never_comes_up() -> None:
    cluster, task = begun()
    lost = replace(cluster, failure=Failure("CSS.6002", "gone", NOW))
    assert outcome(task, lost) is Outcome.FAILED
    stuck = started(cluster, 0, ready=False, starts=GIVES_UP)
    assert outcome(task, stuck) is Outcome.FAILED
    assert steps(stuck, task)[-1] == "FAILED"
    assert outcome(task, started(cluster, 0, ready=False, starts=GIVES_UP - 1)) is Outcome.RUNNING
    assert outcome(task, replace(cluster, action=None)) is Outcome.FAILED


def test_a_retry_lets_nodes_start_at_once() -> None:
    cluster, task = begun()
    change = retry(started(cluster, 0, ready=False, starts=GIVES_UP), task, NOW)
    node = change.after.nodes[0]
    assert (node.starts, node.last_start) == (0, None)
    assert change.task is not None
    assert (change.task.attempts, outcome(change.task, change.after)) == (2, Outcome.RUNNING)
    assert change.after.action is not None
    assert change.after.action.id == task.id


def test_only_a_failed_task_may_be_retried() -> None:
    cluster, task = begun()
    assert refused(lambda: retry(cluster, task, NOW)).code == "CSS.0078"
    over = finished(task, Outcome.FAILED, NOW)
    assert refused(lambda: give_up(replace(cluster, action=None), over, NOW)).code == "CSS.0078"


def test_given_up_before_a_node_runs_the_new_engine_all_go_back() -> None:
    cluster, task = begun()
    after = give_up(started(cluster, 0, ready=False, starts=GIVES_UP), task, NOW).after
    assert after.spec.engine == OPENSEARCH_2_11_0
    assert [one.fate for one in after.nodes] == [Fate.REPLACE, Fate.STAY, Fate.STAY]
    assert not any(one.is_stale for one in after.nodes)
    assert after.is_being(ActionKind.REPLACING)
    lost = replace(cluster, failure=Failure("CSS.6002", "gone", NOW))
    untouched = give_up(lost, task, NOW).after
    assert (untouched.action, untouched.failure) == (None, None)
    assert untouched.spec.engine == OPENSEARCH_2_11_0


def test_given_up_later_both_engines_stay_and_the_same_may_be_asked_for_again() -> None:
    cluster, task = begun()
    half = started(started(cluster, 0, ready=True), 1, ready=False, starts=GIVES_UP)
    change = give_up(half, task, NOW)
    after = change.after
    assert (after.action, after.spec.engine) == (None, OPENSEARCH_2_19_1)
    assert {one.fate for one in after.nodes} == {Fate.STAY}
    assert change.task is not None
    assert change.task.outcome is Outcome.FAILED
    assert [one.engine for one in targets(after, UpgradeKind.CROSS)] == [OPENSEARCH_2_19_1]


def test_given_up_a_move_leaves_those_that_were_not_taken_where_they_were() -> None:
    wish = Move("all", ZONES[0], ZONES, MoveKind.SPREAD, checks_backup=False, agency="css")
    change = move(live(), wish, ZONES, "task", NOW)
    assert change.task is not None
    half = started(change.after, 2, ready=False, starts=GIVES_UP)
    after = give_up(half, change.task, NOW).after
    assert [one.zone for one in after.nodes] == [ZONES[0], ZONES[0], ZONES[2]]
    assert after.spec.zones == (ZONES[0], ZONES[2])
    assert after.action is None
