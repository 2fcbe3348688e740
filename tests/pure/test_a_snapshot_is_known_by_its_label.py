"""Whether what lies in a bucket is the snapshot that is listed: one predicate, for all that is done
with its files."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.cluster_examples import NOW, live
from tests.support.snapshot_examples import LABELLED

from searchplane.domain.ids import ClusterId, ProjectId, SnapshotId
from searchplane.domain.plan import STEADY, Phase, Plan
from searchplane.domain.snapshot_plan import advance
from searchplane.domain.snapshot_steps import DeleteFiles, ForgetSnapshot
from searchplane.domain.snapshot_work import Removing, WorkPatience
from searchplane.domain.snapshots import Snapshot, SnapshotStatus
from searchplane.domain.snapshots_seen import SnapshotSeen, is_same, label_of, second_id
from searchplane.domain.steps import Step

QUIET = Plan(Phase.STEADY, "all is well", (), STEADY, healthy=True)
GOING = replace(LABELLED, is_leaving=True)


def seen(of: Snapshot) -> SnapshotSeen:
    return SnapshotSeen(of.name, SnapshotStatus.COMPLETED, label_of(of), (), NOW, NOW)


def removed(row: Snapshot, there: SnapshotSeen) -> tuple[Step, ...]:
    patience = WorkPatience(NOW, NOW + timedelta(seconds=1))
    return advance(live(), QUIET, Removing(row), there, patience).steps


def test_one_that_is_listed_under_its_second_id_takes_its_files_along() -> None:
    second = replace(GOING, id=second_id(GOING))
    assert is_same(second, seen(LABELLED))
    for row in (GOING, second):
        (step,) = removed(row, seen(LABELLED))
        assert step == DeleteFiles(row.repository, row.cluster_id, row.name)


@pytest.mark.parametrize(
    "other",
    [
        {"id": SnapshotId("00000000-0000-4000-8000-000000000009")},
        {"cluster_id": ClusterId("00000000-0000-4000-8000-000000000009")},
    ],
)
def test_files_of_another_of_that_name_stay(other: dict[str, str]) -> None:
    """The list is older than the bucket, or the label is of another cluster."""
    there = seen(replace(LABELLED, **other))  # type: ignore[arg-type]
    assert not is_same(GOING, there)
    (step,) = removed(GOING, there)
    assert isinstance(step, ForgetSnapshot)


def test_what_has_no_label_or_is_the_second_of_another_place_is_none_of_ours() -> None:
    assert not is_same(GOING, replace(seen(LABELLED), label=None))
    elsewhere = replace(GOING, project_id=ProjectId("project-9"))
    assert not is_same(replace(GOING, id=second_id(elsewhere)), seen(LABELLED))
