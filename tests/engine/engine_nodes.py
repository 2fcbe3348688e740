"""A launcher of real nodes that does no more than a driver must."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import httpx
import pytest

from searchplane.domain.cluster import Role
from searchplane.domain.engines import Engine
from searchplane.engine.config import SERVER_LOG, NodeConfig, render
from searchplane.engine.distributions import Installation
from searchplane.engine.launch import FOLDERS, java_command, java_environment

RUN_AS = (52001, 52001) if os.geteuid() == 0 else None
START_SECONDS = 120


@dataclass(frozen=True)
class RunningNode:
    """A node that answers; `client` asks it, `process` and `folder` are its own."""

    name: str
    client: httpx.Client
    process: subprocess.Popen[bytes]
    folder: Path

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        answer = self.client.request(method, path, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer


StartNodes = Callable[[Engine, int], list[RunningNode]]


@contextmanager
def launched(
    installation: Installation,
    number: int,
    addresses: list[str],
    repo: Path | None = None,
    files: Mapping[str, bytes] = MappingProxyType({}),
) -> Iterator[RunningNode]:
    """A node of its own folder; `repo` is a folder for snapshots that it shares with others,
    `files` are put into its configuration folder besides."""
    folder = Path(tempfile.mkdtemp(prefix="searchplane-test-node-"))
    for name in FOLDERS:
        (folder / name).mkdir()
    names = tuple(f"node-{one}" for one in range(len(addresses)))
    view = NodeConfig(
        engine=installation.engine,
        cluster_name="test",
        node_name=names[number],
        role=Role.DATA,
        master_eligible=True,
        zone="z-1",
        zones=("z-1",),
        address=addresses[number],
        seed_addresses=tuple(addresses),
        processors=2,
        path_repo=repo or folder / "data",
        bootstrap_masters=names,
        settings={"reindex.remote.whitelist": "127.*:9200"},
        files=files,
    )
    for file, content in render(view).items():
        (folder / "config" / file).write_bytes(content)
    if RUN_AS:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, *RUN_AS)
    folder.chmod(0o700)
    user, group = RUN_AS or (None, None)
    command = java_command(installation, folder=folder, heap_mb=512, processors=2)
    with (
        (folder / "logs" / "output.log").open("wb") as output,
        subprocess.Popen(
            command,
            env=java_environment(),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=user,
            group=group,
            extra_groups=[] if RUN_AS else None,
            start_new_session=True,  # as the driver does: the CPU is shared out by session
        ) as process,
        httpx.Client(
            base_url=f"http://{addresses[number]}:9200", timeout=60, trust_env=False
        ) as client,
    ):
        try:
            yield RunningNode(names[number], client, process, folder)
        finally:
            process.kill()
            process.wait()
            shutil.rmtree(folder)


@contextmanager
def killed_and_started(node: RunningNode) -> Iterator[RunningNode]:
    """The node after a kill -9, as another process on the same folder."""
    node.process.kill()
    node.process.wait()
    user, group = RUN_AS or (None, None)
    with (
        (node.folder / "logs" / "output.log").open("ab") as output,
        subprocess.Popen(
            node.process.args,
            env=java_environment(),
            cwd=node.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=user,
            group=group,
            extra_groups=[] if RUN_AS else None,
            start_new_session=True,  # as the driver does: the CPU is shared out by session
        ) as process,
    ):
        try:
            yield replace(node, process=process)
        finally:
            process.kill()
            process.wait()


def wait_until_joined(node: RunningNode, members: int) -> None:
    """Wait until the node is in a green cluster of so many members."""
    _wait(node, f"wait_for_nodes={members}&wait_for_status=green")


def wait_until_answers(node: RunningNode) -> None:
    """Wait until the node has elected itself and knows what it has on its disk."""
    _wait(node, "wait_for_events=languid")


def _wait(node: RunningNode, condition: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    path = f"/_cluster/health?{condition}&timeout=30s"
    while time.monotonic() < deadline:
        assert node.process.poll() is None, (node.folder / SERVER_LOG).read_text()[-4000:]
        try:
            if node.client.get(path).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)  # it does not listen yet
    pytest.fail(f"{node.name} did not join: {(node.folder / SERVER_LOG).read_text()[-4000:]}")
