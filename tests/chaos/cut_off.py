"""A control plane in a process of its own that kills itself after a step of a change.

`Cutter` hands work to a few processes that have imported everything and run each change before.
For every kill such a process forks one more, which tends the cluster until it comes to the step
and gets SIGKILL there: that costs a hundredth of a second instead of three seconds. Forking is
sound because nothing else runs in the process then: no thread, no open database.

What is stored is all that the next control plane knows, as after any kill. A kill is no power
failure, so nothing is waited for to reach the disk.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from ctypes import c_double
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import event
from tests.chaos.every_change import CHANGES
from tests.support.paper_world import CLOCKED, ID, Clock, World

from searchplane.domain.cluster import ActionKind, NodeGroup, Role, Security
from searchplane.domain.engines import Engine
from searchplane.drivers.base import Checkpoint, no_checkpoint
from searchplane.settings import Settings
from searchplane.store.database import open_database

KILLED = -signal.SIGKILL
AT_ONCE = 2
"""Processes that kill; each keeps a core busy."""
LONGEST_SECONDS = 60.0

_forks = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Point:
    """A place to die: the checkpoint's name, and which time it is passed, counted from 1."""

    name: str
    time: int

    def __str__(self) -> str:
        return f"{self.name} ({self.time})"


@dataclass(frozen=True)
class Accepted:
    """A folder in which a change was accepted at a moment, and nothing of it done."""

    kind: ActionKind
    folder: Path
    at: datetime
    indices: frozenset[str]


@dataclass(frozen=True)
class End:
    """What a cluster has become."""

    roles: tuple[tuple[str, Role], ...]
    restarts: tuple[int, ...]
    groups: tuple[NodeGroup, ...]
    engine: Engine
    engines: tuple[Engine | None, ...]
    modes: tuple[Security | None, ...]
    zones: tuple[str, ...]
    admin_hash: str | None


@dataclass(frozen=True)
class Recorded:
    """A change that nothing cut off: the steps it passed, and its end."""

    accepted: Accepted
    points: tuple[Point, ...]
    end: End


class Cutter:
    """Records changes and cuts them off, in other processes."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def record(self, name: str, empty: Path, place: Path) -> Recorded:
        """Carry the change out in a copy of a folder with an empty database."""
        return self._pool.submit(_record, name, empty, place).result()

    def cut_off(self, recorded: Recorded, points: Iterable[Point], place: Path) -> list[str]:
        """Kill at each of the points; gives what did not end as the change that was not cut."""
        work = [
            self._pool.submit(_cut_off, recorded, point, place / str(number))
            for number, point in enumerate(points)
        ]
        return [said for one in work if (said := one.result())]


@contextmanager
def cutter() -> Iterator[Cutter]:
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(AT_ONCE, mp_context=server, initializer=_use_clock) as pool:
        yield Cutter(pool)


def _use_clock() -> None:
    for module in CLOCKED:
        module.datetime = Clock  # type: ignore[attr-defined]


def _record(name: str, empty: Path, place: Path) -> Recorded:
    first = Path(shutil.copytree(empty, place / "accepted"))
    with _world(first) as world:
        kind = CHANGES[name].accepted(world)
        accepted = Accepted(kind, first, Clock.at, frozenset(world.indices))
    passed: list[str] = []
    with _copied(accepted, place / "recorded") as folder:
        end = _finished(accepted, folder, passed.append)
    points = tuple(Point(one, passed[: number + 1].count(one)) for number, one in enumerate(passed))
    return Recorded(accepted, points, end)


def _cut_off(recorded: Recorded, point: Point, place: Path) -> str | None:
    accepted = recorded.accepted
    with _copied(accepted, place) as folder:
        code, died = _run_until(accepted, folder, point)
        if code != KILLED:
            return f"{point}: the run ended ({code}) before it came to this step"
        try:
            end = _finished(replace(accepted, at=died), folder)
        except AssertionError as error:
            return f"killed at {point}: {error}"
    return None if end == recorded.end else f"killed at {point}: {end} is not {recorded.end}"


def _run_until(accepted: Accepted, folder: Path, point: Point) -> tuple[int | None, datetime]:
    """The exit code of a control plane that is to die at the point, and when it did."""
    assert threading.active_count() == 1, "a lock of another thread would be held for ever"
    died = _forks.RawValue("d", accepted.at.timestamp())
    victim = _forks.Process(target=_tend, args=(accepted, folder, point, died))
    victim.start()
    victim.join(LONGEST_SECONDS)
    if victim.is_alive():
        victim.kill()
        victim.join()
        return None, accepted.at
    return victim.exitcode, datetime.fromtimestamp(died.value, UTC)


def _tend(accepted: Accepted, folder: Path, point: Point, died: c_double) -> None:
    passed: list[str] = []

    def checkpoint(name: str) -> None:
        passed.append(name)
        if Point(name, passed.count(name)) == point:
            died.value = Clock.at.timestamp()
            os.kill(os.getpid(), signal.SIGKILL)

    _finished(accepted, folder, checkpoint)


def _finished(accepted: Accepted, folder: Path, checkpoint: Checkpoint = no_checkpoint) -> End:
    """Tend what is stored until everything has ended well; gives its end."""
    with _world(folder) as world:
        Clock.at = accepted.at
        world.restart_service(checkpoint)
        world.indices = set(accepted.indices)
        world.everything_ends_well()
        return _end(world)


def _end(world: World) -> End:
    record = world.there
    return End(
        roles=tuple((one.name, one.role) for one in record.nodes),
        restarts=tuple(one.restarts_done for one in record.nodes),
        groups=record.spec.groups,
        engine=record.spec.engine,
        engines=tuple(one.engine for one in record.nodes),
        modes=tuple(one.mode for one in record.nodes),
        zones=tuple(one.zone for one in record.nodes),
        admin_hash=world.driver.engine(ID).admin_hash,
    )


@contextmanager
def _copied(accepted: Accepted, place: Path) -> Iterator[Path]:
    shutil.copytree(accepted.folder, place)
    try:
        yield place
    finally:
        shutil.rmtree(place)


@contextmanager
def _world(folder: Path) -> Iterator[World]:
    """The folder's cluster; nothing of it is left open at the end."""
    database = open_database(Settings(data=folder))
    event.listen(database.engine, "connect", _do_not_sync)
    world = World(database, folder)
    try:
        yield world
    finally:
        world.runner.close()
        database.close()


def _do_not_sync(connection: object, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]
