"""Storing what a pass has done, unless a request was accepted meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from searchplane.domain.cluster import Cluster
from searchplane.reconciler.ports import Ports
from searchplane.store import clusters
from searchplane.store.database import Transaction


class Superseded(Exception):
    """A request was accepted while the pass ran; the next pass starts from it."""


def _nothing(_connection: Transaction) -> None:
    return None


async def record(
    before: Cluster,
    after: Cluster,
    ports: Ports,
    also: Callable[[Transaction], None] = _nothing,
) -> Cluster:
    """Store the cluster, and in the same transaction what `also` does. Raises Superseded."""

    def store() -> bool:
        with ports.database.write() as connection:
            if not clusters.record(connection, before, after):
                return False
            also(connection)
            return True

    if not await asyncio.to_thread(store):
        raise Superseded
    return after


async def secrets_of(cluster: Cluster, ports: Ports) -> dict[str, str]:
    def read() -> dict[str, str]:
        with ports.database.read() as connection:
            return ports.secrets.of_cluster(connection, cluster.id)

    return await asyncio.to_thread(read)
