"""A service in a process of its own that kills itself where it is told to.

The processes come from a fork server that has imported everything once: a kill costs a tenth of a
second instead of three. Each child is a whole service over a data folder, without HTTP unless the
kill is meant for a request.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import httpx

from searchplane.api.routes import OPERATIONS
from searchplane.api.web import Application
from searchplane.app import Service, open_service
from searchplane.domain.cluster import Cluster
from searchplane.domain.status import AVAILABLE, actions, cluster_status
from searchplane.drivers.steps import Step
from searchplane.settings import DriverKind, Settings
from searchplane.store import clusters

PATIENCE_SECONDS = {DriverKind.FAKE: 60.0, DriverKind.PROCESS: 280.0}
KILLED = -signal.SIGKILL
STEPS_FILE = "steps"

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])
_one_reads = threading.Lock()
"""Starting a process also collects others that ended: two threads must not read one's exit code."""


@dataclass(frozen=True)
class Point:
    """A place to die: the checkpoint's name, and which time it is passed, counted from 1."""

    name: str
    time: int

    def __str__(self) -> str:
        return f"{self.name} ({self.time})"


@dataclass(frozen=True)
class Request:
    """One request to the service's own application."""

    method: str
    path: str
    token: str
    body: Any = None


Until = Callable[[Service], bool]
"""A function of a module: it is asked in another process."""


def tend(
    data: Path,
    killed_at: Point | None = None,
    driver: DriverKind = DriverKind.FAKE,
    *,
    changed: bool = False,
    until: Until | None = None,
) -> int:
    """Tend the folder's clusters until all are available or gone, and it is so; gives the exit
    code.

    Without `killed_at` the places that were passed are left in a file. Running nodes of a cluster
    that was `changed` learn where others are from the engine; their files wait for their next
    start.
    """
    arguments = (data, killed_at, driver, changed, until)
    return _run(_tend, *arguments, seconds=PATIENCE_SECONDS[driver])


def killed_before_the_answer(data: Path, request: Request) -> int:
    """Send a request to a service that dies when its change is committed; gives the exit code."""
    return _run(_answer, data, request, seconds=PATIENCE_SECONDS[DriverKind.FAKE])


def points(data: Path) -> list[Point]:
    """The places that the last whole run passed."""
    names = (data.parent / STEPS_FILE).read_text().splitlines()
    return [Point(name, names[: place + 1].count(name)) for place, name in enumerate(names)]


def _run(target: Callable[..., None], *arguments: Any, seconds: float) -> int:
    process = _processes.Process(target=target, args=arguments)
    with _one_reads:
        process.start()
    ended = wait([process.sentinel], seconds)
    with _one_reads:
        if not ended:
            process.kill()
        process.join()
        assert process.exitcode is not None
    assert ended, f"{target.__name__}{arguments} took more than {seconds} s"
    return process.exitcode


def _settings(data: Path, driver: DriverKind) -> Settings:
    return Settings(data=data, driver=driver, log_level="ERROR")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _tend(
    data: Path, killed_at: Point | None, driver: DriverKind, changed: bool, until: Until | None
) -> None:
    passed: list[str] = []

    def checkpoint(name: str) -> None:
        passed.append(name)
        if Point(name, passed.count(name)) == killed_at:
            _die()

    with open_service(_settings(data, driver), checkpoint) as service:
        asyncio.run(_until_done(service, until))
        if killed_at is None:
            (data.parent / STEPS_FILE).write_text("\n".join(passed))
            passed.clear()
            asyncio.run(_ensure_all(service))
            late = {Step.FILES_WRITTEN} if changed else set()
            assert set(passed) <= late, f"nodes were not as the record says: {passed}"


async def _until_done(service: Service, until: Until | None) -> None:
    stopping = asyncio.Event()
    running = asyncio.ensure_future(service.loop.run(stopping))
    await asyncio.to_thread(_wait_until_done, service, until)
    stopping.set()
    await running


def _wait_until_done(service: Service, until: Until | None) -> None:
    while not all(_is_done(one) for one in _records(service)):
        time.sleep(0.01)
    while until is not None and not until(service):
        time.sleep(0.05)


def _is_done(cluster: Cluster) -> bool:
    return cluster_status(cluster) == AVAILABLE and not actions(cluster)


async def _ensure_all(service: Service) -> None:
    """Tell the driver once more what every node must be; that must change nothing."""
    ports = service.ports
    for cluster in _records(service):
        with ports.database.read() as connection:
            kept = ports.secrets.of_cluster(connection, cluster.id)
        for node in cluster.nodes:
            await ports.driver.ensure(ports.compose(cluster, node, kept))


def _records(service: Service) -> list[Cluster]:
    with service.ports.database.read() as connection:
        found = [clusters.find(connection, one) for one in clusters.all_ids(connection)]
    return [one for one in found if one is not None]


def _answer(data: Path, request: Request) -> None:
    with open_service(_settings(data, DriverKind.FAKE)) as service:
        app = Application(OPERATIONS, replace(service.services, wake=lambda _: _die()))

        async def send() -> None:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
                await http.request(
                    request.method,
                    request.path,
                    json=request.body,
                    headers={"X-Auth-Token": request.token},
                )

        asyncio.run(send())
