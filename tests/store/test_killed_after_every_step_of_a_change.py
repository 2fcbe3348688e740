"""The service ends after every single step of every change, and another one finishes it.

The steps are not listed here: a recorded run of each change tells them. For each of them the
service is cut off right there; the next one, which knows only what was stored, brings the cluster
to where the recorded run ended, with nothing left over and no document lost.

The cut is an exception that nothing catches, in this process, so that hundreds of steps take
seconds; tests/chaos kills whole services with a signal.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from tests.support.cluster_examples import ZONES
from tests.support.databases import Databases
from tests.support.paper_world import FLAVOR, Clock, World

from searchplane.domain.change import Change
from searchplane.domain.cluster import Cluster, NodeGroup, Role, Security
from searchplane.domain.departure import replace_node, shrink, take_offline
from searchplane.domain.engines import DEFAULT_DATASTORE, Engine
from searchplane.domain.flavor_change import FlavorWish, change_flavor
from searchplane.domain.flavors import flavor_id
from searchplane.domain.growth import Growth, Place, add_group, extend, fixed_volume, grow
from searchplane.domain.ids import NodeId
from searchplane.domain.layout import HostLimits
from searchplane.domain.mode_change import ModeWish, change_mode
from searchplane.domain.restarts import restart, restart_part, restart_rolling
from searchplane.domain.upgrades import IMAGES, UpgradeKind, Wish, upgrade
from searchplane.domain.zones import Move, MoveKind, move
from searchplane.reconciler import act, observe, one_pass
from searchplane.settings import Settings
from searchplane.store.database import open_database

DATA = {Role.DATA: 4}
TYPES = {Role.MASTER: 3, Role.DATA: 2, Role.CLIENT: 1}
UPGRADE = Wish(IMAGES[1].id, UpgradeKind.CROSS_ENGINE, checks_backup=False, agency="css")
SPREAD = Move("all", ZONES[0], ZONES, MoveKind.SPREAD, checks_backup=False, agency="css")
BIGGER = FlavorWish("ess", "vm", flavor_id(DEFAULT_DATASTORE, Role.DATA, "ess.spec-4u16g"))
USERS = ModeWish(Security(authority=True, https=True), "Fresh-Pear-27")
FEWEST = 5
"""Steps of the shortest change, so that an empty recording cannot pass."""


class Killed(BaseException):
    """The service is no more."""


def place() -> Place:
    numbers = count(100)
    return Place(HostLimits(512, 2), lambda: NodeId(f"new-{next(numbers)}"))


def dedicated(role: Role, one: Cluster) -> Change:
    group = NodeGroup(role, 3, FLAVOR, fixed_volume("COMMON"))
    return add_group(one, role, group, place(), Clock.at)


Rule = Callable[[Cluster], Change]

CHANGES: dict[str, tuple[Mapping[Role, int], Rule]] = {
    "extend": (DATA, lambda one: extend(one, 2, place(), Clock.at)),
    "role_extend": (
        TYPES,
        lambda one: grow(
            one, (Growth(Role.DATA, 1, 20), Growth(Role.CLIENT, 1, 0)), place(), Clock.at
        ),
    ),
    "independent masters": (DATA, lambda one: dedicated(Role.MASTER, one)),
    "independent clients": (DATA, lambda one: dedicated(Role.CLIENT, one)),
    "role/shrink": (DATA, lambda one: shrink(one, {Role.DATA: 1}, Clock.at)),
    "role/shrink of masters": (
        {Role.MASTER: 5, Role.DATA: 3},
        lambda one: shrink(one, {Role.MASTER: 2, Role.DATA: 1}, Clock.at),
    ),
    "node/offline": (DATA, lambda one: take_offline(one, ["node-1"], Clock.at, drains=True)),
    "node/offline with its data": (
        {Role.DATA: 5},
        lambda one: take_offline(one, ["node-1", "node-2"], Clock.at, drains=False),
    ),
    "replace": (DATA, lambda one: replace_node(one, "node-1", Clock.at, drains=True)),
    "replace with its data": (
        DATA,
        lambda one: replace_node(one, "node-2", Clock.at, drains=False),
    ),
    "restart": (DATA, lambda one: restart(one, Clock.at)),
    "restart of a node": (DATA, lambda one: restart_part(one, "node", "node-1", Clock.at)),
    "restart of a type": (TYPES, lambda one: restart_part(one, "role", "ess-master", Clock.at)),
    "rolling-restart": (TYPES, lambda one: restart_rolling(one, "role", "all", Clock.at)),
    "flavor": (
        {Role.DATA: 3},
        lambda one: change_flavor(one, BIGGER, HostLimits(4096, 4), Clock.at),
    ),
    "mode/change": ({Role.DATA: 2}, lambda one: change_mode(one, USERS, Clock.at)),
    "image/upgrade": (DATA, lambda one: upgrade(one, UPGRADE, "task", Clock.at)),
    "azmigrate": (DATA, lambda one: move(one, SPREAD, ZONES, "task", Clock.at)),
}


@dataclass(frozen=True)
class Point:
    """A place to end: the checkpoint's name, and which time it is passed, counted from 1."""

    name: str
    time: int


