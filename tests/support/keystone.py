"""A real Keystone in a process of its own, with the people that the tests need.

Everybody's password is their name. In the project `search`: `adam` is admin, `mia` is member,
`rita` is reader, and `ole` has a role that means nothing to the search service. `service` is the
account with which a service checks tokens.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from tests.support.keystone_environment import ADMIN_PASSWORD, Installed, configure, installed

START_SECONDS = 60.0
STOP_SECONDS = 30.0
REGION = "here"
PEOPLE = {"adam": "admin", "mia": "member", "rita": "reader", "ole": "observer"}
SERVICE_USER = SERVICE_PROJECT = "service"
IDS = "ids.json"
GUNICORN = """\
import sys

sys.argv = sys.argv[:1]  # Keystone reads them too, and knows none of these
wsgi_app = "keystone.wsgi.api:application"
worker_class, threads, keepalive = "gthread", 4, 30
control_socket_disable = True
"""


@dataclass
class Keystone:
    """`process` is another one after a new start; the address stays."""

    made: Installed
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    ids: dict[str, str] = field(default_factory=dict)
    """Of users, projects and roles, by `user mia`, `project search`, `role member`."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v3"

    def start(self, token_seconds: int = 3600) -> None:
        """Returns once it answers."""
        configuration = configure(self.folder, token_seconds)
        (self.folder / "gunicorn.conf.py").write_text(GUNICORN)
        with (self.folder / "keystone.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.made.program("gunicorn"), "--bind", f"127.0.0.1:{self.port}"],
                cwd=self.folder,
                env={
                    "PATH": "/usr/bin:/bin",
                    "HOME": str(self.folder),
                    "OS_KEYSTONE_CONFIG_FILES": str(configuration),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait()

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(STOP_SECONDS)
            self.process = None

    def log_in(self, user: str, password: str | None = None, **scope: Any) -> str:
        """A token; its scope is given as `project={"name": ...}` and so on, none is unscoped."""
        who = {"name": user, "password": password or user, "domain": {"id": "default"}}
        identity = {"methods": ["password"], "password": {"user": who}}
        body = {"auth": {"identity": identity} | ({"scope": scope} if scope else {})}
        answer = httpx.post(f"{self.url}/auth/tokens", json=body, timeout=30)
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]

    def token(self, user: str, project: str = "search") -> str:
        return self.log_in(user, project={"id": self.ids[f"project {project}"]})

    def revoke(self, token: str) -> None:
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        answer = httpx.delete(f"{self.url}/auth/tokens", headers=headers, timeout=30)
        assert answer.status_code == 204, answer.text

    @contextmanager
    def admin(self) -> Iterator[httpx.Client]:
        """Keystone's own administrator."""
        domain = {"id": "default"}
        token = self.log_in("admin", ADMIN_PASSWORD, project={"name": "admin", "domain": domain})
        headers = {"X-Auth-Token": token}
        with httpx.Client(base_url=self.url, headers=headers, timeout=30) as client:
            yield client

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if httpx.get(self.url, timeout=START_SECONDS).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert self.process is not None and self.process.poll() is None, self._said()
            assert time.monotonic() < deadline, self._said()
            time.sleep(0.05)

    def _said(self) -> str:
        return (self.folder / "keystone.log").read_text()[-4000:]


@contextmanager
def keystone(folder: Path) -> Iterator[Keystone]:
    """A running Keystone with everybody in it, until the block ends."""
    made = installed()
    peopled = _peopled(made)
    shutil.copytree(peopled, folder, dirs_exist_ok=True)
    with _running(made, folder) as server:
        server.ids |= json.loads((peopled / IDS).read_text())
        yield server


@contextmanager
def _running(made: Installed, folder: Path) -> Iterator[Keystone]:
    server = Keystone(made, folder, _free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _peopled(made: Installed) -> Path:
    """The folder of a Keystone with everybody in it, made once and named by this file's text."""
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    folder = made.folder / f"people-{version}"
    with made.alone():
        if not folder.exists():
            half = made.folder / "people-half"
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(made.template, half)
            with _running(made, half) as server:
                _settle(server)
            (half / IDS).write_text(json.dumps(server.ids))
            half.rename(folder)
    return folder


def endpoint(server: Keystone, url: str) -> None:
    """Put a search service into the catalogue, as its operator would."""
    with server.admin() as admin:
        service = _made(admin, "services", type="css", name="css")
        _made(admin, "endpoints", service_id=service, url=url, interface="public", region_id=REGION)


def _settle(server: Keystone) -> None:
    with server.admin() as admin:
        _made(admin, "regions", id=REGION)
        for name in ("search", "other", SERVICE_PROJECT):
            server.ids[f"project {name}"] = _made(admin, "projects", name=name)
        _made(admin, "roles", name="observer")
        roles = {one["name"]: one["id"] for one in admin.get("/roles").json()["roles"]}
        for user, role in PEOPLE.items():
            server.ids[f"user {user}"] = _made(admin, "users", name=user, password=user)
            _grant(server, admin, user, "search", roles[role])
        server.ids["user service"] = _made(admin, "users", name="service", password="service")
        _grant(server, admin, "service", SERVICE_PROJECT, roles["service"])
        mia = server.ids["user mia"]
        admin.put(f"/domains/default/users/{mia}/roles/{roles['member']}").raise_for_status()


def _grant(server: Keystone, admin: httpx.Client, user: str, project: str, role: str) -> None:
    where, who = server.ids[f"project {project}"], server.ids[f"user {user}"]
    admin.put(f"/projects/{where}/users/{who}/roles/{role}").raise_for_status()


def _made(admin: httpx.Client, kind: str, **values: str) -> str:
    """Make one of a kind; its id."""
    answer = admin.post(f"/{kind}", json={kind.removesuffix("s"): values})
    assert answer.status_code == 201, answer.text
    return str(answer.json()[kind.removesuffix("s")]["id"])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
