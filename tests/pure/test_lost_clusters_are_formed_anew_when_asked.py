"""A cluster of which nothing is left is not begun again by itself, and formed anew when asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.cluster_examples import NOW, UNSEEN, cluster, live, look, refused, spec

from searchplane.domain.cluster import Action, ActionKind, Anew, Cluster, Fate, Refusal
from searchplane.domain.engines import DEFAULT_DATASTORE, ELASTICSEARCH_7_10_2, OPENSEARCH_2_19_1
from searchplane.domain.finishing import last_steps
from searchplane.domain.ids import ClusterId, ProjectId, RestoreId, SnapshotId
from searchplane.domain.observed import Absent, NodeState, Running, Stopped
from searchplane.domain.plan import Patience, Plan, plan
from searchplane.domain.predicates import may_form_anew
from searchplane.domain.rebuilding import bring_back, formed_anew, newest, rebuild
from searchplane.domain.snapshots import (
    IndexKept,
    Method,
    Repository,
    Snapshot,
    SnapshotStatus,
    Verified,
)
from searchplane.domain.steps import BringBack, CompleteAction, FormAnew, GiveUp, StartNode, Step

GONE, THERE, RUNS = Absent(), Stopped(), Running(1)
PATIENCE = Patience(timedelta(minutes=15))
LOST = Refusal("may_begin_again", "the storage of all 3 nodes is gone")


def planned(one: Cluster, *states: NodeState) -> Plan:
    return plan(one, look(*states), PATIENCE, certified=True)


def wanted(**changes: object) -> Cluster:
    """A live cluster that an operator has given up."""
    action = Action(ActionKind.CREATING, NOW, anew=Anew.WANTED)
    return live(action=action, **changes)


def snapshot(number: int = 1, **changes: object) -> Snapshot:
    usual = Snapshot(
        id=SnapshotId(f"snapshot-{number}"),
        project_id=ProjectId("project-1"),
        cluster_id=ClusterId("cluster-1"),
        cluster_name="ES-Test",
        name=f"snap-{number}",
        repository=Repository("bucket", "bucket/cluster-1"),
        datastore=DEFAULT_DATASTORE,
        engine=ELASTICSEARCH_7_10_2,
        method=Method.MANUAL,
        created=NOW + timedelta(minutes=number),
        updated=NOW,
        worker=None,
        status=SnapshotStatus.COMPLETED,
        contents=(IndexKept("books", 3, 3),),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [1, 3])
def test_nothing_is_started_where_nothing_is_left(count: int) -> None:
    found = planned(live(count), *[GONE] * count)
    assert found.steps == ()
    assert found.refusal is not None
    assert found.refusal.predicate == "may_begin_again"
    assert "searchplane cluster rebuild ES-Test" in found.sentence
    assert not found.healthy


@pytest.mark.parametrize(
    "states",
    [(GONE, GONE, UNSEEN), (GONE, UNSEEN, UNSEEN), (GONE, GONE, THERE), (GONE, RUNS, THERE)],
)
def test_a_node_is_not_begun_empty_beside_what_is_left(states: tuple[NodeState, ...]) -> None:
    seen = look(*states, engine=UNSEEN)
    found = plan(live(), seen, PATIENCE, certified=True)
    begun = {step.node_id for step in found.steps if isinstance(step, StartNode)}
    assert begun == {node.id for node in live().nodes if isinstance(seen.nodes[node.id], Stopped)}
    assert "cluster rebuild" not in found.sentence


def test_a_cluster_that_never_formed_is_simply_started() -> None:
    assert len(planned(cluster(), GONE, GONE, GONE).steps) == 3


def test_it_is_failed_in_the_end_and_says_the_same() -> None:
    late = live(unhealthy_since=NOW - timedelta(hours=1))
    found = planned(late, GONE, GONE, GONE)
    assert found.failure is not None
    assert "cluster rebuild" in found.failure.message


@pytest.mark.parametrize(
    ("states", "steps"),
    [
        ((GONE, GONE, GONE), (FormAnew(),)),
        ((GONE, GONE, UNSEEN), ()),
        ((THERE, UNSEEN, GONE), ()),
        ((GONE, GONE, THERE), (GiveUp(),)),
        ((GONE, RUNS, GONE), (GiveUp(),)),
        ((THERE, THERE, THERE), (GiveUp(),)),
    ],
)
def test_it_is_formed_anew_only_if_a_fresh_look_sees_nothing(
    states: tuple[NodeState, ...], steps: tuple[Step, ...]
) -> None:
    found = planned(wanted(), *states)
    assert found.steps == steps
    assert (may_form_anew(wanted(), look(*states)) is None) == (steps == (FormAnew(),))


def test_folders_that_came_back_and_run_end_the_wish() -> None:
    assert CompleteAction() in planned(wanted(), RUNS, RUNS, RUNS).steps


def test_the_record_is_that_of_a_new_cluster_with_all_its_nodes() -> None:
    before = wanted()
    used = replace(
        before.nodes[0], starts=3, last_start=NOW, engine=ELASTICSEARCH_7_10_2, fate=Fate.LEAVE
    )
    after = formed_anew(replace(before, nodes=(used, *before.nodes[1:])))
    assert not after.bootstrapped
    assert [node.fate for node in after.nodes] == [Fate.STAY] * 3
    assert [(node.starts, node.engine, node.ready) for node in after.nodes] == [
        (0, None, False)
    ] * 3
    assert after.spec.groups[0].count == 3
    assert [node.address for node in after.nodes] == [node.address for node in before.nodes]
    assert len(planned(after, GONE, GONE, GONE).steps) == 3


def test_a_node_that_dies_while_it_forms_is_started_again() -> None:
    formed = replace(formed_anew(wanted()), bootstrapped=True)
    (step,) = planned(formed, RUNS, RUNS, THERE).steps
    assert isinstance(step, StartNode)


def test_a_snapshot_is_brought_back_before_it_is_done() -> None:
    formed = replace(formed_anew(wanted()), bootstrapped=True)
    found = planned(formed, RUNS, RUNS, RUNS)
    assert found.steps == last_steps(formed) == (BringBack(),)
    assert found.after < 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"refusal": None}, "it is not known that nothing of the cluster is left"),
        ({"refusal": Refusal("a_quorum_stays", "x")}, "it is not known that nothing"),
        ({"refusal": Refusal("may_start", "of one node")}, "it is not known that nothing"),
        ({"paused": True}, "resume it first"),
        ({"action": Action(ActionKind.DELETING, NOW)}, "the cluster is DELETING"),
        ({"action": Action(ActionKind.CREATING, NOW, anew=Anew.WANTED)}, "the cluster is CREATING"),
    ],
)
def test_a_rebuild_is_refused(changes: dict[str, object], sentence: str) -> None:
    error = refused(lambda: rebuild(live(**({"refusal": LOST} | changes)), None, NOW))
    assert error.code == "CSS.5090"
    assert sentence in error.detail


def test_a_rebuild_takes_the_place_of_what_was_being_done() -> None:
    busy = live(refusal=LOST, action=Action(ActionKind.SHRINKING, NOW))
    after = rebuild(busy, snapshot(), NOW).after
    assert after.action == Action(ActionKind.CREATING, NOW, id="snapshot-1", anew=Anew.WANTED)
    assert (after.refusal, after.failure, after.bootstrapped) == (None, None, True)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": SnapshotStatus.BUILDING}, "CSS.0029"),
        ({"status": SnapshotStatus.FAILED}, "CSS.3026"),
        ({"is_leaving": True}, "CSS.3016"),
        ({"engine": OPENSEARCH_2_19_1}, "CSS.5140"),
    ],
)
def test_a_snapshot_that_cannot_be_restored_is_refused(
    changes: dict[str, object], code: str
) -> None:
    assert refused(lambda: rebuild(live(refusal=LOST), snapshot(**changes), NOW)).code == code


@pytest.mark.parametrize(
    "worse",
    [
        {"status": SnapshotStatus.PART_FAILED},
        {"status": SnapshotStatus.FAILED},
        {"status": SnapshotStatus.BUILDING},
        {"is_leaving": True},
        {"indices": "books"},
        {"verified": Verified(NOW, succeeded=False, sentence="books lacks 1")},
        {"engine": OPENSEARCH_2_19_1},
    ],
)
def test_the_newest_is_whole_readable_and_of_all_indices(worse: dict[str, object]) -> None:
    assert newest(live(), [snapshot(1), snapshot(2), snapshot(3, **worse)]) == snapshot(2)
    assert newest(live(), [snapshot(3, **worse)]) is None


def test_what_is_brought_back_is_shown_as_a_restore() -> None:
    formed = live(action=Action(ActionKind.CREATING, NOW, anew=Anew.FORMING))
    found = bring_back(formed, snapshot(), RestoreId("restore-1"), NOW)
    assert found.after.action == Action(ActionKind.RESTORING, NOW, id="restore-1")
    assert found.restore is not None
    assert [one.name for one in found.restore.targets] == ["books"]
    assert not found.restore.replaces


def test_without_a_snapshot_it_is_done_and_says_so() -> None:
    formed = live(action=Action(ActionKind.CREATING, NOW, anew=Anew.FORMING))
    found = bring_back(formed, None, RestoreId("restore-1"), NOW)
    assert (found.after.action, found.restore) == (None, None)
    assert found.said == "formed anew, empty: there is no whole snapshot of all its indices"
    failed = snapshot(status=SnapshotStatus.FAILED, reason="the disk was full")
    found = bring_back(formed, failed, RestoreId("restore-1"), NOW)
    assert (found.after.action, found.restore) == (None, None)
    assert "the disk was full" in found.said
    assert spec().name in found.after.spec.name
