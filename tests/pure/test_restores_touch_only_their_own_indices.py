"""What a restore takes for its own, what it orders again, and what it removes when it failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.cluster_examples import NOW, live
from tests.support.snapshot_examples import KEPT

from searchplane.domain import snapshot_plan
from searchplane.domain.cluster import Action, ActionKind
from searchplane.domain.ids import RestoreId
from searchplane.domain.plan import STEADY, Phase, Plan
from searchplane.domain.restore_course import bring
from searchplane.domain.snapshot_steps import BeginRestore, SaveRestore, TakeBackRestore
from searchplane.domain.snapshot_work import Doing, Restoring, TargetsSeen, WorkPatience
from searchplane.domain.snapshots import Restore, SnapshotStatus, TargetIndex
from searchplane.domain.snapshots_seen import IndexSeen, repository_name

ID = RestoreId("restore-1")
CLUSTER = replace(live(), action=Action(ActionKind.RESTORING, NOW, id=ID))
SNAPSHOT = replace(KEPT, status=SnapshotStatus.COMPLETED)
PLACE = f"{repository_name(CLUSTER.id, SNAPSHOT.cluster_id)}/{SNAPSHOT.name}"
PATIENCE = WorkPatience(NOW, NOW + timedelta(seconds=5))

RESTORED = IndexSeen("new", True, 2, started=2, restored_from=PLACE)
AT_WORK = replace(RESTORED, started=1, restoring=1)
FOREIGN = replace(RESTORED, restored_from=None)
BROKEN = replace(RESTORED, started=1, failed=1, reason="damaged")
LOGS = TargetIndex("logs", "logs")
OWN = replace(LOGS, after="new")
DONE = replace(OWN, done=True)
OVER = replace(LOGS, before="old")
EMPTIED = replace(FOREIGN, identity="old/2", emptied=2)


def begun(*targets: TargetIndex, **changes: object) -> Restore:
    made = Restore(ID, SNAPSHOT.id, CLUSTER.id, targets, True, NOW, begun=True)
    return replace(made, **changes)  # type: ignore[arg-type]


def done_about(restore: Restore, **seen: IndexSeen) -> Doing:
    return bring(CLUSTER, Restoring(restore, SNAPSHOT), seen, PATIENCE)


def saved(doing: Doing) -> Restore:
    (step,) = doing.steps
    assert isinstance(step, SaveRestore)
    return step.restore


def ordered(doing: Doing) -> tuple[str, ...]:
    step = doing.steps[-1]
    assert isinstance(step, BeginRestore)
    return tuple(one.name for one in step.targets)


@pytest.mark.parametrize(
    "target", [LOGS, replace(LOGS, before="old"), replace(LOGS, before="old/1")]
)
def test_what_a_writer_has_made_meanwhile_is_not_the_restores(target: TargetIndex) -> None:
    failed = saved(done_about(begun(target), logs=FOREIGN))
    assert failed.succeeded is False
    assert failed.reason is not None
    assert "logs came meanwhile" in failed.reason
    assert saved(done_about(failed, logs=FOREIGN)).ended is not None


def test_what_comes_from_another_snapshot_is_not_the_restores() -> None:
    other = replace(RESTORED, restored_from=f"{PLACE}-2")
    assert saved(done_about(begun(LOGS), logs=other)).succeeded is False


def test_what_is_at_work_is_kept_in_mind_at_once() -> None:
    assert saved(done_about(begun(LOGS), logs=AT_WORK)).targets == (OWN,)


def test_an_index_that_is_restored_is_done_and_all_of_them_are_success() -> None:
    items = TargetIndex("items", "items")
    at_work = replace(AT_WORK, identity="other")
    first = saved(done_about(begun(LOGS, items), logs=RESTORED, items=at_work))
    assert first.targets == (DONE, replace(items, after="other"))
    assert first.succeeded is None
    last = saved(done_about(first, logs=RESTORED, items=replace(RESTORED, identity="other")))
    assert last.succeeded is True


def test_an_index_whose_node_starts_anew_before_all_is_restored_stays_done() -> None:
    """It came up from its disk then, which a look cannot tell from what was there before."""
    again = replace(FOREIGN, emptied=2)
    items = replace(OWN, name="items", after="other")
    doing = done_about(begun(DONE, items), logs=again, items=replace(AT_WORK, identity="other"))
    assert saved(doing).targets == (DONE, items)


def test_what_the_engine_forgot_to_restore_over_is_ordered_again() -> None:
    known = saved(done_about(begun(OVER), logs=EMPTIED))
    assert known.targets == (replace(OVER, after="old/2"),)
    doing = done_about(known, logs=EMPTIED)
    assert ordered(doing) == ("logs",)
    first = doing.steps[0]
    assert isinstance(first, SaveRestore)
    assert first.restore.targets == (replace(OVER, before="old/2"),)


def test_only_what_is_missing_is_ordered_again() -> None:
    items = TargetIndex("items", "items")
    assert ordered(done_about(begun(DONE, items), logs=RESTORED)) == ("items",)
    assert ordered(done_about(begun(OWN, items), logs=AT_WORK)) == ("items",)


def test_what_was_seen_to_arrive_and_is_gone_fails() -> None:
    reason = saved(done_about(begun(OWN))).reason
    assert reason == "logs went away meanwhile"
    assert saved(done_about(begun(DONE))).succeeded is True


def failed(*targets: TargetIndex) -> Restore:
    return begun(*targets, succeeded=False, reason="damaged")


HALF_UP = replace(FOREIGN, started=1)
LEFT: list[tuple[TargetIndex, IndexSeen]] = [
    (LOGS, replace(FOREIGN, started=1, failed=1)),
    (LOGS, HALF_UP),
    (LOGS, replace(FOREIGN, is_open=False, started=0)),
    (DONE, replace(BROKEN, restored_from=None)),
    (DONE, HALF_UP),
    (OWN, replace(RESTORED, identity="another", started=0, failed=2, restored_from=None)),
]


@pytest.mark.parametrize(("target", "seen"), LEFT)
def test_what_is_not_its_own_or_was_done_once_is_never_removed(
    target: TargetIndex, seen: IndexSeen
) -> None:
    assert saved(done_about(failed(target), logs=seen)).ended is not None


@pytest.mark.parametrize("seen", [BROKEN, AT_WORK])
def test_its_own_that_is_broken_or_half_filled_is_removed(seen: IndexSeen) -> None:
    known = saved(done_about(failed(LOGS), logs=seen))
    assert (known.targets, known.ended) == ((OWN,), None)
    (step,) = done_about(known, logs=seen).steps
    assert step == TakeBackRestore({"logs": "new"}, {})


def test_nothing_is_removed_while_its_shards_may_come_up() -> None:
    doing = done_about(failed(OWN), logs=replace(FOREIGN, started=0, failed=1))
    assert doing.steps == ()
    assert doing.said is not None
    assert "waiting for shards of logs" in doing.said
    assert saved(done_about(failed(OWN), logs=FOREIGN)).targets == (DONE,)


def test_a_paused_cluster_stores_nothing_of_an_order_that_it_is_not_given() -> None:
    paused = replace(CLUSTER, paused=True)
    steady = Plan(Phase.STEADY, "all is well", after=STEADY)
    seen: TargetsSeen = {}
    fresh = Restoring(begun(LOGS, begun=False), SNAPSHOT)
    assert snapshot_plan.advance(paused, steady, fresh, seen, PATIENCE).steps == ()
    arrived = Restoring(begun(LOGS), SNAPSHOT)
    found = snapshot_plan.advance(paused, steady, arrived, {"logs": AT_WORK}, PATIENCE)
    assert [type(step) for step in found.steps] == [SaveRestore]
