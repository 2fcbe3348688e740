"""What only nodes as processes have: folders and users, signals, records that lie, busy ports."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import resource
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest
from driver_rigs import ProcessRig, eventually, new_spec, placed, stopped

from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import Absent, Running, Stopped, Unknown
from searchplane.drivers.base import NodeRef, NodeSpec, Storage
from searchplane.drivers.process.driver import TERM_GRACE, ProcessDriver
from searchplane.drivers.process.spawn import spawn
from searchplane.drivers.process.users import TenantUsers, users_if_root
from searchplane.drivers.steps import Step
from searchplane.errors import Permanent, Transient

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives nodes users of their own")


async def _running(rig: ProcessRig) -> tuple[ProcessDriver, NodeSpec, psutil.Process]:
    driver = rig.driver()
    spec = await placed(driver, new_spec())
    await driver.ensure(spec)
    return driver, spec, psutil.Process(await _pid(driver, spec.ref))


async def _pid(driver: ProcessDriver, ref: NodeRef) -> int:
    seen = await driver.observe(ref)
    assert isinstance(seen, Running) and seen.pid is not None
    return seen.pid


async def _serves(spec: NodeSpec) -> None:
    """Wait until the node's REST port answers."""

    async def answers() -> bool:
        with socket.socket() as client:
            return client.connect_ex((spec.address, 9200)) == 0

    await eventually(answers, bool)


