"""Where snapshots go and the policy of automatic ones: what is refused, and what is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.cluster_examples import NOW, live, refused, spec
from tests.support.snapshot_examples import KEPT

from searchplane.domain.backup import rate_of
from searchplane.domain.change import Change
from searchplane.domain.cluster import (
    Action,
    ActionKind,
    BackupStrategy,
    Cluster,
    Failure,
    SnapshotSettings,
)
from searchplane.domain.ids import SnapshotId
from searchplane.domain.schedule import dealt_with, due
from searchplane.domain.snapshot_settings import (
    end_policy,
    set_policy,
    settle,
    settle_by_default,
    turn_off,
    with_policy,
    without_policy,
)
from searchplane.domain.snapshots import Method, RestoreStatus, Snapshot, SnapshotStatus
from searchplane.errors import Refused

SETTINGS = SnapshotSettings("bucket")
POLICY = BackupStrategy("16:00 GMT+08:00", "auto", 7)
LATER = NOW + timedelta(days=3)
AUTO = replace(KEPT, method=Method.AUTO)


def of(
    snapshots: SnapshotSettings | None = SETTINGS,
    backup: BackupStrategy | None = None,
    **changes: Any,
) -> Cluster:
    return live(spec=spec(snapshots=snapshots, backup=backup), **changes)


def kept(cluster: Cluster, **changes: Any) -> Snapshot:
    place = replace(KEPT.repository, location=f"bucket/{cluster.id}")
    return replace(KEPT, repository=place, **changes)


def test_by_default_they_go_to_the_project_s_own_bucket_and_stay_where_they_are() -> None:
    change = settle_by_default(of(None), NOW)
    assert change.after.spec.snapshots == SnapshotSettings("css-backup-project-1")
    assert settle_by_default(of(), NOW).after.spec.snapshots == SETTINGS


def test_the_place_cannot_change_while_it_holds_snapshots() -> None:
    cluster = of()
    wanted = replace(SETTINGS, bucket="other")
    for moved in (wanted, replace(SETTINGS, base_path="deep")):
        error = refused(lambda moved=moved: settle(cluster, moved, [kept(cluster)], NOW))  # type: ignore[misc]
        assert (error.code, "1 snapshots of the cluster lie in 'bucket'" in error.detail) == (
            "CSS.5090",
            True,
        )
        assert settle(cluster, moved, [], NOW).after.spec.snapshots == moved
    faster = replace(SETTINGS, max_snapshot_rate="80mb", agency="a", base_path="")
    assert settle(cluster, faster, [kept(cluster)], NOW).after.spec.snapshots == faster
    off = of(None)
    assert settle(off, wanted, [kept(off)], NOW).after.spec.snapshots == wanted


def test_every_rule_of_place_and_policy_holds() -> None:
    bad = replace(SETTINGS, bucket="A", cmk_id="x" * 65)
    error = refused(lambda: settle(of(), bad, [], NOW))
    assert error.code == "CSS.5038"
    assert "bucket is 'A'" in error.detail
    assert "snapshotCmkId is" in error.detail
    wrong = replace(POLICY, keepday=0, indices="A")
    error = refused(lambda: set_policy(of(), wrong, [], NOW))
    assert error.code == "CSS.3011"
    assert "indices is 'A'" in error.detail


def test_a_policy_holds_from_the_moment_it_is_set() -> None:
    old = of(created=NOW - timedelta(days=100))
    after = set_policy(old, POLICY, [], LATER).after
    assert after.spec.backup == POLICY
    assert due(POLICY, dealt_with(after), LATER + timedelta(minutes=1)) is None
    assert due(POLICY, dealt_with(after), LATER + timedelta(days=1)) is not None


def test_a_policy_whose_moments_stay_misses_none() -> None:
    cluster = of(backup=POLICY, backed_up=NOW)
    same = set_policy(cluster, replace(POLICY, keepday=30, prefix="other"), [], LATER)
    assert same.after.backed_up == NOW
    for moved in (replace(POLICY, period="17:00 GMT"), replace(POLICY, frequency="SUN")):
        assert set_policy(cluster, moved, [], LATER).after.backed_up == LATER


def test_without_its_policy_a_cluster_keeps_its_snapshots_unless_told_otherwise() -> None:
    cluster = of(backup=POLICY)
    by_hand, failed = kept(cluster), kept(cluster, status=SnapshotStatus.FAILED)
    going = kept(cluster, method=Method.AUTO, is_leaving=True)
    listed = [by_hand, failed, going, replace(AUTO, status=SnapshotStatus.FAILED), AUTO]
    change = end_policy(cluster, listed, NOW, deletes=False)
    assert (change.after.spec.backup, change.snapshots) == (None, ())
    assert change.after.spec.snapshots == SETTINGS
    change = end_policy(cluster, listed, NOW, deletes=True)
    assert {one.id for one in change.snapshots} == {AUTO.id}
    assert len(change.snapshots) == 2
    assert all(one.is_leaving and one.worker == cluster.id for one in change.snapshots)
    read = replace(AUTO, restore_status=RestoreStatus.RESTORING)
    assert refused(lambda: end_policy(cluster, [read], NOW, deletes=True)).code == "CSS.0012"
    end_policy(cluster, [read], NOW, deletes=False)
    held = {AUTO.id: "is what the cluster shop is formed anew from"}
    error = refused(lambda: end_policy(cluster, [AUTO], NOW, deletes=True, held=held))
    assert (error.code, "formed anew" in error.detail) == ("CSS.0012", True)
    end_policy(cluster, [AUTO], NOW, deletes=False, held=held)


def test_an_automatic_one_in_an_attached_bucket_stays_and_is_in_nobody_s_way() -> None:
    cluster = of(backup=POLICY)
    place = replace(AUTO.repository, bucket="rescue", read_only=True)
    copy = replace(AUTO, id=SnapshotId("copy"), repository=place)
    change = end_policy(cluster, [AUTO, copy], NOW, deletes=True)
    assert [one.id for one in change.snapshots] == [AUTO.id]


def test_what_another_cluster_restores_keeps_snapshots_from_being_turned_off() -> None:
    cluster = of()
    read = kept(cluster, restore_status=RestoreStatus.RESTORING)
    assert refused(lambda: turn_off(cluster, [read], NOW)).code == "CSS.0012"
    held = {read.id: "is being restored"}
    error = refused(lambda: turn_off(cluster, [kept(cluster)], NOW, held=held))
    assert (error.code, "by-hand is being restored" in error.detail) == ("CSS.0012", True)


def test_a_policy_that_is_set_is_about_what_was_found_in_the_bucket_too() -> None:
    cluster = of(backup=POLICY)
    found = kept(cluster, adopted=NOW)
    again = set_policy(cluster, POLICY, [AUTO, found], LATER)
    assert again.snapshots == (replace(found, adopted=None),)
    assert end_policy(cluster, [found], LATER, deletes=False).snapshots == ()


def test_turned_off_what_can_be_restored_stays_listed_and_what_failed_goes() -> None:
    cluster = of(backup=POLICY)
    failed = kept(cluster, status=SnapshotStatus.FAILED)
    part = kept(cluster, status=SnapshotStatus.PART_FAILED)
    change = turn_off(cluster, [kept(cluster), part, failed], NOW)
    assert (change.after.spec.snapshots, change.after.spec.backup) == (None, None)
    (going,) = change.snapshots
    assert going == replace(failed, is_leaving=True, is_swept=True, worker=cluster.id)
    assert turn_off(of(None), [], NOW).after.spec.snapshots is None, "again is nothing more"


def test_one_request_may_say_both() -> None:
    both = with_policy(settle(of(None), SETTINGS, [], NOW), POLICY, [], NOW)
    assert (both.after.spec.snapshots, both.after.spec.backup) == (SETTINGS, POLICY)
    assert both.said == (
        "keep snapshots in the bucket bucket; take snapshots by themselves (DAY, 16:00 GMT+08:00), "
        "7 are kept"
    )
    cluster = of(backup=POLICY)
    off = without_policy(settle(cluster, SETTINGS, [], NOW), [AUTO], NOW, deletes=True)
    assert off.after.spec.backup is None
    assert [one.is_leaving for one in off.snapshots] == [True]


def actions(cluster: Cluster) -> dict[str, Change | str]:
    """What becomes of each request in this state: the change, or the code."""
    found: dict[str, Change | str] = {}
    for name, asked in {
        "settle": lambda: settle(cluster, SETTINGS, [], NOW),
        "policy": lambda: set_policy(cluster, POLICY, [], NOW),
        "end": lambda: end_policy(cluster, [], NOW, deletes=True),
        "off": lambda: turn_off(cluster, [], NOW),
    }.items():
        try:
            found[name] = asked()
        except Refused as error:
            found[name] = error.code
    return found


BUSY = {"settle": "CSS.5090", "policy": "CSS.5090"}
STATES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {}),
    ({"snapshots": None}, {"policy": "CSS.0004", "end": "CSS.0004"}),
    ({"failure": Failure("CSS.6000", "x", NOW)}, BUSY),
    ({"unhealthy_since": NOW}, BUSY),
    ({"paused": True}, BUSY),
    ({"action": Action(ActionKind.CREATING, NOW)}, BUSY),
    ({"action": Action(ActionKind.GROWING, NOW)}, {"settle": "CSS.0077", "policy": "CSS.0077"}),
    (
        {"action": Action(ActionKind.DELETING, NOW)},
        dict.fromkeys(("settle", "policy", "end", "off"), "CSS.5090"),
    ),
    (
        {"action": Action(ActionKind.SNAPSHOTTING, NOW)},
        dict.fromkeys(("settle", "policy", "end", "off"), "CSS.0012"),
    ),
    (
        {"action": Action(ActionKind.RESTORING, NOW)},
        dict.fromkeys(("settle", "policy", "end", "off"), "CSS.0012"),
    ),
]


@pytest.mark.parametrize(("changes", "codes"), STATES)
def test_turning_off_is_refused_less_than_turning_on(
    changes: dict[str, Any], codes: dict[str, str]
) -> None:
    said = {name: what for name, what in actions(of(**changes)).items() if isinstance(what, str)}
    assert said == codes


@pytest.mark.parametrize(
    ("given", "meant"),
    [(None, None), ("40mb", "40mb"), ("40", "40mb"), ("0", "0"), ("-1", "-1"), ("fast", "fast")],
)
def test_a_bare_rate_is_in_megabytes(given: str | None, meant: str | None) -> None:
    assert rate_of(given) == meant
