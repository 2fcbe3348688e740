"""What may be verified, in what scratch cluster, and what the comparison comes to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.cluster_examples import cluster, refused, spec

from searchplane.domain.cluster import BackupStrategy, Network, Security
from searchplane.domain.engines import (
    ELASTICSEARCH_7_10_2,
    OPENSEARCH_2_17_1,
    OPENSEARCH_2_19_1,
    Datastore,
    Engine,
    Family,
)
from searchplane.domain.flavors import FLAVORS
from searchplane.domain.ids import ClusterId, ProjectId, RestoreId, SnapshotId
from searchplane.domain.plan import Phase, Plan
from searchplane.domain.scratch import IndexRead, Verification
from searchplane.domain.snapshots import (
    IndexKept,
    Method,
    Repository,
    Restore,
    RestoreFailure,
    Snapshot,
    SnapshotStatus,
    Verified,
)
from searchplane.domain.verification import (
    check,
    is_due,
    newest,
    scratch_name,
    scratch_spec,
)
from searchplane.domain.verification_course import Case, in_vain, may_have, verdict, verify
from searchplane.domain.verification_steps import EndVerification

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WEEKLY = timedelta(days=7)
DAILY = BackupStrategy("16:00 GMT+08:00", "snapshot", 7)
NOWHERE = Network("", "", "")
EXACT = IndexKept("logs", 10, 10, writes=12, writes_after=12)
WRITTEN = IndexKept("items", 100, 120, writes=200, writes_after=230)
BARE = IndexKept("found")


def snapshot(*contents: IndexKept, **changes: Any) -> Snapshot:
    usual = Snapshot(
        id=SnapshotId("0123456789abcdef"),
        project_id=ProjectId("p1"),
        cluster_id=ClusterId("c1"),
        cluster_name="es-test",
        name="snapshot-1",
        repository=Repository("backups", "backups/c1"),
        datastore=Datastore("elasticsearch", "7.10.2"),
        engine=ELASTICSEARCH_7_10_2,
        method=Method.AUTO,
        created=NOW,
        updated=NOW,
        worker=None,
        status=SnapshotStatus.COMPLETED,
        contents=contents or (EXACT,),
    )
    return replace(usual, **changes)


def read(**indices: int) -> tuple[IndexRead, ...]:
    return tuple(IndexRead(name, number, f"digest of {name}") for name, number in indices.items())


def test_what_came_back_as_it_was_succeeds_and_says_what_was_compared() -> None:
    found = verdict(snapshot(EXACT, WRITTEN, BARE), read(logs=10, items=110, found=7), NOW)
    assert found.succeeded
    assert found.sentence == (
        "3 indices with 127 documents restored and read, 1 index with exactly what was counted, "
        "1 index within what was written meanwhile, 1 index that nobody had counted"
    )
    assert found.digests == (
        ("found", "digest of found"),
        ("items", "digest of items"),
        ("logs", "digest of logs"),
    )


@pytest.mark.parametrize(
    ("indices", "says"),
    [
        ({"logs": 9, "items": 110}, "logs has 9 documents, 10 were counted"),
        ({"logs": 11, "items": 110}, "logs has 11 documents"),
        ({"logs": 10}, "items is missing"),
        (
            {"logs": 10, "items": 131},
            "items has 131 documents, 100 before and 120 after it was taken were counted",
        ),
        ({"logs": 10, "items": 69}, "items has 69 documents"),
        ({"logs": 0, "items": 0}, "logs has 0 documents, 10 were counted; items has 0 documents"),
    ],
)
def test_what_is_not_as_it_was_is_named(indices: dict[str, int], says: str) -> None:
    found = verdict(snapshot(EXACT, WRITTEN), read(**indices), NOW)
    assert found.succeeded is False
    assert says in found.sentence


@pytest.mark.parametrize(
    ("failure", "succeeded"), [(RestoreFailure.GIVEN_UP, None), (RestoreFailure.REFUSED, False)]
)
@pytest.mark.parametrize("reason", ["given up: it is said so", "a file is damaged", None])
def test_the_kind_of_a_failure_decides_whatever_its_sentence_says(
    failure: RestoreFailure, succeeded: bool | None, reason: str | None
) -> None:
    restore = Restore(
        id=RestoreId("restore-1"),
        snapshot_id=snapshot().id,
        cluster_id=ClusterId("c2"),
        targets=(),
        replaces=True,
        started=NOW,
        ended=NOW,
        succeeded=False,
        reason=reason,
        failure=failure,
    )
    case = Case(Verification(snapshot().id, NOW), snapshot(), restore, RestoreId("restore-2"))
    (step,) = verify(Plan(Phase.STEADY, "", ()), cluster(1), case, NOW).steps
    assert isinstance(step, EndVerification)
    assert step.verified is not None
    assert step.verified.succeeded is succeeded


def test_an_index_that_cannot_be_read_is_named() -> None:
    unread = IndexRead("logs", error="shard 0 is corrupt")
    found = verdict(snapshot(EXACT), (unread,), NOW)
    assert (found.succeeded, found.sentence) == (False, "logs cannot be read: shard 0 is corrupt")


def test_a_few_are_named_and_the_others_counted() -> None:
    many = tuple(IndexKept(f"logs-{number}", 1, 1, 1, 1) for number in range(9))
    found = verdict(snapshot(*many), (), NOW)
    assert found.sentence == "logs-0 is missing; logs-1 is missing; logs-2 is missing and 6 more"


def test_a_later_verification_finds_the_same_or_fails() -> None:
    first = verdict(snapshot(EXACT, WRITTEN), read(logs=10, items=110), NOW)
    verified = snapshot(EXACT, WRITTEN, verified=first)
    again = verdict(verified, read(logs=10, items=110), NOW)
    assert again.succeeded
    assert "nothing has changed since it was verified before" in again.sentence
    rotten = (IndexRead("logs", 10, "another"), *read(items=110))
    failed = verdict(verified, rotten, NOW)
    assert failed.succeeded is False
    assert failed.sentence == "logs is not what it was when it was verified before"
    assert failed.digests == first.digests


@pytest.mark.parametrize("succeeded", [True, False])
def test_an_attempt_in_vain_takes_no_verdict_away(succeeded: bool) -> None:
    before = Verified(NOW - WEEKLY, succeeded, "compared", (("logs", "digest"),))
    first = in_vain(before, "no room", NOW)
    again = in_vain(first, "no time", NOW)
    assert again == replace(before, sentence="compared; tried again in vain: no time")


def test_an_attempt_in_vain_is_told_where_there_is_no_verdict() -> None:
    found = in_vain(in_vain(None, "no room", NOW), "no time", NOW)
    assert found == Verified(NOW, None, "not verified: no time")


counts = st.integers(0, 1000)


@given(counts, st.lists(st.sampled_from((-1, 0, 1)), max_size=30), st.integers(0, 30))
def test_no_snapshot_between_two_counts_is_ever_called_wrong(
    before: int, writes: list[int], taken_after: int
) -> None:
    """Whatever is written, and whenever in between the engine has fixed what it copies."""
    at, after = before + sum(writes[:taken_after]), before + sum(writes)
    kept = IndexKept("logs", before, after, writes=7, writes_after=7 + len(writes))
    assert may_have(kept, at)
    assert not may_have(kept, before + len(writes) + 1)


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"is_leaving": True}, "CSS.3016", "is being deleted"),
        ({"status": SnapshotStatus.BUILDING}, "CSS.5090", "is BUILDING"),
        ({"status": SnapshotStatus.FAILED}, "CSS.5090", "is FAILED"),
        ({"contents": ()}, "CSS.5090", "holds no index"),
    ],
)
def test_what_cannot_be_restored_is_not_verified(
    changes: dict[str, Any], code: str, says: str
) -> None:
    found = refused(lambda: check(snapshot(**changes), None))
    assert found.code == code
    assert says in str(found)


def test_a_snapshot_is_verified_once_at_a_time() -> None:
    one = snapshot(status=SnapshotStatus.PART_FAILED)
    check(one, None)
    assert refused(lambda: check(one, "verify-01234567")).code == "CSS.0029"


def test_a_scratch_cluster_takes_no_name_that_another_has() -> None:
    known = SnapshotId("01234567-89ab-4cde-8f01-23456789abcd")
    assert scratch_name(known, ["es-test", "verify-fedcba98"]) == "verify-01234567"
    assert scratch_name(known, ["verify-01234567"]) == "verify-012345678"
    names = [f"verify-{known.replace('-', '')[:length]}" for length in range(8, 25)]
    assert len(scratch_name(known, names)) == 32


def test_the_scratch_cluster_is_small_and_of_the_engine_that_wrote() -> None:
    made = scratch_spec(snapshot(), NOWHERE, "local-1", NOW)
    assert (made.name, made.engine) == ("verify-01234567", ELASTICSEARCH_7_10_2)
    assert [(one.count, one.flavor, one.volume.size_gb) for one in made.groups] == [
        (1, "css.large.4", 40)
    ]
    assert (made.snapshots, made.backup) == (None, None)
    assert made.verifies is not None
    assert "snapshot-1" in made.description


@pytest.mark.parametrize("size", [0, 10**9, 21 * 10**9, 500 * 10**9, 4 * 10**12, 10**15])
def test_its_disk_fits_its_flavor_whatever_is_in_the_snapshot(size: int) -> None:
    (made,) = scratch_spec(snapshot(bytes_total=size), NOWHERE, "local-1", NOW).groups
    flavor = FLAVORS[made.flavor]
    assert made.volume.size_gb % 20 == 0
    assert flavor.min_disk_gb <= made.volume.size_gb <= flavor.max_disk_gb
    assert made.volume.size_gb * 10**9 >= min(2 * size, 800 * 10**9)


@pytest.mark.parametrize(
    ("engine", "secured"), [(OPENSEARCH_2_19_1, True), (OPENSEARCH_2_17_1, False)]
)
def test_what_may_be_secret_is_restored_where_nobody_can_log_in(
    engine: Engine, secured: bool
) -> None:
    made = scratch_spec(snapshot(engine=engine), NOWHERE, "local-1", NOW)
    assert made.security == Security(authority=secured, https=secured)
    assert made.mode == made.security


def test_what_an_engine_from_elsewhere_wrote_is_read_by_one_that_is_here() -> None:
    older = snapshot(engine=Engine(Family.ELASTICSEARCH, "7.6.2"))
    assert scratch_spec(older, NOWHERE, "local-1", NOW).engine == ELASTICSEARCH_7_10_2
    newer = snapshot(engine=Engine(Family.OPENSEARCH, "9.1.0"))
    assert refused(lambda: scratch_spec(newer, NOWHERE, "local-1", NOW)).code == "CSS.5090"


@pytest.mark.parametrize(
    ("days_ago", "due"), [(None, True), (6.9, False), (7, True), (-1, False), (-900, True)]
)
def test_one_is_due_when_none_was_to_be_verified_for_so_long(
    days_ago: float | None, due: bool
) -> None:
    last = None if days_ago is None else NOW - timedelta(days=days_ago)
    backed_up = cluster(1, spec=spec(backup=DAILY), verified=last)
    assert is_due(backed_up, WEEKLY, NOW) is due
    assert not is_due(cluster(1, verified=last), WEEKLY, NOW)


def test_the_newest_automatic_one_is_verified_by_itself() -> None:
    older = snapshot(id=SnapshotId("older"), created=NOW - timedelta(days=1))
    assert newest([older, snapshot()]) == snapshot()
    assert newest([]) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"method": Method.MANUAL},
        {"status": SnapshotStatus.PART_FAILED},
        {"status": SnapshotStatus.FAILED},
        {"is_leaving": True},
        {"contents": ()},
        {"verified": Verified(NOW, False, "logs is missing")},
    ],
)
def test_only_what_is_whole_is_verified_by_itself(changes: dict[str, Any]) -> None:
    assert newest([snapshot(**changes)]) is None
