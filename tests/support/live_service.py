"""The whole service in this process on the fake driver, asked through its ASGI application."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from searchplane.api.web import Application
from searchplane.app import LoopThread, Service, open_service
from searchplane.domain.ids import DomainId, ProjectId, UserId
from searchplane.drivers.base import Checkpoint, no_checkpoint
from searchplane.drivers.fake import FakeDriver
from searchplane.iam.bootstrap import Credentials, read_admin_file
from searchplane.iam.passwords import hash_password
from searchplane.iam.sessions import ScopeRequest
from searchplane.iam.tokens import new_audit_id
from searchplane.reconciler.loop import record_capacity
from searchplane.settings import DriverKind, Settings
from searchplane.store.identity import Directory, Domain, Reference, Target, User

PASSWORD = "correct horse battery staple"
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Live:
    """`admin` is what admin.json holds."""

    service: Service
    app: Application
    admin: Credentials

    @property
    def driver(self) -> FakeDriver:
        driver = self.service.ports.driver
        assert isinstance(driver, FakeDriver)
        return driver

    @property
    def project_id(self) -> str:
        return self.admin.project_id

    def token(
        self, user: str = "admin", project_id: str | None = None, age: timedelta = timedelta(0)
    ) -> str:
        """A token for a project, the first one if none is named, issued `age` ago."""
        who = Reference(name=user, domain=Reference(id=self.admin.domain_id))
        scope = ScopeRequest(Target.PROJECT, Reference(id=project_id or self.project_id))
        issued = self.service.services.identity.login(who, PASSWORD, scope, datetime.now(UTC) - age)
        return issued.token.value

    def add_project(self, name: str) -> str:
        """Another project of the first domain; returns its id."""
        project_id = ProjectId(new_audit_id())
        with self.service.services.database.write() as connection:
            Directory(connection).add_project(
                project_id, name, DomainId(self.admin.domain_id), datetime.now(UTC)
            )
        return project_id

    def add_user(self, name: str, project_id: str, *roles: str) -> None:
        """A user of the first domain with these roles on a project."""
        home = Domain(DomainId(self.admin.domain_id), self.admin.domain, enabled=True)
        user = User(UserId(new_audit_id()), name, True, home, hash_password(PASSWORD))
        with self.service.services.database.write() as connection:
            directory = Directory(connection)
            directory.add_user(user, datetime.now(UTC))
            directory.add_roles(user.id, Target.PROJECT, project_id, roles)

    def client(self, token: str | None, project_id: str | None = None) -> httpx.AsyncClient:
        """A client whose paths begin after the project id."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app, raise_app_exceptions=False),
            base_url=f"http://127.0.0.1:9480/v1.0/{project_id or self.project_id}",
            headers={} if token is None else {"X-Auth-Token": token},
        )


@contextmanager
def live_service(
    data: Path, *, tended: bool = True, checkpoint: Checkpoint = no_checkpoint, **changes: Any
) -> Iterator[Live]:
    """A service until the end of the block; without `tended` its loop never runs."""
    settings = Settings(
        data=data, driver=DriverKind.FAKE, admin_password=SecretStr(PASSWORD), **changes
    )
    with open_service(settings, checkpoint) as service:
        app, loop = service.api(), LoopThread(service)
        if tended:
            loop.start()
        else:
            with ThreadPoolExecutor(1) as thread:  # this one may have an event loop already
                thread.submit(asyncio.run, record_capacity(service.ports)).result()
        admin = read_admin_file(data / "admin.json")
        assert admin is not None
        try:
            yield Live(service, app, admin)
        finally:
            if tended:
                loop.stop()
            app.close()


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for a condition; fail with `what` it was when it does not come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await holds():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_SECONDS:.0f} s"
        await asyncio.sleep(0.02)


async def wait_for(css: httpx.AsyncClient, cluster_id: str, **wanted: Any) -> dict[str, Any]:
    """Poll the detail until these fields are as wanted; gives the last answer."""
    shown: dict[str, Any] = {}

    async def holds() -> bool:
        shown.clear()
        shown.update((await css.get(f"/clusters/{cluster_id}")).json())
        return all(shown.get(name) == value for name, value in wanted.items())

    await until(holds, f"{cluster_id} is not {wanted}")
    return shown


async def gone(css: httpx.AsyncClient, cluster_id: str) -> None:
    """Wait until the cluster is unknown."""

    async def holds() -> bool:
        return (await css.get(f"/clusters/{cluster_id}")).status_code == 404

    await until(holds, f"{cluster_id} is still there")
