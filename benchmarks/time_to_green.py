"""From sending the POST to "200" for three nodes, against the same three started by hand."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.support.running import RunningService, getting_started, running_service

from benchmarks.floor import installation_of, started_by_hand
from benchmarks.report import Figure, median, spread
from searchplane.domain.engines import ELASTICSEARCH_7_10_2

RUNS = 5
MOST = 1.15


def run() -> list[Figure]:
    installation = installation_of(ELASTICSEARCH_7_10_2)
    ours: list[float] = []
    floor: list[float] = []
    untuned: list[float] = []
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder), {}) as service:
        for _ in range(RUNS):  # in turn, so that a neighbour on the machine hits all of them
            with started_by_hand(installation, 3) as started:
                floor.append(started.seconds)
            ours.append(_create_and_delete(service))
            with started_by_hand(installation, 3, without_archive, calm=False) as started:
                untuned.append(started.seconds)
    ratio = median(ours) / median(floor)
    return [
        Figure(
            "POST to 200, three nodes of Elasticsearch 7.10.2",
            spread(ours),
            f"by hand {spread(floor)}",
            f"{ratio:.2f}",
            f"at most {MOST}",
            ratio <= MOST,
        ),
        Figure(
            "the same by hand, the JVM untuned: no class archive, C2 at full priority",
            spread(untuned),
            f"by hand {spread(floor)}",
            f"{median(untuned) / median(floor):.2f}",
        ),
    ]


def _create_and_delete(service: RunningService) -> float:
    with service.project_client() as client:
        began = time.monotonic()
        created = client.post("/clusters", json=getting_started())
        created.raise_for_status()
        path = f"/clusters/{created.json()['cluster']['id']}"
        while (shown := client.get(path).json())["status"] == "100":
            time.sleep(0.05)
        seconds = time.monotonic() - began
        if shown["status"] != "200":
            raise RuntimeError(shown["sentence"])
        client.delete(path).raise_for_status()
        while client.get(path).status_code != 404:
            time.sleep(0.05)
        return seconds


def without_archive(command: tuple[str, ...]) -> tuple[str, ...]:
    """The JVM as it comes: no class archive of ours."""
    ours = ("-XX:SharedArchiveFile", "-Xshare")
    return tuple(word for word in command if not word.startswith(ours))
