"""A starting node yields to all else, its second compiler to its other threads; then no more."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.engine.engine_nodes import RunningNode, launched, wait_until_joined

from searchplane.domain.engines import ELASTICSEARCH_7_10_2
from searchplane.engine.calm import NICE, SECONDS, THREAD, calm, restore
from searchplane.engine.service import Distributions
from searchplane.engine.throwaway import free_address

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def node(distributions: Distributions) -> Iterator[RunningNode]:
    """One for all tests: what they do to it, they take back."""
    installation = distributions.install(ELASTICSEARCH_7_10_2, secured=False)
    with launched(installation, 0, [free_address()]) as started:
        wait_until_joined(started, 1)
        yield started


def sessions_have_shares() -> bool:
    """Whether a session's share of the CPU can be set here and is read back.

    Found out with a process that has nothing to do with nodes: a container may hide this.
    """
    asleep = subprocess.Popen(["sleep", "60"], start_new_session=True)
    share = Path(f"/proc/{asleep.pid}/autogroup")

    def is_set() -> bool:
        with suppress(BlockingIOError):  # too many at once, on the whole machine
            share.write_text(str(NICE))
        return share.read_text().strip().endswith(f"nice {NICE}")

    try:
        return until(is_set)
    except OSError:
        return False
    finally:
        asleep.kill()
        asleep.wait()


def priorities(pid: int) -> dict[str, int]:
    """Nice value by thread name."""
    return {
        (task / "comm").read_text().strip(): os.getpriority(os.PRIO_PROCESS, int(task.name))
        for task in Path(f"/proc/{pid}/task").iterdir()
    }


def until(is_so: Callable[[], bool]) -> bool:
    end = time.monotonic() + 2 * SECONDS
    while not is_so() and time.monotonic() < end:
        time.sleep(0.01)
    return is_so()


def test_the_second_compiler_yields_to_the_other_threads(node: RunningNode) -> None:
    pid, usual = node.process.pid, os.getpriority(os.PRIO_PROCESS, 0)
    calm(pid)
    assert until(lambda: priorities(pid)[THREAD] == NICE)
    found = priorities(pid)
    assert found.pop(THREAD) == NICE
    assert set(found.values()) == {usual}
    if os.geteuid() == 0:  # others may not raise it again
        restore(pid)
        assert set(priorities(pid).values()) == {usual}


def test_the_whole_session_yields(node: RunningNode) -> None:
    if not sessions_have_shares():
        pytest.skip("no CPU is shared out between sessions here")
    share = Path(f"/proc/{node.process.pid}/autogroup")
    calm(node.process.pid)
    assert until(lambda: share.read_text().strip().endswith(f"nice {NICE}"))
    restore(node.process.pid)
    assert share.read_text().strip().endswith("nice 0")


def test_a_process_that_is_gone_is_no_error() -> None:
    calm(2**22 + 1)
    restore(2**22 + 1)


def test_a_kernel_that_is_busy_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [BlockingIOError(), BlockingIOError(), None]
    asked: list[str] = []

    def write(_path: Path, text: str) -> None:
        asked.append(text)
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    monkeypatch.setattr(Path, "write_text", write)
    restore(2**22 + 1)
    assert asked == ["0", "0", "0"]
