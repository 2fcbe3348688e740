"""Search throughput of a warm node as the service starts it, against an untuned JVM.

Two single nodes are measured one after the other, several rounds in turn: the same documents, the
same mix of queries, a closed loop of a few clients. What counts is searches for each second of the
node's CPU: the clients and whoever else is on the machine take their share of the wall clock, but
not of that.
"""

from __future__ import annotations

import json
import random
import threading
import time

import httpx

from benchmarks.floor import (
    cpu_seconds,
    installation_of,
    started_by_hand,
)
from benchmarks.report import Figure, median, spread
from searchplane.domain.engines import ELASTICSEARCH_7_10_2

DOCUMENTS = 20_000
WARM_SECONDS = 100.0
MEASURED_SECONDS = 20.0
CLIENTS = 2
ROUNDS = 3
LEAST = 0.97
WORDS = [f"word{number}" for number in range(2_000)]


def run() -> list[Figure]:
    tuned: list[float] = []
    plain: list[float] = []
    for _ in range(ROUNDS):
        tuned.append(_throughput(calm=True))
        plain.append(_throughput(calm=False))
    ratio = median(tuned) / median(plain)
    return [
        Figure(
            "searches a CPU second, one warm node, as we start it",
            spread(tuned, "/s"),
            f"untuned {spread(plain, '/s')}",
            f"{ratio:.2f}",
            f"at least {LEAST}",
            ratio >= LEAST,
        )
    ]


def _throughput(*, calm: bool) -> float:
    installation = installation_of(ELASTICSEARCH_7_10_2)
    with started_by_hand(installation, 1, calm=calm) as started:
        url = f"http://{started.addresses[0]}:9200"
        _index(url)
        _load(url, WARM_SECONDS)
        before = cpu_seconds(started.pids)
        done = _load(url, MEASURED_SECONDS)
        return done / (cpu_seconds(started.pids) - before)


def _index(url: str) -> None:
    dice = random.Random(7)  # noqa: S311 - the same documents in every run
    settings = {"settings": {"number_of_shards": 1, "number_of_replicas": 0}}
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        client.put("/bench", json=settings).raise_for_status()
        for start in range(0, DOCUMENTS, 1000):
            lines = []
            for number in range(start, start + 1000):
                text = " ".join(dice.choices(WORDS, k=40))
                lines.append(json.dumps({"index": {"_id": number}}))
                lines.append(json.dumps({"text": text, "price": dice.randrange(1000)}))
            client.post(
                "/bench/_bulk",
                content="\n".join(lines) + "\n",
                headers={"Content-Type": "application/x-ndjson"},
            ).raise_for_status()
        client.post("/bench/_forcemerge?max_num_segments=1").raise_for_status()
        client.post("/bench/_refresh").raise_for_status()


def _load(url: str, seconds: float) -> int:
    """Searches answered within `seconds` by all clients together."""
    done = [0] * CLIENTS
    until = time.monotonic() + seconds

    def search(place: int) -> None:
        dice = random.Random(place)  # noqa: S311
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            while time.monotonic() < until:
                client.post("/bench/_search?request_cache=false", json=_query(dice))
                done[place] += 1

    threads = [threading.Thread(target=search, args=(place,)) for place in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done)


def _query(dice: random.Random) -> dict[str, object]:
    words = " ".join(dice.choices(WORDS, k=12))
    return {
        "size": 10,
        "query": {
            "bool": {
                "must": {"match": {"text": words}},
                "filter": {"range": {"price": {"gte": dice.randrange(500)}}},
            }
        },
        "aggs": {"prices": {"histogram": {"field": "price", "interval": 50}}},
    }
