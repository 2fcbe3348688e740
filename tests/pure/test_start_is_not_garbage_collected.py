"""What a service makes at its start is no garbage, and the collector is not to look at it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from searchplane.cli import collecting


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    gc.enable()


def test_the_collector_rests_and_then_sets_aside_what_is_there() -> None:
    collecting.rest()
    assert not gc.isenabled()
    frozen = gc.get_freeze_count()
    collecting.resume()
    assert gc.isenabled()
    assert gc.get_freeze_count() > frozen


def test_a_collector_that_did_not_rest_keeps_what_it_looks_at() -> None:
    made: list[object] = [object()]
    frozen = gc.get_freeze_count()
    collecting.resume()
    assert any(one is made for one in gc.get_objects())  # what is set aside is not among these
    assert gc.get_freeze_count() <= frozen  # less where something set aside before has just ended
