"""A service whose threads hang ends in five seconds all the same, and lets nobody in before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from tests.cli.services import PATIENCE_SECONDS, Run, fake, served
from tests.support.running import getting_started, running_service

from searchplane.app import LoopThread
from searchplane.errors import Permanent
from searchplane.lock import FolderLock

HANGING = """
import asyncio, time
from pathlib import Path
from searchplane.api import ops
from searchplane.drivers.fake import FakeDriver

here = Path(__file__).parent
look = ops._problem

def hang(*_):
    (here / "hangs").touch()
    time.sleep(60)

async def remove(*_):
    await asyncio.to_thread(hang)

FakeDriver.remove = remove
ops._problem = lambda services: hang() if (here / "slow").exists() else look(services)
"""


def until_exists(path: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} was not made"
        time.sleep(0.02)


def delete_a_cluster(client: httpx.Client) -> None:
    answer = client.post("/clusters", json=getting_started()).raise_for_status()
    cluster_id = answer.json()["cluster"]["id"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while client.get(f"/clusters/{cluster_id}").json()["status"] != "200":
        assert time.monotonic() < deadline, "the cluster did not become available"
        time.sleep(0.02)
    client.delete(f"/clusters/{cluster_id}").raise_for_status()


def ask_for_health(url: str) -> None:
    with suppress(httpx.HTTPError):  # it ends unanswered
        httpx.get(f"{url}/healthz", timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize("where", ["reconciler", "api"])
def test_it_is_gone_in_five_seconds_and_the_lock_with_it(tmp_path: Path, where: str) -> None:
    code, data = tmp_path / "code", tmp_path / "data"
    code.mkdir()
    (code / "sitecustomize.py").write_text(HANGING)
    path = os.pathsep.join([str(code), os.environ.get("PYTHONPATH", "")])
    environment = {"SEARCHPLANE_DRIVER": "fake", "PYTHONPATH": path}
    with running_service(data, environment) as service:
        if where == "reconciler":
            with service.project_client() as client:
                delete_a_cluster(client)
        else:
            (code / "slow").touch()
            threading.Thread(target=ask_for_health, args=(service.url,), daemon=True).start()
        until_exists(code / "hangs")
        asked = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        if where == "reconciler":
            taken(data).close()
            service.process.wait(0.5)  # the lock was free no sooner than the process was gone
        assert service.process.wait(PATIENCE_SECONDS) == 0
        assert time.monotonic() - asked < 5


def taken(data: Path) -> FolderLock:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return FolderLock(data)
        except Permanent:
            assert time.monotonic() < deadline, "the folder was not let go of"


def test_a_reconciler_that_ends_by_itself_ends_the_service_with_a_sentence(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(self: LoopThread) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(LoopThread, "_main", main)
    monkeypatch.setenv("SEARCHPLANE_DRIVER", "fake")
    monkeypatch.setattr("searchplane.cli.serve.configure", lambda _: None)
    ran = run("serve", "--data", tmp_path, "--listen", "127.0.0.1:0")
    assert ran.code == 1
    assert "the reconciler ended by itself, the log says why" in ran.err


def test_the_service_says_when_it_is_tended_no_more(tmp_path: Path) -> None:
    with served(fake(tmp_path)) as service:
        url = f"{service.service.settings.base_url}/healthz"
        assert httpx.get(url).json() == {"status": "ok"}
        service.service.loop._loop = None
        answer = httpx.get(url)
    assert answer.status_code == 503
    assert "the loop does not run" in answer.json()["reason"]


def test_a_lock_held_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    other = FolderLock(tmp_path)
    later = threading.Timer(0.2, other.close)
    later.start()
    FolderLock(tmp_path).close()
    later.join()


def test_looking_for_the_holder_is_in_nobody_s_way(tmp_path: Path) -> None:
    script = """
import sys; from pathlib import Path; from searchplane.lock import holder
print("looks", flush=True)
while True: holder(Path(sys.argv[1]))
"""
    FolderLock(tmp_path).close()
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as looker:
        assert looker.stdout is not None
        looker.stdout.readline()
        for _ in range(200):
            FolderLock(tmp_path, patience_seconds=0).close()
        looker.kill()
