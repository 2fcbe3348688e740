"""Attaching and letting go, cut off anywhere or while a pass reads; and buckets that cannot be
read, which are said once and hold up nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from tests.support.backed_world import OTHER, SETTINGS, BackedWorld
from tests.support.paper_world import ID, Clock

from searchplane.domain import snapshot_lists
from searchplane.domain.ids import ClusterId, ProjectId
from searchplane.domain.snapshots import Bucket, repository_of
from searchplane.drivers.fake import FakeDriver
from searchplane.drivers.fake.snapshots import FakeSnapshots
from searchplane.errors import Permanent
from searchplane.store import buckets, clusters

THIRD = ClusterId("00000000-0000-4000-8000-000000000003")
PROJECT = ProjectId("project-1")


@pytest.fixture
def kept(backed: BackedWorld, tmp_path: Path) -> Path:
    """The bucket of a service that is lost, with one snapshot in it."""
    backed.take("first")
    backed.settle()
    folder = tmp_path / "kept"
    shutil.copytree(backed.bucket / repository_of(SETTINGS, ID).location, folder / THIRD)
    (one,) = (folder / THIRD).glob("*.json")
    text = one.read_text().replace(f'"{ID}"', f'"{THIRD}"')
    one.write_text(text.replace(backed.row("first").id, "snapshot-of-old"))
    return folder


def attached(world: BackedWorld, folder: Path, name: str = "rescue") -> None:
    with world.database.write() as connection:
        buckets.add(connection, Bucket(PROJECT, name, Clock.at, path=str(folder)))
        clusters.look_again(connection, PROJECT)


def let_go(world: BackedWorld, name: str = "rescue") -> None:
    with world.database.write() as connection:
        buckets.remove(connection, PROJECT, name)
        clusters.look_again(connection, PROJECT)


def problem(world: BackedWorld, name: str = "rescue") -> str | None:
    with world.database.read() as connection:
        found = buckets.find(connection, PROJECT, name)
    assert found is not None
    return found.problem


def links(world: BackedWorld) -> set[str]:
    return {one.name for one in world.bucket.iterdir() if one.is_symlink()}


def said(world: BackedWorld, text: str) -> int:
    return sum(text in one for cluster in (ID, OTHER) for one in world.told(cluster))


def tried(
    world: BackedWorld, monkeypatch: pytest.MonkeyPatch, then: Callable[[], None] = lambda: None
) -> list[str]:
    """The buckets that passes attach from now on; `then` happens before each."""
    names: list[str] = []
    real = FakeDriver.attach

    async def attach(driver: FakeDriver, tenant: int, bucket: str, path: Path) -> tuple[str, ...]:
        names.append(bucket)
        then()
        return await real(driver, tenant, bucket, path)

    monkeypatch.setattr(FakeDriver, "attach", attach)
    return names


def test_a_row_without_its_link_is_attached(backed: BackedWorld, kept: Path) -> None:
    attached(backed, kept)
    backed.restart_service()
    backed.settle()
    assert links(backed) == {"rescue"}
    assert set(backed.rows(THIRD)) == {"first"}


def test_a_link_without_its_row_goes_after_a_start(backed: BackedWorld, kept: Path) -> None:
    (backed.bucket / "rescue").symlink_to(kept)
    backed.restart_service()
    backed.settle()
    assert links(backed) == set()
    assert backed.rows(THIRD) == {}


def test_a_link_is_never_taken_for_a_bucket_to_write_to(backed: BackedWorld, kept: Path) -> None:
    """A user names the bucket of which an operator's command has left the link."""
    before = {path.name for path in kept.rglob("*")}
    shutil.rmtree(backed.bucket / SETTINGS.bucket)
    (backed.bucket / SETTINGS.bucket).symlink_to(kept)
    backed.take("second")
    backed.settle()
    assert backed.row("second").is_restorable
    assert {path.name for path in kept.rglob("*")} == before
    assert (backed.bucket / SETTINGS.bucket).is_dir()
    assert links(backed) == set()


