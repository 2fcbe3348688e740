"""What every driver promises, on every driver: each verb, each repeat, a crash after each step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from driver_rigs import Rig, eventually, new_spec, placed, stopped

from searchplane.domain.observed import Absent, Running, Stopped, Unknown
from searchplane.drivers.base import Driver, NodeSpec, Storage
from searchplane.drivers.steps import Step
from searchplane.errors import Transient


class Killed(BaseException):
    """The service ends here, as by kill -9."""


async def test_an_unknown_node_is_absent_and_may_be_stopped_and_removed(rig: Rig) -> None:
    driver, spec = rig.driver(), new_spec()
    await driver.stop(spec.ref)
    await driver.remove(spec.ref, Storage.DROP)
    await driver.remove(spec.ref, Storage.KEEP)
    assert await driver.observe(spec.ref) == Absent()
    assert await driver.nodes() == ()


async def test_ensure_runs_a_node_and_repeated_leaves_it_alone(rig: Rig) -> None:
    driver = rig.driver()
    spec = await placed(driver, new_spec())
    await driver.ensure(spec)
    first = await driver.observe(spec.ref)
    await driver.ensure(replace(spec, files={"opensearch.yml": b"changed"}))
    assert isinstance(first, Running)
    assert await driver.observe(spec.ref) == first
    assert await driver.nodes() == (spec.ref,)


async def test_stop_ends_a_node_and_keeps_it_startable(rig: Rig) -> None:
    driver = rig.driver()
    spec = await placed(driver, new_spec())
    await driver.ensure(spec)
    for _ in range(2):
        await driver.stop(spec.ref)
    assert await stopped(driver, spec.ref) == Stopped(None)
    await driver.stop(spec.ref)
    await driver.ensure(spec)
    assert isinstance(await driver.observe(spec.ref), Running)


async def test_a_running_node_is_not_removed(rig: Rig) -> None:
    driver = rig.driver()
    spec = await placed(driver, new_spec())
    await driver.ensure(spec)
    for storage in Storage:
        with pytest.raises(Transient, match="still runs"):
            await driver.remove(spec.ref, storage)
    assert isinstance(await driver.observe(spec.ref), Running)


async def test_remove_with_keep_keeps_the_node(rig: Rig) -> None:
    driver = rig.driver()
    spec = await placed(driver, new_spec())
    await driver.ensure(spec)
    await driver.stop(spec.ref, force=True)
    await stopped(driver, spec.ref)
    for _ in range(2):
        await driver.remove(spec.ref, Storage.KEEP)
    assert await driver.observe(spec.ref) == Stopped(None)
    assert await driver.nodes() == (spec.ref,)


async def test_remove_with_drop_leaves_nothing(rig: Rig) -> None:
    driver = rig.driver()
    spec = await placed(driver, new_spec())
    await driver.ensure(spec)
    await driver.stop(spec.ref, force=True)
    await stopped(driver, spec.ref)
    for _ in range(2):
        await driver.remove(spec.ref, Storage.DROP)
    assert await driver.observe(spec.ref) == Absent()
    assert await driver.nodes() == ()
    assert rig.leftovers() == []


async def test_one_node_of_a_cluster_is_removed_and_the_other_serves_on(rig: Rig) -> None:
    driver = rig.driver()
    leaving = await placed(driver, new_spec("shared"))
    staying = await placed(driver, new_spec("shared"))
    await driver.ensure(leaving)
    await driver.ensure(staying)
    await driver.stop(leaving.ref, force=True)
    await stopped(driver, leaving.ref)
    await driver.remove(leaving.ref, Storage.DROP)
    assert isinstance(await driver.observe(staying.ref), Running)
    assert await driver.nodes() == (staying.ref,)


async def test_a_restarted_service_finds_its_nodes_and_watches_them(rig: Rig) -> None:
    before = rig.driver()
    spec = await placed(before, new_spec())
    await before.ensure(spec)
    seen = await before.observe(spec.ref)
    await before.close()
    after = rig.driver()
    assert await after.nodes() == (spec.ref,)
    assert await after.observe(spec.ref) == seen
    await rig.kill(after, spec.ref)
    await eventually(_changes(rig), lambda changes: changes == [spec.ref.cluster_id])
    assert isinstance(await after.observe(spec.ref), Stopped)


async def test_a_death_is_reported_once_and_can_be_cured(rig: Rig) -> None:
    driver = rig.driver()
    spec = await placed(driver, new_spec())
    await driver.ensure(spec)
    await driver.observe(spec.ref)
    await rig.kill(driver, spec.ref)
    await eventually(_changes(rig), bool)
    await stopped(driver, spec.ref)
    await driver.ensure(spec)
    assert isinstance(await driver.observe(spec.ref), Running)
    assert rig.changes == [spec.ref.cluster_id]


async def test_a_node_that_cannot_start_says_why_until_it_is_mended(rig: Rig) -> None:
    driver = rig.driver()
    spec = await placed(driver, new_spec())
    rig.break_starts(driver, spec.ref)
    await driver.ensure(spec)
    assert await stopped(driver, spec.ref) == Stopped("unknown setting [no.such]")
    await eventually(_changes(rig), bool)
    rig.mend(driver, spec.ref)
    await driver.ensure(spec)
    assert isinstance(await driver.observe(spec.ref), Running)


async def test_in_doubt_nothing_is_started_stopped_or_removed(rig: Rig) -> None:
    driver = rig.driver()
    spec = await placed(driver, new_spec())
    await driver.ensure(spec)
    seen = await driver.observe(spec.ref)
    await rig.make_unknown(driver, spec.ref)
    doubt = await driver.observe(spec.ref)
    assert isinstance(doubt, Unknown) and "not a process record" in doubt.reason
    with pytest.raises(Transient):
        await driver.ensure(spec)
    with pytest.raises(Transient):
        await driver.stop(spec.ref)
    with pytest.raises(Transient):
        await driver.remove(spec.ref, Storage.DROP)
    rig.mend(driver, spec.ref)
    assert await driver.observe(spec.ref) == seen


async def test_two_data_folders_know_nothing_of_each_other(rig: Rig, open_folder: Path) -> None:
    other = type(rig)(open_folder / "other")
    (open_folder / "other").mkdir()
    ours, theirs = rig.driver(), other.driver()
    spec = await placed(ours, new_spec())
    await ours.ensure(spec)
    await theirs.ensure(await placed(theirs, new_spec()))
    try:
        assert await theirs.observe(spec.ref) == Absent()
        await theirs.remove(spec.ref, Storage.DROP)
        assert isinstance(await ours.observe(spec.ref), Running)
        assert await ours.nodes() == (spec.ref,)
    finally:
        await other.close()


async def test_nodes_are_placed_apart_on_loopback(rig: Rig) -> None:
    driver = rig.driver()
    addresses = set()
    for _ in range(20):
        addresses.add(IPv4Address(await driver.place(new_spec().ref)))
    assert len(addresses) == 20
    assert all(address in IPv4Network("127.0.0.0/8") for address in addresses)
    assert not any(address in IPv4Network("127.0.0.0/12") for address in addresses)


async def test_a_node_uses_storage_until_it_is_gone(rig: Rig) -> None:
    driver = rig.driver()
    spec = await placed(driver, new_spec())
    assert await driver.used_bytes(spec.ref) is None
    await driver.ensure(spec)
    used = await driver.used_bytes(spec.ref)
    assert used is not None and used >= sum(map(len, spec.files.values()))
    await driver.stop(spec.ref, force=True)
    await stopped(driver, spec.ref)
    assert await driver.used_bytes(spec.ref) is not None
    await driver.remove(spec.ref, Storage.DROP)
    assert await driver.used_bytes(spec.ref) is None


async def test_capacity_is_positive_and_dated(rig: Rig) -> None:
    found = await rig.driver().capacity()
    assert 0 < found.memory_available_mb <= found.memory_total_mb
    assert found.disk_free_bytes > 0
    assert found.observed.tzinfo is not None


async def _life(rig: Rig, driver_now: Callable[[], Driver], spec: NodeSpec) -> None:
    """A node's whole life; every verb is repeated when the service was killed in it."""

    async def surely(verb: Callable[[Driver], Awaitable[None]]) -> None:
        while True:
            try:
                await verb(driver_now())
            except Killed:
                continue
            return

    for storage in (Storage.KEEP, Storage.DROP):
        await surely(lambda driver: driver.ensure(spec))
        assert isinstance(await driver_now().observe(spec.ref), Running)
        await surely(lambda driver: driver.stop(spec.ref))
        await stopped(driver_now(), spec.ref)
        await surely(_remove(spec, storage))
    assert await driver_now().observe(spec.ref) == Absent()
    assert rig.leftovers() == []


