"""Asking for an engine answers at once; installing goes on beside, and is tried again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from searchplane.domain.engines import ELASTICSEARCH_7_10_2, OPENSEARCH_2_19_1, Engine
from searchplane.domain.observed import InstallFailed, Installing, Ready
from searchplane.engine import service
from searchplane.engine.distributions import Installation, Java
from searchplane.engine.installer import Progress, no_progress
from searchplane.engine.service import Distributions
from searchplane.errors import Transient

ENGINE = ELASTICSEARCH_7_10_2
INSTALLED = Installation(ENGINE, False, Java(Path("/java"), "21"), Path("/home"), None)


class Scripted(Distributions):
    """Installs nothing: `work` is what installing does."""

    def __init__(self, work: Callable[[Progress], Installation]) -> None:
        self.now = 100.0
        super().__init__(Path("/nowhere"), None, None, None, clock=lambda: self.now)
        self.work = work
        self.calls = 0

    def install(
        self, engine: Engine, *, secured: bool, progress: Progress = no_progress
    ) -> Installation:
        self.calls += 1
        return self.work(progress)


async def test_what_only_needs_a_check_is_ready_in_the_same_pass() -> None:
    distributions = Scripted(lambda _progress: INSTALLED)
    assert await distributions.ensure(ENGINE, secured=False) == Ready()
    assert await distributions.ensure(ENGINE, secured=False) == Ready()
    assert distributions.calls == 1
    assert distributions.installation(ENGINE, secured=False) is INSTALLED


async def test_a_long_installation_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "GRACE", 0.01)
    go_on = threading.Event()
    said = threading.Event()

    def slow(progress: Progress) -> Installation:
        progress("lucene.jar", 12_000_000, 50_000_000)
        said.set()
        assert go_on.wait(30)
        return INSTALLED

    distributions = Scripted(slow)
    await distributions.ensure(ENGINE, secured=False)
    assert said.wait(30)
    state = await distributions.ensure(ENGINE, secured=False)
    with pytest.raises(Transient, match="not installed yet"):
        distributions.installation(ENGINE, secured=False)
    go_on.set()

    sentence = "fetched 12 of 50 MB, lucene.jar"
    assert state == Installing(sentence, done=12_000_000, total=50_000_000)
    monkeypatch.setattr(service, "GRACE", 30.0)
    assert await distributions.ensure(ENGINE, secured=False) == Ready()
    assert distributions.calls == 1


@pytest.mark.parametrize("error", [Transient("no network"), OSError("disk full")], ids=repr)
async def test_a_failure_is_shown_and_tried_again_after_a_pause(error: Exception) -> None:
    def fail(_progress: Progress) -> Installation:
        raise error

    distributions = Scripted(fail)
    failed = InstallFailed(str(error))
    assert await distributions.ensure(ENGINE, secured=False) == failed
    distributions.now += service.FIRST_PAUSE - 0.1
    assert await distributions.ensure(ENGINE, secured=False) == failed
    assert distributions.calls == 1

    distributions.now += 0.2
    assert await distributions.ensure(ENGINE, secured=False) == failed
    assert distributions.calls == 2
    distributions.now += service.FIRST_PAUSE + 0.1
    assert await distributions.ensure(ENGINE, secured=False) == failed
    assert distributions.calls == 2, "the second pause is longer than the first"

    distributions.work = lambda _progress: INSTALLED
    distributions.now += service.FIRST_PAUSE
    assert await distributions.ensure(ENGINE, secured=False) == Ready()


def test_nothing_is_installed_in_an_empty_cache(tmp_path: Path) -> None:
    assert Distributions(tmp_path, None, None, None).installed() == []
    with pytest.raises(Transient):
        Distributions(tmp_path, None, None, None).installation(OPENSEARCH_2_19_1, secured=True)
