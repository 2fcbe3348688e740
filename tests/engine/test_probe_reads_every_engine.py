"""The same questions are understood, and refused in words we know, by every kind of engine.

CI takes one kind, another every day.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable

import pytest
from engine_nodes import START_SECONDS, launched
from tests.support.rotation import in_rotation

from searchplane.domain.engines import (
    ELASTICSEARCH_7_10_2,
    OPENSEARCH_1_3_6,
    OPENSEARCH_2_19_1,
    Engine,
)
from searchplane.domain.observed import EngineView, Health, Target, Unknown
from searchplane.engine.probe import Probe
from searchplane.engine.service import Distributions
from searchplane.engine.throwaway import free_address

pytestmark = pytest.mark.engine

Seen = EngineView | Unknown


@pytest.fixture
async def probe() -> AsyncIterator[Probe]:
    probe = Probe()
    yield probe
    await probe.close()


async def until(probe: Probe, target: Target, done: Callable[[Seen], bool]) -> Seen:
    """Look until what is seen is what is waited for."""
    deadline = time.monotonic() + START_SECONDS
    while not done(seen := await probe.view(target)):
        assert time.monotonic() < deadline, seen
        await asyncio.sleep(0.1)
    return seen


@pytest.mark.parametrize(
    "engine",
    in_rotation("probe", [ELASTICSEARCH_7_10_2, OPENSEARCH_1_3_6, OPENSEARCH_2_19_1]),
    ids=str,
)
async def test_from_silence_over_no_master_to_a_cluster_of_two(
    engine: Engine, distributions: Distributions, probe: Probe
) -> None:
    installation = await asyncio.to_thread(distributions.install, engine, secured=False)
    addresses = [free_address(), free_address()]
    first, both = Target((addresses[0],)), Target(tuple(addresses))
    assert await probe.view(first) == Unknown("no node of 1 answers on port 9200")
    with launched(installation, 0, addresses):
        # The first of two masters cannot be elected alone.
        lonely = Unknown("1 of 1 nodes answer but have not elected a master yet")
        await until(probe, first, lambda seen: seen == lonely)
        with launched(installation, 1, addresses):
            seen = await until(probe, both, _is_green)
            assert isinstance(seen, EngineView)
            assert seen.members == {"node-0", "node-1"}
            assert seen.master in seen.members
            assert len(seen.cluster_uuid) == 22
            await _is_loaded(probe, both)


async def _is_loaded(probe: Probe, target: Target) -> None:
    """Since they started, and since the look before: both nodes have used some CPU."""
    for _ in range(2):
        loads = await probe.load(target)
        assert not isinstance(loads, Unknown), loads
        assert set(loads) == {"node-0", "node-1"}
        assert all(0 <= one.search_queue + one.write_queue < 100 for one in loads.values())
        assert all(0 <= one.cpu_percent <= 100 for one in loads.values())
        assert all(0 <= one.cpus < 2 * (os.cpu_count() or 1) for one in loads.values())


def _is_green(seen: Seen) -> bool:
    """It is red for a moment after the election, until the master has recovered the state."""
    return isinstance(seen, EngineView) and seen.health is Health.GREEN
