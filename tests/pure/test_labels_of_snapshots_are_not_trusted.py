"""What a snapshot says of itself is read only where this service would have written it so, and is
listed only where it fits the folder that it lies in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.cluster_examples import NOW, live
from tests.support.snapshot_examples import LABELLED

from searchplane.domain.ids import ClusterId, SnapshotId
from searchplane.domain.snapshot_lists import ADDED_AT_ONCE, compare
from searchplane.domain.snapshot_steps import AddSnapshots, SnapshotStep
from searchplane.domain.snapshot_work import Listed
from searchplane.domain.snapshots import Repository, SnapshotStatus
from searchplane.domain.snapshots_seen import Label, SnapshotSeen, SnapshotsView, label_of
from searchplane.engine.labels import MOST_BYTES, read_label, write_label
from searchplane.engine.taking import repository_path, snapshot_path

WRITTEN = write_label(label_of(replace(LABELLED, frequency="DAY", keepday=7)))
WRITER = LABELLED.cluster_id
PLACE = Repository("bucket", f"bucket/{WRITER}")
COMPLETED, FAILED = SnapshotStatus.COMPLETED, SnapshotStatus.FAILED


def test_a_label_is_what_was_written() -> None:
    label = label_of(replace(LABELLED, description="für ä", frequency="DAY", keepday=7))
    assert read_label(write_label(label)) == label


def test_a_label_that_is_too_long_loses_the_description_then_the_indices() -> None:
    long = label_of(replace(LABELLED, description="ü" * 256))
    kept = read_label(write_label(replace(long, indices="i" * 400)))
    assert kept == replace(long, indices="i" * 400, description=None)
    kept = read_label(write_label(replace(long, indices="i" * 1024)))
    assert kept == replace(long, indices=None, description=None)
    short = label_of(replace(LABELLED, description="d" * 256, indices="i" * 400))
    assert read_label(write_label(short)) == short
    assert MOST_BYTES < 1024


FORGED: list[tuple[str, object]] = [
    ("id", "by-hand"),
    ("id", 1),
    ("id", f"{{{LABELLED.id}}}"),
    ("cluster_id", "auto/*"),
    ("cluster_id", "c" * 36),
    ("cluster_id", WRITER.upper() + "A"),
    ("cluster_name", "\x1b[2J"),
    ("cluster_name", "n" * 65),
    ("cluster_name", None),
    ("method", "by magic"),
    ("datastore", "opensearch"),
    ("datastore", "opensearch 2\n"),
    ("datastore", "solr 9.0.0"),
    ("engine", "solr 9.0.0"),
    ("engine", "opensearch 99"),
    ("engine", "opensearch 9.9.x"),
    ("created", "soon"),
    ("created", "2026-11-24T12:00:00"),
    ("created", 1),
    ("indices", "i" * 1025),
    ("indices", "a\nb"),
    ("indices", ["a"]),
    ("description", "d" * 257),
    ("description", "\u202e"),
    ("frequency", "YEAR"),
    ("frequency", 1),
    ("keepday", 0),
    ("keepday", 91),
    ("keepday", True),
    ("keepday", "7"),
]


@pytest.mark.parametrize(("field", "told"), FORGED)
def test_a_label_of_which_a_part_is_forged_is_none(field: str, told: object) -> None:
    assert read_label(WRITTEN) is not None
    assert read_label({**WRITTEN, field: told}) is None


@pytest.mark.parametrize("metadata", [None, "text", {}, {"id": 1}])
def test_another_ones_metadata_is_no_label(metadata: object) -> None:
    assert read_label(metadata) is None


def found(
    name: str = "by-hand", status: SnapshotStatus = COMPLETED, **changes: Any
) -> SnapshotSeen:
    label: Label = replace(label_of(LABELLED), **changes)
    return SnapshotSeen(name, status, label, ("logs",), NOW)


def steps(seen: SnapshotSeen) -> tuple[SnapshotStep, ...]:
    listed = Listed(PLACE, WRITER, (), SnapshotsView({seen.name: seen}))
    return compare(live(), listed, NOW)


def test_what_fits_its_folder_is_listed() -> None:
    (step,) = steps(found())
    assert isinstance(step, AddSnapshots)


def test_a_copy_of_what_is_listed_is_not_found_again_and_again() -> None:
    (step,) = steps(found())
    assert isinstance(step, AddSnapshots)
    both = SnapshotsView({"by-hand": found(), "copy": found("copy")})
    assert compare(live(), Listed(PLACE, WRITER, step.snapshots, both), NOW) == ()
    (first,) = compare(live(), Listed(PLACE, WRITER, (), both), NOW)
    assert isinstance(first, AddSnapshots)
    assert [one.name for one in first.snapshots] == ["by-hand"]


def test_no_more_are_listed_at_once_than_a_pass_can_bear_and_the_newest_first() -> None:
    names = [f"snapshot-{number:03}" for number in range(ADDED_AT_ONCE + 2)]
    every = {
        name: found(name, created=NOW - timedelta(hours=age), snapshot_id=SnapshotId(name))
        for age, name in enumerate(names)
    }
    listed = Listed(PLACE, WRITER, (), SnapshotsView(every))
    (step,) = compare(live(), listed, NOW)
    assert isinstance(step, AddSnapshots)
    assert [one.name for one in step.snapshots] == names[:ADDED_AT_ONCE]
    assert step.left == 2
    assert "and 2 more are still to be listed" in step.said
    (rest,) = compare(live(), replace(listed, rows=step.snapshots), NOW)
    assert isinstance(rest, AddSnapshots)
    assert ([one.name for one in rest.snapshots], rest.left) == (names[ADDED_AT_ONCE:], 0)


@pytest.mark.parametrize("status", [COMPLETED, FAILED])
@pytest.mark.parametrize(
    "changes",
    [
        {"cluster_id": ClusterId("00000000-0000-4000-8000-000000000009")},
        {"created": NOW + timedelta(seconds=1)},
        {"name": "*"},
        {"name": "a,b"},
        {"name": "a/b"},
        {"name": "a\x1bb"},
        {"name": "_all"},
        {"name": "n" * 129},
    ],
)
def test_what_does_not_is_neither_listed_nor_removed(
    changes: dict[str, Any], status: SnapshotStatus
) -> None:
    assert steps(found(status=status, **changes)) == ()


def test_names_mean_nothing_in_an_address() -> None:
    assert repository_path("repo_auto/*") == "/_snapshot/repo_auto%2F%2A"
    assert snapshot_path("repo_a/*", "b/c") == "/_snapshot/repo_a%2F%2A/b%2Fc"
