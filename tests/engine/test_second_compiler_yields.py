"""The JVM's second compiler gets a lower priority, its other threads do not."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.engine.engine_nodes import StartNodes

from searchplane.domain.engines import ELASTICSEARCH_7_10_2
from searchplane.engine.compiler import NICE, SECONDS, THREAD, calm_compiler

pytestmark = pytest.mark.engine


def priorities(pid: int) -> dict[str, int]:
    """Nice value by thread name."""
    return {
        (task / "comm").read_text().strip(): os.getpriority(os.PRIO_PROCESS, int(task.name))
        for task in Path(f"/proc/{pid}/task").iterdir()
    }


def test_only_the_second_compiler_yields(start_nodes: StartNodes) -> None:
    (node,) = start_nodes(ELASTICSEARCH_7_10_2, 1)
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    calm_compiler(node.process.pid)
    until = time.monotonic() + 2 * SECONDS
    while priorities(node.process.pid)[THREAD] == usual and time.monotonic() < until:
        time.sleep(0.01)
    found = priorities(node.process.pid)
    assert found.pop(THREAD) == NICE
    assert set(found.values()) == {usual}


def test_a_process_that_is_gone_is_no_error() -> None:
    calm_compiler(2**22 + 1)
