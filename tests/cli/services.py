"""Services in this process that commands can talk to over HTTP, and what a command said."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.support.running import getting_started

from searchplane.app import Service, open_service
from searchplane.cli.serving import Listeners, bind_all, run_loop, serve
from searchplane.drivers.fake import FakeDriver
from searchplane.settings import DriverKind, Settings

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Ran:
    """What a command said and its exit code."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@dataclass(frozen=True)
class Served:
    """A service on a port of loopback; its driver can be told to misbehave."""

    service: Service

    @property
    def data(self) -> Path:
        return self.service.settings.data

    @property
    def driver(self) -> FakeDriver:
        driver = self.service.ports.driver
        assert isinstance(driver, FakeDriver)
        return driver

    def client(self) -> httpx.Client:
        """Logged in as the first user; paths begin after the project id."""
        admin = json.loads((self.data / "admin.json").read_text())
        user = {"name": "admin", "password": admin["password"], "domain": {"name": "local"}}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"id": admin["project_id"]}}
        url, body = self.service.settings.base_url, {"auth": {"identity": identity, "scope": scope}}
        trust = ssl.create_default_context(cafile=admin["cacert"] or None)
        answer = httpx.post(
            f"{url}/v3/auth/tokens", json=body, timeout=PATIENCE_SECONDS, verify=trust
        )
        return httpx.Client(
            verify=trust,
            base_url=f"{url}/v1.0/{admin['project_id']}",
            headers={"X-Auth-Token": answer.headers["X-Subject-Token"]},
        )

    def create(self, name: str) -> str:
        """Ask for a cluster; its id."""
        with self.client() as client:
            answer = client.post("/clusters", json=getting_started(name)).raise_for_status()
            return str(answer.json()["cluster"]["id"])


@contextmanager
def served(settings: Settings) -> Iterator[Served]:
    """Until the block ends; the service has an event loop and a thread of its own."""
    opened: list[Served] = []
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()

    async def main(bound: Settings, listeners: Listeners) -> None:
        stopping = asyncio.Event()
        with open_service(bound) as service:
            opened.append(Served(service))
            loops.append((asyncio.get_running_loop(), stopping))
            ready.set()
            await serve(service, listeners, stopping)

    def work() -> None:
        with bind_all(settings) as (bound, listeners):
            run_loop(main(bound, listeners))

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(PATIENCE_SECONDS), "the service did not open its folder"
    try:
        yield opened[0]
    finally:
        loop, stopping = loops[0]
        loop.call_soon_threadsafe(stopping.set)
        thread.join(PATIENCE_SECONDS)


def fake(data: Path, **changes: Any) -> Settings:
    """A service on the fake driver and a free port."""
    return Settings(data=data, driver=DriverKind.FAKE, listen="127.0.0.1:0", **changes)
