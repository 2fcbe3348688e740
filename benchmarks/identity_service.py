"""A service to measure identity on: without lockout, with clusters, and users of each kind."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import httpx
from tests.support.running import RunningService, getting_started

from benchmarks.identity_load import Request, Target, login_of
from searchplane.domain.ids import UserId
from searchplane.domain.lockout import Attempts, Standing
from searchplane.iam.passwords import hash_password
from searchplane.iam.tokens import new_audit_id
from searchplane.store import login_attempts
from searchplane.store.database import Database
from searchplane.store.identity import Directory, Reference, User
from searchplane.store.identity import Target as Granted

SETTINGS = {"SEARCHPLANE_DRIVER": "fake", "SEARCHPLANE_LOGIN_LOCKOUT": "false"}
CLUSTERS = 10
PASSWORD = "Quiet-Harbour-27"
KINDS = ("usual", "locked", "disabled")


def target(service: RunningService) -> Target:
    return Target(service.url, service.process.pid)


def login(service: RunningService) -> Request:
    """The first user's."""
    return login_as(service, service.admin["user"], service.admin["password"])


def login_as(service: RunningService, name: str, password: str) -> Request:
    project = {"id": service.admin["project_id"]}
    return login_of(name, password, service.admin["domain"], project)


def figures(service: RunningService) -> dict[str, float]:
    """What /metrics tells, without labels."""
    lines = httpx.get(f"{service.url}/metrics").raise_for_status().text.splitlines()
    pairs = (line.split() for line in lines if not line.startswith("#") and "{" not in line)
    return {name: float(value) for name, value in pairs}


def make_clusters(service: RunningService) -> None:
    with service.project_client() as client:
        for number in range(CLUSTERS):
            body = getting_started(f"listed-{number}", nodes=1)
            client.post("/clusters", json=body).raise_for_status()
        while any(one["status"] != "200" for one in client.get("/clusters").json()["clusters"]):
            time.sleep(0.2)


def make_users(service: RunningService, url: str) -> None:
    """A user of each kind, beside the running service, in its database."""
    now, project = datetime.now(UTC), service.admin["project_id"]
    database = Database(url)
    with database.write() as connection:
        directory = Directory(connection)
        home = directory.find_domain(Reference(id=service.admin["domain_id"]))
        assert home is not None
        for name in KINDS:
            user_id, enabled = UserId(new_audit_id()), name != "disabled"
            directory.add_user(User(user_id, name, enabled, home, hash_password(PASSWORD)), now)
            directory.add_roles(user_id, Granted.PROJECT, project, ("readonly",))
            if name == "locked":
                locked = Attempts(5, now, now + timedelta(days=1))
                standing = Standing(here=locked)
                login_attempts.save(connection, user_id, "127.0.0.1", standing, now)
    database.close()
