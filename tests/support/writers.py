"""Writes and searches without a pause while something is done to a cluster, and the count of it.

Each writer indexes documents under ids of its own and keeps what was acknowledged; each searcher
asks for everything. An attempt goes to one endpoint after the other, as the official engine
clients do, and has failed only when none of them gave a complete answer. Endpoints are read anew
from the service all the time, so a node that is to go is left before it goes.

What an acknowledged document is worth is seen at the end: it must be there with its content. One
that was sent and not acknowledged may be there or not.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

INDEX = "written"
REFRESH_SECONDS = 0.25
ANSWER_SECONDS = 30.0
CHUNK = 1000

Endpoints = Callable[[], Sequence[str]]
OpenClient = Callable[[], httpx.Client]

_names = itertools.count()


@dataclass(frozen=True)
class Pace:
    """How many write and search at the same time, and for how many seconds each of them rests
    between two requests: the nodes' own work must get on, on a small machine."""

    writers: int
    searchers: int
    pause: float


BUSY = Pace(writers=3, searchers=2, pause=0.02)
LIGHT = Pace(writers=2, searchers=1, pause=0.1)
"""Hardly slows down what is done meanwhile, and something is under way nearly always."""


def open_plain() -> httpx.Client:
    return httpx.Client(timeout=ANSWER_SECONDS, trust_env=False)


@dataclass(frozen=True)
class Tally:
    """`lost` are acknowledged documents that were not there at the end, or not as written.

    `reasons` says when an attempt failed (seconds from the start), and what each endpoint said.
    """

    written: int
    searched: int
    lost: int
    failed_writes: int
    failed_searches: int
    reasons: tuple[str, ...] = ()

    @property
    def has_no_failures(self) -> bool:
        return self.failed_writes == self.failed_searches == 0


@dataclass
class Traffic:
    """What happens meanwhile; threads add to it. `acknowledged` is content by id."""

    began: float = field(default_factory=time.monotonic)
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    searched: list[float] = field(default_factory=list)
    failed_writes: list[str] = field(default_factory=list)
    failed_searches: list[str] = field(default_factory=list)

    def since_start(self) -> float:
        return time.monotonic() - self.began

    def tally(self, endpoints: Sequence[str], open_client: OpenClient = open_plain) -> Tally:
        """Look for every acknowledged document; after the traffic has ended."""
        return Tally(
            written=len(self.acknowledged),
            searched=len(self.searched),
            lost=len(missing(endpoints[0], self.acknowledged, open_client)),
            failed_writes=len(self.failed_writes),
            failed_searches=len(self.failed_searches),
            reasons=(*self.failed_writes, *self.failed_searches),
        )


@contextmanager
def traffic(
    endpoints: Endpoints, open_client: OpenClient = open_plain, pace: Pace = BUSY
) -> Iterator[Traffic]:
    """Write and search until the block ends. The index must be there (`make_index`)."""
    seen = Traffic()
    stopping = threading.Event()
    current = _Current(endpoints)
    run = f"run-{next(_names)}-{time.time_ns()}"
    with ExitStack() as stack:

        def client() -> _Client:
            return _Client(current, stack.enter_context(open_client()))

        steps: list[Callable[[], float]] = [current.refresh]
        steps += [
            _Writer(seen, client(), f"{run}-{one}", pace.pause).step for one in range(pace.writers)
        ]
        steps += [_Searcher(seen, client(), pace.pause).step for _ in range(pace.searchers)]
        threads = [threading.Thread(target=_repeat, args=(step, stopping)) for step in steps]
        for thread in threads:
            thread.start()
        try:
            yield seen
        finally:
            stopping.set()
            for thread in threads:
                thread.join()


def endpoints_of(css: httpx.Client, cluster_id: str) -> Endpoints:
    """Asks the service where the cluster can be reached."""

    def look() -> list[str]:
        answer = css.get(f"/clusters/{cluster_id}").raise_for_status()
        return [f"http://{one}" for one in (answer.json()["endpoint"] or "").split(",") if one]

    return look


