"""How loaded nodes are is looked at in passes that find the cluster whole, and stored in time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.paper_world import Clock, World

from searchplane.domain.cluster import LoadSeen, Role
from searchplane.domain.observed import NodeLoad
from searchplane.drivers.fake.driver import IDLE
from searchplane.reconciler.load import EVERY, LONG_AGO

BUSY = NodeLoad(search_queue=7, write_queue=8, cpu_percent=9, cpus=1.5)
DUE = int(EVERY.total_seconds())


@pytest.fixture
def world(paper: World) -> World:
    paper.create({Role.DATA: 3})
    return paper


def stored(world: World) -> LoadSeen:
    found = world.there.load
    assert found is not None
    return found


def store(world: World) -> None:
    world.runner.run(world.one_pass.loads.store())


def test_a_new_cluster_was_looked_at_before_it_is_done(world: World) -> None:
    assert stored(world).nodes == {one.name: IDLE for one in world.there.nodes}


def test_later_looks_are_stored_together_and_not_before_they_are_due(world: World) -> None:
    store(world)
    ref = world.chosen(1)
    world.driver.strain(ref, BUSY)
    world.run(1)
    store(world)
    assert BUSY not in stored(world).nodes.values()
    world.run(DUE)
    assert BUSY not in stored(world).nodes.values()
    store(world)
    assert stored(world).nodes[world.there.nodes[1].name] == BUSY
    assert stored(world).at == Clock.at


def test_the_first_look_after_a_while_is_stored_at_once(world: World) -> None:
    store(world)
    world.run(int(LONG_AGO.total_seconds()) + 1)
    assert stored(world).at == Clock.at


def test_what_is_not_whole_is_not_looked_at_and_the_last_look_grows_old(world: World) -> None:
    store(world)
    before = stored(world)
    world.driver.hold_join(world.chosen(1))
    world.at_fault.add(world.chosen(1).node_id)
    for _ in range(4):
        world.run(DUE)
        store(world)
    assert stored(world) == before
    assert Clock.at - before.at >= timedelta(seconds=4 * DUE)
