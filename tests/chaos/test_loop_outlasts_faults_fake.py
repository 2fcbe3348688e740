"""A host or a database that does not answer at the start holds no cluster up for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.chaos.accepting import accept_create
from tests.support.live_service import live_service, until, wait_for

from searchplane.api import ops
from searchplane.domain.observed import HostCapacity
from searchplane.drivers.fake import FakeDriver
from searchplane.errors import Permanent, Transient
from searchplane.reconciler import loop
from searchplane.store import capacity, clusters, events

pytestmark = pytest.mark.chaos


def failing(
    times: int, then: Callable[..., Any], fault: Exception | None = None
) -> Callable[..., Any]:
    """`then`, once it has failed so many times."""
    left = [times]

    def act(*arguments: Any) -> Any:
        if left[0] > 0:
            left[0] -= 1
            raise fault or Transient("it does not answer")
        return then(*arguments)

    return act


async def becomes_available(data: Path, cluster_id: str) -> None:
    with live_service(data) as live:
        async with live.client(live.token()) as css:
            await wait_for(css, cluster_id, status="200", actions=[])


async def test_a_host_that_cannot_be_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_id = await asyncio.to_thread(accept_create, tmp_path)
    monkeypatch.setattr(FakeDriver, "capacity", failing(10**6, FakeDriver.capacity))
    await becomes_available(tmp_path, cluster_id)


async def test_a_database_that_does_not_list_the_clusters_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_id = await asyncio.to_thread(accept_create, tmp_path)
    monkeypatch.setattr(clusters, "revisions", failing(2, clusters.revisions))
    await becomes_available(tmp_path, cluster_id)


async def test_a_fault_in_a_pass_is_outlasted_and_events_are_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_id = await asyncio.to_thread(accept_create, tmp_path)
    pruned: list[str] = []
    prune = events.prune

    def noting(connection: Any, of: Any, now: Any) -> None:
        pruned.append(of)
        prune(connection, of, now)

    monkeypatch.setattr(events, "prune", noting)
    monkeypatch.setattr(events, "add", failing(1, events.add))
    await becomes_available(tmp_path, cluster_id)
    assert set(pruned) == {cluster_id}


@pytest.mark.parametrize("fault", [OSError("broken"), Permanent("not allowed"), ValueError("ours")])
async def test_whatever_fails_at_the_start_or_later_the_loop_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    cluster_id = await asyncio.to_thread(accept_create, tmp_path)
    looks: list[int] = []
    look = FakeDriver.capacity

    async def broken(driver: FakeDriver) -> HostCapacity:
        looks.append(1)
        if len(looks) in (1, 3):
            raise fault
        return await look(driver)

    monkeypatch.setattr(FakeDriver, "capacity", broken)
    monkeypatch.setattr(loop, "CAPACITY_SECONDS", 0.01)
    monkeypatch.setattr(loop, "LONGEST_RETRY", 0.01)
    monkeypatch.setattr(clusters, "revisions", failing(2, clusters.revisions, fault))
    with live_service(tmp_path) as live:
        async with live.client(live.token()) as css:
            await wait_for(css, cluster_id, status="200", actions=[])

        async def looked_again() -> bool:
            return len(looks) > 4

        await until(looked_again, "the host is not looked at any more")


async def test_a_host_not_looked_at_for_a_minute_is_not_healthy(tmp_path: Path) -> None:
    with live_service(tmp_path) as live:  # its loop looks again after five seconds
        services = live.service.services
        assert ops._problem(services) is None
        with services.database.write() as connection:
            seen = capacity.latest(connection)
            assert seen is not None
            old = seen.observed - timedelta(seconds=90)
            capacity.record(connection, replace(seen, observed=old))
        assert "was last recorded 90 s ago" in str(ops._problem(services))
