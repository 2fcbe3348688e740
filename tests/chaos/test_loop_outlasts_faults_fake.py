"""A host or a database that does not answer at the start holds no cluster up for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.chaos.accepting import accept_create
from tests.support.live_service import live_service, wait_for

from searchplane.drivers.fake import FakeDriver
from searchplane.errors import Transient
from searchplane.store import clusters, events

pytestmark = pytest.mark.chaos


def failing(times: int, then: Callable[..., Any]) -> Callable[..., Any]:
    """`then`, once it has failed so many times."""
    left = [times]

    def act(*arguments: Any) -> Any:
        if left[0] > 0:
            left[0] -= 1
            raise Transient("it does not answer")
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
    monkeypatch.setattr(clusters, "all_ids", failing(2, clusters.all_ids))
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
