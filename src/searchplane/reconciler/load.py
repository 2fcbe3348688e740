"""How loaded the nodes are: looked at in passes that find the cluster whole, and not in each.

Who wants to take nodes away asks for it (domain/load.py), and a handler may not ask the engine.
The first look at a cluster is stored at once, and the first after a while in which it was not
whole, so that it can be upgraded as soon as it is green; others are stored together, now and then,
as an idle service must cost little.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from searchplane.domain.cluster import Cluster, LoadSeen
from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import Observation, Unknown
from searchplane.reconciler.observe import running_target
from searchplane.reconciler.ports import Ports
from searchplane.store import loads

EVERY = timedelta(seconds=15)
"""Between two looks at one cluster."""
LONG_AGO = timedelta(seconds=60)
"""More than lies between two looks at a cluster that stays whole."""


class Loads:
    """What was seen and is not stored yet, and when each cluster was looked at."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._looked: dict[ClusterId, datetime] = {}
        self._new: dict[ClusterId, LoadSeen] = {}

    async def look(
        self, cluster: Cluster, secrets: Mapping[str, str], observation: Observation
    ) -> None:
        """Look if it is due. What cannot be seen is not noted, and grows old."""
        last = self._looked.get(cluster.id)
        if last is not None and timedelta(0) <= observation.at - last < EVERY:
            return
        target = running_target(cluster, secrets, observation.nodes)
        found = await self._ports.probe.load(target)
        if isinstance(found, Unknown):
            return
        self._looked[cluster.id] = observation.at
        self._new[cluster.id] = LoadSeen(observation.at, found)
        if last is None or observation.at - last > LONG_AGO:
            await self.store()

    async def store(self) -> None:
        """Store all that is new in one transaction; what cannot be stored stays new."""
        new = dict(self._new)
        if not new:
            return
        await asyncio.to_thread(self._write, new)
        for cluster_id, seen in new.items():
            if self._new.get(cluster_id) is seen:
                del self._new[cluster_id]

    def forget(self, cluster_id: ClusterId) -> None:
        self._looked.pop(cluster_id, None)
        self._new.pop(cluster_id, None)

    def _write(self, new: Mapping[ClusterId, LoadSeen]) -> None:
        with self._ports.database.write() as connection:
            loads.record(connection, new)
