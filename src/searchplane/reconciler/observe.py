"""One look at a cluster. It never raises for what it cannot see: that is Unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from searchplane.domain.cluster import ActionKind, Cluster
from searchplane.domain.engines import Engine
from searchplane.domain.ids import NodeId
from searchplane.domain.observed import (
    Distribution,
    EngineView,
    NodeState,
    Observation,
    Ready,
    Running,
    Target,
    Unknown,
)
from searchplane.drivers.base import NodeRef
from searchplane.reconciler.certificates import ends_of_nodes
from searchplane.reconciler.compose import target_of
from searchplane.reconciler.ports import Ports


async def observe(cluster: Cluster, secrets: Mapping[str, str], ports: Ports) -> Observation:
    """Processes first: an engine is asked, and files are looked for, only where that can help."""
    states = await asyncio.gather(
        *(ports.driver.observe(NodeRef(cluster.id, node.id)) for node in cluster.nodes)
    )
    nodes = {node.id: state for node, state in zip(cluster.nodes, states, strict=True)}
    if cluster.is_being(ActionKind.DELETING):
        return Observation(datetime.now(UTC), nodes, Unknown("not asked"), Ready())
    if cluster.awaits_engine or not all(isinstance(state, Running) for state in states):
        engine, (distribution, awaited) = await asyncio.gather(
            _engine(cluster, secrets, nodes, ports), _distribution(cluster, ports)
        )
    else:  # most looks are at clusters that want nothing: they must be cheap
        engine = await _engine(cluster, secrets, nodes, ports)
        distribution, awaited = Ready(), None
    return Observation(
        datetime.now(UTC), nodes, engine, distribution, awaited, ends_of_nodes(cluster, secrets)
    )


async def _engine(
    cluster: Cluster,
    secrets: Mapping[str, str],
    nodes: Mapping[NodeId, NodeState],
    ports: Ports,
) -> EngineView | Unknown:
    target = running_target(cluster, secrets, nodes)
    if not target.addresses:
        return Unknown("no node runs")
    unsure = {node.address for node in cluster.nodes if node.address and not node.ready}
    return await ports.probe.view(target, placement=cluster.bootstrapped, unsure=unsure)


def running_target(
    cluster: Cluster, secrets: Mapping[str, str], nodes: Mapping[NodeId, NodeState]
) -> Target:
    """How to ask the nodes that run; a cluster of which none does may have no certificates yet."""
    addresses = tuple(
        node.address
        for node in cluster.nodes
        if node.address is not None and isinstance(nodes[node.id], Running)
    )
    return target_of(cluster, secrets, addresses) if addresses else Target(())


async def _distribution(cluster: Cluster, ports: Ports) -> tuple[Distribution, Engine | None]:
    """All that will be needed, before the first node is stopped for it."""
    for engine, secured in cluster.engines_to_come:
        found = await ports.ensure_distribution(engine, secured=secured)
        if not isinstance(found, Ready):
            return found, engine
    return Ready(), None
