"""How loaded the nodes are: looked at in passes that find the cluster whole, and not in each.

Who wants to take nodes away asks for it (domain/load.py), and a handler may not ask the engine.
The first look at a cluster is stored at once, the first after a while in which it was not whole,
and the first that sees a new node, so that it can be changed again as soon as it is green; others
are stored together, now and then, as an idle service must cost little.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

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
    """What was seen and is not stored yet, and the last look at each cluster."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._looked: dict[ClusterId, LoadSeen] = {}
        self._new: dict[ClusterId, LoadSeen] = {}

    async def look(
        self, cluster: Cluster, secrets: Mapping[str, str], observation: Observation
    ) -> None:
        """Look if it is due. What cannot be seen is not noted, and grows old."""
        last = self._looked.get(cluster.id)
        age = None if last is None or _lacks_one(last, cluster) else observation.at - last.at
        if age is not None and timedelta(0) <= age < EVERY:
            return
        target = running_target(cluster, secrets, observation.nodes)
        found = await self._ports.probe.load(target)
        if isinstance(found, Unknown):
            return
        seen = LoadSeen(observation.at, found)
        self._looked[cluster.id] = self._new[cluster.id] = seen
        if age is None or age > LONG_AGO:
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


def _lacks_one(seen: LoadSeen, cluster: Cluster) -> bool:
    """Whether there is a node that it tells nothing of."""
    return any(node.name not in seen.nodes for node in cluster.nodes)
