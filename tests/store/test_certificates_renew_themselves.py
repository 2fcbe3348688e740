"""The loop over years of one secured cluster: certificates are renewed before they end, without a
restart where nodes can load them, and after a long sleep of the service the cluster heals."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.support.paper_world import ID, Clock, World

from searchplane.domain.cluster import Role, Security
from searchplane.domain.mode_change import ModeWish, change_mode
from searchplane.domain.status import actions

USERS = ModeWish(Security(authority=True, https=True), "Fresh-Pear-27")
YEAR = timedelta(days=365)
DAY = timedelta(days=1)


@pytest.fixture
def world(paper: World) -> World:
    """Three nodes in security mode."""
    paper.create({Role.DATA: 3})
    paper.add_index(3, 1)
    paper.until_idle()
    paper.ask(lambda one: change_mode(one, USERS, Clock.at))
    paper.everything_ends_well()
    return paper


def given(world: World) -> set[datetime]:
    """When the certificates end that the nodes run with."""
    ends = {one.certified_until for one in world.there.nodes}
    assert None not in ends
    return {end for end in ends if end is not None}


def passes(world: World, number: int = 60) -> None:
    """So many passes, 10 s apart, whatever they interrupt."""
    for _ in range(number):
        Clock.at += timedelta(seconds=10)
        world.runner.run(world.one_pass.run(ID))


def restarts(world: World) -> int:
    return sum(one.restarts_done for one in world.there.nodes)


def kept(world: World) -> dict[str, str]:
    with world.database.read() as connection:
        return world.secrets.of_cluster(connection, ID)


def test_a_month_before_the_end_nodes_take_new_ones_and_go_on_running(world: World) -> None:
    (first,) = given(world)
    before, key = restarts(world), kept(world)["control.key"]
    for _ in range(60):
        Clock.at += YEAR / 30
        for _ in range(3):
            world.run()
            assert actions(world.there) == ()
        assert min(given(world)) - Clock.at > 15 * DAY
    (last,) = given(world)
    assert last > first + YEAR
    assert restarts(world) == before
    assert kept(world)["control.key"] == key


def test_nodes_that_cannot_load_them_are_restarted_one_after_the_other(world: World) -> None:
    (first,) = given(world)
    before = restarts(world)
    world.driver.refuses_reload = True
    Clock.at = first - 20 * DAY
    for _ in range(60):
        world.run(seconds=10)
    world.everything_ends_well()
    assert min(given(world)) > first
    assert restarts(world) == before + 3


def test_a_cluster_found_with_expired_ones_heals(world: World) -> None:
    (first,) = given(world)
    Clock.at = first + DAY
    passes(world)
    world.everything_ends_well()
    assert min(given(world)) > Clock.at + 300 * DAY


def test_a_service_that_ends_before_the_nodes_were_told_tells_them_next_time(
    world: World,
) -> None:
    class Killed(BaseException):
        """The service is no more."""

    def checkpoint(name: str) -> None:
        if name == "IssueCertificates":
            raise Killed

    (first,) = given(world)
    Clock.at = first - 20 * DAY
    world.restart_service(checkpoint)
    with pytest.raises(Killed):
        world.everything_ends_well()
    assert given(world) == {first}
    world.restart_service()
    world.everything_ends_well()
    assert min(given(world)) > first
