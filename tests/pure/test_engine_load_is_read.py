"""What nodes have to do, as the engine tells it, and how much they used since the last look."""

from __future__ import annotations

from typing import Any

import pytest

from searchplane.domain.observed import NodeLoad
from searchplane.engine.load import Worked, read_load, read_worked


def answer(up: int, cpu: int, percent: int = 7) -> dict[str, Any]:
    node = {
        "name": "es-1",
        "jvm": {"uptime_in_millis": up},
        "process": {"cpu": {"percent": percent, "total_in_millis": cpu}},
        "thread_pool": {"search": {"queue": 3}, "write": {"queue": 4}},
    }
    return {"nodes": {"kMd1": node}}


@pytest.mark.parametrize(
    ("before", "now", "cpus"),
    [
        ({}, answer(20_000, 10_000), 0.5),
        ({"es-1": Worked(20_000, 10_000)}, answer(30_000, 30_000), 2.0),
        ({"es-1": Worked(90_000, 80_000)}, answer(20_000, 10_000), 0.5),
        ({"es-2": Worked(10_000, 10_000)}, answer(20_000, 10_000), 0.5),
    ],
    ids=["since it started", "since the last look", "another process", "another node"],
)
def test_cpus_are_an_average(before: dict[str, Worked], now: dict[str, Any], cpus: float) -> None:
    assert read_load(now, before) == {"es-1": NodeLoad(3, 4, 7, cpus)}


def test_what_an_engine_cannot_tell_is_nothing() -> None:
    assert read_load(answer(20_000, -1, percent=-1), {})["es-1"] == NodeLoad(3, 4, 0, 0.0)


@pytest.mark.parametrize("wrong", [{}, {"nodes": []}, {"nodes": {"a": {"name": "es-1"}}}])
def test_what_no_engine_would_say_is_not_understood(wrong: dict[str, Any]) -> None:
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        read_load(wrong, {})
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        read_worked(wrong)
