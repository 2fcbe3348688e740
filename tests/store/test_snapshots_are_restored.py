"""Restores, pass by pass: the same documents are back, what is in the way is kept or replaced, and
what fails leaves nothing broken behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.backed_world import OTHER, BackedWorld
from tests.support.paper_world import ID, Clock

from searchplane.domain.cluster import Action, ActionKind
from searchplane.domain.restoring import Wish
from searchplane.domain.snapshot_work import BEGINS_WITHIN
from searchplane.domain.snapshots import Renaming, RestoreStatus
from searchplane.domain.status import actions, cluster_status
from searchplane.drivers.base import NodeRef

COPY = Wish("logs", Renaming("(.+)", "copy-of-$1"))
OVER = Wish("logs", replaces=True)


def with_snapshot(world: BackedWorld) -> None:
    world.take("first")
    world.settle()
    world.write("logs", "written later")


def test_a_restore_brings_back_what_was_there_under_another_name(backed: BackedWorld) -> None:
    with_snapshot(backed)
    restore_id = backed.restore("first", COPY)
    assert actions(backed.there) == ("RESTORING",)
    assert backed.row("first").restore_status is RestoreStatus.RESTORING
    backed.indices.add("copy-of-logs")
    backed.settle()
    assert backed.documents("copy-of-logs") == ("the first of logs", "the second of logs")
    assert len(backed.documents("logs")) == 3
    assert backed.row("first").restore_status is RestoreStatus.SUCCESS
    done = backed.restored(restore_id)
    assert (done.succeeded, done.shards_done, done.shards_total) == (True, 1, 1)
    assert any("copy-of-logs restored" in said for said in backed.told())
    backed.alike()


def test_how_far_it_is_is_shown_and_red_meanwhile_is_no_failure(backed: BackedWorld) -> None:
    with_snapshot(backed)
    backed.driver.snapshots.slowness = 5
    backed.restore("first", COPY)
    said = set()
    while backed.there.action is not None:
        backed.once(seconds=300)
        assert cluster_status(backed.there) == "200"
        said.add(backed.said())
    assert any("restoring copy-of-logs: 0 of 1 shards, " in one for one in said), said


def test_an_index_in_the_way_is_not_touched(backed: BackedWorld) -> None:
    with_snapshot(backed)
    restore_id = backed.restore("first", Wish("*"))
    backed.settle()
    done = backed.restored(restore_id)
    assert done.succeeded is False
    assert done.reason is not None
    assert "books, logs already" in done.reason
    assert len(backed.documents("logs")) == 3
    assert backed.row("first").restore_status is RestoreStatus.FAILED
    assert (cluster_status(backed.there), actions(backed.there)) == ("200", ())


def test_an_index_in_the_way_is_replaced_if_that_is_asked_for(backed: BackedWorld) -> None:
    with_snapshot(backed)
    backed.restore("first", OVER)
    backed.settle()
    assert backed.documents("logs") == ("the first of logs", "the second of logs")


def test_another_cluster_gets_the_documents(backed: BackedWorld) -> None:
    with_snapshot(backed)
    backed.add_cluster()
    backed.restore("first", into=OTHER)
    assert actions(backed.found(OTHER)) == ("RESTORING",)
    backed.settle(OTHER)
    assert backed.documents("logs", OTHER) == ("the first of logs", "the second of logs")
    assert backed.row("first").restore_status is RestoreStatus.SUCCESS


def test_a_restore_the_engine_refuses_opens_again_what_it_closed(backed: BackedWorld) -> None:
    with_snapshot(backed)
    for path in backed.bucket.rglob("first.json"):
        path.unlink()
    restore_id = backed.restore("first", OVER)
    backed.settle()
    assert backed.restored(restore_id).succeeded is False
    index = backed.driver.engine(ID).paper.index("logs")
    assert index is not None
    assert index.is_open
    assert len(backed.documents("logs")) == 3


def test_a_restore_that_fails_leaves_nothing_broken(backed: BackedWorld) -> None:
    with_snapshot(backed)
    backed.driver.snapshots.restores_fail = "a file of it is damaged"
    restore_id = backed.restore("first", COPY)
    backed.settle()
    done = backed.restored(restore_id)
    assert "a file of it is damaged" in (done.reason or "")
    assert done.ended is not None
    assert backed.names() == {"logs", "books"}
    assert cluster_status(backed.there) == "200"
    assert any("the restore has failed: " in said for said in backed.told())


def test_a_restore_whose_nodes_all_ended_leaves_nothing_empty(backed: BackedWorld) -> None:
    with_snapshot(backed)
    backed.driver.snapshots.slowness = 6
    restore_id = backed.restore("first", COPY)
    backed.once()
    backed.once()
    backed.driver.kill(NodeRef(ID, backed.there.nodes[0].id))
    backed.settle()
    assert backed.restored(restore_id).succeeded is False
    assert backed.names() == {"logs", "books"}


def test_what_was_to_be_replaced_is_restored_again_when_all_nodes_ended(
    backed: BackedWorld,
) -> None:
    """It was open again with its old documents, as if nothing were left to do."""
    with_snapshot(backed)
    backed.driver.snapshots.slowness = 6
    restore_id = backed.restore("first", OVER)
    backed.once()
    backed.once()
    backed.driver.kill(NodeRef(ID, backed.there.nodes[0].id))
    backed.settle()
    assert backed.restored(restore_id).succeeded is True
    assert backed.documents("logs") == ("the first of logs", "the second of logs")


def test_what_was_to_be_replaced_stays_as_it_was_when_the_restore_is_given_up(
    backed: BackedWorld,
) -> None:
    with_snapshot(backed)
    backed.driver.snapshots.slowness = 6
    restore_id = backed.restore("first", OVER)
    backed.once()
    backed.once()
    node = NodeRef(ID, backed.there.nodes[0].id)
    backed.driver.make_unknown(node, "the process table cannot be read")
    backed.driver.kill(node)
    backed.once(seconds=5 * BEGINS_WITHIN.total_seconds())
    assert backed.restored(restore_id).succeeded is False
    backed.driver.heal(node)
    backed.settle()
    assert backed.restored(restore_id).ended is not None
    assert len(backed.documents("logs")) == 3


def test_what_never_begins_is_given_up_and_taken_back_later(backed: BackedWorld) -> None:
    with_snapshot(backed)
    backed.driver.snapshots.slowness = 6
    restore_id = backed.restore("first", COPY)
    backed.once()
    node = NodeRef(ID, backed.there.nodes[0].id)
    backed.driver.make_unknown(node, "the process table cannot be read")
    backed.once()
    backed.once(seconds=3 * BEGINS_WITHIN.total_seconds())
    failed = backed.restored(restore_id)
    assert (failed.succeeded, failed.ended) == (False, None)
    assert backed.there.action is None
    backed.driver.heal(node)
    backed.settle()
    assert backed.restored(restore_id).ended is not None
    assert backed.names() == {"logs", "books"}


def test_a_repair_takes_the_place_of_a_restore(backed: BackedWorld) -> None:
    with_snapshot(backed)
    backed.driver.snapshots.slowness = 20
    restore_id = backed.restore("first", COPY)
    backed.once()
    before = backed.there
    backed.store(before, replace(before, action=Action(ActionKind.REBOOTING, Clock.at)))
    backed.settle()
    assert backed.restored(restore_id).reason == "given up: the cluster is REBOOTING now"
    assert backed.names() == {"logs", "books"}
    assert backed.there.action is None


def test_an_order_that_the_next_node_refuses_because_it_has_arrived_goes_on(
    backed: BackedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first node's answer did not come in time, so the next one was told the same."""
    with_snapshot(backed)
    order = backed.driver.snapshots.begin_restore

    async def twice(*args: Any, **options: Any) -> None:
        await order(*args, **options)
        await order(*args, **options)

    monkeypatch.setattr(backed.driver.snapshots, "begin_restore", twice)
    backed.driver.snapshots.slowness = 3
    restore_id = backed.restore("first", COPY)
    backed.settle()
    assert backed.restored(restore_id).succeeded is True
    assert backed.documents("copy-of-logs") == ("the first of logs", "the second of logs")


def test_what_a_writer_has_made_before_the_order_stays(
    backed: BackedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_snapshot(backed)
    order = backed.driver.snapshots.begin_restore

    async def later(*args: Any, **options: Any) -> None:
        if "copy-of-logs" not in backed.names():
            backed.add("copy-of-logs")
            backed.write("copy-of-logs", "of a writer")
        await order(*args, **options)

    monkeypatch.setattr(backed.driver.snapshots, "begin_restore", later)
    restore_id = backed.restore("first", COPY)
    backed.settle()
    assert backed.restored(restore_id).succeeded is False
    assert backed.documents("copy-of-logs") == ("of a writer",)


def test_an_order_that_did_not_arrive_is_given_again(backed: BackedWorld) -> None:
    with_snapshot(backed)
    backed.driver.snapshots.busy = "no node takes it now"
    backed.restore("first", OVER)
    backed.once()
    backed.once()
    assert backed.there.is_being(ActionKind.RESTORING)
    backed.driver.snapshots.busy = None
    backed.settle()
    assert backed.documents("logs") == ("the first of logs", "the second of logs")
