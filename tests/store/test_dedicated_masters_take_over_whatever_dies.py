"""A cluster gets dedicated masters, and nodes die on the way: it always comes to its end.

An old master that dies before the new ones have its vote comes back with it. Were it started as
what it is to be, without one, there might be too few votes left to elect anybody ever again.
"""

from __future__ import annotations

from itertools import count

import pytest
from tests.support.paper_world import FLAVOR, ID, Clock, World

from searchplane.domain.cluster import NodeGroup, Role
from searchplane.domain.growth import Place, add_group, fixed_volume
from searchplane.domain.ids import NodeId
from searchplane.domain.layout import HostLimits
from searchplane.domain.restarts import restart
from searchplane.drivers.base import NodeRef, Storage

MOMENTS = range(12)
"""Passes, after the last of which it is all over."""
SECONDS = 10
ALL_VOTES = 6


@pytest.fixture
def world(paper: World) -> World:
    paper.create({Role.DATA: 3})
    paper.add_index(2, 1)
    paper.until_idle()
    numbers = count(100)
    place = Place(HostLimits(512, 2), lambda: NodeId(f"new-{next(numbers)}"))
    group = NodeGroup(Role.MASTER, 3, FLAVOR, fixed_volume("COMMON"))
    paper.ask(lambda one: add_group(one, Role.MASTER, group, place, Clock.at))
    return paper


def refs(world: World, role: Role) -> list[NodeRef]:
    return [NodeRef(ID, one.id) for one in world.there.nodes if one.role is role]


def kill(world: World, *killed: NodeRef) -> None:
    for ref in killed:
        world.driver.kill(ref)
        world.at_fault.add(ref.node_id)


def lose(world: World, *lost: NodeRef) -> None:
    """Dead, and their storage gone."""
    kill(world, *lost)
    for ref in lost:
        world.runner.run(world.driver.remove(ref, Storage.DROP))


def until(world: World, passes: int) -> None:
    for _ in range(passes):
        world.run(SECONDS)


@pytest.mark.parametrize("passes", MOMENTS)
def test_old_masters_that_die_keep_their_votes_as_long_as_it_takes(
    world: World, passes: int
) -> None:
    until(world, passes)
    kill(world, *refs(world, Role.DATA))
    world.everything_ends_well()


@pytest.mark.parametrize("passes", MOMENTS)
def test_a_power_failure(world: World, passes: int) -> None:
    until(world, passes)
    kill(world, *refs(world, Role.DATA), *refs(world, Role.MASTER))
    world.restart_service()
    world.everything_ends_well()


def test_new_masters_that_are_lost_are_made_anew_while_the_old_have_votes(world: World) -> None:
    while len(world.voters() & {one.name for one in world.joined().values()}) < ALL_VOTES:
        world.run(SECONDS)
    lose(world, *refs(world, Role.MASTER))
    world.everything_ends_well()


def test_new_masters_that_are_lost_with_all_votes_are_not_made_up(world: World) -> None:
    """Nobody else knows the cluster, and an empty one does not take its place."""
    world.until_idle()
    lose(world, *refs(world, Role.MASTER))
    until(world, len(MOMENTS))
    assert "no master is elected that could fill it; bring its folder back" in world.said()
    assert not world.has_master()


def test_a_failed_growth_may_be_restarted_at_once(world: World) -> None:
    """The old masters are stopped once, and come back with their votes."""
    for ref in refs(world, Role.MASTER):
        world.driver.fail_starts(ref, "out of memory")
    while world.there.failure is None:
        world.run(60)
    world.ask(lambda one: restart(one, Clock.at))
    until(world, len(MOMENTS))
    assert world.has_master()
    assert len(world.joined()) == len(refs(world, Role.DATA))
    world.everything_ends_well()
