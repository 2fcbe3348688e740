"""kill -9 of the control plane after every single step of every change of a live cluster.

The steps are not listed here: a recorded run of each change tells them. For each of them a control
plane is killed right there; the next one, which knows only what was stored, brings the cluster to
where the recorded run ended, with nothing left over and no document lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.chaos.cut_off import Cutter, Point, Recorded, cutter
from tests.chaos.every_change import CHANGES
from tests.support.databases import SqliteDatabases, with_two_projects

from searchplane.domain.cluster import ActionKind

pytestmark = pytest.mark.chaos

FEWEST = 2
"""Steps of the shortest change, so that an empty recording cannot pass."""
ELSEWHERE = {
    ActionKind.CREATING,
    ActionKind.DELETING,
    ActionKind.SNAPSHOTTING,
    ActionKind.RESTORING,
}
"""What is killed at in tests of its own."""


@pytest.fixture(scope="module")
def processes() -> Iterator[Cutter]:
    with cutter() as made:
        yield made


@pytest.fixture(scope="module")
def recorded(
    processes: Cutter, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Recorded]:
    empty = tmp_path_factory.mktemp("empty")
    with with_two_projects(SqliteDatabases(), empty):
        return cache(
            lambda name: processes.record(name, empty, tmp_path_factory.mktemp("recorded"))
        )


@pytest.mark.parametrize("name", CHANGES)
def test_killed_after_every_step(
    processes: Cutter, recorded: Callable[[str], Recorded], name: str, tmp_path: Path
) -> None:
    change = recorded(name)
    steps = [one for one in change.points if is_step(one)]
    assert len(steps) >= FEWEST
    wrong = processes.cut_off(change, steps, tmp_path)
    assert not wrong, "\n".join(wrong)


def is_step(point: Point) -> bool:
    """What was said before is no step."""
    return point.time == 1 or not point.name.startswith("told")


def test_nothing_that_is_done_to_clusters_is_left_out(
    recorded: Callable[[str], Recorded],
) -> None:
    kinds = {recorded(name).accepted.kind for name in CHANGES}
    assert kinds | ELSEWHERE == set(ActionKind)
