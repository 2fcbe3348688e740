"""What is listed can be restored, and what is in the bucket is listed: after a restart, after an
accident in the bucket, after the end of a cluster, and in a bucket that was attached."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.backed_world import OTHER, SETTINGS, BackedWorld
from tests.support.paper_world import ID, Clock

from searchplane.domain import snapshot_lists
from searchplane.domain.cluster import Action, ActionKind, SnapshotSettings
from searchplane.domain.ids import ClusterId, ProjectId
from searchplane.domain.snapshot_lists import GONE
from searchplane.domain.snapshots import Bucket, SnapshotStatus, repository_of
from searchplane.drivers.fake.repository import HALF
from searchplane.reconciler import rebuilding
from searchplane.store import buckets, clusters, snapshots

THIRD = ClusterId("00000000-0000-4000-8000-000000000003")


def with_snapshot(world: BackedWorld, name: str = "first") -> None:
    world.take(name)
    world.settle()


def restarted(world: BackedWorld, cluster_id: ClusterId = ID) -> None:
    world.restart_service()
    world.settle(cluster_id)


def ended(world: BackedWorld, cluster_id: ClusterId) -> None:
    with world.database.write() as connection:
        clusters.begin_action(
            connection, world.found(cluster_id), Action(ActionKind.DELETING, Clock.at)
        )
    world.settle(cluster_id)


def test_a_snapshot_whose_files_are_gone_is_not_offered(backed: BackedWorld) -> None:
    with_snapshot(backed)
    with_snapshot(backed, "second")
    (there,) = backed.bucket.rglob("first.json")
    aside = there.rename(backed.folder / "aside")
    restarted(backed)
    assert (backed.row("first").status, backed.row("first").reason) == (SnapshotStatus.FAILED, GONE)
    backed.alike()
    aside.rename(there)
    restarted(backed)
    assert backed.row("first").status is SnapshotStatus.COMPLETED
    assert any("first is complete after all" in said for said in backed.told())
    backed.alike()


def test_a_bucket_that_is_not_mounted_loses_nothing(
    backed: BackedWorld, caplog: pytest.LogCaptureFixture
) -> None:
    with_snapshot(backed)
    with_snapshot(backed, "second")
    aside = backed.folder / "aside"
    shutil.move(backed.bucket / "backups", aside)
    backed.restart_service()
    for _ in range(5):
        backed.once(seconds=60)
    assert all(row.is_restorable for row in backed.rows().values())
    assert "holds none of the 2 snapshots" in caplog.text
    assert "it may not be mounted" in caplog.text
    shutil.rmtree(backed.bucket / "backups", ignore_errors=True)
    shutil.move(aside, backed.bucket / "backups")
    backed.once(seconds=60)
    backed.settle()
    backed.alike()


def test_one_at_work_that_is_in_no_list_is_left_to_end(backed: BackedWorld) -> None:
    """The database is older than the snapshot that the engine takes."""
    with_snapshot(backed)
    before = backed.there
    backed.driver.snapshots.slowness = 5
    row = backed.take("second")
    backed.once()
    with backed.database.write() as connection:
        snapshots.forget(connection, row.id)
        clusters.change(connection, backed.there, replace(backed.there, action=before.action))
    backed.restart_service()
    for _ in range(12):
        backed.once(seconds=60)
    assert backed.row("second").is_restorable
    backed.alike()


def test_rows_of_an_earlier_bucket_are_compared_with_it(backed: BackedWorld) -> None:
    with_snapshot(backed)
    backed.set_up(SnapshotSettings("later"), None)
    with_snapshot(backed, "second")
    after = backed.runner.run(rebuilding._listed(backed.there, backed.ports))
    assert after.id == ID
    assert all(row.is_restorable for row in backed.rows().values())
    backed.alike()


def test_what_is_in_the_bucket_and_in_no_list_is_listed_as_it_was(backed: BackedWorld) -> None:
    with_snapshot(backed)
    before = backed.row("first")
    with backed.database.write() as connection:
        snapshots.forget(connection, before.id)
    restarted(backed)
    after = backed.row("first")
    known = ("id", "cluster_name", "method", "indices", "description", "engine", "datastore")
    assert [getattr(after, one) for one in known] == [getattr(before, one) for one in known]
    assert {one.name for one in after.contents} == {"logs", "books"}
    assert any("first was found in bucket backups" in said for said in backed.told())
    backed.alike()


def test_a_full_bucket_is_listed_in_batches_with_a_few_questions_each(
    backed: BackedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_lists, "ADDED_AT_ONCE", 4)
    names = [f"kept-{number}" for number in range(10)]
    with_snapshot(backed)
    (first,) = backed.bucket.rglob("first.json")
    before = backed.row("first")
    for name in names:
        text = first.read_text().replace('"first"', f'"{name}"')
        (first.parent / f"{name}.json").write_text(text.replace(before.id, f"id-of-{name}"))
    read = []
    lists = snapshots.of_cluster
    monkeypatch.setattr(snapshots, "of_cluster", lambda *of: read.append(of) or lists(*of))
    restarted(backed)
    assert set(backed.rows()) == {"first", *names}
    told = [said for said in backed.told() if "found in bucket" in said]
    assert len(told) == 3
    assert "4 snapshots (" in told[0]
    assert "and 6 more are still to be listed" in told[0]
    assert len(read) < len(names)
    backed.alike()


def test_two_files_that_say_they_are_the_same_snapshot_are_listed_once(
    backed: BackedWorld,
) -> None:
    with_snapshot(backed)
    (first,) = backed.bucket.rglob("first.json")
    copy = first.read_text().replace('"first"', '"second"')
    (first.parent / "second.json").write_text(copy)
    with backed.database.write() as connection:
        snapshots.forget(connection, backed.row("first").id)
    restarted(backed)
    assert len(backed.rows()) == 1


def test_halves_of_those_that_failed_are_removed(backed: BackedWorld) -> None:
    with_snapshot(backed)
    failed = replace(backed.row("first"), status=SnapshotStatus.FAILED, reason="of old")
    with backed.database.write() as connection:
        snapshots.save(connection, failed)
    whole = next(backed.bucket.rglob("first.json"))
    whole.rename(whole.with_suffix(HALF))
    restarted(backed)
    assert backed.files(HALF) == set()
    backed.alike()


def test_what_a_bucket_cannot_tell_is_asked_again_and_changes_nothing(backed: BackedWorld) -> None:
    with_snapshot(backed)
    with_snapshot(backed, "second")
    backed.restart_service()
    for path in backed.bucket.rglob("first.json"):
        path.unlink()
    backed.driver.snapshots.busy = "the bucket does not answer"
    waits = [backed.once(seconds=30) for _ in range(6)]
    assert waits == [1, 2, 4, 8, 16, 30]
    assert backed.row("first").is_restorable
    backed.driver.snapshots.busy = None
    backed.once(seconds=60)
    backed.settle()
    assert not backed.row("first").is_restorable


def test_a_cluster_that_goes_leaves_its_snapshots_to_another(backed: BackedWorld) -> None:
    with_snapshot(backed)
    backed.add_cluster()
    ended(backed, ID)
    backed.settle(OTHER)
    assert backed.row("first").is_restorable
    backed.restore("first", into=OTHER)
    backed.settle(OTHER)
    assert backed.documents("logs", OTHER) == ("the first of logs", "the second of logs")
    backed.remove("first", worker=OTHER)
    backed.settle(OTHER)
    assert backed.rows() == {}
    assert backed.files() == set()


@pytest.mark.parametrize("is_leaving", [False, True])
def test_what_a_cluster_had_begun_is_ended_by_another(
    backed: BackedWorld, is_leaving: bool
) -> None:
    """It was deleted although a snapshot was at work: nobody asked whether that is allowed."""
    with_snapshot(backed)
    backed.add_cluster()
    backed.driver.snapshots.slowness = 9
    if is_leaving:
        backed.remove("first")
    else:
        backed.take("second")
        backed.once()
    with backed.database.write() as connection:
        clusters.forget(connection, backed.there)
    backed.settle(OTHER)
    backed.restart_service()
    backed.settle(OTHER)
    backed.settle(OTHER)
    rows = backed.rows()
    if is_leaving:
        assert rows == {}
    else:
        assert rows["second"].status is SnapshotStatus.FAILED
        assert rows["second"].reason == "its cluster is gone"
    backed.alike()


def test_a_new_cluster_finds_what_one_that_is_gone_had_begun(backed: BackedWorld) -> None:
    with_snapshot(backed)
    backed.remove("first")
    ended(backed, ID)
    backed.add_cluster()
    backed.settle(OTHER)
    assert backed.rows() == {}
    assert backed.files() == set()


def test_an_attached_bucket_is_listed_and_never_written(backed: BackedWorld) -> None:
    """Its folder is a copy of a bucket of a service that is lost."""
    backed.add_cluster()
    backed.take("first")
    backed.settle()
    source = backed.bucket / repository_of(SETTINGS, ID).location
    attached = backed.folder / "elsewhere" / THIRD
    shutil.copytree(source, attached)
    for path in attached.glob("*.json"):
        path.write_text(
            path.read_text()
            .replace(f'"{ID}"', f'"{THIRD}"')
            .replace(backed.row("first").id, "snapshot-of-old")
        )
    (attached / "second.half").write_text((attached / "first.json").read_text())
    with backed.database.write() as connection:
        project = ProjectId("project-1")
        buckets.add(connection, Bucket(project, "rescue", Clock.at, path=str(attached.parent)))
        clusters.look_again(connection, project)
    for cluster_id in (ID, OTHER):
        backed.settle(cluster_id)
    rows = backed.rows(THIRD)
    assert [(one.name, one.repository.read_only) for one in rows.values()] == [("first", True)]
    assert sorted(path.name for path in attached.iterdir()) == ["first.json", "second.half"]


def test_an_attached_folder_that_is_gone_holds_up_nothing_else(
    backed: BackedWorld, tmp_path: Path
) -> None:
    backed.take("mine")
    backed.settle()
    with backed.database.write() as connection:
        gone = Bucket(ProjectId("project-1"), "gone", Clock.at, path=str(tmp_path / "gone"))
        buckets.add(connection, gone)
        snapshots.forget(connection, backed.row("mine").id)
    backed.restart_service()
    backed.settle()
    assert set(backed.rows()) == {"mine"}
    source = backed.bucket / repository_of(SETTINGS, ID).location
    shutil.copytree(source, tmp_path / "gone" / THIRD)
    (one,) = (tmp_path / "gone" / THIRD).glob("*.json")
    text = one.read_text().replace(f'"{ID}"', f'"{THIRD}"')
    one.write_text(text.replace(backed.row("mine").id, "snapshot-of-old"))
    backed.once(seconds=120)
    backed.settle()
    assert set(backed.rows(THIRD)) == {"mine"}  # it is there again, and nobody had to ask


def test_a_snapshot_that_another_project_lists_has_an_id_of_its_own_here(
    backed: BackedWorld,
) -> None:
    """The same bucket, attached to a project whose neighbour wrote it."""
    backed.take("first")
    backed.settle()
    row = backed.row("first")
    with backed.database.write() as connection:
        snapshots.forget(connection, row.id)
        theirs = replace(row, project_id=ProjectId("project-2"))
        snapshots.add(connection, theirs)
    restarted(backed)
    mine = backed.row("first")
    assert mine.id != theirs.id
    assert mine.is_restorable
    restarted(backed)
    assert backed.row("first") == mine
    assert backed.files() == {"first"}
