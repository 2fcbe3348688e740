"""Looking at, killing and asking the real nodes of a data folder."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
from tests.support.running import RunningService, getting_started

GREEN_SECONDS = 200.0
SAID_SECONDS = 120.0
INDEX = "books"

T = TypeVar("T")


@contextmanager
def data_folder() -> Iterator[Path]:
    """A place for a data folder that nodes' users can reach; no process is left at the end."""
    parent = Path(tempfile.mkdtemp(prefix="searchplane-chaos-"))
    parent.chmod(0o711)  # nodes may run as users of their own, unlike in pytest's own folder
    data = parent / "data"
    try:
        yield data
    finally:
        kill_nodes(data)
        shutil.rmtree(parent)


def processes(data: Path) -> list[psutil.Process]:
    """The nodes that run for this data folder; their command lines name it."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(f"{data}/nodes/" in word for word in process.info["cmdline"] or [])
    ]


def kill_nodes(data: Path, most: int | None = None) -> int:
    """kill -9 of so many nodes, or all; gives how many were killed."""
    killed = processes(data)[:most]
    for process in killed:
        process.kill()
    psutil.wait_procs(killed, timeout=30)
    return len(killed)


def waited_for(look: Callable[[], T], what: str, seconds: float = SAID_SECONDS) -> T:
    """The first true value of `look`; fails with what was waited for."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.1)
    return seen


@dataclass(frozen=True)
class Watched:
    """One cluster of a running service, seen through the API and through its endpoint."""

    service: RunningService
    css: httpx.Client
    cluster_id: str

    def shown(self) -> dict[str, Any]:
        return self.css.get(f"/clusters/{self.cluster_id}").json()

    def available(self) -> dict[str, Any]:
        """Wait until nothing is left to do."""

        def look() -> dict[str, Any] | None:
            shown = self.shown()
            assert shown["status"] in ("100", "200"), shown
            return shown if shown["status"] == "200" and not shown["actions"] else None

        return waited_for(look, f"{self.cluster_id} is not available", GREEN_SECONDS)

    def says(self, *parts: str) -> str:
        """Wait for a sentence that has all these parts."""

        heard: list[str] = []

        def look() -> str | None:
            heard.append(self.shown()["sentence"])
            return heard[-1] if all(part in heard[-1] for part in parts) else None

        try:
            return waited_for(look, f"no sentence has {parts}")
        except AssertionError as error:
            raise AssertionError(f"{error}; heard: {sorted(set(heard))}") from None

    def endpoints(self) -> list[str]:
        return [f"http://{one}" for one in self.shown()["endpoint"].split(",")]


def watched(service: RunningService, css: httpx.Client) -> Watched:
    """The only cluster of the service."""
    (one,) = css.get("/clusters").json()["clusters"]
    return Watched(service, css, one["id"])


def made(service: RunningService, css: httpx.Client, nodes: int) -> Watched:
    """Ask for a cluster; it is not waited for."""
    answer = css.post("/clusters", json=getting_started("ES-Test", nodes))
    assert answer.status_code == 200, answer.text
    return Watched(service, css, answer.json()["cluster"]["id"])


def index_documents(endpoint: str, count: int, replicas: int) -> set[str]:
    """Index so many documents, each on all of its replicas before it counts; gives their ids."""
    settings = {"settings": {"number_of_shards": 3, "number_of_replicas": replicas}}
    httpx.put(f"{endpoint}/{INDEX}", json=settings, timeout=60).raise_for_status()
    lines = "".join(
        f'{{"index":{{"_id":"book-{number}"}}}}\n{{"title":"number {number}"}}\n'
        for number in range(count)
    )
    answer = httpx.post(
        f"{endpoint}/{INDEX}/_bulk?refresh=wait_for&wait_for_active_shards=all",
        content=lines,
        headers={"Content-Type": "application/x-ndjson"},
        timeout=120,
    )
    assert answer.json()["errors"] is False
    return {f"book-{number}" for number in range(count)}


def document_ids(endpoint: str, index: str = INDEX) -> set[str]:
    """The ids of all documents that a search on this node finds."""
    query = {"size": 10_000, "_source": False}
    found = httpx.post(f"{endpoint}/{index}/_search", json=query, timeout=60).json()
    assert found["_shards"]["failed"] == 0, found["_shards"]
    return {hit["_id"] for hit in found["hits"]["hits"]}


def health(endpoint: str, **query: object) -> dict[str, Any]:
    answer = httpx.get(f"{endpoint}/_cluster/health", params=query, timeout=60)
    return answer.json()
