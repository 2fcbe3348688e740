"""1,000 clusters of three nodes on the fake driver: what it costs to make, keep and show them."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
from tests.support.running import RunningService, getting_started, running_service

from benchmarks.report import Figure, median, percentile
from benchmarks.service import FAKE

CLUSTERS = 1000
FEW = 10
CREATED_SECONDS = 300
IDLE_SECONDS = 60.0
SETTLE_SECONDS = 35.0
"""Longer than the time between two looks at an idle cluster: each has been seen idle."""
IDLE_SHARE = 0.05
ANSWER_SECONDS = 0.050
QUESTIONS = 300
PASS_GROWTH = 1.5
"""A pass over one of many may take so much longer than over one of a few: noise, no growth."""


def run() -> list[Figure]:
    few = _pass_seconds_of_few()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), FAKE) as service,
        service.project_client() as css,
    ):
        created = _create(css, CLUSTERS)
        time.sleep(SETTLE_SECONDS)
        idle, many = _idle(service)
        ids = [one["id"] for one in css.get("/clusters?limit=1000").json()["clusters"]]
        detail = _asked(lambda number: css.get(f"/clusters/{ids[number % len(ids)]}"))
        listed = _asked(lambda number: css.get(f"/clusters?start={1 + 10 * (number % 100)}"))
    growth = many / few
    return [
        Figure(
            f"{CLUSTERS} clusters of three, fake driver: all created",
            f"{created:.0f} s",
            bound=f"at most {CREATED_SECONDS} s",
            met=created <= CREATED_SECONDS,
        ),
        Figure(
            "the same, idle: share of a core",
            f"{idle:.1%}",
            bound=f"below {IDLE_SHARE:.0%}",
            met=idle < IDLE_SHARE,
        ),
        _answers(f"detail of one of {CLUSTERS} clusters", detail),
        _answers(f"a page of the list of {CLUSTERS} clusters", listed),
        Figure(
            f"a pass over an idle one of {CLUSTERS} clusters",
            f"{many * 1000:.2f} ms",
            f"one of {FEW}: {few * 1000:.2f} ms",
            f"{growth:.2f}",
            f"at most {PASS_GROWTH}",
            growth <= PASS_GROWTH,
        ),
    ]


def _answers(what: str, seconds: list[float]) -> Figure:
    p99 = percentile(seconds, 0.99)
    return Figure(
        f"{what}, p99",
        f"{p99 * 1000:.1f} ms (median {median(seconds) * 1000:.1f} ms)",
        bound=f"below {ANSWER_SECONDS * 1000:.0f} ms",
        met=p99 < ANSWER_SECONDS,
    )


def _pass_seconds_of_few() -> float:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), FAKE) as service,
        service.project_client() as css,
    ):
        _create(css, FEW)
        time.sleep(SETTLE_SECONDS)
        return _idle(service)[1]


def _create(css: httpx.Client, count: int) -> float:
    """Seconds from the first request to the last cluster's being available."""
    began = time.monotonic()
    for number in range(count):
        body = getting_started(f"cluster-{number}")
        css.post("/clusters", json=body).raise_for_status()
    while _unfinished(css):
        time.sleep(0.5)
    return time.monotonic() - began


def _unfinished(css: httpx.Client) -> bool:
    found = css.get("/clusters?limit=1000").raise_for_status().json()["clusters"]
    return any(one["status"] != "200" for one in found)


def _idle(service: RunningService) -> tuple[float, float]:
    """The share of a core, and the seconds of a pass, while nobody asks for anything."""
    process = psutil.Process(service.process.pid)
    cpu, (seconds, passes), began = _cpu(process), _passes(service), time.monotonic()
    time.sleep(IDLE_SECONDS)
    spent, elapsed = _cpu(process) - cpu, time.monotonic() - began
    seconds_after, passes_after = _passes(service)
    return spent / elapsed, (seconds_after - seconds) / (passes_after - passes)


def _cpu(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2])


def _passes(service: RunningService) -> tuple[float, int]:
    """Seconds that passes took so far, and how many there were."""
    text = httpx.get(f"{service.url}/metrics").raise_for_status().text
    figures = dict(re.findall(r"^searchplane_pass_seconds_(sum|count) (\S+)$", text, re.MULTILINE))
    return float(figures["sum"]), int(float(figures["count"]))


def _asked(ask: Callable[[int], httpx.Response]) -> list[float]:
    seconds: list[float] = []
    for number in range(QUESTIONS):
        began = time.perf_counter()
        ask(number).raise_for_status()
        seconds.append(time.perf_counter() - began)
    return seconds
