"""The fake driver plays the engine too: who has joined, who is master, what went wrong on wish."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

import pytest
from driver_rigs import FakeRig, new_spec, placed

from searchplane.domain.engines import ELASTICSEARCH_7_10_2, OPENSEARCH_1_3_6, OPENSEARCH_2_19_1
from searchplane.domain.observed import (
    EngineView,
    Health,
    Ready,
    Running,
    Stopped,
    Target,
    Unknown,
)
from searchplane.drivers.base import NodeSpec, Storage
from searchplane.drivers.fake import FakeDriver
from searchplane.drivers.process.addresses import candidates
from searchplane.errors import Transient


async def _cluster(driver: FakeDriver, size: int = 3) -> tuple[list[NodeSpec], Target]:
    specs = []
    for number in range(size):
        spec = replace(new_spec("c1"), name=f"es-{number}")
        specs.append(await placed(driver, spec))
        await driver.ensure(specs[-1])
    return specs, Target(tuple(spec.address for spec in specs))


async def _view(driver: FakeDriver, target: Target) -> EngineView:
    seen = await driver.view(target)
    assert isinstance(seen, EngineView)
    return seen


async def test_running_nodes_have_joined_and_the_first_by_name_is_master(
    fake_rig: FakeRig,
) -> None:
    driver = fake_rig.driver()
    specs, target = await _cluster(driver)
    seen = await _view(driver, target)
    assert (seen.master, seen.health) == ("es-0", Health.GREEN)
    assert seen.members == {"es-0", "es-1", "es-2"}
    driver.kill(specs[0].ref, "out of memory")
    assert (await _view(driver, target)).master == "es-1"
    assert await driver.observe(specs[0].ref) == Stopped("out of memory")
    assert fake_rig.changes == ["c1"]


async def test_nobody_answers_at_addresses_without_running_nodes(fake_rig: FakeRig) -> None:
    driver = fake_rig.driver()
    specs, target = await _cluster(driver, 1)
    await driver.stop(specs[0].ref)
    assert await driver.view(target) == Unknown(f"no node answers at {specs[0].address}")
    assert await driver.view(Target(())) == Unknown("no node answers at no address")


async def test_a_cluster_is_the_same_after_restarts_and_another_when_its_data_is_gone(
    fake_rig: FakeRig,
) -> None:
    driver = fake_rig.driver()
    specs, target = await _cluster(driver)
    formed = (await _view(driver, target)).cluster_uuid
    assert formed
    driver = fake_rig.driver()
    for spec in specs:
        await driver.stop(spec.ref)
        await driver.ensure(spec)
    assert (await _view(driver, target)).cluster_uuid == formed
    for spec in specs:
        await driver.stop(spec.ref)
        await driver.remove(spec.ref, Storage.DROP)
    _, target = await _cluster(driver)
    assert (await _view(driver, target)).cluster_uuid != formed


async def test_a_node_that_is_held_runs_without_joining(fake_rig: FakeRig) -> None:
    driver = fake_rig.driver()
    specs, target = await _cluster(driver)
    driver.hold_join(specs[1].ref)
    assert (await _view(driver, target)).members == {"es-0", "es-2"}
    driver.heal(specs[1].ref)
    assert (await _view(driver, target)).members == {"es-0", "es-1", "es-2"}
    assert fake_rig.changes == ["c1"]


async def test_a_node_that_hangs_is_no_member_until_it_was_ended(fake_rig: FakeRig) -> None:
    driver = fake_rig.driver()
    specs, target = await _cluster(driver)
    driver.hang(specs[1].ref)
    assert (await _view(driver, target)).members == {"es-0", "es-2"}
    assert isinstance(await driver.observe(specs[1].ref), Running)
    await driver.stop(specs[1].ref)
    await driver.ensure(specs[1])
    assert (await _view(driver, target)).members == {"es-0", "es-1", "es-2"}


async def test_an_address_of_another_node_is_not_given_out(fake_rig: FakeRig) -> None:
    driver, spec = fake_rig.driver(), new_spec()
    first, second = islice(candidates(spec.ref.node_id), 2)
    assert await driver.place(spec.ref) == first
    await driver.ensure(replace(new_spec(), address=first))
    assert await driver.place(spec.ref) == second


async def test_every_engine_is_there_and_the_host_is_as_large_as_wished(
    fake_rig: FakeRig,
) -> None:
    driver = fake_rig.driver()
    assert await driver.ensure_distribution(OPENSEARCH_2_19_1, secured=True) == Ready()
    before = datetime.now(UTC)
    driver.has = replace(driver.has, memory_available_mb=5)
    found = await driver.capacity()
    assert found.memory_available_mb == 5
    assert found.observed >= before


async def test_a_data_folder_that_cannot_be_written_is_said(fake_rig: FakeRig) -> None:
    (fake_rig.data / "fake").write_bytes(b"not a folder")
    with pytest.raises(Transient, match="cannot be written"):
        await fake_rig.driver().ensure(new_spec())


async def test_no_copy_goes_from_a_newer_engine_to_an_older_one(fake_rig: FakeRig) -> None:
    driver = fake_rig.driver()
    specs, target = await _cluster(driver)
    for spec in specs[1:]:
        await driver.stop(spec.ref)
    driver.add_index(specs[0].ref.cluster_id, "made-meanwhile", shards=1, replicas=1)
    for spec, engine in zip(specs[1:], (ELASTICSEARCH_7_10_2, OPENSEARCH_1_3_6), strict=True):
        await driver.ensure(replace(spec, engine=engine))
    for _ in range(3):
        seen = await driver.view(target, placement=True)
    assert isinstance(seen, EngineView)
    assert (seen.health, seen.unassigned, seen.is_moving) == (Health.YELLOW, 1, False)
    await driver.stop(specs[2].ref)
    await driver.ensure(replace(specs[2], engine=OPENSEARCH_2_19_1))
    for _ in range(3):
        seen = await driver.view(target, placement=True)
    assert isinstance(seen, EngineView)
    assert seen.health is Health.GREEN
