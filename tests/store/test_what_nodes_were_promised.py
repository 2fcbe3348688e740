"""The memory that accepted nodes take, and what of it is not taken yet, summed up by the store."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection
from tests.support.cluster_examples import NOW, cluster, node

from searchplane.domain.admission import Promised
from searchplane.domain.layout import OVERHEAD_MB, memory_needed_mb
from searchplane.domain.observed import HostCapacity
from searchplane.store import clusters

SEEN = HostCapacity(16_000, 12_000, 100 * 2**30, NOW)
NODE_MB = node().heap_mb + OVERHEAD_MB


def test_without_nodes_nothing_is_promised(connection: Connection) -> None:
    assert clusters.promised(connection, SEEN) == Promised(0, 0)


def test_all_nodes_are_summed_up_and_those_that_run_are_not_to_come(
    connection: Connection,
) -> None:
    nodes = (node(1, ready=True), node(2, heap_mb=1000), node(3))
    clusters.add(connection, cluster(nodes=nodes))
    found = clusters.promised(connection, SEEN)
    assert found == Promised(memory_needed_mb(nodes), memory_needed_mb(nodes[1:]))


def test_while_nobody_has_looked_at_the_host_it_does_not_matter(connection: Connection) -> None:
    assert clusters.promised(connection, None) == Promised()


@pytest.mark.parametrize(
    ("began", "last_error", "is_to_come"),
    [
        (NOW - timedelta(seconds=30), None, False),
        (NOW - timedelta(seconds=29), None, True),
        (NOW + timedelta(seconds=1), None, True),
        (NOW - timedelta(seconds=30), "the port is busy", True),
        (None, None, True),
    ],
)
def test_a_starting_node_counts_once(
    connection: Connection, began: datetime | None, last_error: str | None, is_to_come: bool
) -> None:
    started = replace(node(), starts=1, last_start=began, last_error=last_error)
    clusters.add(connection, cluster(nodes=(started,)))
    expected = Promised(NODE_MB, NODE_MB if is_to_come else 0)
    assert clusters.promised(connection, SEEN) == expected