@dataclass(frozen=True)
class End:
    """What a cluster has become."""

    roles: tuple[tuple[str, Role], ...]
    restarts: tuple[int, ...]
    groups: tuple[NodeGroup, ...]
    engine: Engine
    engines: tuple[Engine | None, ...]
    modes: tuple[Security | None, ...]


class Folders:
    """Worlds in folders that are copies of one in which a cluster is whole."""

    def __init__(self, databases: Databases, migrated: Settings, place: Path) -> None:
        self._databases = databases
        self._migrated = migrated
        self._place = place
        self._names = count(1)

    @contextmanager
    def world(self, like: Path | None = None) -> Iterator[World]:
        folder = self._place / str(next(self._names))
        if like is not None:
            shutil.copytree(like, folder)
        settings = Settings(data=folder) if like else None
        with self._databases.new(folder, None if like else self._migrated) as where:
            database = open_database(settings or Settings(**where))
            world = World(database, folder)
            try:
                yield world
            finally:
                world.runner.close()
                database.close()
        if like is not None:
            shutil.rmtree(folder)


@pytest.fixture
def folders(
    databases: Databases, migrated: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Folders:
    for module in (act, observe, one_pass):
        monkeypatch.setattr(module, "datetime", Clock)
    return Folders(databases, migrated, tmp_path)


@pytest.mark.sqlite  # its file is copied
@pytest.mark.parametrize("name", CHANGES)
def test_killed_after_every_step(folders: Folders, name: str) -> None:
    layout, rule = CHANGES[name]
    with folders.world() as first:
        first.create(layout)
        first.add_index(3, 1)
        first.until_idle()
        first.ask(rule)
        assert first.there.action is not None, "refused"
        asked, at = first.folder, Clock.at
        indices = frozenset(first.indices)
    passed: list[str] = []
    with folders.world(asked) as recorded:
        recorded.indices = set(indices)
        recorded.restart_service(passed.append)
        wanted = finished(recorded)
    points = [Point(one, passed[: place + 1].count(one)) for place, one in enumerate(passed)]
    assert len(points) >= FEWEST
    for point in points:
        if point.time > 1 and point.name.startswith("told"):
            continue  # what was said before is no step
        Clock.at = at
        with folders.world(asked) as world:
            world.indices = set(indices)
            cut_off(world, point)
            world.restart_service()
            assert finished(world) == wanted, f"killed at {point}"


def cut_off(world: World, point: Point) -> None:
    passed: list[str] = []

    def checkpoint(name: str) -> None:
        passed.append(name)
        if Point(name, passed.count(name)) == point:
            raise Killed

    world.restart_service(checkpoint)
    with pytest.raises(Killed):
        world.everything_ends_well()


def finished(world: World) -> End:
    world.everything_ends_well()
    record = world.there
    return End(
        roles=tuple((one.name, one.role) for one in record.nodes),
        restarts=tuple(one.restarts_done for one in record.nodes),
        groups=record.spec.groups,
        engine=record.spec.engine,
        engines=tuple(one.engine for one in record.nodes),
        modes=tuple(one.mode for one in record.nodes),
    )
