"""Folders and users of nodes as processes: who may read what, and what is said otherwise."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from driver_rigs import ProcessRig, new_spec, placed, stopped
from process_views import config_of, may_list, pid_of, proc_file, running_node

from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import Absent, Unknown
from searchplane.drivers.base import Storage
from searchplane.drivers.process.driver import ProcessDriver
from searchplane.drivers.process.users import TenantUsers
from searchplane.errors import Permanent, Transient

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives nodes users of their own")


# Folders and users


async def test_a_node_is_alone_in_its_folder(process_rig: ProcessRig) -> None:
    driver, spec, _ = await running_node(process_rig)
    folder = driver.folder(spec.ref)
    for path in (folder, *folder.rglob("*")):
        assert not path.stat().st_mode & 0o077, f"{path} is open to others"
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {
        "config", "data", "logs", "tmp",
    }  # fmt: skip


async def test_config_holds_exactly_the_files_and_the_keystore(process_rig: ProcessRig) -> None:
    driver, spec, _ = await running_node(process_rig)
    config = driver.folder(spec.ref) / "config"
    (config / "opensearch.keystore").write_bytes(b"key")
    (config / "left.over").write_bytes(b"?")
    (config / "old" / "deep").mkdir(parents=True)
    (config / "old" / "deep" / "file").write_bytes(b"?")
    changed = replace(spec, files={"opensearch.yml": b"node.name: b\n", "new/a.pem": b"pem"})
    await driver.ensure(changed)
    assert config_of(driver, spec) == {**changed.files, "opensearch.keystore": b"key"}
    assert sorted(path.name for path in config.iterdir()) == [
        "new", "opensearch.keystore", "opensearch.yml",
    ]  # fmt: skip


async def test_files_that_are_right_are_not_written_again(process_rig: ProcessRig) -> None:
    driver, spec, _ = await running_node(process_rig)
    path = driver.folder(spec.ref) / "config" / "opensearch.yml"
    before = path.stat().st_ino
    await driver.ensure(spec)
    assert path.stat().st_ino == before
    await driver.ensure(replace(spec, files={"opensearch.yml": b"other"}))
    assert path.stat().st_ino != before


async def test_a_link_in_the_configuration_is_replaced_and_not_followed(
    process_rig: ProcessRig, open_folder: Path
) -> None:
    driver, spec, _ = await running_node(process_rig)
    config = driver.folder(spec.ref) / "config"
    outside = open_folder / "outside"
    outside.mkdir()
    (outside / "victim").write_bytes(b"precious")
    (config / "opensearch.yml").unlink()
    (config / "opensearch.yml").symlink_to(outside / "victim")
    for path in (config / "security").iterdir():
        path.unlink()
    (config / "security").rmdir()
    (config / "security").symlink_to(outside)
    await driver.ensure(spec)
    assert config_of(driver, spec) == spec.files
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == {"victim": b"precious"}


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", ""])
async def test_a_file_outside_the_configuration_is_refused(
    process_rig: ProcessRig, name: str
) -> None:
    driver = process_rig.driver()
    with pytest.raises(Permanent, match="below the node's config folder"):
        await driver.ensure(replace(new_spec(), files={name: b""}))


@pytest.mark.parametrize("name", ["..", "a/b", "", ".hidden", "x.removing"])
async def test_an_id_that_is_no_folder_name_is_refused(process_rig: ProcessRig, name: str) -> None:
    driver, spec = process_rig.driver(), new_spec()
    spec = replace(spec, ref=replace(spec.ref, cluster_id=ClusterId(name)))
    with pytest.raises(Permanent, match="cannot be the name of a folder"):
        await driver.ensure(spec)
    assert isinstance(await driver.observe(spec.ref), Unknown)


@pytest.fixture
def member_of_a_group() -> Iterator[None]:
    """The service has a group beside its own, as it has under many process managers."""
    before = os.getgroups()
    os.setgroups([4242])
    yield
    os.setgroups(before)


@as_root
@pytest.mark.usefixtures("member_of_a_group")
async def test_each_project_has_a_user_who_cannot_read_the_other(process_rig: ProcessRig) -> None:
    driver, spec, process = await running_node(process_rig)
    other = await placed(driver, new_spec(tenant=4))
    await driver.ensure(other)
    assert set(process.uids()) == set(process.gids()) == {52003}
    assert set(psutil.Process(await pid_of(driver, other.ref)).uids()) == {52004}
    for closed in (driver.folder(other.ref), driver.tenant_folder(4)):
        assert closed.stat().st_uid == 52004
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert not may_list(closed, 52003)
    assert may_list(driver.folder(spec.ref) / "config", 52003)
    groups = next(
        line for line in proc_file(process.pid, "status").splitlines() if "Groups" in line
    )
    assert groups.split() == ["Groups:"]


@as_root
async def test_the_range_of_users_ends_with_a_sentence(process_rig: ProcessRig) -> None:
    driver = ProcessDriver(
        process_rig.data, process_rig.launch, print, users=TenantUsers(60000, 60002)
    )
    with pytest.raises(Permanent, match="60000 to 60002 holds 3 projects"):
        await driver.ensure(new_spec(tenant=3))


@as_root
async def test_below_a_closed_folder_nodes_move_to_where_they_can_be_reached(
    process_rig: ProcessRig, open_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    (closed / "data").mkdir(mode=0o700)
    process_rig.data = closed / "data"
    driver, spec, process = await running_node(process_rig)
    shown = driver.display_folder(spec.ref)
    assert shown == closed / "data/nodes" / spec.ref.cluster_id / spec.ref.node_id
    assert driver.folder(spec.ref).is_relative_to(open_folder / "fallback")
    assert driver.tenant_folder(3).is_relative_to(open_folder / "fallback")
    assert driver.tenant_folder(3).is_dir()
    assert shown.resolve() == driver.folder(spec.ref)
    assert str(shown) in process.cmdline()
    assert f"{closed} is closed" in caplog.text
    assert set(process.uids()) == {52003}
    await driver.stop(spec.ref, force=True)
    await stopped(driver, spec.ref)
    await driver.remove(spec.ref, Storage.DROP)
    assert list(process_rig.data.iterdir()) == []
    assert not (open_folder / "fallback").exists()


async def test_a_link_to_a_disk_that_is_not_there_is_not_an_empty_disk(
    process_rig: ProcessRig,
) -> None:
    driver = process_rig.driver()
    (process_rig.data / "nodes").symlink_to("/no/such/disk")
    seen = await driver.observe(new_spec().ref)
    assert isinstance(seen, Unknown) and "/no/such/disk, which is missing" in seen.reason


async def test_without_the_data_folder_nothing_is_known(process_rig: ProcessRig) -> None:
    driver = process_rig.driver()
    process_rig.data.rmdir()
    seen = await driver.observe(new_spec().ref)
    process_rig.data.mkdir()
    assert isinstance(seen, Unknown) and "is missing" in seen.reason


async def test_an_unreadable_folder_is_unknown(process_rig: ProcessRig) -> None:
    driver, spec = process_rig.driver(), new_spec()
    cluster = driver.folder(spec.ref).parent
    cluster.parent.mkdir(exist_ok=True)
    cluster.symlink_to(cluster)  # closed even to root
    assert isinstance(await driver.observe(spec.ref), Unknown)
    with pytest.raises(Transient):
        await driver.ensure(spec)
    cluster.unlink()


@as_root
async def test_nodes_that_are_below_a_closed_folder_already_are_not_moved(
    process_rig: ProcessRig, open_folder: Path
) -> None:
    closed = open_folder / "closed"
    (closed / "data" / "nodes" / "c1").mkdir(parents=True)
    closed.chmod(0o700)
    process_rig.data = closed / "data"
    with pytest.raises(Permanent, match=f"chmod o\\+x {closed}"):
        await process_rig.driver().ensure(new_spec())
    (closed / "data" / "nodes" / "c1").rmdir()


async def test_a_full_disk_is_said_and_nothing_is_half_written(
    process_rig: ProcessRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver, spec, _ = await running_node(process_rig)
    changed = replace(spec, files={**spec.files, "opensearch.yml": b"changed"})

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", full)
        with pytest.raises(Transient, match=f"No space .* {driver.display_folder(spec.ref)}"):
            await driver.ensure(changed)
    await driver.ensure(changed)
    assert config_of(driver, spec) == changed.files


# Without privileges


async def test_without_users_everything_is_the_callers(open_folder: Path) -> None:
    rig = ProcessRig(open_folder / "mine")
    rig.data.mkdir(mode=0o700)
    driver = ProcessDriver(rig.data, rig.launch, print, users=None)
    spec = await placed(driver, new_spec())
    await driver.ensure(spec)
    process = psutil.Process(await pid_of(driver, spec.ref))
    assert process.uids().real == os.getuid()
    assert stat.S_IMODE(rig.data.stat().st_mode) == 0o700
    await driver.stop(spec.ref, force=True)
    await stopped(driver, spec.ref)
    await driver.remove(spec.ref, Storage.DROP)
    assert await driver.observe(spec.ref) == Absent()
    await driver.close()
