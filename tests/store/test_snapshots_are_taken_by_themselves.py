"""Automatic snapshots under the passes: begun when due, made up once, skipped while another runs,
and as many kept as the policy says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.support.backed_world import DAILY, OTHER, SETTINGS, BackedWorld
from tests.support.paper_world import ID, Clock

from searchplane.domain.cluster import Action, ActionKind, Anew
from searchplane.domain.plan import STEADY
from searchplane.domain.schedule import automatic_name, next_due
from searchplane.domain.snapshot_settings import set_policy
from searchplane.domain.snapshots import Method, SnapshotStatus
from searchplane.store import clusters, snapshots

DAY = timedelta(days=1)


def days(world: BackedWorld, number: int) -> list[datetime]:
    """Go from one due moment to the next; gives the moments."""
    moments = []
    for _ in range(number):
        moments.append(next_due(DAILY, Clock.at))
        Clock.at = moments[-1]
        world.settle()
        world.settle()
    return moments


def test_one_is_taken_when_it_is_due_and_not_before(backed: BackedWorld) -> None:
    backed.set_up(SETTINGS, DAILY)
    backed.settle()
    assert backed.rows() == {}
    (moment,) = days(backed, 1)
    row = backed.row(automatic_name(DAILY, moment))
    assert (row.method, row.status) == (Method.AUTO, SnapshotStatus.COMPLETED)
    assert (row.frequency, row.keepday) == ("DAY", 3)
    assert backed.there.backed_up == moment
    backed.settle()
    assert len(backed.rows()) == 1
    assert not any("skipped" in said for said in backed.told())
    backed.alike()


def test_as_many_are_kept_as_the_policy_says_and_none_by_hand_is_touched(
    backed: BackedWorld,
) -> None:
    backed.take("by-hand")
    backed.settle()
    backed.set_up(SETTINGS, DAILY)
    moments = days(backed, 6)
    kept = {automatic_name(DAILY, one) for one in moments[-3:]}
    assert set(backed.rows()) == kept | {"by-hand"}
    assert any("the policy keeps 3" in said for said in backed.told())
    backed.alike()


def test_an_older_policy_deletes_nothing_that_its_database_does_not_know(
    backed: BackedWorld,
) -> None:
    """The database is restored from a backup: its policy kept fewer, and its list is shorter."""
    backed.set_up(SETTINGS, replace(DAILY, keepday=30))
    moments = days(backed, 8)
    names = [automatic_name(DAILY, one) for one in moments]
    with backed.database.write() as connection:
        for name in names[3:]:
            snapshots.forget(connection, backed.row(name).id)
    backed.set_up(SETTINGS, replace(DAILY, keepday=2))
    backed.restart_service()
    backed.settle()
    assert set(backed.rows()) == set(names)
    assert any("before that is set again" in said for said in backed.told())
    later = [automatic_name(DAILY, one) for one in days(backed, 3)]
    assert set(backed.rows()) == {*names, *later[-2:]}
    backed.alike()
    with backed.database.read() as connection:
        kept = snapshots.of_cluster(connection, backed.there.project_id, ID)
    backed.accept(set_policy(backed.there, replace(DAILY, keepday=5), kept, Clock.at))
    backed.settle()
    backed.settle()
    assert set(backed.rows()) == {*names[-3:], *later[-2:]}
    backed.alike()


def test_one_that_a_cluster_is_to_be_formed_anew_from_is_not_retired(backed: BackedWorld) -> None:
    backed.set_up(SETTINGS, DAILY)
    (first, *_) = [automatic_name(DAILY, one) for one in days(backed, 3)]
    backed.add_cluster(OTHER)
    other = backed.found(OTHER)
    wanted = Action(ActionKind.CREATING, Clock.at, id=backed.row(first).id, anew=Anew.WANTED)
    backed.store(other, replace(other, action=wanted))
    days(backed, 2)
    assert first in backed.rows()
    assert not backed.row(first).is_leaving
    assert len(backed.rows()) == 4
    backed.store(backed.found(OTHER), replace(backed.found(OTHER), action=None))
    days(backed, 1)
    assert first not in backed.rows()
    assert len(backed.rows()) == 3


def test_one_missed_is_made_up_once_and_said(backed: BackedWorld) -> None:
    backed.set_up(SETTINGS, DAILY)
    Clock.at = next_due(DAILY, Clock.at) + 4 * DAY + timedelta(hours=3)
    backed.settle()
    backed.settle()
    assert len(backed.rows()) == 1
    assert any("is made up for" in said and "4 before it" in said for said in backed.told())


def test_one_that_is_due_waits_for_another_change(backed: BackedWorld) -> None:
    backed.set_up(SETTINGS, DAILY)
    before = backed.there
    backed.store(
        before, replace(before, action=Action(ActionKind.REBOOTING, Clock.at), paused=True)
    )
    Clock.at = next_due(DAILY, Clock.at) + timedelta(hours=1)
    backed.once()
    assert backed.rows() == {}
    before = backed.there
    backed.store(before, replace(before, paused=False))
    backed.settle()
    backed.settle()
    assert len(backed.rows()) == 1
    assert any("is made up for" in said for said in backed.told())


def test_one_that_is_due_while_a_snapshot_is_taken_is_skipped(backed: BackedWorld) -> None:
    backed.set_up(SETTINGS, DAILY)
    backed.driver.snapshots.slowness = 4
    backed.take("by-hand")
    backed.once()
    moment = Clock.at = next_due(DAILY, Clock.at)
    backed.settle()
    backed.settle()
    assert set(backed.rows()) == {"by-hand"}
    assert backed.there.backed_up == moment
    assert any("is skipped: one is being taken" in said for said in backed.told())


def test_a_name_that_a_user_has_taken_is_skipped_and_said(backed: BackedWorld) -> None:
    backed.set_up(SETTINGS, DAILY)
    moment = next_due(DAILY, Clock.at)
    backed.take(automatic_name(DAILY, moment))
    backed.settle()
    Clock.at = moment
    backed.settle()
    assert len(backed.rows()) == 1
    assert backed.there.action is None
    assert any("the automatic snapshot is skipped" in said for said in backed.told())


def test_a_cluster_that_has_only_a_policy_is_read_no_more_than_before(
    backed: BackedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    backed.set_up(SETTINGS, DAILY)
    backed.settle()
    with monkeypatch.context() as unreadable:
        for module, name in ((clusters, "find"), (snapshots, "work_of"), (snapshots, "of_cluster")):
            unreadable.setattr(module, name, _never)
        for asked in ("look", "register"):
            unreadable.setattr(backed.driver.snapshots, asked, _never)
        run = backed.one_pass.run(ID, is_unchanged=True)
        assert backed.runner.run(run).after == STEADY
    Clock.at = next_due(DAILY, Clock.at)
    backed.runner.run(backed.one_pass.run(ID, is_unchanged=True))
    assert backed.there.is_being(ActionKind.SNAPSHOTTING)


def _never(*_: Any, **__: Any) -> None:
    raise AssertionError("it was read")
