"""kill -9 of the control plane after a step of create and of delete, with real nodes.

The steps are those of a recording on the fake driver, which passes the same ones. CI takes one
of each on one kind of cluster, others every day; the nightly mode takes all.
SEARCHPLANE_CHAOS_SEED repeats a choice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from tests.chaos import victim
from tests.chaos.accepting import accept_create, accept_delete, records
from tests.chaos.real_nodes import data_folder, health, processes, waited_for
from tests.chaos.victim import KILLED, Point
from tests.support.rotation import SEED, chance, in_rotation

from searchplane.drivers.process.addresses import is_free
from searchplane.settings import DriverKind

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(900)]

KINDS = [False, True]
NAMES = ["plain", "secured"]


@dataclass(frozen=True)
class Points:
    """Where a create and a delete of one kind of cluster can be killed."""

    create: list[Point]
    delete: list[Point]


PointsOf = Callable[[bool], Points]


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> PointsOf:
    """Of plain clusters, or of secured ones."""
    return cache(lambda secured: recorded(tmp_path_factory.mktemp("recorded") / "data", secured))


def recorded(data: Path, secured: bool) -> Points:
    accept_create(data, secured=secured)
    assert victim.tend(data) == 0
    create = once_each(victim.points(data))
    accept_delete(data)
    assert victim.tend(data) == 0
    return Points(create, once_each(victim.points(data)))


def once_each(points: list[Point]) -> list[Point]:
    """How often real nodes are looked at while they start is not known before: the first counts."""
    return [point for point in points if point.time == 1 or not point.name.startswith("told: ")]


def killed_on_the_way(data: Path, create: Point, delete: Point, *, secured: bool) -> None:
    """Make a cluster and delete it, each killed once; what is left must be right."""
    kind = "secured" if secured else "plain"
    print(f"{kind}: killed at {create}, then at {delete}; SEARCHPLANE_CHAOS_SEED={SEED}")  # noqa: T201 - shown when it fails
    accept_create(data, secured=secured)
    assert victim.tend(data, create, DriverKind.PROCESS) == KILLED
    assert victim.tend(data, None, DriverKind.PROCESS) == 0
    addresses = made_once(data, secured=secured)
    accept_delete(data)
    assert victim.tend(data, delete, DriverKind.PROCESS) == KILLED
    assert victim.tend(data, None, DriverKind.PROCESS) == 0
    assert records(data) == []
    waited_for(lambda: not processes(data), "a node of a deleted cluster still runs")
    assert not [*(data / "nodes").resolve().rglob("*")]
    assert all(is_free(address) for address in addresses)


def made_once(data: Path, *, secured: bool) -> list[str]:
    """Three nodes and no more, in one green cluster; gives their addresses."""
    (cluster,) = records(data)
    assert all(node.ready for node in cluster.nodes)
    assert len(processes(data)) == 3
    folders = [*(data / "nodes").resolve().glob("*/*")]
    assert {folder.name for folder in folders} == {node.id for node in cluster.nodes}
    addresses = [node.address for node in cluster.nodes if node.address]
    if not secured:  # a secured one answers to its control plane only, which has found it whole
        seen = [health(f"http://{address}:9200") for address in addresses]
        assert [(one["status"], one["number_of_nodes"]) for one in seen] == [("green", 3)] * 3
    return addresses


@pytest.mark.parametrize("secured", in_rotation("kind", KINDS), ids=NAMES)
def test_a_sample_that_changes_with_the_day(points: PointsOf, data: Path, secured: bool) -> None:
    """One point of create and one of delete, so that one cluster is started."""
    of = chance(secured)
    create, delete = of.choice(points(secured).create), of.choice(points(secured).delete)
    killed_on_the_way(data, create, delete, secured=secured)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("secured", KINDS, ids=NAMES)
def test_all_of_them(points: PointsOf, secured: bool) -> None:
    """Each cluster is killed once on its way up and once on its way down."""
    create, delete = points(secured).create, points(secured).delete
    for number in range(max(len(create), len(delete))):
        with data_folder() as data:
            killed_on_the_way(
                data, create[number % len(create)], delete[number % len(delete)], secured=secured
            )
