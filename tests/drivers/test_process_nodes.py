"""What only nodes as processes have: signals, records that lie, busy ports."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

import psutil
import pytest
from driver_rigs import ProcessRig, eventually, new_spec, placed, stopped
from process_views import open_files, pid_of, proc_file, rewrite, running_node, serves, start_time

from searchplane.domain.observed import Running, Stopped, Unknown
from searchplane.drivers.base import Storage
from searchplane.drivers.process.driver import TERM_GRACE
from searchplane.drivers.process.spawn import spawn
from searchplane.drivers.process.users import users_if_root
from searchplane.drivers.steps import Step
from searchplane.errors import Permanent, Transient

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives nodes users of their own")


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
    driver, spec, process = await running_node(process_rig)
    await serves(spec)
    assert os.getsid(process.pid) == process.pid
    assert str(driver.display_folder(spec.ref)) in process.cmdline()
    given = {"NODE_HOME": str(driver.folder(spec.ref))}
    assert process.environ() in (given, {**given, "LC_CTYPE": "C.UTF-8"})
    files = open_files(process.pid)
    console = str(driver.folder(spec.ref) / "logs/console.log")
    assert (files[0], files[1], files[2]) == ("/dev/null", console, console)
    limits = proc_file(process.pid, "limits").splitlines()
    soft, hard = next(line for line in limits if "open files" in line).split()[3:5]
    assert soft == hard


async def test_a_node_does_not_keep_the_listener_of_the_service(process_rig: ProcessRig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.set_inheritable(True)
        _, spec, process = await running_node(process_rig)
        await serves(spec)
        ours = f"socket:[{os.fstat(listener.fileno()).st_ino}]"
        assert ours not in open_files(process.pid).values()


async def test_of_many_starts_at_once_one_becomes_the_node(process_rig: ProcessRig) -> None:
    driver, spec, process = await running_node(process_rig)
    process.kill()
    await stopped(driver, spec.ref)
    home = driver.folder(spec.ref)
    users = users_if_root()
    owner = None if users is None else users.owner(spec.tenant)
    start = partial(spawn, home, owner, *process_rig.launch(spec, home))
    pids = await asyncio.gather(*(asyncio.to_thread(start) for _ in range(8)))
    assert [pid for pid in pids if pid is not None] == [await pid_of(driver, spec.ref)]
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
    pid = await pid_of(driver, spec.ref)
    await driver.ensure(spec)
    assert await pid_of(driver, spec.ref) == pid


async def test_a_program_that_is_not_there_is_said(process_rig: ProcessRig) -> None:
    before = psutil.Process().children()  # a test's own database server may be one
    driver = process_rig.driver()
    spec = new_spec()
    process_rig.launch = lambda spec, folder: (("/no/java", str(folder)), {})  # type: ignore[method-assign]
    with pytest.raises(Transient, match=r"Starting java as user \d+ in .* /no/java: No such file"):
        await process_rig.driver().ensure(spec)
    assert isinstance(await driver.observe(spec.ref), Stopped)
    assert psutil.Process().children() == before


async def test_a_deaf_node_is_killed_by_a_later_stop(process_rig: ProcessRig) -> None:
    driver = process_rig.driver()
    spec = await placed(driver, new_spec())
    process_rig.modes[spec.ref] = "deaf"
    await driver.ensure(spec)
    await serves(spec)
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
    driver, spec, process = await running_node(process_rig)
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
    process = psutil.Process(await pid_of(driver, spec.ref))

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
    driver, spec, process = await running_node(process_rig)
    process.kill()
    await stopped(driver, spec.ref)
    record = driver.folder(spec.ref) / "node.json"
    fields: dict[str, object] = {"pid": bystander.pid, "start": start_time(bystander.pid)}
    rewrite(record, **(fields | lie))
    assert isinstance(await driver.observe(spec.ref), Stopped)
    await driver.stop(spec.ref, force=True)
    await driver.ensure(spec)
    assert await pid_of(driver, spec.ref) != bystander.pid


@as_root
@pytest.mark.parametrize("bystander", ["caller"], indirect=True)
async def test_a_node_cannot_have_the_process_of_another_user_killed(
    process_rig: ProcessRig, bystander: subprocess.Popen[bytes]
) -> None:
    driver, spec, process = await running_node(process_rig)
    process.kill()
    await stopped(driver, spec.ref)
    record = driver.folder(spec.ref) / "node.json"
    rewrite(record, pid=bystander.pid, start=start_time(bystander.pid))
    await driver.stop(spec.ref, force=True)
    assert isinstance(await driver.observe(spec.ref), Stopped)


async def test_a_held_lock_without_a_record_is_unknown(process_rig: ProcessRig) -> None:
    driver, spec, _ = await running_node(process_rig)
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
    driver, spec, process = await running_node(process_rig)
    (driver.folder(spec.ref) / "node.lock").unlink()
    await driver.ensure(spec)
    assert await pid_of(driver, spec.ref) == process.pid
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
    await serves(spec)


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
