"""Deleting that cannot be done: it ends, or is tried ever more slowly, and nothing waits for it.
And who deletes: never two engines in one repository."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.backed_world import DAILY, OTHER, SETTINGS, BackedWorld
from tests.support.cluster_examples import live
from tests.support.paper_world import ID, Clock

from searchplane.domain.cluster import Action, ActionKind
from searchplane.domain.engines import OPENSEARCH_1_3_6
from searchplane.domain.restoring import Wish
from searchplane.domain.schedule import automatic_name, next_due
from searchplane.domain.snapshot_settings import turn_off
from searchplane.domain.snapshots import Renaming, Snapshot, SnapshotStatus
from searchplane.domain.snapshotting import released
from searchplane.errors import Permanent, Refused, SearchplaneError, Transient
from searchplane.reconciler import one_pass
from searchplane.reconciler.waits import LONGEST, REFUSED_FOR
from searchplane.store import clusters, snapshots

LOCKED = Permanent("the bucket is locked")
AWAY = Transient("the bucket does not answer")
COPY = Wish("*", Renaming("(.+)", "copy-of-$1"))


class Failing:
    """In the place of an order to the engine. Counts by name how often it was given."""

    def __init__(self, error: SearchplaneError | None, only: str | None = None) -> None:
        self.error, self.only = error, only
        self.given: list[str] = []

    def of(self, order: Callable[..., object]) -> Callable[..., object]:
        async def instead(*arguments: object, **more: object) -> object:
            name = str(arguments[-1])
            if self.only is None or self.only in name:
                self.given.append(name)
                if self.error is not None:
                    raise self.error
            return await order(*arguments, **more)  # type: ignore[misc]

        return instead


def failing(
    world: BackedWorld,
    monkeypatch: pytest.MonkeyPatch,
    order: str,
    error: SearchplaneError,
    only: str | None = None,
) -> Failing:
    engine = type(world.driver.snapshots)
    found = Failing(error, only)
    monkeypatch.setattr(engine, order, found.of(getattr(engine, order)))
    return found


def taken(world: BackedWorld, *names: str) -> None:
    for name in names:
        world.take(name)
        world.settle()


def changed(world: BackedWorld, name: str, **changes: object) -> Snapshot:
    after = replace(world.row(name), **changes)  # type: ignore[arg-type]
    with world.database.write() as connection:
        snapshots.save(connection, after)
    return after


def passes(world: BackedWorld, seconds: Sequence[float]) -> None:
    for one in seconds:
        world.once(seconds=one)


def times(world: BackedWorld, sentence: str) -> int:
    return sum(sentence in said for said in world.told())


@pytest.mark.parametrize("is_named", [False, True])
def test_what_goes_for_having_failed_is_kept_if_it_is_whole_unless_somebody_named_it(
    backed: BackedWorld, is_named: bool
) -> None:
    taken(backed, "first")
    failed = changed(backed, "first", status=SnapshotStatus.FAILED, reason="it was thought so")
    if is_named:
        backed.remove("first")
    else:
        backed.accept(turn_off(backed.there, [failed], Clock.at))
    assert backed.row("first").is_leaving
    backed.settle()
    if is_named:
        assert backed.rows() == {}
    else:
        row = backed.row("first")
        assert (row.is_restorable, row.is_swept) == (True, False)
        assert times(backed, "snapshot first is complete after all, and is kept") == 1
    backed.alike()


@pytest.mark.parametrize("error", [AWAY, LOCKED])
@pytest.mark.parametrize("order", ["look", "delete_snapshot"])
def test_an_automatic_snapshot_and_other_deletions_do_not_wait_for_one_that_cannot_be_done(
    backed: BackedWorld,
    monkeypatch: pytest.MonkeyPatch,
    order: str,
    error: SearchplaneError,
) -> None:
    taken(backed, "first", "second")
    backed.set_up(SETTINGS, DAILY)
    failing(backed, monkeypatch, order, error, only="first")
    backed.remove("first")
    backed.remove("second")
    Clock.at = moment = next_due(DAILY, Clock.at)
    passes(backed, [1] * 12)
    assert automatic_name(DAILY, moment) in backed.files()
    assert "second" not in backed.rows()
    assert "first" in backed.files()


def test_an_automatic_snapshot_that_is_due_comes_before_deletions(backed: BackedWorld) -> None:
    taken(backed, "first")
    backed.set_up(SETTINGS, DAILY)
    backed.remove("first")
    Clock.at = next_due(DAILY, Clock.at)
    backed.once()
    assert backed.there.is_being(ActionKind.SNAPSHOTTING)
    assert "first" in backed.files()
    backed.settle()
    assert "first" not in backed.rows()


def test_what_cannot_be_seen_is_looked_at_ever_more_slowly_and_told_once(
    backed: BackedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(backed, "first")
    looks = failing(backed, monkeypatch, "look", AWAY, only="first")
    backed.remove("first")
    passes(backed, [1] * 60)
    assert 4 <= len(looks.given) <= 8, looks.given
    assert times(backed, "is not deleted yet") == 0
    passes(backed, [LONGEST.total_seconds()] * 12)
    assert times(backed, "snapshot first is not deleted yet, and tried again: the bucket") == 1
    looks.error = None
    passes(backed, [LONGEST.total_seconds(), 1, 1])
    assert backed.rows() == {}


def test_a_deletion_that_is_refused_is_over_and_may_be_asked_for_again(
    backed: BackedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(backed, "first")
    orders = failing(backed, monkeypatch, "delete_snapshot", LOCKED)
    backed.remove("first")
    passes(backed, [1] * 30)
    assert len(orders.given) == 1
    assert backed.row("first").is_restorable
    assert times(backed, "snapshot first cannot be deleted: the bucket is locked") == 1
    orders.error = None
    backed.remove("first")
    backed.settle()
    assert backed.rows() == {}


def test_retention_does_not_order_again_what_was_refused(
    backed: BackedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    backed.set_up(SETTINGS, DAILY)
    orders = failing(backed, monkeypatch, "delete_snapshot", LOCKED)
    for _ in range(DAILY.keepday + 1):
        Clock.at = next_due(DAILY, Clock.at)
        passes(backed, [1] * 10)
    assert len(backed.rows()) == DAILY.keepday + 1
    backed.restart_service()
    orders.given.clear()
    passes(backed, [1] * 60)
    assert len(orders.given) == 1, "a restart tries it once"
    orders.error = None
    Clock.at += REFUSED_FOR
    Clock.at = next_due(DAILY, Clock.at)
    passes(backed, [1] * 20)
    assert len(backed.rows()) == DAILY.keepday


def test_a_repository_that_cannot_be_cleaned_is_looked_after_all_the_same(
    backed: BackedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(backed, "first", "second")
    changed(backed, "first", status=SnapshotStatus.FAILED, reason="of old")
    for path in backed.bucket.rglob("first.json"):
        path.unlink()
    with backed.database.write() as connection:
        snapshots.forget(connection, backed.row("second").id)
    orders = failing(backed, monkeypatch, "clean", LOCKED)
    backed.restart_service()
    passes(backed, [1] * 30)
    assert len(orders.given) == 1
    assert set(backed.rows()) == {"first", "second"}


def test_what_is_left_of_a_restore_is_told_where_it_cannot_be_taken_back(
    backed: BackedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(backed, "first")
    backed.driver.snapshots.restores_fail = "checksum failed"
    orders = failing(backed, monkeypatch, "delete_indices", LOCKED)
    restore_id = backed.restore("first", COPY)
    passes(backed, [1] * 12)
    restore = backed.restored(restore_id)
    assert (restore.succeeded, restore.ended is not None) == (False, True)
    assert "what is left of it could not be taken back: the bucket is locked" in str(restore.reason)
    assert len(orders.given) == 1
    assert backed.there.action is None


def test_a_refusal_is_a_sentence_and_not_the_end_of_the_pass(
    backed: BackedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(*_: object) -> None:
        raise Refused("CSS.0043", "name is 'first': another snapshot of the cluster has it")

    backed.take("first")
    with monkeypatch.context() as patched:
        patched.setattr(one_pass, "act", refuses)
        backed.once()
    assert "another snapshot of the cluster has it" in backed.said()
    backed.settle()
    assert backed.row("first").is_restorable


def test_an_heir_begins_when_the_cluster_is_gone_and_not_before(backed: BackedWorld) -> None:
    taken(backed, "first")
    backed.add_cluster()
    backed.remove("first")
    with backed.database.write() as connection:
        there = clusters.of_project(connection, backed.there.project_id)
        work = snapshots.work_of(connection, ID)
        for one in released(backed.there, work, there, Clock.at):
            snapshots.save(connection, one)
        clusters.begin_action(connection, backed.there, Action(ActionKind.DELETING, Clock.at))
    for _ in range(5):
        backed.once(OTHER)
    assert (backed.row("first").worker, backed.files()) == (ID, {"first"})
    backed.settle(ID)
    backed.settle(OTHER)
    assert backed.rows() == {}
    assert backed.files() == set()


def test_before_a_newer_engine_deletes_all_that_stays_is_told_of_it(backed: BackedWorld) -> None:
    taken(backed, "first", "second")
    before = backed.there
    newer = tuple(replace(one, engine=OPENSEARCH_1_3_6) for one in before.nodes)
    backed.store(before, replace(before, nodes=newer))
    backed.remove("second")
    backed.settle()
    row = backed.row("first")
    assert (row.engine, row.touched) == (live().spec.engine, OPENSEARCH_1_3_6)


def test_what_goes_on_for_ever_costs_a_pass_now_and_then(
    backed: BackedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(backed, "first")
    failing(backed, monkeypatch, "delete_snapshot", AWAY)
    backed.remove("first")
    passes(backed, [LONGEST.total_seconds()] * 12)
    waits = [backed.once(seconds=1) for _ in range(3)]
    assert all(one is not None and one > timedelta(seconds=20).total_seconds() for one in waits)
