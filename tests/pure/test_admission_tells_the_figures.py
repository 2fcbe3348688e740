"""A host that cannot carry the nodes refuses them, with the figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.cluster_examples import NOW, node, refused

from searchplane.domain.admission import Promised, admit
from searchplane.domain.layout import memory_needed_mb
from searchplane.domain.observed import HostCapacity

NODE_MB = 912
"""512 MB of heap and what a node takes besides."""
FLOOR_MB = 2048
ROOMY = HostCapacity(16_000, 12_000, 100 * 2**30, NOW)
NOTHING = Promised()
THREE = memory_needed_mb(tuple(node(number) for number in (1, 2, 3)))
"""What three nodes take, in MB."""


def test_an_empty_host_takes_three_nodes() -> None:
    admit(THREE, NOTHING, ROOMY, FLOOR_MB, NOW)


def test_a_host_nobody_has_looked_at_takes_nothing() -> None:
    error = refused(lambda: admit(THREE, NOTHING, None, FLOOR_MB, NOW))
    assert error.code == "CSS.0023"
    assert "not known yet" in error.detail


@pytest.mark.parametrize(("age", "fits"), [(60, True), (61, False)])
def test_an_old_look_says_nothing(age: int, fits: bool) -> None:
    seen = replace(ROOMY, observed=NOW - timedelta(seconds=age))
    if fits:
        admit(THREE, NOTHING, seen, FLOOR_MB, NOW)
        return
    error = refused(lambda: admit(THREE, NOTHING, seen, FLOOR_MB, NOW))
    assert "not known yet" in error.detail


@pytest.mark.parametrize(("total", "fits"), [(960 * 6, True), (960 * 6 - 1, False)])
def test_all_promises_together_fit_in_95_percent_of_the_memory(total: int, fits: bool) -> None:
    capacity = replace(ROOMY, memory_total_mb=total)
    promised = Promised(memory_mb=3 * NODE_MB)
    if fits:
        admit(THREE, promised, capacity, FLOOR_MB, NOW)
        return
    error = refused(lambda: admit(THREE, promised, capacity, FLOOR_MB, NOW))
    assert error.code == "CSS.0023"
    for figure in (3 * NODE_MB, int(total * 0.95), "is promised already"):
        assert str(figure) in error.detail


def test_nodes_that_do_not_run_yet_count_against_what_is_free() -> None:
    capacity = replace(ROOMY, memory_available_mb=6 * NODE_MB - 1)
    admit(THREE, Promised(memory_mb=3 * NODE_MB), capacity, FLOOR_MB, NOW)
    starting = Promised(memory_mb=3 * NODE_MB, coming_mb=3 * NODE_MB)
    error = refused(lambda: admit(THREE, starting, capacity, FLOOR_MB, NOW))
    assert f"need {3 * NODE_MB} MB" in error.detail
    assert f"{3 * NODE_MB - 1} MB is free" in error.detail


def test_a_free_figure_is_never_below_nothing() -> None:
    starting = Promised(memory_mb=3 * NODE_MB, coming_mb=3 * NODE_MB)
    error = refused(
        lambda: admit(THREE, starting, replace(ROOMY, memory_available_mb=100), FLOOR_MB, NOW)
    )
    assert "; 0 MB is free" in error.detail


@pytest.mark.parametrize(("free", "fits"), [(FLOOR_MB, True), (FLOOR_MB - 1, False)])
def test_the_disk_keeps_its_floor(free: int, fits: bool) -> None:
    capacity = replace(ROOMY, disk_free_bytes=free * 2**20)
    if fits:
        admit(THREE, NOTHING, capacity, FLOOR_MB, NOW)
        return
    error = refused(lambda: admit(THREE, NOTHING, capacity, FLOOR_MB, NOW))
    assert error.code == "CSS.0023"
    assert f"{free} MB of disk is free; at least {FLOOR_MB} MB" in error.detail
