"""Taking and deleting snapshots: what is refused, what is stored, and who deletes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.cluster_examples import NOW, live, refused, spec
from tests.support.snapshot_examples import KEPT

from searchplane.domain.change import check_idle
from searchplane.domain.cluster import (
    Action,
    ActionKind,
    Cluster,
    Failure,
    SnapshotSettings,
)
from searchplane.domain.engines import (
    OPENSEARCH_2_17_1,
    OPENSEARCH_2_19_1,
    Engine,
)
from searchplane.domain.ids import ClusterId, SnapshotId
from searchplane.domain.snapshots import (
    Method,
    Repository,
    RestoreStatus,
    Snapshot,
    SnapshotStatus,
    Verified,
)
from searchplane.domain.snapshotting import (
    Wish,
    check_deletable,
    check_removable,
    is_full,
    released,
    remove,
    take,
)

ID = SnapshotId("snapshot-9")
SETTINGS = SnapshotSettings("bucket", base_path="a//b")
FAILED = Failure("CSS.6000", "it failed", NOW)


def of(engine: Engine = OPENSEARCH_2_19_1, **changes: Any) -> Cluster:
    wanted = spec(engine=engine, snapshots=changes.pop("snapshots", SETTINGS))
    made = live(spec=wanted, **changes)
    return replace(made, nodes=tuple(replace(one, engine=engine) for one in made.nodes))


def wish(**changes: Any) -> Wish:
    return replace(Wish("by-hand", "", "*"), **changes)


def test_a_snapshot_is_stored_as_being_made_and_shown_as_an_action() -> None:
    cluster = of()
    change = take(cluster, wish(description="before it goes", indices="logs-*"), ID, NOW)
    assert change.after.action == Action(ActionKind.SNAPSHOTTING, NOW, id=ID)
    assert change.takes == Snapshot(
        id=ID,
        project_id=cluster.project_id,
        cluster_id=cluster.id,
        cluster_name="ES-Test",
        name="by-hand",
        repository=Repository("bucket", f"bucket/a/b/{cluster.id}"),
        datastore=cluster.spec.datastore,
        engine=OPENSEARCH_2_19_1,
        method=Method.MANUAL,
        created=NOW,
        updated=NOW,
        worker=cluster.id,
        indices="logs-*",
        description="before it goes",
    )


def test_of_two_engines_the_newer_one_is_said_to_have_written_it() -> None:
    older = of(OPENSEARCH_2_17_1)
    first = replace(older.nodes[0], engine=OPENSEARCH_2_19_1)
    change = take(replace(older, nodes=(first, *older.nodes[1:])), wish(), ID, NOW)
    assert change.takes is not None
    assert change.takes.engine == OPENSEARCH_2_19_1


BROKEN: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "abc"}, "CSS.5057", "4 to 64"),
    ({"name": "a" * 65}, "CSS.5057", "4 to 64"),
    ({"name": "1abc"}, "CSS.5057", "the first a letter"),
    ({"name": "By-hand"}, "CSS.5057", "lower-case"),
    ({"name": "by.hand"}, "CSS.5057", "name is 'by.hand'"),
    ({"name": "by-hand\n"}, "CSS.5057", "name"),
    ({"description": "a" * 257}, "CSS.5056", "at most 256"),
    ({"description": "a=b"}, "CSS.5056", "none of"),
    ({"description": "it's"}, "CSS.5056", "description"),
    ({"description": "a\x1bb"}, "CSS.5056", "printable"),
    ({"indices": "Logs"}, "CSS.5038", "indices is 'Logs'"),
    ({"indices": "a,,b"}, "CSS.5038", "between commas"),
    ({"indices": "a,-b"}, "CSS.5038", "-b must come after a part with *"),
]


@pytest.mark.parametrize(("changes", "code", "said"), BROKEN)
def test_a_broken_rule_has_its_code(changes: dict[str, Any], code: str, said: str) -> None:
    error = refused(lambda: take(of(), wish(**changes), ID, NOW))
    assert (error.code, said in error.detail) == (code, True), error.detail


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "abcd"},
        {"name": "a" + "_-9" * 21},
        {"description": "a" * 256},
        {"indices": "a" * 1024},
        {"indices": "*,-logs-*,.kibana_1,ünder"},
    ],
)
def test_what_is_right_is_taken(changes: dict[str, Any]) -> None:
    assert take(of(), wish(**changes), ID, NOW).takes


STATES: list[tuple[dict[str, Any], str]] = [
    ({"snapshots": None}, "CSS.0004"),
    ({"action": Action(ActionKind.SNAPSHOTTING, NOW)}, "CSS.3004"),
    ({"action": Action(ActionKind.RESTORING, NOW)}, "CSS.3004"),
    ({"action": Action(ActionKind.GROWING, NOW)}, "CSS.0077"),
    ({"action": Action(ActionKind.UPGRADING, NOW)}, "CSS.5090"),
    ({"failure": FAILED}, "CSS.5090"),
    ({"unhealthy_since": NOW}, "CSS.5090"),
    ({"paused": True}, "CSS.5090"),
]


@pytest.mark.parametrize(("changes", "code"), STATES)
def test_a_state_that_allows_no_snapshot_has_its_code(changes: dict[str, Any], code: str) -> None:
    assert refused(lambda: take(of(**changes), wish(), ID, NOW)).code == code


@pytest.mark.parametrize("kind", [ActionKind.SNAPSHOTTING, ActionKind.RESTORING])
def test_other_changes_wait_for_the_end_of_a_snapshot_or_restore(kind: ActionKind) -> None:
    busy = of(action=Action(kind, NOW))
    assert refused(lambda: check_idle(busy)).code == "CSS.0012"
    assert refused(lambda: check_idle(busy, repairs=True)).code == "CSS.0012"
    check_idle(replace(busy, failure=FAILED), repairs=True)
    assert refused(lambda: check_deletable(busy)).code == "CSS.3004"
    check_deletable(replace(busy, failure=FAILED))


UNREMOVABLE: list[tuple[dict[str, Any], str]] = [
    ({"status": SnapshotStatus.BUILDING}, "CSS.0029"),
    ({"restore_status": RestoreStatus.RESTORING}, "CSS.0012"),
    ({"repository": Repository("theirs", "theirs/x", read_only=True)}, "CSS.5090"),
]


@pytest.mark.parametrize(("changes", "code"), UNREMOVABLE)
def test_what_is_made_or_read_or_not_ours_is_not_deleted(
    changes: dict[str, Any], code: str
) -> None:
    error = refused(lambda: check_removable(replace(KEPT, **changes), None))
    assert error.code == code
    error = refused(lambda: check_removable(KEPT, "is what the cluster shop is formed anew from"))
    assert error.code == "CSS.0012"
    assert "by-hand is what the cluster shop is formed anew from" in error.detail
    check_removable(replace(KEPT, status=SnapshotStatus.FAILED), None)


def test_to_delete_is_marked_and_nothing_else_about_the_cluster_changes() -> None:
    cluster = of()
    change = remove(cluster, KEPT)
    assert change.before == change.after
    (going,) = change.snapshots
    assert going == replace(KEPT, is_leaving=True, worker=cluster.id)
    assert remove(cluster, going).snapshots == (going,), "again is nothing more"


def other(name: str, engine: Engine = OPENSEARCH_2_19_1, **changes: Any) -> Cluster:
    return replace(of(engine), id=ClusterId(name), **changes)


OWN = other("cluster-1")
LATER = NOW + timedelta(hours=1)


def test_a_cluster_that_is_deleted_leaves_its_work_to_its_heir() -> None:
    making = replace(KEPT, status=SnapshotStatus.BUILDING, worker=OWN.id)
    going = replace(KEPT, id=ID, is_leaving=True, worker=OWN.id)
    (made,) = released(OWN, [making, going], [OWN, other("b"), other("a")], LATER)
    assert (made.status, made.worker, made.ended) == (SnapshotStatus.FAILED, None, LATER)
    assert made.reason == "its cluster was deleted while it was being made"
    assert released(OWN, [going], [OWN, other("a")], LATER) == (), "its heir begins after its end"
    for rest in ([OWN], [OWN, other("a", OPENSEARCH_2_17_1)]):
        (listed,) = released(OWN, [going], rest, LATER)
        assert (listed.is_leaving, listed.worker) == (False, None)


FULL: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"indices": "logs-*"}, False),
    ({"status": SnapshotStatus.PART_FAILED}, False),
    ({"status": SnapshotStatus.BUILDING}, False),
    ({"is_leaving": True}, False),
    ({"verified": Verified(NOW, succeeded=False, sentence="logs lacks 1")}, False),
    ({"verified": Verified(NOW, succeeded=None, sentence="no room")}, True),
]


@pytest.mark.parametrize(("changes", "full"), FULL)
def test_which_snapshots_hold_everything(changes: dict[str, Any], full: bool) -> None:
    assert is_full(replace(KEPT, **changes)) is full
