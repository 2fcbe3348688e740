"""Changes to a live cluster, against the same engine driven by hand with the same safety checks."""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from tests.support.running import RunningService, getting_started, running_service

from benchmarks.by_hand import by_hand
from benchmarks.floor import installation_of
from benchmarks.report import Figure, against
from searchplane.domain.engines import ELASTICSEARCH_7_10_2

RUNS = 2
MOST = 1.3
DOCUMENTS = 5_000
POLL_SECONDS = 0.05

ADD = "adding one node to three"
ROLL = "rolling restart of three nodes"
REPLACE = "replacing one node of three"

Times = dict[str, list[float]]


def run() -> list[Figure]:
    ours: Times = defaultdict(list)
    floor: Times = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder), {}) as service:
        for _ in range(RUNS):  # in turn, so that a neighbour on the machine hits both
            _by_hand(floor)
            _by_service(service, ours)
    return [against(what, ours[what], floor[what], MOST) for what in (ROLL, REPLACE, ADD)]


def _by_hand(times: Times) -> None:
    addresses = [f"127.8.{os.getpid() % 200}.{number + 1}" for number in range(4)]
    with by_hand(installation_of(ELASTICSEARCH_7_10_2), addresses, 3) as cluster:
        _fill(cluster.url(0))
        times[ROLL].append(timed(cluster.roll))
        times[REPLACE].append(timed(lambda: cluster.replace(2)))
        times[ADD].append(timed(cluster.add))


def _by_service(service: RunningService, times: Times) -> None:
    with service.project_client() as css:
        created = css.post("/clusters", json=getting_started()).raise_for_status().json()
        path = f"/clusters/{created['cluster']['id']}"
        shown = finished(css, path)
        _fill(f"http://{shown['endpoint'].split(',')[0]}")
        root = str(css.base_url).rstrip("/")
        roll = root.replace("v1.0", "v2.0") + path + "/rolling-restart"
        replaced = f"{path}/instance/{shown['instances'][2]['id']}/replace"
        grow = {"grow": {"modifySize": 1}}

        def asked(method: str, url: str, body: object = None) -> Callable[[], object]:
            def ask() -> None:
                css.request(method, url, json=body).raise_for_status()
                finished(css, path)

            return ask

        times[ROLL].append(timed(asked("POST", roll, {"type": "role", "value": "all"})))
        times[REPLACE].append(timed(asked("PUT", replaced)))
        times[ADD].append(timed(asked("POST", f"{path}/extend", grow)))
        css.delete(path).raise_for_status()
        while css.get(path).status_code != httpx.codes.NOT_FOUND:
            time.sleep(POLL_SECONDS)


def finished(css: httpx.Client, path: str) -> dict[str, Any]:
    """Wait as clients do: available, no action, every instance available."""
    while True:
        shown: dict[str, Any] = css.get(path).raise_for_status().json()
        if shown["status"] == "303":
            raise RuntimeError(shown["sentence"])
        whole = all(one["status"] == "200" for one in shown["instances"])
        if shown["status"] == "200" and not shown["actions"] and whole:
            return shown
        time.sleep(POLL_SECONDS)


def _fill(url: str) -> None:
    """An index with replicas, so that there is something to keep safe."""
    settings = {"settings": {"number_of_shards": 3, "number_of_replicas": 1}}
    lines = "".join(
        f'{{"index":{{"_id":"{number}"}}}}\n{{"text":"number {number}"}}\n'
        for number in range(DOCUMENTS)
    )
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        client.put("/bench", json=settings).raise_for_status()
        client.post(
            "/bench/_bulk?refresh=true",
            content=lines,
            headers={"Content-Type": "application/x-ndjson"},
        ).raise_for_status()


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
