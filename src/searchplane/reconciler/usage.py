"""How full the nodes' storage is: looked at now and then, for all nodes, apart from the passes.

Walking a node's folder costs as much as it has files, and nobody needs the figure to the second.
Only what changed is written.
"""

from __future__ import annotations

import asyncio

from searchplane.domain.ids import NodeId
from searchplane.reconciler.ports import Ports
from searchplane.store import usage

USAGE_SECONDS = 20.0
"""Between two looks."""


async def record_usage(ports: Ports) -> None:
    """Look at every node there is, one after the other, and store what is new."""
    seen: dict[NodeId, int] = {}
    for ref in await ports.driver.nodes():
        used = await ports.driver.used_bytes(ref)
        if used is not None:
            seen[ref.node_id] = used
    await asyncio.to_thread(_store, ports, seen)


def _store(ports: Ports, seen: dict[NodeId, int]) -> None:
    with ports.database.read() as connection:
        before = usage.known(connection)
    new = {one: used for one, used in seen.items() if one in before and before[one] != used}
    if new:
        with ports.database.write() as connection:
            usage.record(connection, new)
