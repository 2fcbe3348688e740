"""kill -9 of the control plane after a step of each change, with real nodes.

The steps are those of a recording on the fake driver. One cluster goes through all changes in a
row; each is cut off once, then a new control plane goes on. CI takes a step of one, or of two
that belong together, others every day; the nightly mode takes all.
SEARCHPLANE_CHAOS_SEED repeats a choice.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.chaos import victim
from tests.chaos.accepting import accept_change, accept_create, records
from tests.chaos.driven import left_in_engine
from tests.chaos.real_nodes import document_ids, health, index_documents, processes
from tests.chaos.victim import KILLED, Point
from tests.support.rotation import SEED, chance, takes_turns

from searchplane.domain.cluster import Cluster
from searchplane.settings import DriverKind

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Request:
    """A change by the public API; `count` are the nodes there must be afterwards."""

    count: int
    method: str
    url: Callable[[Cluster], str]
    body: Any = None


def at(path: str, version: str = "v1.0") -> Callable[[Cluster], str]:
    return lambda cluster: (
        f"/{version}/{cluster.project_id}/clusters/{cluster.id}"
        + path.format(second=cluster.nodes[1].id)
    )


CHANGES: Mapping[str, Request] = {
    "extend": Request(4, "POST", at("/extend"), {"grow": {"modifySize": 1}}),
    "shrink": Request(
        3,
        "POST",
        at("/role/shrink", "v1.0/extend"),
        {"shrink": [{"type": "ess", "reducedNodeNum": 1}]},
    ),
    "replace": Request(3, "PUT", at("/instance/{second}/replace")),
    "roll": Request(3, "POST", at("/rolling-restart", "v2.0"), {"type": "role", "value": "all"}),
    "restart": Request(3, "POST", at("/restart")),
}
"""In an order that can be gone through again and again with three nodes."""
FROM_THREE_TO_THREE = [("extend", "shrink"), ("replace",), ("roll",), ("restart",)]


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Point]]:
    """Where each change can be cut off."""
    data = tmp_path_factory.mktemp("recorded") / "data"
    accept_create(data)
    assert victim.tend(data) == 0
    found: dict[str, list[Point]] = {}
    for name, request in CHANGES.items():
        accept(data, request)
        assert victim.tend(data, changed=True) == 0
        # How often real nodes are looked at meanwhile is not known before: the first counts.
        found[name] = [
            point
            for point in victim.points(data)
            if point.time == 1 or not point.name.startswith("told: ")
        ]
    return found


def accept(data: Path, request: Request) -> None:
    (cluster,) = records(data)
    accept_change(data, request.method, request.url(cluster), request.body)


def cut_off(data: Path, name: str, point: Point, documents: set[str]) -> None:
    """The change, killed once, comes to its end all the same, and nothing of it is left."""
    print(f"{name}: killed at {point}; SEARCHPLANE_CHAOS_SEED={SEED}")  # noqa: T201 - shown when it fails
    request = CHANGES[name]
    accept(data, request)
    code = victim.tend(data, point, DriverKind.PROCESS, changed=True)
    assert code in (KILLED, 0)  # a step that real nodes did not need
    assert victim.tend(data, None, DriverKind.PROCESS, changed=True) == 0
    (cluster,) = records(data)
    assert len(cluster.nodes) == request.count
    assert len(processes(data)) == request.count
    folders = [*(data / "nodes").resolve().glob("*/*")]
    assert {folder.name for folder in folders} == {node.id for node in cluster.nodes}
    for node in cluster.nodes:
        endpoint = f"http://{node.address}:9200"
        seen = health(endpoint, wait_for_status="green", timeout="60s")
        assert (seen["status"], seen["number_of_nodes"]) == ("green", request.count)
        assert document_ids(endpoint) == documents
        assert left_in_engine(endpoint) == []


def filled(data: Path) -> set[str]:
    """Three real nodes with documents; gives the documents."""
    accept_create(data)
    assert victim.tend(data, None, DriverKind.PROCESS) == 0
    (cluster,) = records(data)
    return index_documents(f"http://{cluster.nodes[0].address}:9200", 300, replicas=1)


@takes_turns("kills", 0, of=2)
def test_a_sample_that_changes_with_the_day(points: dict[str, list[Point]], data: Path) -> None:
    of, documents = chance(), filled(data)
    for name in of.choice(FROM_THREE_TO_THREE):
        cut_off(data, name, of.choice(points[name]), documents)


@pytest.mark.nightly
@pytest.mark.timeout(4 * 3600)
def test_all_of_them(points: dict[str, list[Point]], data: Path) -> None:
    documents = filled(data)
    for name, point in in_turn(points):
        cut_off(data, name, point, documents)


def in_turn(points: dict[str, list[Point]]) -> Iterator[tuple[str, Point]]:
    """Each point at least once, the changes always in their order."""
    most = max(map(len, points.values()))
    for number, name in itertools.product(range(most), CHANGES):
        yield name, points[name][number % len(points[name])]
