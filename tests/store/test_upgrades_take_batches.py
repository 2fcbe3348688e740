"""An upgrade in batches, pass by pass: who is away together, and that nobody misses them."""

from __future__ import annotations

import pytest
from tests.support.paper_world import Clock, World

from searchplane.domain.cluster import Role
from searchplane.domain.upgrades import IMAGES, UpgradeKind, Wish, upgrade

LAYOUT = {Role.MASTER: 3, Role.DATA: 4, Role.CLIENT: 3}


@pytest.fixture
def world(paper: World) -> World:
    paper.create(LAYOUT)
    paper.add_index(1, 2)
    paper.until_idle()
    return paper


def upgraded(world: World, batch_size: int) -> set[tuple[Role, int]]:
    """The nodes of a type that were away together at some time; everything ends well."""
    wish = Wish(
        IMAGES[1].id,
        UpgradeKind.CROSS_ENGINE,
        checks_backup=False,
        agency="css",
        batch_size=batch_size,
    )
    world.ask(lambda one: upgrade(one, wish, "task", Clock.at))
    seen: set[tuple[Role, int]] = set()
    while world.there.action is not None:
        world.run(5)
        away = [one.role for one in world.there.nodes if one.id not in world.joined()]
        seen |= {(role, away.count(role)) for role in away}
    world.everything_ends_well()
    assert {one.engine for one in world.there.nodes} == {IMAGES[1].engine}
    return seen


def test_clients_and_data_nodes_go_in_batches_and_masters_one_by_one(world: World) -> None:
    """A client stays; three data nodes with copies of one shard are never away together."""
    assert upgraded(world, 3) == {
        (Role.CLIENT, 2),
        (Role.CLIENT, 1),
        (Role.DATA, 3),
        (Role.DATA, 1),
        (Role.MASTER, 1),
    }


def test_one_at_a_time_where_no_more_are_wanted(world: World) -> None:
    assert upgraded(world, 1) == {(role, 1) for role in LAYOUT}
