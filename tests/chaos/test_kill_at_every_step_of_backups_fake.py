"""The service ends after every single step of taking, restoring, deleting and retiring snapshots.

The steps are not listed here: a recorded run of each scenario tells them. For each of them the
service is cut off right there; the next one, which knows only what was stored, brings everything
to where the recorded run ended: the same documents, and a list and a bucket that are alike.

The cut is an exception that nothing catches. What whole services do when they get SIGKILL is
tested on real nodes (test_kill_during_backups_real.py).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import event
from tests.support.backed_world import DAILY, OTHER, SETTINGS, BackedWorld, closing
from tests.support.databases import SqliteDatabases, with_two_projects
from tests.support.paper_world import CLOCKED, ID, Clock

from searchplane.domain.ids import ClusterId
from searchplane.domain.rebuilding import rebuild
from searchplane.domain.restoring import Wish
from searchplane.domain.schedule import next_due
from searchplane.domain.snapshots import Renaming, RestoreStatus, SnapshotStatus
from searchplane.drivers.base import NodeRef, Storage
from searchplane.settings import Settings
from searchplane.store.database import open_database

pytestmark = pytest.mark.chaos

FEWEST = 4
"""Steps of the shortest scenario, so that an empty recording cannot pass."""
COPY = Wish("*", Renaming("(.+)", "copy-of-$1"))
OVER = Wish("*", replaces=True)
DAMAGE = "a file is damaged"


@dataclass(frozen=True)
class Scenario:
    """`before` is done and over when `asked` is; `breaks` is what an engine does, in every run."""

    before: Callable[[BackedWorld], None]
    asked: Callable[[BackedWorld], object]
    breaks: Callable[[BackedWorld], None] = lambda world: None
    where: ClusterId = ID


@dataclass(frozen=True)
class End:
    """What has become of everything."""

    snapshots: dict[str, tuple[SnapshotStatus, RestoreStatus, str | None]]
    documents: dict[str, tuple[str, ...]]


class Killed(BaseException):
    """The service is no more."""


def with_first(world: BackedWorld) -> None:
    world.take("first")
    world.settle()
    world.write("logs", "written later")


def with_two_clusters(world: BackedWorld) -> None:
    with_first(world)
    world.add_cluster()


def with_three_days(world: BackedWorld) -> None:
    with_first(world)
    world.set_up(SETTINGS, DAILY)
    for _ in range(DAILY.keepday):
        a_day_later(world)
        world.settle()
        world.settle()


def with_nothing_left(world: BackedWorld) -> None:
    """Every node's storage is gone, and a pass has seen it."""
    with_first(world)
    for one in world.there.nodes:
        world.driver.kill(NodeRef(ID, one.id))
        world.runner.run(world.driver.remove(NodeRef(ID, one.id), Storage.DROP))
    world.once()


def a_day_later(world: BackedWorld) -> None:
    Clock.at = next_due(DAILY, Clock.at)


def snapshots_fail(world: BackedWorld) -> None:
    world.driver.snapshots.snapshots_fail = DAMAGE


def restores_fail(world: BackedWorld) -> None:
    world.driver.snapshots.restores_fail = DAMAGE


SCENARIOS = {
    "create": Scenario(with_first, lambda world: world.take("second")),
    "create that fails": Scenario(with_first, lambda world: world.take("second"), snapshots_fail),
    "delete": Scenario(with_first, lambda world: world.remove("first")),
    "restore": Scenario(with_first, lambda world: world.restore("first", COPY)),
    "restore over": Scenario(with_first, lambda world: world.restore("first", OVER)),
    "restore that is in the way": Scenario(with_first, lambda world: world.restore("first")),
    "restore that fails": Scenario(
        with_first, lambda world: world.restore("first", COPY), restores_fail
    ),
    "restore elsewhere": Scenario(
        with_two_clusters, lambda world: world.restore("first", into=OTHER), where=OTHER
    ),
    "rebuild": Scenario(
        with_nothing_left,
        lambda world: world.accept(rebuild(world.there, None, Clock.at)),
    ),
    "retention": Scenario(with_three_days, a_day_later),
}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty")
    with with_two_projects(SqliteDatabases(), folder):
        return folder


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in CLOCKED:
        monkeypatch.setattr(module, "datetime", Clock)


@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_after_every_step(empty: Path, name: str, tmp_path: Path) -> None:
    scenario, asked = SCENARIOS[name], tmp_path / "asked"
    with copied(empty, tmp_path) as world:
        world.begin()
        scenario.before(world)
        scenario.asked(world)
        at, passed = Clock.at, list[str]()
        shutil.copytree(world.folder, asked)
    with copied(asked, tmp_path) as world:
        world.restart_service(passed.append)
        wanted = finished(world, scenario)
    assert len(passed) >= FEWEST
    for place in range(len(passed)):
        Clock.at = at
        with copied(asked, tmp_path) as world:
            cut_off(world, scenario, place + 1)
            world.restart_service()
            assert finished(world, scenario) == wanted, f"killed at {place}: {passed[place]}"


def cut_off(world: BackedWorld, scenario: Scenario, steps: int) -> None:
    left = iter(range(steps - 1))

    def checkpoint(_name: str) -> None:
        if next(left, None) is None:
            raise Killed

    world.restart_service(checkpoint)
    with pytest.raises(Killed):
        finished(world, scenario)


def finished(world: BackedWorld, scenario: Scenario) -> End:
    scenario.breaks(world)
    for _ in range(2):
        world.settle(scenario.where)
        world.settle(ID)
    world.alike()
    assert world.there.action is None
    assert all(index.is_open for index in world.driver.engine(scenario.where).paper.indices)
    return End(
        {name: (row.status, row.restore_status, row.reason) for name, row in world.rows().items()},
        {
            f"{cluster_id}/{index.name}": index.documents
            for cluster_id in {ID, scenario.where}
            for index in world.driver.engine(cluster_id).paper.indices
        },
    )


@contextmanager
def copied(like: Path, place: Path) -> Iterator[BackedWorld]:
    """Always in the same folder: nodes know where their buckets are."""
    folder = place / "world"
    shutil.copytree(like, folder)
    try:
        with opened(folder) as world:
            yield world
    finally:
        shutil.rmtree(folder)


@contextmanager
def opened(folder: Path) -> Iterator[BackedWorld]:
    """A kill is no power failure, so nothing is waited for to reach the disk."""
    database = open_database(Settings(data=folder))
    event.listen(database.engine, "connect", _do_not_sync)
    try:
        with closing(BackedWorld(database, folder)) as world:
            world.resume()
            yield world
    finally:
        database.close()


def _do_not_sync(connection: object, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]
