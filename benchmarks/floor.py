"""The floor: nodes of the same engine started by hand, with nothing of the service around them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from searchplane.domain.cluster import Role
from searchplane.domain.engines import Engine
from searchplane.engine.calm import calm as calm_node
from searchplane.engine.config import NodeConfig, render
from searchplane.engine.distributions import Installation
from searchplane.engine.launch import FOLDERS, java_command, java_environment
from searchplane.hosting import open_distributions
from searchplane.settings import Settings

RUN_AS = 52001 if os.geteuid() == 0 else None
HEAP_MB = 512
PROCESSORS = 2
DEADLINE_SECONDS = 180
POLL_SECONDS = 0.05

Command = Callable[[tuple[str, ...]], tuple[str, ...]]
"""Changes the command line of a node, to compare options."""


@dataclass(frozen=True)
class Started:
    """`seconds` from the first process to green; `cpu` is the sum over the nodes by then."""

    seconds: float
    cpu: float
    addresses: tuple[str, ...]
    pids: tuple[int, ...]


def installation_of(engine: Engine) -> Installation:
    return open_distributions(Settings()).install(engine, secured=False)


def unchanged(command: tuple[str, ...]) -> tuple[str, ...]:
    return command


def cpu_seconds(pids: Sequence[int]) -> float:
    """What these processes have used so far, in user and system mode."""
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


@contextmanager
def started_by_hand(
    installation: Installation, count: int, change: Command = unchanged, *, calm: bool = True
) -> Iterator[Started]:
    """`count` nodes that have formed a green cluster; killed at the end.

    `calm` lets them yield as the service does (engine/calm.py).
    """
    addresses = [f"127.9.{os.getpid() % 200}.{number + 1}" for number in range(count)]
    with ExitStack() as stack:
        folders = [
            stack.enter_context(node_folder(number, addresses, installation, count))
            for number in range(count)
        ]
        began = time.monotonic()
        processes = [stack.enter_context(_process(installation, one, change)) for one in folders]
        for process in processes if calm else ():
            calm_node(process.pid)
        _wait_until_green(addresses, processes)
        seconds = time.monotonic() - began
        pids = tuple(one.pid for one in processes)
        yield Started(seconds, cpu_seconds(pids), tuple(addresses), pids)


@contextmanager
def node_folder(
    number: int, addresses: Sequence[str], installation: Installation, bootstrap: int
) -> Iterator[Path]:
    """A node's folder with its configuration; the first `bootstrap` nodes form the cluster."""
    folder = Path(tempfile.mkdtemp(prefix="searchplane-floor-"))
    try:
        for name in FOLDERS:
            (folder / name).mkdir()
        names = tuple(f"floor-{one}" for one in range(len(addresses)))
        view = NodeConfig(
            engine=installation.engine,
            cluster_name="floor",
            node_name=names[number],
            role=Role.DATA,
            master_eligible=True,
            zone="z",
            zones=("z",),
            address=addresses[number],
            seed_addresses=tuple(addresses),
            processors=PROCESSORS,
            path_repo=folder / "data",
            bootstrap_masters=names[:bootstrap],
        )
        for file, content in render(view).items():
            (folder / "config" / file).write_bytes(content)
        if RUN_AS is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, RUN_AS, RUN_AS)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # a change may have removed it already


def node_command(installation: Installation, folder: Path) -> tuple[str, ...]:
    return java_command(installation, folder=folder, heap_mb=HEAP_MB, processors=PROCESSORS)


def start_process(command: tuple[str, ...], folder: Path) -> subprocess.Popen[bytes]:
    """As the driver does it: in a session and as a user of its own."""
    return subprocess.Popen(
        command,
        env=java_environment(),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=RUN_AS,
        group=RUN_AS,
        extra_groups=None if RUN_AS is None else [],
        start_new_session=True,  # the kernel shares the CPU between sessions
    )


@contextmanager
def _process(
    installation: Installation, folder: Path, change: Command
) -> Iterator[subprocess.Popen[bytes]]:
    process = start_process(change(node_command(installation, folder)), folder)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_until_green(
    addresses: Sequence[str], processes: Sequence[subprocess.Popen[bytes]]
) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    path = f"/_cluster/health?wait_for_nodes={len(addresses)}&wait_for_status=green&timeout=50ms"
    with httpx.Client(base_url=f"http://{addresses[0]}:9200", trust_env=False) as client:
        while time.monotonic() < deadline:
            if any(process.poll() is not None for process in processes):
                raise RuntimeError("a node ended while starting")
            try:
                if client.get(path, timeout=5).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(POLL_SECONDS)
    raise RuntimeError(f"not green within {DEADLINE_SECONDS} s")
