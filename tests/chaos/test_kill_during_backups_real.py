"""kill -9 of the control plane after a step of a backup, and of its node while one is at work.

One real node goes through taking, restoring under another name, restoring over what is there, and
deleting. The steps are not listed here: a recorded run of each tells them. Each is cut off once,
then a new control plane goes on. CI takes a step of taking and of one more, others every day; the
nightly mode takes all. SEARCHPLANE_CHAOS_SEED repeats a choice.

What must hold whoever was killed when: what is listed lies in the bucket and can be restored, what
lies in the bucket is listed, and documents are what they were.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import httpx
import pytest
from tests.chaos import victim
from tests.chaos.accepting import accept_create
from tests.chaos.backups import COPY, Backups, are_settled
from tests.chaos.real_nodes import INDEX, document_ids, index_documents, kill_nodes
from tests.chaos.victim import KILLED, Point
from tests.support.rotation import SEED, chance, takes_turns

from searchplane.settings import DriverKind

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(900)]

LONGEST = 3.0
"""Seconds of a copy at the slow rate, about; a node is killed within them."""


class Chain:
    """Operations on one node, each leaving things as they were but for one snapshot more."""

    def __init__(self, data: Path) -> None:
        self.to = Backups(data)
        self._numbers = count(1)
        accept_create(data, 1)
        assert victim.tend(data, None, DriverKind.PROCESS) == 0
        self.documents = index_documents(self.to.endpoint, 300, replicas=0)
        self.to.turn_on_slowly()
        self.take()
        assert self.settle() == 0

    def settle(self, point: Point | None = None) -> int:
        return victim.tend(self.to.data, point, DriverKind.PROCESS, changed=True, until=are_settled)

    def take(self) -> None:
        self.to.take(f"taken-{next(self._numbers)}")

    def restore(self) -> None:
        httpx.delete(f"{self.to.endpoint}/{COPY}{INDEX}", timeout=60)
        self.to.restore(self._newest())

    def restore_over(self) -> None:
        """What was written since is not in the snapshot."""
        later = f"{self.to.endpoint}/{INDEX}/_doc/later?refresh=wait_for"
        httpx.put(later, json={"title": "later"}, timeout=60).raise_for_status()
        self.to.restore(self._newest(), over=True)

    def delete(self) -> None:
        self.to.delete(self._newest())

    def _newest(self) -> str:
        rows = self.to.rows().values()
        return max((one for one in rows if one.is_restorable), key=lambda one: one.created).name

    def is_right(self, name: str) -> None:
        """After an operation that only the control plane was killed in."""
        self.to.are_alike()
        assert document_ids(self.to.endpoint) == self.documents
        if name == "restore":
            assert document_ids(self.to.endpoint, f"{COPY}{INDEX}") == self.documents

    def holds(self) -> None:
        """After a node was killed: what is listed can be restored, and nothing is broken."""
        self.to.are_alike()
        health = httpx.get(f"{self.to.endpoint}/_cluster/health", timeout=60).json()
        assert health["status"] != "red", self.to.indices()
        assert document_ids(self.to.endpoint) == self.documents


OPERATIONS: Mapping[str, Callable[[Chain], None]] = {
    "take": Chain.take,
    "restore": Chain.restore,
    "restore over": Chain.restore_over,
    "delete": Chain.delete,
}
"""In an order that can be gone through again and again."""


def recorded(chain: Chain, name: str) -> list[Point]:
    OPERATIONS[name](chain)
    assert chain.settle() == 0
    chain.is_right(name)
    return [
        one
        for one in victim.points(chain.to.data)
        if one.time == 1 or not one.name.startswith("told: ")
    ]


def cut_off(chain: Chain, name: str, point: Point) -> None:
    print(f"{name}: killed at {point}; SEARCHPLANE_CHAOS_SEED={SEED}")  # noqa: T201 - shown when it fails
    OPERATIONS[name](chain)
    assert chain.settle(point) in (KILLED, 0)  # how often it is looked at, is not the same again
    assert chain.settle() == 0
    chain.is_right(name)


def node_dies(chain: Chain, name: str, after: float) -> None:
    """kill -9 of the only node so many seconds after the work has begun, or is over already: then
    nobody tends the node any longer, so a service looks after it once more."""
    print(f"{name}: the node is killed after {after:.2f} s; SEARCHPLANE_CHAOS_SEED={SEED}")  # noqa: T201 - shown when it fails
    OPERATIONS[name](chain)
    codes: list[int] = []
    tending = threading.Thread(target=lambda: codes.append(chain.settle()))
    tending.start()
    time.sleep(after)
    assert kill_nodes(chain.to.data) == 1
    tending.join()
    assert codes == [0]
    assert chain.settle() == 0
    chain.holds()


@takes_turns("kills", 1, of=2)
def test_a_sample_that_changes_with_the_day(data: Path) -> None:
    of, chain = chance(), Chain(data)
    for name in ("take", of.choice(["restore", "restore over", "delete"])):
        cut_off(chain, name, of.choice(recorded(chain, name)))
    node_dies(chain, "take", of.uniform(0, LONGEST))
    assert recorded(chain, "restore")


@pytest.mark.nightly
@pytest.mark.timeout(4 * 3600)
def test_all_of_them(data: Path) -> None:
    chain = Chain(data)
    points = {name: recorded(chain, name) for name in OPERATIONS}
    for number in range(max(map(len, points.values()))):
        for name, found in points.items():
            cut_off(chain, name, found[number % len(found)])


@pytest.mark.nightly
@pytest.mark.timeout(4 * 3600)
def test_a_node_dies_at_any_moment(data: Path) -> None:
    of, chain = chance(), Chain(data)
    for name in ("take", "restore", "delete") * 5:
        recorded(chain, "take")
        node_dies(chain, name, of.uniform(0, LONGEST))
    assert recorded(chain, "restore")
