"""A node that runs and does nothing is restarted when it was missed for long, and no sooner."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.paper_world import World

from searchplane.domain.cluster import Role
from searchplane.domain.safety import HANGS

LOOK_SECONDS = 10


@pytest.fixture
def world(paper: World) -> World:
    paper.create({Role.DATA: 3})
    paper.add_index(3, 1)
    paper.until_idle()
    return paper


def looks(world: World, seconds: float) -> None:
    for _ in range(int(seconds / LOOK_SECONDS)):
        world.run(LOOK_SECONDS)


def hang(world: World, which: int) -> None:
    world.driver.hang(world.chosen(which))
    world.at_fault.add(world.chosen(which).node_id)


def test_a_node_that_hangs_is_back_soon_after_its_time(world: World) -> None:
    hang(world, 1)
    looks(world, HANGS.total_seconds())
    record = world.there
    assert record.refusal is not None
    assert record.refusal.predicate == "is_missed_for_long"
    assert len(world.joined()) == 2
    looks(world, 60)
    assert len(world.joined()) == 3
    assert (world.there.refusal, world.there.nodes[1].missed_since) == (None, None)


def test_a_node_that_is_slow_now_and_then_is_left_alone(world: World) -> None:
    ref = world.chosen(1)
    for _ in range(4):
        hang(world, 1)
        looks(world, HANGS.total_seconds() - LOOK_SECONDS)
        world.driver.heal(ref)
        looks(world, LOOK_SECONDS)
    assert world.there.nodes[1].last_start == world.there.nodes[2].last_start


def test_a_look_that_cannot_tell_begins_anew(world: World) -> None:
    hang(world, 1)
    looks(world, HANGS.total_seconds())
    hang(world, 2)  # nobody leads
    looks(world, HANGS.total_seconds())
    assert len(world.joined()) == 1
    world.driver.heal(world.chosen(2))
    looks(world, HANGS.total_seconds())
    assert len(world.joined()) == 2
    looks(world, 60)
    assert len(world.joined()) == 3


def test_a_paused_cluster_is_left_alone(world: World) -> None:
    world.store(world.there, replace(world.there, paused=True))
    hang(world, 1)
    looks(world, 2 * HANGS.total_seconds())
    assert len(world.joined()) == 2