def _proc(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


def _start_time(pid: int) -> int:
    return int(_proc(pid, "stat").rpartition(")")[2].split()[19])


def _may_list(folder: Path, user: int) -> bool:
    return not subprocess.run(
        ["ls", folder], user=user, group=user, check=False, capture_output=True
    ).returncode


def _open_files(pid: int) -> dict[int, str]:
    return {int(link.name): str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}


def _rewrite(record: Path, **fields: object) -> None:
    record.write_text(json.dumps({**json.loads(record.read_text()), **fields}))


def _config(driver: ProcessDriver, spec: NodeSpec) -> dict[str, bytes]:
    config = driver.folder(spec.ref) / "config"
    return {
        str(path.relative_to(config)): path.read_bytes()
        for path in config.rglob("*")
        if path.is_file()
    }


# Folders and users


async def test_a_node_is_alone_in_its_folder(process_rig: ProcessRig) -> None:
    driver, spec, _ = await _running(process_rig)
    folder = driver.folder(spec.ref)
    for path in (folder, *folder.rglob("*")):
        assert not path.stat().st_mode & 0o077, f"{path} is open to others"
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {
        "config", "data", "logs", "tmp",
    }  # fmt: skip


async def test_config_holds_exactly_the_files_and_the_keystore(process_rig: ProcessRig) -> None:
    driver, spec, _ = await _running(process_rig)
    config = driver.folder(spec.ref) / "config"
    (config / "opensearch.keystore").write_bytes(b"key")
    (config / "left.over").write_bytes(b"?")
    (config / "old" / "deep").mkdir(parents=True)
    (config / "old" / "deep" / "file").write_bytes(b"?")
    changed = replace(spec, files={"opensearch.yml": b"node.name: b\n", "new/a.pem": b"pem"})
    await driver.ensure(changed)
    assert _config(driver, spec) == {**changed.files, "opensearch.keystore": b"key"}
    assert sorted(path.name for path in config.iterdir()) == [
        "new", "opensearch.keystore", "opensearch.yml",
    ]  # fmt: skip


async def test_files_that_are_right_are_not_written_again(process_rig: ProcessRig) -> None:
    driver, spec, _ = await _running(process_rig)
    path = driver.folder(spec.ref) / "config" / "opensearch.yml"
    before = path.stat().st_ino
    await driver.ensure(spec)
    assert path.stat().st_ino == before
    await driver.ensure(replace(spec, files={"opensearch.yml": b"other"}))
    assert path.stat().st_ino != before


async def test_a_link_in_the_configuration_is_replaced_and_not_followed(
    process_rig: ProcessRig, open_folder: Path
) -> None:
    driver, spec, _ = await _running(process_rig)
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
    assert _config(driver, spec) == spec.files
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
    driver, spec, process = await _running(process_rig)
    other = await placed(driver, new_spec(tenant=4))
    await driver.ensure(other)
    assert set(process.uids()) == set(process.gids()) == {52003}
    assert set(psutil.Process(await _pid(driver, other.ref)).uids()) == {52004}
    for closed in (driver.folder(other.ref), driver.tenant_folder(4)):
        assert closed.stat().st_uid == 52004
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert not _may_list(closed, 52003)
    assert _may_list(driver.folder(spec.ref) / "config", 52003)
    groups = next(line for line in _proc(process.pid, "status").splitlines() if "Groups" in line)
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
    driver, spec, process = await _running(process_rig)
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
    driver, spec, _ = await _running(process_rig)
    changed = replace(spec, files={**spec.files, "opensearch.yml": b"changed"})

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", full)
        with pytest.raises(Transient, match=f"No space .* {driver.display_folder(spec.ref)}"):
            await driver.ensure(changed)
    await driver.ensure(changed)
    assert _config(driver, spec) == changed.files


# The process


@pytest.fixture
def few_file_handles() -> Iterator[None]:
    """The soft limit is low, as it is in most shells."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("few_file_handles")
async def test_a_node_is_one_process_in_its_own_session(process_rig: ProcessRig) -> None:
    driver, spec, process = await _running(process_rig)
    await _serves(spec)
    assert os.getsid(process.pid) == process.pid
    assert str(driver.display_folder(spec.ref)) in process.cmdline()
    given = {"NODE_HOME": str(driver.folder(spec.ref))}
    assert process.environ() in (given, {**given, "LC_CTYPE": "C.UTF-8"})
    files = _open_files(process.pid)
    console = str(driver.folder(spec.ref) / "logs/console.log")
    assert (files[0], files[1], files[2]) == ("/dev/null", console, console)
    limits = _proc(process.pid, "limits").splitlines()
    soft, hard = next(line for line in limits if "open files" in line).split()[3:5]
    assert soft == hard


async def test_a_node_does_not_keep_the_listener_of_the_service(process_rig: ProcessRig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.set_inheritable(True)
        _, spec, process = await _running(process_rig)
        await _serves(spec)
        ours = f"socket:[{os.fstat(listener.fileno()).st_ino}]"
        assert ours not in _open_files(process.pid).values()


async def test_of_many_starts_at_once_one_becomes_the_node(process_rig: ProcessRig) -> None:
    driver, spec, process = await _running(process_rig)
    process.kill()
    await stopped(driver, spec.ref)
    home = driver.folder(spec.ref)
    users = users_if_root()
    owner = None if users is None else users.owner(spec.tenant)
    start = partial(spawn, home, owner, *process_rig.launch(spec, home))
    pids = await asyncio.gather(*(asyncio.to_thread(start) for _ in range(8)))
    assert [pid for pid in pids if pid is not None] == [await _pid(driver, spec.ref)]
    assert len([text for text in process_rig.leftovers() if " -c " in text]) == 1


async def test_the_service_killed_while_it_starts_a_node_finds_it(process_rig: ProcessRig) -> None:
    """A launcher whose service is gone goes on and leaves a record."""

    def kill(step: str) -> None:
        if step == Step.PROCESS_STARTED:
            raise KeyboardInterrupt

    spec = await placed(process_rig.driver(), new_spec())
    with pytest.raises(KeyboardInterrupt):
        await process_rig.driver(kill).ensure(spec)
    driver = process_rig.driver()
    pid = await _pid(driver, spec.ref)
    await driver.ensure(spec)
    assert await _pid(driver, spec.ref) == pid


async def test_a_program_that_is_not_there_is_said(process_rig: ProcessRig) -> None:
    driver = process_rig.driver()
    spec = new_spec()
    process_rig.launch = lambda spec, folder: (("/no/java", str(folder)), {})  # type: ignore[method-assign]
    with pytest.raises(Transient, match=r"Starting java as user \d+ in .* /no/java: No such file"):
        await process_rig.driver().ensure(spec)
    assert isinstance(await driver.observe(spec.ref), Stopped)
    assert psutil.Process().children() == []


async def test_a_deaf_node_is_killed_by_a_later_stop(process_rig: ProcessRig) -> None:
    driver = process_rig.driver()
    spec = await placed(driver, new_spec())
    process_rig.modes[spec.ref] = "deaf"
    await driver.ensure(spec)
    await _serves(spec)
    await driver.stop(spec.ref)
    await driver.stop(spec.ref)
    assert isinstance(await driver.observe(spec.ref), Running)
    marker = driver.folder(spec.ref) / "stop.asked"
    asked = marker.stat().st_mtime - TERM_GRACE - 1
    os.utime(marker, (asked, asked))
    await process_rig.driver().stop(spec.ref)
    assert await stopped(driver, spec.ref) == Stopped(None)


async def test_an_old_order_to_stop_does_not_kill_the_next_process(
    process_rig: ProcessRig,
) -> None:
    driver, spec, process = await _running(process_rig)
    marker = driver.folder(spec.ref) / "stop.asked"
    marker.touch()
    os.utime(marker, (1, 1))
    process.kill()
    await stopped(driver, spec.ref)
    await driver.ensure(spec)
    assert not marker.exists()


async def test_a_zombie_has_stopped_and_is_collected(process_rig: ProcessRig) -> None:
    driver = process_rig.driver()
    spec = await placed(driver, new_spec())
    await asyncio.to_thread(driver._ensure, spec)  # unwatched, so that nobody collects it before
    process = psutil.Process(json.loads((driver.folder(spec.ref) / "node.json").read_text())["pid"])
    process.kill()

    async def state() -> str:
        return process.status()

    await eventually(state, lambda found: found == psutil.STATUS_ZOMBIE)
    assert isinstance(await driver.observe(spec.ref), Stopped)
    assert not psutil.pid_exists(process.pid)


async def test_a_node_runs_until_its_last_thread_has_ended(process_rig: ProcessRig) -> None:
    driver = process_rig.driver()
    spec = await placed(driver, new_spec())
    process_rig.modes[spec.ref] = "ending"
    await driver.ensure(spec)
    process = psutil.Process(await _pid(driver, spec.ref))

    async def state() -> str:
        return process.status()

    await eventually(state, lambda found: found == psutil.STATUS_ZOMBIE)
    assert await driver.observe(spec.ref) == Running(process.pid)
    with pytest.raises(Transient, match="still runs"):
        await driver.remove(spec.ref, Storage.DROP)
    await driver.stop(spec.ref, force=True)
    await stopped(driver, spec.ref)


# Records that lie


@pytest.fixture(params=["node user"])
def bystander(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is no node, of the node's own user or of the caller's."""
    users = users_if_root() if request.param == "node user" else None
    user = None if users is None else users.owner(3).uid
    with subprocess.Popen(["sleep", "60"], user=user) as process:
        yield process
        assert process.poll() is None, "a process that is not a node was ended"
        process.kill()


@pytest.mark.parametrize("lie", [{"start": 1}, {"boot": "another"}, {"pid": 2**22 + 1}], ids=str)
async def test_a_number_given_out_again_is_not_the_node(
    process_rig: ProcessRig, bystander: subprocess.Popen[bytes], lie: dict[str, object]
) -> None:
    driver, spec, process = await _running(process_rig)
    process.kill()
    await stopped(driver, spec.ref)
    record = driver.folder(spec.ref) / "node.json"
    fields: dict[str, object] = {"pid": bystander.pid, "start": _start_time(bystander.pid)}
    _rewrite(record, **(fields | lie))
    assert isinstance(await driver.observe(spec.ref), Stopped)
    await driver.stop(spec.ref, force=True)
    await driver.ensure(spec)
    assert await _pid(driver, spec.ref) != bystander.pid


@as_root
@pytest.mark.parametrize("bystander", ["caller"], indirect=True)
async def test_a_node_cannot_have_the_process_of_another_user_killed(
    process_rig: ProcessRig, bystander: subprocess.Popen[bytes]
) -> None:
    driver, spec, process = await _running(process_rig)
    process.kill()
    await stopped(driver, spec.ref)
    record = driver.folder(spec.ref) / "node.json"
    _rewrite(record, pid=bystander.pid, start=_start_time(bystander.pid))
    await driver.stop(spec.ref, force=True)
    assert isinstance(await driver.observe(spec.ref), Stopped)


async def test_a_held_lock_without_a_record_is_unknown(process_rig: ProcessRig) -> None:
    driver, spec, _ = await _running(process_rig)
    record = driver.folder(spec.ref) / "node.json"
    text = record.read_text()
    record.unlink()
    seen = await driver.observe(spec.ref)
    assert isinstance(seen, Unknown) and "does not name" in seen.reason
    with pytest.raises(Transient, match="still runs"):
        await driver.remove(spec.ref, Storage.DROP)
    record.write_text(text)


async def test_a_running_node_whose_lock_file_was_deleted_still_runs(
    process_rig: ProcessRig,
) -> None:
    driver, spec, process = await _running(process_rig)
    (driver.folder(spec.ref) / "node.lock").unlink()
    await driver.ensure(spec)
    assert await _pid(driver, spec.ref) == process.pid
    with pytest.raises(Transient, match="still runs"):
        await driver.remove(spec.ref, Storage.DROP)


# Ports


async def test_a_busy_port_is_the_last_error(process_rig: ProcessRig) -> None:
    driver = process_rig.driver()
    spec = await placed(driver, new_spec())
    with socket.create_server((spec.address, 9300)):
        await driver.ensure(spec)
        seen = await stopped(driver, spec.ref)
    assert seen == Stopped(f"the address {spec.address}:9300 is in use")
    await driver.ensure(spec)
    await _serves(spec)


async def test_a_busy_address_is_not_chosen(process_rig: ProcessRig) -> None:
    driver, spec = process_rig.driver(), new_spec()
    first = await driver.place(spec.ref)
    assert await driver.place(spec.ref) == first
    with socket.create_server((first, 9200)):
        assert await driver.place(spec.ref) != first


async def test_elsewhere_than_on_linux_one_sentence_says_so(
    process_rig: ProcessRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(Permanent, match="need Linux"):
        await process_rig.driver().place(new_spec().ref)


# Without privileges


async def test_without_users_everything_is_the_callers(open_folder: Path) -> None:
    rig = ProcessRig(open_folder / "mine")
    rig.data.mkdir(mode=0o700)
    driver = ProcessDriver(rig.data, rig.launch, print, users=None)
    spec = await placed(driver, new_spec())
    await driver.ensure(spec)
    process = psutil.Process(await _pid(driver, spec.ref))
    assert process.uids().real == os.getuid()
    assert stat.S_IMODE(rig.data.stat().st_mode) == 0o700
    await driver.stop(spec.ref, force=True)
    await stopped(driver, spec.ref)
    await driver.remove(spec.ref, Storage.DROP)
    assert await driver.observe(spec.ref) == Absent()
    await driver.close()