def test_a_bucket_that_is_let_go_of_while_a_pass_reads_it_is_not_used(
    backed: BackedWorld, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attached(backed, kept)
    names = tried(backed, monkeypatch, lambda: let_go(backed))
    backed.settle()
    assert names == ["rescue"]
    assert links(backed) == set()
    assert backed.rows(THIRD) == {}


def test_what_was_found_in_a_bucket_that_was_let_go_of_is_not_listed(
    backed: BackedWorld, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attached(backed, kept)
    real = FakeSnapshots.look

    async def look(port: FakeSnapshots, *asked: object) -> object:
        with backed.database.write() as connection:
            buckets.remove(connection, PROJECT, "rescue")
        return await real(port, *asked)  # type: ignore[arg-type]

    monkeypatch.setattr(FakeSnapshots, "look", look)
    backed.settle()
    assert backed.rows(THIRD) == {}
    assert said(backed, "found in bucket rescue") == 0


def test_a_bucket_that_cannot_be_read_is_said_once_and_tried_ever_more_rarely(
    backed: BackedWorld, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backed.add_cluster()
    away = kept.rename(kept.with_name("away"))
    names = tried(backed, monkeypatch)
    attached(backed, kept)
    backed.settle()
    assert names == []  # the other cluster is the one that reads
    hours = 6
    for _ in range(hours * 60):
        backed.once(seconds=60)
        backed.once(OTHER, seconds=0)
    assert hours < len(names) < 3 * hours
    assert "No such file" in str(problem(backed))
    assert said(backed, "bucket rescue, which was attached, cannot be read") == 1
    backed.restart_service()
    backed.settle(OTHER)
    assert said(backed, "cannot be read") == 1

    away.rename(kept)
    backed.once(OTHER, seconds=timedelta(hours=1).total_seconds())
    backed.settle(OTHER)
    assert set(backed.rows(THIRD)) == {"first"}
    assert problem(backed) is None
    assert said(backed, "bucket rescue can be read again") == 1


@pytest.mark.parametrize("place", ["", THIRD])
def test_a_bucket_that_is_not_mounted_keeps_its_snapshots(
    backed: BackedWorld, kept: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    attached(backed, kept)
    backed.settle()
    shutil.rmtree(kept / place)
    (kept / place).mkdir()
    (kept / place / "lost+found").touch()
    names = tried(backed, monkeypatch)
    backed.restart_service()
    for _ in range(10):
        backed.once(seconds=60)
    assert 2 <= len(names) <= 5
    assert "may not be mounted" in str(problem(backed))
    assert said(backed, "cannot be read") == 1
    assert backed.rows(THIRD)["first"].is_restorable


def test_a_bucket_that_is_attached_again_is_looked_at_at_once(
    backed: BackedWorld, kept: Path
) -> None:
    away = kept.rename(kept.with_name("away"))
    attached(backed, kept)
    backed.settle()
    away.rename(kept)
    backed.settle()
    assert backed.rows(THIRD) == {}
    with backed.database.write() as connection:  # as the command does
        bucket = buckets.find(connection, PROJECT, "rescue")
        assert bucket is not None
        buckets.tell(connection, bucket, None)
        clusters.look_again(connection, PROJECT)
    backed.settle()
    assert set(backed.rows(THIRD)) == {"first"}


def test_what_an_engine_cannot_read_of_it_holds_up_nothing_else(
    backed: BackedWorld, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attached(backed, kept)
    attached(backed, shutil.copytree(kept, kept.with_name("damaged")), "damaged")
    real = FakeSnapshots.register

    async def register(port: FakeSnapshots, *asked: object, read_only: bool) -> None:
        if "damaged/" in str(asked):
            raise Permanent("the repository is damaged")
        await real(port, *asked, read_only=read_only)  # type: ignore[arg-type]

    monkeypatch.setattr(FakeSnapshots, "register", register)
    backed.settle()
    assert set(backed.rows(THIRD)) == {"first"}
    assert (problem(backed), problem(backed, "damaged")) == (None, "the repository is damaged")
    assert backed.once(seconds=30) == 30.0


def test_what_was_found_while_somebody_asked_for_something_else_is_listed_after_that(
    backed: BackedWorld, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record has changed when it is to be stored, as by the end of the attach itself."""
    attached(backed, kept)

    def asked() -> None:
        if len(names) == 1:
            with backed.database.write() as connection:
                clusters.look_again(connection, PROJECT)

    names = tried(backed, monkeypatch, asked)
    backed.settle()
    assert set(backed.rows(THIRD)) == {"first"}
    assert names == ["rescue", "rescue"]


def also_holds(folder: Path, name: str) -> None:
    text = (folder / THIRD / "first.json").read_text().replace('"first"', f'"{name}"')
    (folder / THIRD / f"{name}.json").write_text(text.replace("snapshot-of-old", f"id-of-{name}"))


def test_a_copy_of_what_is_listed_already_is_read_to_its_end(
    backed: BackedWorld, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than are listed at once are known; those that are not come after them."""
    monkeypatch.setattr(snapshot_lists, "ADDED_AT_ONCE", 1)
    also_holds(kept, "second")
    attached(backed, kept)
    backed.settle()
    shutil.copytree(kept, tmp_path / "copy")
    also_holds(tmp_path / "copy", "another")
    attached(backed, tmp_path / "copy", "copy")
    backed.settle()
    buckets_of = {name: row.repository.bucket for name, row in backed.rows(THIRD).items()}
    assert buckets_of == {"first": "rescue", "second": "rescue", "another": "copy"}
