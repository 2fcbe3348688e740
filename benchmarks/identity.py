"""Identity: what a request costs the service, and whether a login's time tells anything.

Measured on SQLite, which the bounds are for, and on PostgreSQL. There the database's own
processor time is not counted, and it does not wait for its disk.

A login is held against the hash that it must compute. What that took is counted by the service
itself (/metrics), in the same moments: a hash beside a busy service costs more than one alone. What
the service does while nobody asks it anything, such as looking after clusters, is no part of it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from tests.support import postgres
from tests.support.running import RunningService, running_service

from benchmarks.identity_load import TOKENS, Measured, Request, check_of, load
from benchmarks.identity_service import (
    CLUSTERS,
    PASSWORD,
    SETTINGS,
    figures,
    login,
    login_as,
    make_clusters,
    make_users,
    target,
)
from benchmarks.report import Figure, median
from searchplane.store.database import private_sqlite

SECONDS = 10.0
IDLE_SECONDS = 5.0
TRIES = 200
STORM = 16

VALIDATE_MS = 0.2
LIST_MS = 0.6
OVER_THE_HASH_MS = 1.0
STORM_P99_MS = 20.0
SPREAD = 0.10

CHECKS = "searchplane_password_checks_total"
HASHING = "searchplane_password_check_cpu_seconds_total"


@dataclass(frozen=True)
class _Subject:
    """A running service, and its database's URL."""

    service: RunningService
    database: str
    is_bound: bool

    def figure(self, name: str, value: str, *, ratio: str = "", bound: str, met: bool) -> Figure:
        """On PostgreSQL nothing was asked for."""
        if self.is_bound:
            return Figure(name, value, ratio=ratio, bound=bound, met=met)
        return Figure(f"{name}, on PostgreSQL", value, ratio=ratio)

    def load(self, request: Request, clients: int = 4, seconds: float = SECONDS) -> Measured:
        return load(target(self.service), request, clients=clients, seconds=seconds)


def run() -> list[Figure]:
    found: list[Figure] = []
    for started in (_on_sqlite, _on_postgresql):
        with started() as subject:
            make_clusters(subject.service)
            make_users(subject.service, subject.database)
            found += [*_costs(subject), _storm(subject), _timing(subject)]
    return found


@contextmanager
def _on_sqlite() -> Iterator[_Subject]:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), SETTINGS) as service,
    ):
        yield _Subject(service, private_sqlite(Path(folder)), is_bound=True)


@contextmanager
def _on_postgresql() -> Iterator[_Subject]:
    with tempfile.TemporaryDirectory() as folder, postgres.server() as server:
        settings = SETTINGS | {"SEARCHPLANE_DATABASE_URL": server.url()}
        with running_service(Path(folder), settings) as service:
            yield _Subject(service, server.url(), is_bound=False)


def _costs(subject: _Subject) -> Iterator[Figure]:
    token = subject.service.token()
    yield _cost(subject, "check a token", check_of(token), VALIDATE_MS)
    path = f"/v1.0/{subject.service.admin['project_id']}/clusters"
    listing = Request(path, {"X-Auth-Token": token})
    yield _cost(subject, f"list {CLUSTERS} clusters, with a token", listing, LIST_MS)
    yield _login_cost(subject)


def _cost(subject: _Subject, what: str, request: Request, most: float) -> Figure:
    told = subject.load(request)
    return subject.figure(
        f"{what}, processor time of the service",
        f"{told.cpu_ms:.3f} ms ({told.rate:.0f} /s, p99 {told.p99_ms} ms)",
        bound=f"at most {most} ms",
        met=told.cpu_ms <= most,
    )


def _login_cost(subject: _Subject) -> Figure:
    idle = _idle_ms(subject.service)
    before = figures(subject.service)
    told = subject.load(login(subject.service), clients=1)
    after = figures(subject.service)
    hashing = (after[HASHING] - before[HASHING]) * 1000 / (after[CHECKS] - before[CHECKS])
    over = told.cpu_ms - hashing - idle / told.rate
    return subject.figure(
        "log in, processor time of the service",
        f"{told.cpu_ms:.2f} ms: the hash {hashing:.2f} ms, besides {over:.2f} ms; idle "
        f"{idle / told.rate:.2f} ms",
        bound=f"at most the hash and {OVER_THE_HASH_MS} ms",
        met=over <= OVER_THE_HASH_MS,
    )


def _idle_ms(service: RunningService) -> float:
    """Processor time in a second in which nothing is asked."""
    process = psutil.Process(service.process.pid)
    before = sum(process.cpu_times()[:2])
    time.sleep(IDLE_SECONDS)
    return (sum(process.cpu_times()[:2]) - before) * 1000 / IDLE_SECONDS


def _storm(subject: _Subject) -> Figure:
    """Tokens are checked while clients log in without pause."""
    token = subject.service.token()
    with ThreadPoolExecutor(1) as beside:
        logins = beside.submit(subject.load, login(subject.service), STORM, SECONDS + 4)
        time.sleep(2)
        told = subject.load(check_of(token))
        rate = logins.result().rate
    return subject.figure(
        f"check a token while {STORM} clients log in without pause, p99",
        f"{told.p99_ms} ms (median {told.median_ms} ms; {rate:.0f} logins /s)",
        bound=f"below {STORM_P99_MS} ms",
        met=told.p99_ms < STORM_P99_MS,
    )


def _timing(subject: _Subject) -> Figure:
    """Each kind in turn, so that the machine's other work meets all alike."""
    service = subject.service
    tries = {
        "unknown": login_as(service, "nobody-of-this-name", PASSWORD),
        "wrong": login_as(service, "usual", "not the password"),
        "locked": login_as(service, "locked", PASSWORD),
        "disabled": login_as(service, "disabled", PASSWORD),
    }
    seconds: dict[str, list[float]] = {kind: [] for kind in tries}
    with httpx.Client(base_url=service.url, timeout=30) as client:
        for _ in range(TRIES):
            for kind, request in tries.items():
                began = time.perf_counter()
                status = client.post(TOKENS, json=request.body).status_code
                seconds[kind].append(time.perf_counter() - began)
                assert status == 401, f"{kind}: {status}"
    medians = {kind: median(found) * 1000 for kind, found in seconds.items()}
    apart = max(medians.values()) / min(medians.values()) - 1
    return subject.figure(
        f"refused logins, median of {TRIES} each",
        ", ".join(f"{kind} {value:.1f} ms" for kind, value in medians.items()),
        ratio=f"{apart:.1%} apart",
        bound=f"within {SPREAD:.0%}",
        met=apart <= SPREAD,
    )
