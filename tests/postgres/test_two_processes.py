"""Two control-plane processes on one database: what one does, the other goes by at once.

On a server they have data folders of their own and share the keys; on SQLite they share the
folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from tests.support.postgres import Server
from tests.support.running import RunningService, getting_started, running_service

from searchplane.iam.keys import rotate

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Place:
    """Where the processes work; `second` is the data folder of those that only answer."""

    first: Path
    second: Path
    environment: dict[str, str] = field(repr=False)

    @property
    def keys(self) -> Path:
        return Path(self.environment.get("SEARCHPLANE_KEYS", self.first / "keys"))

    @contextmanager
    def full(self) -> Iterator[RunningService]:
        with running_service(self.first, self.environment) as service:
            yield service

    @contextmanager
    def api(self) -> Iterator[RunningService]:
        with running_service(
            self.second, self.environment, "--api-only", admin=self.first
        ) as service:
            yield service


@dataclass(frozen=True)
class Two:
    full: RunningService
    api: RunningService

    def both(self) -> tuple[RunningService, RunningService]:
        return self.full, self.api


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    with new_place(request, tmp_path_factory.mktemp("two")) as place:
        yield place


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with new_place(request, tmp_path) as place:
        yield place


@contextmanager
def new_place(request: pytest.FixtureRequest, folder: Path) -> Iterator[Place]:
    environment = {"SEARCHPLANE_DRIVER": "fake"}
    if request.param == "sqlite":
        yield Place(folder, folder, environment)
        return
    postgres: Server = request.getfixturevalue("postgres")
    with postgres.database() as url:
        environment |= {"SEARCHPLANE_DATABASE_URL": url, "SEARCHPLANE_KEYS": str(folder / "keys")}
        yield Place(folder / "first", folder / "second", environment)


@pytest.fixture(scope="module")
def two(shared: Place) -> Iterator[Two]:
    with shared.full() as full, shared.api() as api:
        yield Two(full, api)


def is_valid(service: RunningService, token: str) -> bool:
    answer = httpx.get(f"{service.url}/v3/auth/projects", headers={"X-Auth-Token": token})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def create(service: RunningService, name: str) -> str:
    with service.project_client() as client:
        answer = client.post("/clusters", json=getting_started(name)).raise_for_status()
    return str(answer.json()["cluster"]["id"])


def await_status(service: RunningService, cluster_id: str, wanted: str) -> None:
    """`wanted` is what the detail shows, or 404 once there is none."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with service.project_client() as client:
        while True:
            answer = client.get(f"/clusters/{cluster_id}")
            shown = "404" if answer.status_code == 404 else answer.json()["status"]
            if shown == wanted:
                return
            assert time.monotonic() < deadline, f"{cluster_id} is {shown}, not {wanted}"
            time.sleep(0.02)


def test_a_token_of_either_counts_at_both_and_a_revoked_one_at_neither(two: Two) -> None:
    for issuer, other in (two.both(), two.both()[::-1]):
        token = issuer.token()
        assert is_valid(issuer, token)
        assert is_valid(other, token)
        revoked = {"X-Auth-Token": token, "X-Subject-Token": token}
        httpx.delete(f"{issuer.url}/v3/auth/tokens", headers=revoked).raise_for_status()
        assert not is_valid(other, token)
        assert not is_valid(issuer, token)


def test_a_cluster_accepted_at_one_is_tended_by_the_other(two: Two) -> None:
    cluster_id = create(two.api, "accepted-there")
    await_status(two.full, cluster_id, "200")
    await_status(two.api, cluster_id, "200")
    with two.api.project_client() as client:
        began = time.monotonic()
        client.delete(f"/clusters/{cluster_id}").raise_for_status()
        await_status(two.full, cluster_id, "404")
    assert time.monotonic() - began < 5


def test_a_rotation_of_the_keys_is_seen_by_both(two: Two, shared: Place) -> None:
    before = two.full.token()
    rotate(shared.keys, timedelta(days=1), datetime.now(UTC))
    for issuer, other in (two.both(), two.both()[::-1]):
        assert is_valid(other, issuer.token())
        assert is_valid(issuer, before)


def test_the_health_of_one_that_only_answers_says_whether_clusters_are_tended(two: Two) -> None:
    health = httpx.get(f"{two.api.url}/healthz")
    assert (health.status_code, health.json()) == (200, {"status": "ok", "clusters": "tended"})


def test_only_the_one_that_tends_has_written_how_to_log_in(two: Two, shared: Place) -> None:
    assert two.full.admin["auth_url"] == f"{two.full.url}/v3"
    assert (shared.second / "admin.json").exists() == (shared.second == shared.first)


def test_a_second_one_that_would_tend_is_told_who_does(two: Two, shared: Place) -> None:
    command = [sys.executable, "-m", "searchplane.cli.main", "serve", "--listen", "127.0.0.1:0"]
    environment = os.environ | shared.environment | {"SEARCHPLANE_DATA": str(shared.second)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert f"process {two.full.process.pid}" in done.stderr
    assert "already" in done.stderr


def test_both_come_up_when_they_start_at_once(place: Place) -> None:
    with ExitStack() as at_end:
        with ThreadPoolExecutor(2) as threads:
            entered = [
                threads.submit(at_end.enter_context, one) for one in (place.api(), place.full())
            ]
            api, full = (one.result(PATIENCE_SECONDS) for one in entered)
        assert is_valid(api, full.token())


def test_each_goes_on_when_the_other_is_killed(place: Place) -> None:
    with place.full() as full:
        with place.api() as api:
            token = api.token()
            api.process.kill()
            api.process.wait(PATIENCE_SECONDS)
            await_status(full, create(full, "one-is-gone"), "200")
        with place.api() as api:
            full.process.kill()
            full.process.wait(PATIENCE_SECONDS)
            assert is_valid(api, token)
            waiting = create(api, "nobody-tends")  # somebody looked at the host just now
            with place.full():
                await_status(api, waiting, "200")