def make_index(endpoint: str, *, replicas: int = 1, open_client: OpenClient = open_plain) -> None:
    """The index that the traffic goes to."""
    settings = {"settings": {"number_of_shards": 3, "number_of_replicas": replicas}}
    with open_client() as http:
        http.put(f"{endpoint}/{INDEX}", json=settings).raise_for_status()


def missing(
    endpoint: str, wanted: Mapping[str, Mapping[str, Any]], open_client: OpenClient = open_plain
) -> set[str]:
    """The ids of those that are not there, or not with their content."""
    lost: set[str] = set()
    ids = sorted(wanted)
    with open_client() as http:
        for start in range(0, len(ids), CHUNK):
            body = {"ids": ids[start : start + CHUNK]}
            answer = http.post(f"{endpoint}/{INDEX}/_mget", json=body).raise_for_status()
            found = {one["_id"]: one.get("_source") for one in answer.json()["docs"]}
            lost.update(name for name in body["ids"] if found.get(name) != wanted[name])
    return lost


def _repeat(step: Callable[[], float], stopping: threading.Event) -> None:
    pause = 0.0
    while not stopping.wait(pause):
        pause = step()


class _Current:
    """The endpoints as the service last named them."""

    def __init__(self, look: Endpoints) -> None:
        self._look = look
        self.all: Sequence[str] = look()

    def refresh(self) -> float:
        with suppress(httpx.HTTPError):  # the service may be away; its nodes serve all the same
            self.all = self._look() or self.all
        return REFRESH_SECONDS


class _Client:
    """Sends a request to one endpoint after the other until one answers completely."""

    def __init__(self, current: _Current, http: httpx.Client) -> None:
        self._current = current
        self._http = http
        self._turn = 0

    def ask(
        self, method: str, path: str, body: object, complete: Callable[[httpx.Response], bool]
    ) -> str | None:
        """None when it was answered, else what each endpoint said."""
        endpoints = self._current.all
        self._turn += 1
        said: list[str] = []
        for number in range(len(endpoints)):
            endpoint = endpoints[(self._turn + number) % len(endpoints)]
            try:
                answer = self._http.request(method, endpoint + path, json=body)
            except httpx.HTTPError as error:
                said.append(f"{endpoint}: {type(error).__name__} {error}")
                continue
            if complete(answer):
                return None
            said.append(f"{endpoint}: {answer.status_code} {answer.text[:300]}")
        return " | ".join(said)


class _Writer:
    """Ids are its own and counted up, so nobody else writes over them."""

    def __init__(self, seen: Traffic, client: _Client, name: str, pause: float) -> None:
        self._seen = seen
        self._client = client
        self._name = name
        self._pause = pause
        self._count = 0

    def step(self) -> float:
        self._count += 1
        name = f"{self._name}-{self._count}"
        content = {"writer": self._name, "count": self._count, "text": f"number {self._count}"}
        path = f"/{INDEX}/_doc/{name}"
        said = self._client.ask("PUT", path, content, lambda answer: answer.is_success)
        if said is None:
            self._seen.acknowledged[name] = content
        else:
            self._seen.failed_writes.append(f"{self._seen.since_start():.1f} s: write: {said}")
        return self._pause


class _Searcher:
    def __init__(self, seen: Traffic, client: _Client, pause: float) -> None:
        self._seen = seen
        self._client = client
        self._pause = pause

    def step(self) -> float:
        query = {"size": 3, "query": {"match": {"text": "number"}}}
        said = self._client.ask("POST", f"/{INDEX}/_search", query, _is_whole)
        if said is None:
            self._seen.searched.append(self._seen.since_start())
        else:
            self._seen.failed_searches.append(f"{self._seen.since_start():.1f} s: search: {said}")
        return self._pause


def _is_whole(answer: httpx.Response) -> bool:
    """Every shard has answered, in time."""
    if not answer.is_success:
        return False
    found = answer.json()
    return not found["timed_out"] and found["_shards"]["successful"] == found["_shards"]["total"]
