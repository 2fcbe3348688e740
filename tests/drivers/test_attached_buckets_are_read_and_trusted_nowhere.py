"""A folder of elsewhere becomes a bucket of a project; what a tenant plants there leads nowhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from searchplane.drivers import buckets
from searchplane.drivers.base import NodeSpec
from searchplane.drivers.process.driver import ProcessDriver
from searchplane.drivers.process.users import TenantUsers
from searchplane.errors import Permanent

CLUSTER = "c6f1a9de-1111-2222-3333-444455556666"
OTHER = "c6f1a9de-1111-2222-3333-777788889999"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs nodes as other users")


@pytest.fixture
def kept(open_folder: Path) -> Path:
    """The folder of a bucket in which two clusters have written, one below a base path."""
    folder = open_folder / "kept"
    for place in (folder / CLUSTER, folder / "base" / "path" / OTHER):
        (place / "indices").mkdir(parents=True)
        (place / "index-0").write_text("{}")
    (folder / "no-cluster").mkdir()
    (folder / "no-cluster" / "index-0").write_text("{}")
    return folder


@pytest.fixture
def root(open_folder: Path) -> Path:
    """A project's bucket root, which the user of its nodes can write to."""
    made = open_folder / "root"
    made.mkdir()
    return made


def test_the_bucket_shows_what_lies_in_the_folder(root: Path, kept: Path) -> None:
    buckets.attach(root, "kept", kept)
    assert (root / "kept" / CLUSTER / "index-0").read_text() == "{}"
    assert buckets.repositories(kept, "kept") == (f"kept/base/path/{OTHER}", f"kept/{CLUSTER}")


def test_again_is_nothing_new(root: Path, kept: Path) -> None:
    buckets.attach(root, "kept", kept)
    buckets.attach(root, "kept", kept)
    buckets.detach(root, "kept")
    buckets.detach(root, "kept")
    assert not (root / "kept").exists()
    assert (kept / CLUSTER).is_dir()


@pytest.mark.parametrize("plant", ["folder", "file", "link"])
def test_a_name_that_is_taken_is_left_alone(root: Path, kept: Path, plant: str) -> None:
    place = root / "kept"
    if plant == "folder":
        place.mkdir()
    elif plant == "file":
        place.write_text("x")
    else:
        place.symlink_to("/etc")
    before = place.lstat().st_ino
    with pytest.raises(Permanent, match="has a bucket kept already; another name is right"):
        buckets.attach(root, "kept", kept)
    assert place.lstat().st_ino == before


def test_a_bucket_of_the_projects_own_is_not_detached(root: Path) -> None:
    (root / "own").mkdir()
    (root / "own" / "file").write_text("x")
    buckets.detach(root, "own")
    assert (root / "own" / "file").exists()


def test_a_bucket_root_that_is_a_link_is_not_worked_in(open_folder: Path, kept: Path) -> None:
    (open_folder / "elsewhere").mkdir()
    (open_folder / "root").symlink_to(open_folder / "elsewhere")
    with pytest.raises(OSError, match=r"Not a directory|Too many"):
        buckets.attach(open_folder / "root", "kept", kept)
    assert not any((open_folder / "elsewhere").iterdir())


def test_links_in_the_folder_are_not_followed(kept: Path, open_folder: Path) -> None:
    other = open_folder / "other" / OTHER
    other.mkdir(parents=True)
    (other / "index-0").write_text("{}")
    (kept / "more").symlink_to(open_folder / "other")
    (kept / "round").symlink_to(kept)
    assert len(buckets.repositories(kept, "kept")) == 2


def test_folders_without_end_are_not_searched_for_ever(kept: Path) -> None:
    inside = os.open(kept, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=inside)
        deeper = os.open("d", os.O_RDONLY, dir_fd=inside)
        os.close(inside)
        inside = deeper
    os.close(inside)
    assert len(buckets.repositories(kept, "kept")) == 2


@pytest.mark.parametrize("closed", ["", CLUSTER, f"{CLUSTER}/indices", f"{CLUSTER}/index-0"])
def test_what_a_user_cannot_read_is_named(kept: Path, open_folder: Path, closed: str) -> None:
    for one in everything(kept):
        one.chmod(0o755 if one.is_dir() else 0o644)
    assert buckets.closed_to(kept, 52001, 52001) is None
    (kept / closed).chmod(0o700)
    assert buckets.closed_to(kept, 52001, 52001) == kept / closed
    assert buckets.closed_to(kept, os.geteuid(), os.getegid()) is None


def test_a_closed_folder_above_it_is_named(kept: Path, open_folder: Path) -> None:
    (open_folder / "above").mkdir()
    moved = kept.rename(open_folder / "above" / "kept")
    (open_folder / "above").chmod(0o700)
    closed = buckets.closed_to(moved, 52001, 52001)
    assert closed is not None
    assert moved.is_relative_to(closed)
    assert closed != moved


def everything(folder: Path) -> list[Path]:
    return [folder, *folder.rglob("*")]


def starts_none(_spec: NodeSpec, _folder: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    raise AssertionError("no node is started here")


@as_root
async def test_nodes_of_the_project_alone_get_what_is_theirs(kept: Path, open_folder: Path) -> None:
    for one in everything(kept):
        one.chmod(0o700 if one.is_dir() else 0o600)
    driver = ProcessDriver(open_folder / "data", starts_none, lambda _: None, users=TenantUsers())
    with pytest.raises(Permanent, match=r"closed to the user of the project's nodes, 52003; right"):
        await driver.attach(3, "kept", kept)
    for one in everything(kept):
        os.chown(one, 52003, 52003)
    assert len(await driver.attach(3, "kept", kept)) == 2
    assert driver.tenant_folder(3).stat().st_mode & 0o777 == 0o700
    await driver.detach(3, "kept")
    await driver.close()
