"""Which automatic snapshots go once newer ones are there, and all those that never do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchplane.domain.cluster import BackupStrategy
from searchplane.domain.engines import DEFAULT_DATASTORE, ELASTICSEARCH_7_10_2
from searchplane.domain.ids import ClusterId, ProjectId, SnapshotId
from searchplane.domain.retention import FAILED_SHOWN, is_whole, superseded
from searchplane.domain.snapshots import (
    Method,
    Repository,
    RestoreStatus,
    Snapshot,
    SnapshotStatus,
    Verified,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAILY = BackupStrategy("16:00 GMT+08:00", prefix="snapshot", keepday=2)
CLUSTER = ClusterId("c1")
NOT_FOUND_AGAIN = Verified(NOW, succeeded=False, sentence="logs has 1 of 2 documents")


def taken(days_ago: float, **changes: Any) -> Snapshot:
    """An automatic snapshot of the policy, named after its age."""
    at = NOW - timedelta(days=days_ago)
    usual = Snapshot(
        id=SnapshotId(f"{days_ago}"),
        project_id=ProjectId("p1"),
        cluster_id=CLUSTER,
        cluster_name="es-test",
        name=f"snapshot-{days_ago}",
        repository=Repository("backups", "backups/c1"),
        datastore=DEFAULT_DATASTORE,
        engine=ELASTICSEARCH_7_10_2,
        method=Method.AUTO,
        created=at,
        updated=at,
        worker=None,
        frequency="DAY",
        keepday=2,
        status=SnapshotStatus.COMPLETED,
    )
    return replace(usual, **changes)


def goes(snapshots: Iterable[Snapshot], policy: BackupStrategy = DAILY) -> list[str]:
    return [one.id for one in superseded(policy, snapshots, NOW)]


def test_the_oldest_go_first_and_as_many_as_wanted_stay() -> None:
    assert goes([taken(1), taken(3), taken(2), taken(4)]) == ["4", "3"]
    assert goes([taken(1), taken(2)]) == []
    assert goes([]) == []


def test_what_was_there_when_one_was_found_waits_for_the_policy_to_be_set_again() -> None:
    """A database that was restored may have the policy of its day."""
    found = taken(8, adopted=NOW - timedelta(days=4))
    old = [taken(9), found, taken(7), taken(6), taken(5)]
    assert goes(old) == []
    assert goes([*old, taken(3), taken(2), taken(1)]) == ["3"]
    by_hand = taken(8, method=Method.MANUAL, adopted=NOW - timedelta(days=4))
    assert goes([taken(9), by_hand, taken(7), taken(6)]) == [], "it says as much of the list"
    assert goes([replace(one, adopted=None) for one in old]) == ["9", "8", "7"]


@pytest.mark.parametrize(
    "changes",
    [
        {"method": Method.MANUAL},
        {"frequency": "HOUR"},
        {"frequency": None},
        {"repository": Repository("elsewhere", "elsewhere/c1", read_only=True)},
        {"status": SnapshotStatus.BUILDING},
        {"restore_status": RestoreStatus.RESTORING},
        {"is_leaving": True},
    ],
)
def test_what_is_not_the_policy_s_or_is_in_use_is_not_touched(changes: dict[str, Any]) -> None:
    assert goes([taken(1), taken(2), taken(9, **changes)]) == []


@pytest.mark.parametrize("changes", [{"method": Method.MANUAL}, {"frequency": "MON"}])
def test_what_is_not_the_policy_s_pushes_nothing_out(changes: dict[str, Any]) -> None:
    assert goes([taken(1, **changes), taken(2, **changes), taken(8), taken(9)]) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"status": SnapshotStatus.PART_FAILED},
        {"status": SnapshotStatus.FAILED},
        {"verified": NOT_FOUND_AGAIN},
        {"is_leaving": True},
    ],
)
def test_only_what_is_whole_pushes_out_what_is(changes: dict[str, Any]) -> None:
    worse = [taken(1, **changes), taken(2, **changes), taken(3, **changes)]
    assert not {"8", "9"} & set(goes([*worse, taken(8), taken(9)]))


def test_snapshots_that_lack_shards_are_no_more_than_wanted_either() -> None:
    part = {"status": SnapshotStatus.PART_FAILED}
    assert goes([taken(1, **part), taken(2, **part), taken(3, **part)]) == ["3"]
    older_than_whole_ones = [taken(1), taken(2), taken(3, **part)]
    assert goes(older_than_whole_ones) == ["3"]


def test_a_failed_one_is_shown_for_a_week() -> None:
    edge = FAILED_SHOWN / timedelta(days=1)
    failed = {"status": SnapshotStatus.FAILED}
    assert goes([taken(edge - 0.1, **failed), taken(edge, **failed)]) == [f"{edge}"]


def test_fewer_kept_go_at_once_and_more_kept_bring_none_back() -> None:
    found = [taken(1), taken(2), taken(3)]
    assert goes(found, replace(DAILY, keepday=1)) == ["3", "2"]
    assert goes(found, replace(DAILY, keepday=90)) == []


snapshots = st.builds(
    taken,
    st.integers(0, 30),
    status=st.sampled_from(SnapshotStatus),
    method=st.sampled_from(Method),
    frequency=st.sampled_from(("DAY", "HOUR")),
    restore_status=st.sampled_from(RestoreStatus),
    is_leaving=st.booleans(),
    verified=st.sampled_from((None, NOT_FOUND_AGAIN)),
)


@given(st.lists(snapshots, unique_by=lambda one: one.id), st.integers(1, 4))
def test_the_last_whole_one_always_stays(found: list[Snapshot], keepday: int) -> None:
    policy = replace(DAILY, keepday=keepday)
    gone = superseded(policy, found, NOW)
    assert all(one.method is Method.AUTO and one.frequency == "DAY" for one in gone)
    left = [one for one in found if one not in gone and not one.is_leaving]
    whole = [one for one in found if is_whole(one) and not one.is_leaving]
    assert not whole or any(is_whole(one) for one in left)
    assert not superseded(policy, left, NOW)
    mine = [one for one in left if one.method is Method.AUTO and one.frequency == "DAY"]
    free = [one for one in mine if one.restore_status is not RestoreStatus.RESTORING]
    assert sum(one.is_restorable for one in free) <= 2 * keepday
