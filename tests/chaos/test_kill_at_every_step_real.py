"""kill -9 of the control plane after a step of create and of delete, with real nodes.

The steps are those of a recording on the fake driver, which passes the same ones. CI takes a few
that change with the day; the nightly mode takes all. SEARCHPLANE_CHAOS_SEED repeats a choice.
"""

from __future__ import annotations

import datetime
import os
import random
from pathlib import Path

import pytest
from tests.chaos import victim
from tests.chaos.accepting import accept_create, accept_delete, records
from tests.chaos.real_nodes import data_folder, health, processes, waited_for
from tests.chaos.victim import KILLED, Point

from searchplane.drivers.process.addresses import is_free
from searchplane.settings import DriverKind

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(900)]

SAMPLE = 2
"""Points of create and of delete that CI takes; each pair starts one cluster."""
TODAY = datetime.datetime.now(datetime.UTC).date().isoformat()
SEED = os.environ.get("SEARCHPLANE_CHAOS_SEED", TODAY)


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Point], list[Point]]:
    """Where a create and a delete can be killed."""
    data = tmp_path_factory.mktemp("recorded") / "data"
    accept_create(data)
    assert victim.tend(data) == 0
    create = once_each(victim.points(data))
    accept_delete(data)
    assert victim.tend(data) == 0
    return create, once_each(victim.points(data))


def once_each(points: list[Point]) -> list[Point]:
    """How often real nodes are looked at while they start is not known before: the first counts."""
    return [point for point in points if point.time == 1 or not point.name.startswith("told: ")]


def killed_on_the_way(data: Path, create: Point, delete: Point) -> None:
    """Make a cluster and delete it, each killed once; what is left must be right."""
    print(f"killed at {create}, then at {delete}; SEARCHPLANE_CHAOS_SEED={SEED}")  # noqa: T201 - shown when it fails
    accept_create(data)
    assert victim.tend(data, create, DriverKind.PROCESS) == KILLED
    assert victim.tend(data, None, DriverKind.PROCESS) == 0
    (cluster,) = records(data)
    addresses = [node.address for node in cluster.nodes if node.address]
    assert len(processes(data)) == 3
    seen = [health(f"http://{address}:9200") for address in addresses]
    assert [(one["status"], one["number_of_nodes"]) for one in seen] == [("green", 3)] * 3
    folders = [*(data / "nodes").resolve().glob("*/*")]
    assert {folder.name for folder in folders} == {node.id for node in cluster.nodes}

    accept_delete(data)
    assert victim.tend(data, delete, DriverKind.PROCESS) == KILLED
    assert victim.tend(data, None, DriverKind.PROCESS) == 0
    assert records(data) == []
    waited_for(lambda: not processes(data), "a node of a deleted cluster still runs")
    assert not [*(data / "nodes").resolve().rglob("*")]
    assert all(is_free(address) for address in addresses)


@pytest.mark.parametrize("number", range(SAMPLE))
def test_a_sample_that_changes_with_the_day(
    points: tuple[list[Point], list[Point]], data: Path, number: int
) -> None:
    chosen = [random.Random(SEED).sample(one, SAMPLE)[number] for one in points]  # noqa: S311
    killed_on_the_way(data, *chosen)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_all_of_them(points: tuple[list[Point], list[Point]]) -> None:
    """Each cluster is killed once on its way up and once on its way down."""
    create, delete = points
    for number in range(max(len(create), len(delete))):
        with data_folder() as data:
            killed_on_the_way(data, create[number % len(create)], delete[number % len(delete)])
