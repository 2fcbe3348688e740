"""Any sequence of requests, deaths and restarts of the service: what must hold all the way.

No document is ever lost, what others can serve is not taken away, a master that was there stays,
and when nothing fails any longer all ends in a whole cluster with nothing left over.
SEARCHPLANE_FUZZ_EXAMPLES sets how many sequences are tried.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.support.cluster_examples import ZONES
from tests.support.databases import Databases
from tests.support.paper_world import FLAVOR, Clock, World

from searchplane.domain.change import Change
from searchplane.domain.cluster import Cluster, NodeGroup, Role
from searchplane.domain.departure import replace_node, shrink, take_offline
from searchplane.domain.growth import Growth, Place, add_group, fixed_volume, grow
from searchplane.domain.ids import NodeId
from searchplane.domain.layout import HostLimits
from searchplane.domain.restarts import restart, restart_part, restart_rolling
from searchplane.domain.upgrades import IMAGES, UpgradeKind, Wish, targets, upgrade
from searchplane.domain.zones import Move, MoveKind, move
from searchplane.settings import Settings
from searchplane.store.database import open_database

EXAMPLES = int(os.environ.get("SEARCHPLANE_FUZZ_EXAMPLES", "12"))
LAYOUTS: tuple[dict[Role, int], ...] = (
    {Role.DATA: 3},
    {Role.DATA: 5},
    {Role.DATA: 2},
    {Role.DATA: 1},
    {Role.MASTER: 3, Role.DATA: 3, Role.CLIENT: 1},
    {Role.MASTER: 3, Role.DATA: 4, Role.CLIENT: 3},
    {Role.DATA: 4, Role.COLD: 1},
)
NUMBERS = st.integers(0, 9)

while_there = precondition(lambda self: not self.world.is_gone)


class Changes(RuleBasedStateMachine):
    new_world: Callable[[], tuple[World, Callable[[], None]]]

    def __init__(self) -> None:
        super().__init__()
        self.world, self.close = type(self).new_world()
        self.numbers = count(100)
        self.place = Place(HostLimits(512, 2), lambda: NodeId(f"new-{next(self.numbers)}"))

    def teardown(self) -> None:
        try:
            self.world.everything_ends_well()
        finally:
            self.close()

    @initialize(layout=st.sampled_from(LAYOUTS), replicas=st.integers(0, 2))
    def created(self, layout: dict[Role, int], replicas: int) -> None:
        self.world.create(layout)
        self.world.add_index(2, replicas)

    @while_there
    @rule(more=st.integers(1, 2))
    def grows(self, more: int) -> None:
        self.world.ask(lambda one: grow(one, (Growth(Role.DATA, more, 0),), self.place, Clock.at))

    @while_there
    @rule(role=st.sampled_from((Role.MASTER, Role.CLIENT)))
    def gets_dedicated(self, role: Role) -> None:
        group = NodeGroup(role, 3, FLAVOR, fixed_volume("COMMON"))
        self.world.ask(lambda one: add_group(one, role, group, self.place, Clock.at))

    @while_there
    @rule(role=st.sampled_from(list(Role)), fewer=st.integers(1, 2))
    def shrinks(self, role: Role, fewer: int) -> None:
        self.world.ask(lambda one: shrink(one, {role: fewer}, Clock.at))

    @while_there
    @rule(which=st.lists(NUMBERS, min_size=1, max_size=2), drains=st.booleans())
    def goes_offline(self, which: list[int], drains: bool) -> None:
        ids = [self.world.chosen(one).node_id for one in which]
        self.world.ask(lambda one: take_offline(one, ids, Clock.at, drains=drains))

    @while_there
    @rule(which=NUMBERS, drains=st.booleans())
    def is_replaced(self, which: int, drains: bool) -> None:
        node_id = self.world.chosen(which).node_id
        self.world.ask(lambda one: replace_node(one, node_id, Clock.at, drains=drains))

    @while_there
    @rule(which=st.none() | NUMBERS)
    def is_restarted(self, which: int | None) -> None:
        if which is None:
            self.world.ask(lambda one: restart(one, Clock.at))
        else:
            node_id = self.world.chosen(which).node_id
            self.world.ask(lambda one: restart_part(one, "node", node_id, Clock.at))

    @while_there
    @rule()
    def is_restarted_node_by_node(self) -> None:
        self.world.ask(lambda one: restart_rolling(one, "role", "all", Clock.at))

    @while_there
    @rule(kind=st.sampled_from(list(UpgradeKind)), batch=st.integers(1, 3))
    def is_upgraded(self, kind: UpgradeKind, batch: int) -> None:
        number = next(self.numbers)

        def to_newest(one: Cluster) -> Change:
            image = next(iter(targets(one, kind)), IMAGES[0])
            wish = Wish(image.id, kind, checks_backup=False, agency="css", batch_size=batch)
            return upgrade(one, wish, f"task-{number}", Clock.at)

        self.world.ask(to_newest)

    @while_there
    @rule(which=st.permutations(ZONES), kind=st.sampled_from(list(MoveKind)))
    def moves(self, which: list[str], kind: MoveKind) -> None:
        number, target = next(self.numbers), which[:1] if kind is MoveKind.MIGRATE else which

        def to_zones(one: Cluster) -> Change:
            source = one.nodes[0].zone
            wish = Move("all", source, tuple(target), kind, checks_backup=False, agency="css")
            return move(one, wish, ZONES, f"task-{number}", Clock.at)

        self.world.ask(to_zones)

    @while_there
    @rule(shards=st.integers(1, 3), replicas=st.sampled_from((0, 1, 1, 2, 4)))
    def indexes(self, shards: int, replicas: int) -> None:
        self.world.add_index(shards, replicas)

    @while_there
    @rule(which=NUMBERS, again=st.sampled_from((True, True, False)))
    def dies(self, which: int, again: bool) -> None:
        ref = self.world.chosen(which)
        if not again:
            self.world.driver.fail_starts(ref, "out of memory")
        self.world.driver.kill(ref)
        self.world.at_fault.add(ref.node_id)

    @while_there
    @rule(which=NUMBERS, illness=st.sampled_from(("unseen", "held", "hangs")))
    def is_ill(self, which: int, illness: str) -> None:
        """Only one that runs: a new node has no vote before it has joined."""
        ref = self.world.chosen(which)
        if illness == "unseen":
            self.world.driver.make_unknown(ref, "the disk does not answer")
        elif self.world.runs(ref):
            driver = self.world.driver
            (driver.hang if illness == "hangs" else driver.hold_join)(ref)
            self.world.at_fault.add(ref.node_id)

    @while_there
    @rule(which=NUMBERS)
    def heals(self, which: int) -> None:
        self.world.driver.heal(self.world.chosen(which))

    @rule()
    def service_is_killed(self) -> None:
        self.world.restart_service()

    @while_there
    @rule(paused=st.booleans())
    def is_paused(self, paused: bool) -> None:
        self.world.store(self.world.there, replace(self.world.there, paused=paused))

    @while_there
    @rule(sure=NUMBERS)
    def is_deleted(self, sure: int) -> None:
        if sure == 0:
            self.world.delete()

    @rule(times=st.integers(1, 8), seconds=st.sampled_from((1, 1, 30)))
    def passes(self, times: int, seconds: int) -> None:
        for _ in range(times):
            self.world.run(seconds)


@pytest.fixture
def worlds(
    databases: Databases, migrated: Settings, clocked: None
) -> Callable[[], tuple[World, Callable[[], None]]]:
    def new() -> tuple[World, Callable[[], None]]:
        folder = Path(tempfile.mkdtemp(prefix="searchplane-fuzz-"))
        opened = databases.new(folder, migrated)
        database = open_database(Settings(**opened.__enter__()))
        world = World(database, folder)

        def close() -> None:
            world.runner.close()
            database.close()
            opened.__exit__(None, None, None)
            shutil.rmtree(folder)

        return world, close

    return new


def test_any_sequence(worlds: Any) -> None:
    class Here(Changes):
        new_world = staticmethod(worlds)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
