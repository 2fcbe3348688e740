"""The control plane itself: first answer, create latency while a cluster is built, memory."""

from __future__ import annotations

import compileall
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil
from tests.support.running import getting_started, running_service

import searchplane
from benchmarks.report import Figure, median, percentile, spread

RUNS = 5
FIRST_ANSWER_SECONDS = 1.5
CREATE_SECONDS = 0.050
BUILDS = 5
QUIET_CREATES = 20
MEMORY_MB = 150
CLUSTERS = 100
FAKE = {"SEARCHPLANE_DRIVER": "fake"}


def run() -> list[Figure]:
    return [*_first_answer(), _create_latency(), _memory()]


def _first_answer() -> list[Figure]:
    # As after every installation; where Python writes nothing by itself, this checkout may not be.
    compileall.compile_dir(Path(searchplane.__file__).parent, quiet=1)
    fresh: list[float] = []
    again: list[float] = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as folder:
            fresh.append(_start(Path(folder)))
            again.append(_start(Path(folder)))
    interpreter = [_bare_interpreter() for _ in range(RUNS)]
    floor = f"python -c pass {spread(interpreter)}"
    return [
        _start_figure("serve, first start, to its first answer", fresh, floor),
        _start_figure("serve, later start, to its first answer", again, floor),
    ]


def _start_figure(name: str, seconds: list[float], floor: str) -> Figure:
    bound = f"at most {FIRST_ANSWER_SECONDS} s"
    return Figure(name, spread(seconds), floor, "", bound, median(seconds) <= FIRST_ANSWER_SECONDS)


def _start(data: Path) -> float:
    began = time.monotonic()
    with running_service(data, FAKE) as service:
        httpx.get(f"{service.url}/v3").raise_for_status()
        return time.monotonic() - began


def _bare_interpreter() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.monotonic() - began


def _create_latency() -> Figure:
    """One-node clusters are created and deleted, each after the last one is gone, while three
    nodes really start; and the same while nothing else happens."""
    busy: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), {}) as service,
        service.project_client() as client,
    ):
        for number in range(BUILDS):
            built = _create(client, f"built-{number}", 3)[0]
            while _building(client, built):
                busy.append(_create_and_delete(client))
            _delete(client, built)
        quiet = [_create_and_delete(client) for _ in range(QUIET_CREATES)]
    p99 = percentile(busy, 0.99)
    return Figure(
        f"create answers, p99 of {len(busy)}, while a cluster is built",
        f"{p99 * 1000:.0f} ms (median {median(busy) * 1000:.0f} ms)",
        f"nothing built: median {median(quiet) * 1000:.0f} ms",
        bound=f"at most {CREATE_SECONDS * 1000:.0f} ms",
        met=p99 <= CREATE_SECONDS,
    )


def _create(client: httpx.Client, name: str, nodes: int) -> tuple[str, float]:
    """The new cluster's id, and how long the answer took."""
    began = time.monotonic()
    answer = client.post("/clusters", json=getting_started(name, nodes=nodes))
    seconds = time.monotonic() - began
    return answer.raise_for_status().json()["cluster"]["id"], seconds


def _create_and_delete(client: httpx.Client) -> float:
    cluster_id, seconds = _create(client, "also", 1)
    _delete(client, cluster_id)
    return seconds


def _delete(client: httpx.Client, cluster_id: str) -> None:
    client.delete(f"/clusters/{cluster_id}").raise_for_status()
    while client.get(f"/clusters/{cluster_id}").status_code != httpx.codes.NOT_FOUND:
        time.sleep(0.1)


def _building(client: httpx.Client, cluster_id: str) -> bool:
    return bool(client.get(f"/clusters/{cluster_id}").json()["status"] == "100")


def _memory() -> Figure:
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder), FAKE) as service:
        with service.project_client() as client:
            for number in range(CLUSTERS):
                body = getting_started(f"cluster-{number}")
                client.post("/clusters", json=body).raise_for_status()
            while _unfinished(client):
                time.sleep(0.2)
        resident = psutil.Process(service.process.pid).memory_info().rss / 2**20
    return Figure(
        f"resident memory with {CLUSTERS} clusters on the fake driver",
        f"{resident:.0f} MB",
        bound=f"below {MEMORY_MB} MB",
        met=resident < MEMORY_MB,
    )


def _unfinished(client: httpx.Client) -> bool:
    found = client.get("/clusters?limit=1000").json()["clusters"]
    return any(one["status"] != "200" for one in found)