def _remove(spec: NodeSpec, storage: Storage) -> Callable[[Driver], Awaitable[None]]:
    return lambda driver: driver.remove(spec.ref, storage)


def _killed_at(rig: Rig, victim: int) -> tuple[list[str], Callable[[], Driver]]:
    """The steps passed, and a driver that dies at the step of that number in the row."""
    passed: list[str] = []

    def kill(step: str) -> None:
        passed.append(step)
        if len(passed) == victim + 1:
            raise Killed(step)

    return passed, lambda: rig.driver(kill)


async def test_killed_after_any_step_the_same_verb_cures_it(rig: Rig) -> None:
    steps: list[str] = []
    recorder = rig.driver(steps.append)
    spec = await placed(recorder, new_spec())
    await _life(rig, lambda: recorder, spec)
    assert set(steps) == set(Step)

    for victim in range(len(steps)):
        passed, new_driver = _killed_at(rig, victim)
        # A new instance for every call: nothing may depend on what was in memory.
        await _life(rig, new_driver, spec)
        assert len(passed) > victim, f"never killed at {steps[victim]}"


async def test_killed_while_removing_the_node_is_not_absent_before_all_is_gone(rig: Rig) -> None:
    def kill(step: str) -> None:
        if step == Step.FOLDER_SET_ASIDE:
            raise Killed(step)

    driver = rig.driver(kill)
    spec = await placed(driver, new_spec())
    await driver.ensure(spec)
    await driver.stop(spec.ref, force=True)
    await stopped(driver, spec.ref)
    with pytest.raises(Killed):
        await driver.remove(spec.ref, Storage.DROP)
    steps: list[str] = []
    again = rig.driver(steps.append)
    assert await again.observe(spec.ref) == Stopped(None)
    assert await again.nodes() == (spec.ref,)
    await again.ensure(spec)
    assert steps[:2] == [Step.FOLDER_REMOVED, Step.FOLDER_MADE]
    assert isinstance(await again.observe(spec.ref), Running)


def _changes(rig: Rig) -> Callable[[], Awaitable[list[str]]]:
    async def look() -> list[str]:
        return list(rig.changes)

    return look
