"""The service in the foreground: how it begins, how it ends, and how its nodes are stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.services import PATIENCE_SECONDS, Run, Served, fake, served
from tests.support.running import RunningService, getting_started, running_service

from searchplane.cli import down
from searchplane.domain.ids import ClusterId, NodeId
from searchplane.drivers.base import NodeRef
from searchplane.drivers.fake import FakeDriver
from searchplane.errors import Transient
from searchplane.hosting import stop_nodes
from searchplane.lock import FolderLock

FAKE = {"SEARCHPLANE_DRIVER": "fake"}
HOLDER = """
import signal, sys
from pathlib import Path
from searchplane.lock import FolderLock
signal.signal(signal.SIGTERM, signal.SIG_IGN)
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def phases(data: Path) -> list[str]:
    """What each node of the fake driver does now."""
    return [json.loads(path.read_text())["phase"] for path in data.glob("fake/*/*.json")]


def made(service: RunningService, name: str = "ES-Test") -> str:
    """The id of a new cluster, once it is available."""
    with service.project_client() as client:
        answer = client.post("/clusters", json=getting_started(name)).raise_for_status()
        cluster_id = str(answer.json()["cluster"]["id"])
        deadline = time.monotonic() + PATIENCE_SECONDS
        while client.get(f"/clusters/{cluster_id}").json()["status"] != "200":
            assert time.monotonic() < deadline, "the cluster did not become available"
            time.sleep(0.02)
        return cluster_id


def test_sigterm_ends_the_service_within_five_seconds_and_leaves_the_nodes(
    tmp_path: Path,
) -> None:
    with running_service(tmp_path, FAKE) as service:
        made(service)
        asked = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(PATIENCE_SECONDS) == 0
        assert time.monotonic() - asked < 5
    assert phases(tmp_path) == ["running"] * 3


def test_after_kill_9_the_port_is_free_and_the_next_service_knows_the_cluster(
    tmp_path: Path,
) -> None:
    with running_service(tmp_path, FAKE) as service:
        cluster_id = made(service)
        service.process.kill()
        service.process.wait(PATIENCE_SECONDS)
        host, port = service.url.removeprefix("http://").split(":")
        with socket.create_server((host, int(port))):
            pass
    with served(fake(tmp_path)) as again, again.client() as client:
        assert client.get(f"/clusters/{cluster_id}").json()["status"] == "200"


def test_down_ends_the_service_and_stops_its_nodes(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEARCHPLANE_DRIVER", "fake")
    with running_service(tmp_path, FAKE) as service:
        made(service)
        ran = run("down", "--data", tmp_path)
        assert service.process.wait(PATIENCE_SECONDS) == 0
    assert ran.code == 0
    assert f"process {service.process.pid} serves {tmp_path}" in ran.out
    assert "3 nodes stopped; the data is kept" in ran.out
    assert phases(tmp_path) == ["stopped"] * 3


def test_a_second_service_is_refused_with_the_process_of_the_first(
    tmp_path: Path, run: Run
) -> None:
    with served(fake(tmp_path)):
        ran = run("serve", "--data", tmp_path, "--listen", "127.0.0.1:0")
    assert ran.code == 1
    assert f"{tmp_path} is served already, by process {os.getpid()}" in ran.err


def test_a_busy_port_is_a_sentence(tmp_path: Path, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        ran = run("serve", "--data", tmp_path, "--listen", listen)
    assert (ran.code, ran.out) == (1, "")
    assert f"cannot listen on {listen}: Address already in use" in ran.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--listen", "9480"), "--listen: '9480' is not HOST:PORT, such as 127.0.0.1:9480"),
        (("--ops-listen", "x:y"), "--ops-listen: 'x:y' is not HOST:PORT"),
    ],
)
def test_a_wrong_option_is_named(run: Run, words: tuple[str, str], sentence: str) -> None:
    ran = run("serve", *words)
    assert ran.code == 2
    assert sentence in ran.err


def test_a_wrong_variable_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEARCHPLANE_TOKEN_HOURS", "0")
    ran = run("serve")
    assert ran.code == 1
    assert "SEARCHPLANE_TOKEN_HOURS is '0': Input should be greater than 0" in ran.err


def test_a_data_folder_that_cannot_be_used_is_a_sentence(tmp_path: Path, run: Run) -> None:
    (tmp_path / "file").write_text("")
    ran = run("serve", "--data", tmp_path / "file", "--listen", "127.0.0.1:0")
    assert ran.code == 1
    assert f"the data folder {tmp_path / 'file'} cannot be made: File exists" in ran.err


def test_down_works_without_a_service(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEARCHPLANE_DRIVER", "fake")
    with served(fake(tmp_path)) as service:
        service.create("ES-Test")
        wait(service)
    assert phases(tmp_path) == ["running"] * 3
    assert run("down", "--data", tmp_path).code == 0
    assert phases(tmp_path) == ["stopped"] * 3
    assert "no node ran" in run("down", "--data", tmp_path).out


def test_down_of_a_folder_that_is_not_there_is_fine(tmp_path: Path, run: Run) -> None:
    ran = run("down", "--data", tmp_path / "none")
    assert (ran.code, ran.out) == (0, f"{tmp_path / 'none'} does not exist: nothing to stop\n")


def test_down_gives_up_on_a_service_that_does_not_end(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(down, "SECONDS", 0.3)
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        ran = run("down", "--data", tmp_path)
        holder.communicate()
    assert ran.code == 1
    assert f"by process {holder.pid}" in ran.err
    assert "it did not end within" in ran.err


async def test_a_node_that_cannot_be_seen_is_not_taken_to_have_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Blind(FakeDriver):
        async def nodes(self) -> tuple[NodeRef, ...]:
            ref = NodeRef(ClusterId("c"), NodeId("n"))
            self.make_unknown(ref, "its folder cannot be read")
            return (ref,)

    monkeypatch.setattr("searchplane.hosting.FakeDriver", Blind)
    left: list[int] = []
    with (
        FolderLock(tmp_path),
        pytest.raises(Transient, match=r"1 of the nodes still run .* its folder cannot be read"),
    ):
        await stop_nodes(fake(tmp_path), left.append, 0.0)
    assert left == [1]


def wait(service: Served) -> None:
    """Until every node of the service runs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while phases(service.data) != ["running"] * 3:
        assert time.monotonic() < deadline, "the nodes did not start"
        time.sleep(0.02)
