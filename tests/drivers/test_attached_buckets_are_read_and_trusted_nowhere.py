"""A folder of elsewhere becomes a bucket of a project; what a tenant plants there leads nowhere."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from searchplane.drivers import buckets, readable
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


@pytest.mark.parametrize("plant", ["folder", "file"])
def test_a_name_that_is_taken_is_left_alone(root: Path, kept: Path, plant: str) -> None:
    place = root / "kept"
    if plant == "folder":
        place.mkdir()
    else:
        place.write_text("x")
    before = place.lstat().st_ino
    with pytest.raises(Permanent, match="has a bucket kept already; another name is right"):
        buckets.attach(root, "kept", kept)
    assert place.lstat().st_ino == before


def test_a_link_that_leads_elsewhere_gives_way(root: Path, kept: Path) -> None:
    """It was planted, or is what a detach that was cut off has left."""
    (root / "kept").symlink_to("/etc")
    buckets.attach(root, "kept", kept)
    assert (root / "kept").readlink() == kept


def test_a_bucket_of_the_projects_own_is_not_detached(root: Path) -> None:
    (root / "own").mkdir()
    (root / "own" / "file").write_text("x")
    buckets.detach(root, "own")
    buckets.detach_others(root, ())
    assert (root / "own" / "file").exists()


def test_links_that_nobody_asked_for_go(root: Path, kept: Path) -> None:
    for name in ("kept", "left", "more"):
        buckets.attach(root, name, kept)
    buckets.detach_others(root, {"kept"})
    assert [*root.iterdir()] == [root / "kept"]
    buckets.detach_others(root / "missing", ())


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


@pytest.mark.parametrize("place", ["", "no-cluster", f"{CLUSTER}/indices"])
def test_a_folder_that_links_lead_out_of_is_refused(
    kept: Path, open_folder: Path, place: str
) -> None:
    (kept / place / "round").symlink_to(kept / CLUSTER)
    readable.check_contained(kept)
    (open_folder / "kept-2").mkdir()
    (kept / place / "out").symlink_to("../" * (1 + len(Path(place).parts)) + "kept-2")
    with pytest.raises(Permanent, match=r"out is a link to .*kept-2, and so leads out of"):
        readable.check_contained(kept)


def test_folders_without_end_are_not_searched_for_ever(kept: Path) -> None:
    inside = os.open(kept, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=inside)
        deeper = os.open("d", os.O_RDONLY, dir_fd=inside)
        os.close(inside)
        inside = deeper
    os.close(inside)
    assert len(buckets.repositories(kept, "kept")) == 2


NODES = (52001, 52002)
"""A user and a group that own nothing here."""


def opened(folder: Path) -> None:
    for one in everything(folder):
        one.chmod(0o755 if one.is_dir() else 0o644)


@pytest.mark.parametrize("place", ["", CLUSTER, f"{CLUSTER}/indices", f"{CLUSTER}/index-0"])
def test_what_nodes_cannot_read_is_named(kept: Path, place: str) -> None:
    opened(kept)
    readable.check_only_read(kept, *NODES)
    (kept / place).chmod(0o700)
    closed = f"{kept / place} is closed to the user .* 52001; right is: chgrp -R 52002 {kept} &&"
    with pytest.raises(Permanent, match=closed):
        readable.check_only_read(kept, *NODES)


@pytest.mark.parametrize("place", ["", CLUSTER, f"{CLUSTER}/indices", f"{CLUSTER}/index-0"])
@pytest.mark.parametrize(
    ("mode", "is_owner", "right"), [(0o757, False, "chmod -R o-w"), (0o755, True, "chown -R root")]
)
def test_what_nodes_can_write_is_named(
    kept: Path, place: str, mode: int, is_owner: bool, right: str
) -> None:
    """An engine can be told to write wherever its user can."""
    opened(kept)
    (kept / place).chmod(mode)
    user = (os.geteuid(), os.getegid()) if is_owner else NODES
    if is_owner:
        right = right if os.geteuid() == 0 else "chmod -R u-w"
        place = ""  # all of it is theirs
    with pytest.raises(Permanent, match=f"{kept / place} can be written .* right is: {right}"):
        readable.check_only_read(kept, *user)


def test_a_closed_folder_above_it_is_named(kept: Path, open_folder: Path) -> None:
    opened(kept)
    (open_folder / "above").mkdir()
    moved = kept.rename(open_folder / "above" / "kept")
    (open_folder / "above").chmod(0o700)
    with pytest.raises(Permanent, match=f"right is: chmod o\\+x {moved.parent}$"):
        readable.check_only_read(moved, *NODES)


def everything(folder: Path) -> list[Path]:
    return [folder, *folder.rglob("*")]


def starts_none(_spec: NodeSpec, _folder: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    raise AssertionError("no node is started here")


@as_root
async def test_nodes_of_the_project_alone_get_what_is_theirs(kept: Path, open_folder: Path) -> None:
    for one in everything(kept):
        one.chmod(0o700 if one.is_dir() else 0o600)
    driver = ProcessDriver(open_folder / "data", starts_none, lambda _: None, users=TenantUsers())
    (kept / "out").symlink_to("/etc")
    with pytest.raises(Permanent, match="leads out of"):
        await driver.attach(3, "kept", kept)
    (kept / "out").unlink()
    with pytest.raises(Permanent, match="closed to the user") as refused:
        await driver.attach(3, "kept", kept)
    assert not (driver.tenant_folder(3) / "kept").is_symlink()
    right = str(refused.value).partition("right is: ")[2]
    await asyncio.to_thread(subprocess.run, ["/bin/sh", "-c", right], check=True)
    assert len(await driver.attach(3, "kept", kept)) == 2
    assert driver.tenant_folder(3).stat().st_mode & 0o777 == 0o700
    await driver.detach(3, "kept")
    await driver.close()
