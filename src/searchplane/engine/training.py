"""Make the class archive of an installation: one throw-away node is started, used and stopped.

The JVM writes down which classes of the class path a node used and in what form, and later nodes
map that file instead of reading and checking the jars again; this saves a third of a start. The
archive fits one Java, one class path and one set of main options, so it is made for each home. It
holds nothing of what the node indexed.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from searchplane.engine.config import SERVER_LOG
from searchplane.engine.distributions import Installation, home_name
from searchplane.engine.folders import intact, replacing, seal
from searchplane.engine.launch import shared_options
from searchplane.engine.runtime import RunAs
from searchplane.engine.throwaway import PROCESSORS, Throwaway, throwaway_node
from searchplane.errors import Transient

ARCHIVE = "classes.jsa"
OLDEST_JAVA = 13
"""The first that can add an application's classes to its archive without a list of them."""
START_SECONDS = 180
STOP_SECONDS = 120
BULK = '{"index":{"_index":"train"}}\n{"title":"a class archive","n":1,"at":"2024-01-01"}\n' * 20
SEARCH: dict[str, Any] = {
    "query": {"bool": {"must": {"match": {"title": "archive"}}, "filter": {"range": {"n": {}}}}},
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


def trained(cache: Path, installation: Installation) -> Path | None:
    """The archive that was made for this installation, if it is there and undamaged."""
    folder = _archive_folder(cache, installation)
    return folder / ARCHIVE if intact(folder, _identity(installation)) else None


def train(
    installation: Installation, cache: Path, run_as: RunAs | None, stop: threading.Event
) -> Path:
    """Make the archive and return its path; raises Transient when that cannot be done now.

    One process at a time may do this with one cache.
    """
    parent = cache / "training"
    shutil.rmtree(parent, ignore_errors=True)  # what a killed process left
    options = (f"-XX:ArchiveClassesAtExit={{folder}}/tmp/{ARCHIVE}",)
    folder = _archive_folder(cache, installation)
    with throwaway_node(installation, parent, run_as, options) as node:
        _wait_until_ready(node, stop)
        for method, path, body in REQUESTS:
            _ask(node.client, method, path, body)
        _end(node, stop)
        made = node.folder / "tmp" / ARCHIVE
        if not made.is_file():
            raise Transient("the node stopped without writing a class archive")
        with replacing(folder) as staging:
            shutil.copyfile(made, staging / ARCHIVE)
            seal(staging, _identity(installation))
    return folder / ARCHIVE


def _archive_folder(cache: Path, installation: Installation) -> Path:
    name = home_name(installation.engine, secured=installation.secured)
    return cache / "archives" / name


def _identity(installation: Installation) -> str:
    """Changes when the JVM would refuse an archive made before."""
    release = installation.java.home / "release"
    facts = (
        str(installation.java.home),
        installation.java.version,
        release.read_text() if release.is_file() else "",
        str(installation.home),
        str((installation.home / "lib").stat().st_mtime_ns),
        *shared_options(installation, PROCESSORS),
    )
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def _wait_until_ready(node: Throwaway, stop: threading.Event) -> None:
    """Wait for an answer that is a success: a secured node refuses for some seconds first."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if node.process.poll() is not None:
            code = node.process.returncode
            raise Transient(f"the node ended with exit code {code}: {_last_error(node.folder)}")
        try:
            if node.client.get("/_cluster/health").is_success:
                return
        except httpx.TransportError as error:
            log.debug("the node does not answer yet: %s", error)
        if stop.wait(0.2):
            raise Transient("the service is ending")
    raise Transient(f"the node did not answer within {START_SECONDS} s")


def _last_error(folder: Path) -> str:
    """The last error of the node's log, with the exception that is on the line below it."""
    log_file = folder / SERVER_LOG
    lines = log_file.read_text("utf-8", "replace").splitlines() if log_file.is_file() else []
    errors = [number for number, line in enumerate(lines) if "][ERROR]" in line]
    return " ".join(lines[errors[-1] :][:2]) if errors else "it wrote no error into its log"


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


def _end(node: Throwaway, stop: threading.Event) -> None:
    node.process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    while node.process.poll() is None:
        if stop.wait(0.1):
            raise Transient("the service is ending")
        if time.monotonic() > deadline:
            raise Transient(f"the node did not stop within {STOP_SECONDS} s")
