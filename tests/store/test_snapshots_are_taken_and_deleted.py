"""Taking and deleting snapshots, pass by pass: what is shown meanwhile, and what comes of it when
the engine refuses, forgets or fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.support.backed_world import BackedWorld
from tests.support.paper_world import ID, Clock

from searchplane.domain.cluster import Action, ActionKind, Cluster
from searchplane.domain.snapshot_course import LOST
from searchplane.domain.snapshot_work import BEGINS_WITHIN, STANDS_STILL
from searchplane.domain.snapshots import SnapshotStatus
from searchplane.domain.status import action_progress, actions, cluster_status
from searchplane.drivers.base import NodeRef


def paused(record: Cluster) -> Cluster:
    return replace(record, paused=True)


def rebooting(record: Cluster) -> Cluster:
    """As a repair leaves it: another action in the place of the one that ran."""
    return replace(record, action=Action(ActionKind.REBOOTING, Clock.at))


def test_a_snapshot_holds_what_was_there_and_says_so(backed: BackedWorld) -> None:
    backed.take("first")
    assert actions(backed.there) == ("SNAPSHOTTING",)
    backed.settle()
    row = backed.row("first")
    assert row.status is SnapshotStatus.COMPLETED
    assert [(one.name, one.documents, one.exact) for one in row.contents] == [
        ("books", 2, True),
        ("logs", 2, True),
    ]
    assert (row.total_shards, row.failed_shards) == (2, 0)
    assert row.bytes_done == row.bytes_total > 0
    assert "snapshot first is there: 2 indices" in " ".join(backed.told())
    assert actions(backed.there) == ()
    backed.alike()


def test_how_far_it_is_is_shown_while_the_cluster_is_available(backed: BackedWorld) -> None:
    backed.driver.snapshots.slowness = 4
    backed.take("slow")
    shown = set()
    while backed.row("slow").status is SnapshotStatus.BUILDING:
        backed.once()
        assert cluster_status(backed.there) == "200"
        shown.add((action_progress(backed.there).get("SNAPSHOTTING"), backed.said()))
    progress = {one for one, _ in shown} - {None}
    assert len(progress) > 2, progress
    assert any("shards" in said and " B of " in said for _, said in shown), shown


def test_documents_written_meanwhile_make_a_count_inexact(backed: BackedWorld) -> None:
    backed.driver.snapshots.slowness = 3
    backed.take("busy")
    backed.once()
    backed.write("logs", "written meanwhile")
    backed.settle()
    counted = {one.name: one for one in backed.row("busy").contents}
    assert (counted["logs"].documents, counted["logs"].documents_after) == (2, 3)
    assert not counted["logs"].exact
    assert counted["books"].exact


def test_what_the_engine_refuses_fails_with_its_reason_and_frees_the_cluster(
    backed: BackedWorld,
) -> None:
    backed.driver.snapshots.refuses = "the disk of the bucket is full"
    backed.take("refused")
    backed.settle()
    backed.driver.snapshots.refuses = None
    row = backed.row("refused")
    assert row.status is SnapshotStatus.FAILED
    assert row.reason is not None
    assert "the disk of the bucket is full" in row.reason
    assert cluster_status(backed.there) == "200"
    assert backed.there.action is None
    assert any("snapshot refused has failed: " in said for said in backed.told())


def test_a_snapshot_that_fails_leaves_nothing_in_the_bucket(backed: BackedWorld) -> None:
    backed.driver.snapshots.snapshots_fail = "no space is left"
    backed.take("failing")
    backed.settle()
    assert backed.row("failing").status is SnapshotStatus.FAILED
    assert backed.row("failing").reason == "no space is left"
    backed.alike()


def test_what_the_engine_forgot_has_failed_and_is_cleaned_up(backed: BackedWorld) -> None:
    backed.driver.snapshots.slowness = 5
    backed.take("lost")
    backed.once()
    assert backed.row("lost").begun
    backed.driver.kill(NodeRef(ID, backed.there.nodes[0].id))
    backed.settle()
    assert backed.row("lost").reason == LOST
    backed.alike()


def test_a_busy_engine_is_asked_again(backed: BackedWorld) -> None:
    backed.driver.snapshots.busy = "no node takes it now"
    backed.take("patient")
    for _ in range(3):
        backed.once()
    assert backed.row("patient").status is SnapshotStatus.BUILDING
    assert "no node takes it now" in backed.said()
    backed.driver.snapshots.busy = None
    backed.settle()
    assert backed.row("patient").status is SnapshotStatus.COMPLETED


def test_what_cannot_begin_or_moves_no_longer_is_given_up(backed: BackedWorld) -> None:
    backed.driver.snapshots.busy = "no node takes it now"
    backed.take("late")
    backed.once()
    backed.once(seconds=BEGINS_WITHIN.total_seconds() + 10)
    assert "could not begin" in (backed.row("late").reason or "")
    backed.driver.snapshots.busy = None
    backed.settle()
    backed.driver.snapshots.slowness = 10**6
    backed.take("stuck")
    backed.once()
    backed.once()
    backed.once(seconds=2 * STANDS_STILL.total_seconds())
    backed.settle()
    assert "nothing was copied for 2 hours" in (backed.row("stuck").reason or "")
    backed.alike()


def test_a_paused_cluster_begins_nothing_and_notices_what_ends(backed: BackedWorld) -> None:
    backed.driver.snapshots.slowness = 2
    backed.take("paused")
    backed.once()
    before = backed.there
    backed.store(before, paused(before))
    for _ in range(6):
        backed.once()
    assert backed.row("paused").status is SnapshotStatus.COMPLETED
    assert backed.there.action is None
    backed.remove("paused")
    for _ in range(3):
        backed.once()
    assert backed.files() == {"paused"}


def test_a_paused_cluster_does_not_keep_anybody_waiting_for_ever(backed: BackedWorld) -> None:
    backed.take("paused")
    before = backed.there
    backed.store(before, paused(before))
    backed.once()
    backed.once(seconds=(BEGINS_WITHIN + timedelta(minutes=1)).total_seconds())
    assert backed.row("paused").status is SnapshotStatus.FAILED
    assert backed.there.action is None


def test_a_repair_takes_the_place_of_a_snapshot_that_waits(backed: BackedWorld) -> None:
    backed.driver.snapshots.slowness = 10
    backed.take("waiting")
    backed.once()
    before = backed.there
    backed.store(before, rebooting(before))
    backed.settle()
    row = backed.row("waiting")
    assert row.status is SnapshotStatus.FAILED
    assert row.reason == "given up: the cluster is REBOOTING now"
    backed.alike()


def test_a_deleted_snapshot_is_gone_from_bucket_and_list(backed: BackedWorld) -> None:
    for name in ("keep", "drop"):
        backed.take(name)
        backed.settle()
    backed.remove("drop")
    assert actions(backed.there) == ()
    backed.settle()
    assert set(backed.rows()) == {"keep"}
    assert any("snapshot drop is deleted" in said for said in backed.told())
    backed.alike()


def test_what_cannot_be_deleted_is_listed_again_with_the_reason(backed: BackedWorld) -> None:
    backed.take("stays")
    backed.settle()
    backed.remove("stays")
    backed.driver.snapshots.refuses = "the bucket is locked"
    backed.once()
    backed.driver.snapshots.refuses = None
    backed.settle()
    assert backed.row("stays").is_restorable
    assert any("cannot be deleted" in said and "locked" in said for said in backed.told())
    backed.alike()


def test_nothing_is_deleted_while_a_snapshot_is_taken(backed: BackedWorld) -> None:
    backed.take("older")
    backed.settle()
    backed.driver.snapshots.slowness = 4
    backed.take("newer")
    backed.once()
    backed.remove("older")
    backed.once()
    assert backed.there.is_being(ActionKind.SNAPSHOTTING)
    assert "older" in backed.files()
    backed.settle()
    assert set(backed.rows()) == {"newer"}
    backed.alike()


def test_a_node_that_ends_meanwhile_makes_a_snapshot_lack_its_shards(
    trio: BackedWorld,
) -> None:
    trio.driver.snapshots.slowness = 3
    trio.take("partial")
    trio.once()
    shards = {shard.copies[0] for shard in trio.driver.engine(ID).shards}
    trio.driver.kill(NodeRef(ID, min(shards)))
    trio.settle()
    row = trio.row("partial")
    assert row.status is SnapshotStatus.PART_FAILED
    assert 0 < row.failed_shards < row.total_shards
    assert any("snapshot partial lacks " in said and "a node ended" in said for said in trio.told())
    trio.alike()
