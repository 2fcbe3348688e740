"""Data folders in which something was accepted and nothing done yet."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.support.live_service import Live, live_service
from tests.support.running import getting_started

from searchplane.domain.cluster import Cluster
from searchplane.store import clusters
from searchplane.store.database import Database, private_sqlite

SECURED = {"authorityEnable": True, "httpsEnable": True, "adminPwd": "Fresh-Pear-27"}


def accept_create(data: Path, nodes: int = 3, *, secured: bool = False) -> str:
    """Accept the Getting Started's cluster in the folder; gives its id."""
    body = getting_started("ES-Test", nodes)
    body["cluster"] |= SECURED if secured else {}
    return _accepted(data, "POST", "/clusters", body)["cluster"]["id"]


def accept_delete(data: Path) -> None:
    """Accept that the folder's only cluster goes."""
    (cluster,) = records(data)
    _accepted(data, "DELETE", f"/clusters/{cluster.id}", None)


def accept_change(data: Path, method: str, url: str, body: Any) -> Any:
    """Accept a change; `url` is the path with the version and the project. Gives the answer."""
    return _accepted(data, method, f"http://127.0.0.1:9480{url}", body)


def records(data: Path) -> list[Cluster]:
    """The clusters that the folder's database has."""
    database = Database(private_sqlite(data))
    try:
        with database.read() as connection:
            found = [clusters.find(connection, one) for one in clusters.all_ids(connection)]
    finally:
        database.close()
    return [one for one in found if one is not None]


def _accepted(data: Path, method: str, path: str, body: Any) -> Any:
    async def send(live: Live) -> Any:
        async with live.client(live.token()) as css:
            answer = await css.request(method, path, json=body)
            assert answer.is_success, answer.text
            return answer.json() if answer.content else None

    with live_service(data, tended=False) as live:
        return asyncio.run(send(live))
