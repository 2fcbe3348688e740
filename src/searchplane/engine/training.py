"""Make the class archive of an installation: one throw-away node is started, used and stopped.

The JVM writes down which classes of the class path a node used and in what form, and later nodes
map that file instead of reading and checking the jars again; this saves a third of a start. The
archive fits one Java, one class path and one set of main options, so it is made for each home. It
holds nothing of what the node indexed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from searchplane.domain.cluster import Role
from searchplane.engine import tethered
from searchplane.engine.config import REST_PORT, TRANSPORT_PORT, NodeConfig, render
from searchplane.engine.distributions import Installation, home_name
from searchplane.engine.folders import make_folder
from searchplane.engine.launch import FOLDERS, java_command, java_environment, shared_options
from searchplane.engine.runtime import RunAs
from searchplane.errors import Transient

OLDEST_JAVA = 13
"""The first that can add an application's classes to its archive without a list of them."""
HEAP_MB = 512
PROCESSORS = 2
START_SECONDS = 180
STOP_SECONDS = 120
BULK = '{"index":{"_index":"train"}}\n{"title":"a class archive","n":1,"at":"2024-01-01"}\n' * 20
SEARCH: dict[str, Any] = {
    "query": {
        "bool": {"must": {"match": {"title": "archive"}}, "filter": {"range": {"n": {"gt": 0}}}}
    },
    "aggs": {"by_n": {"terms": {"field": "n"}}},
    "sort": ["_score", {"n": "desc"}],
}
REQUESTS: tuple[tuple[str, str, Any], ...] = (
    ("PUT", "/train", {"settings": {"number_of_shards": 2, "number_of_replicas": 0}}),
    ("POST", "/_bulk?refresh=true", BULK),
    ("POST", "/train/_search", SEARCH),
    ("POST", "/train/_flush", None),
    ("POST", "/train/_forcemerge?max_num_segments=1", None),
    ("GET", "/train/_count", None),
    ("GET", "/_cat/nodes", None),
    ("GET", "/_cat/shards", None),
    ("GET", "/_nodes/stats", None),
    ("GET", "/_cluster/stats", None),
    ("PUT", "/_cluster/settings", {"transient": {"indices.recovery.max_bytes_per_sec": "40mb"}}),
    ("DELETE", "/train", None),
)
"""What a node is asked so that the classes of daily work are in its archive."""

log = logging.getLogger(__name__)


def archive_path(cache: Path, installation: Installation) -> Path:
    """Where the archive lies that fits this home, this Java and these options."""
    release = installation.java.home / "release"
    key = "\n".join(
        (
            str(installation.java.home),
            installation.java.version,
            release.read_text() if release.is_file() else "",
            str((installation.home / "lib").stat().st_mtime_ns),
            *shared_options(installation, PROCESSORS),
        )
    )
    name = home_name(installation.engine, secured=installation.secured)
    return cache / "archives" / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.jsa"


def train(
    installation: Installation, cache: Path, run_as: RunAs | None, stop: threading.Event
) -> Path:
    """Make the archive and return its path; raises Transient when that cannot be done now."""
    target = archive_path(cache, installation)
    with _node_folder(cache, run_as) as folder:
        address = free_address()
        _configure(installation, folder, address, run_as)
        made = folder / "tmp" / "classes.jsa"
        with _node(installation, folder, made, run_as) as process, _client(address) as client:
            _wait_until_ready(client, process, stop)
            for method, path, body in REQUESTS:
                _ask(client, method, path, body)
            _end(process, stop)
        if not made.is_file():
            raise Transient("the node stopped without writing a class archive")
        make_folder(target.parent)
        for old in target.parent.glob(f"{target.name.rsplit('-', 1)[0]}-*.jsa"):
            old.unlink()
        staged = target.with_suffix(".new")
        shutil.copyfile(made, staged)
        staged.chmod(0o644)
        staged.replace(target)
    return target


def free_address() -> str:
    """A loopback address on which nothing listens at a node's ports."""
    while True:
        address = (
            f"127.{random.randint(200, 250)}.{random.randint(0, 255)}.{random.randint(1, 254)}"  # noqa: S311
        )
        if all(_is_free(address, port) for port in (REST_PORT, TRANSPORT_PORT)):
            return address


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


@contextmanager
def _node_folder(cache: Path, run_as: RunAs | None) -> Iterator[Path]:
    parent = make_folder(cache / "training")
    folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        for name in FOLDERS:
            (folder / name).mkdir()
        yield folder
    finally:
        shutil.rmtree(folder)


def _configure(
    installation: Installation, folder: Path, address: str, run_as: RunAs | None
) -> None:
    view = NodeConfig(
        engine=installation.engine,
        cluster_name="training",
        node_name="training",
        role=Role.DATA,
        master_eligible=True,
        zone="training",
        zones=("training",),
        address=address,
        seed_addresses=(address,),
        processors=PROCESSORS,
        path_repo=folder / "data",
        bootstrap_masters=("training",),
        settings={"plugins.security.disabled": True} if installation.secured else {},
    )
    for name, content in render(view).items():
        (folder / "config" / name).write_bytes(content)
    if run_as is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, *run_as)


@contextmanager
def _node(
    installation: Installation, folder: Path, archive: Path, run_as: RunAs | None
) -> Iterator[subprocess.Popen[bytes]]:
    java, *options = java_command(
        installation, folder=folder, heap_mb=HEAP_MB, processors=PROCESSORS
    )
    user, group = run_as or (-1, -1)
    tether = (sys.executable, "-I", tethered.__file__, str(user), str(group))
    process = subprocess.Popen(
        (*tether, java, f"-XX:ArchiveClassesAtExit={archive}", *options),
        env=java_environment(),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _client(address: str) -> httpx.Client:
    return httpx.Client(base_url=f"http://{address}:{REST_PORT}", timeout=60, trust_env=False)


def _wait_until_ready(
    client: httpx.Client, process: subprocess.Popen[bytes], stop: threading.Event
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Transient(f"the node ended with exit code {process.returncode}")
        try:
            if client.get("/_cluster/health").is_success:
                return
        except httpx.TransportError:
            log.debug("the node does not answer yet")
        if stop.wait(0.2):
            raise Transient("the service is ending")
    raise Transient(f"the node did not answer within {START_SECONDS} s")


def _ask(client: httpx.Client, method: str, path: str, body: Any) -> None:
    try:
        if isinstance(body, str):
            headers = {"Content-Type": "application/x-ndjson"}
            answer = client.request(method, path, content=body, headers=headers)
        else:
            answer = client.request(method, path, json=body)
    except httpx.HTTPError as error:
        raise Transient(f"the node did not answer {method} {path}: {error}") from error
    if not answer.is_success:
        raise Transient(f"the node answered {method} {path} with {answer.status_code}")


def _end(process: subprocess.Popen[bytes], stop: threading.Event) -> None:
    process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    while process.poll() is None:
        if stop.wait(0.1):
            raise Transient("the service is ending")
        if time.monotonic() > deadline:
            raise Transient(f"the node did not stop within {STOP_SECONDS} s")
