"""From a spec to its nodes: names, zones, heap. Chosen once, at acceptance, and stored.

Names follow the pattern every public example shows (`<cluster>-ess-esn-<n>-1`). Zones are filled
evenly. A flavor's memory is nominal: a node's heap is half of it, capped by what the host can
carry, so that the Getting Started's three nodes of 16 GB run on a laptop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from searchplane.domain.cluster import ClusterSpec, Node, NodeGroup, Role
from searchplane.domain.flavors import FLAVORS, Flavor
from searchplane.domain.ids import NodeId

OVERHEAD_MB = 400
"""What a node takes beyond its heap (measured: 345 to 410 MB resident with a small heap)."""

_INFIX = {
    Role.DATA: "ess-esn",
    Role.MASTER: "ess-master-esm",
    Role.CLIENT: "ess-client-esc",
    Role.COLD: "ess-cold-esd",
}


@dataclass(frozen=True)
class HostLimits:
    """What one node may take at most on this installation's hosts."""

    max_heap_mb: int
    processors: int


def default_max_heap_mb(host_memory_mb: int) -> int:
    """256 to 512 MB: a sixteenth of the host, so that a laptop of 8 GB carries three nodes."""
    return max(256, min(512, host_memory_mb // 16))


def lay_out(
    spec: ClusterSpec, limits: HostLimits, new_id: Callable[[], NodeId]
) -> tuple[Node, ...]:
    """The nodes of a new cluster, in order of their names."""
    return tuple(
        new_node(
            spec,
            group,
            number=position + 1,
            zone=spec.zones[position % len(spec.zones)],
            limits=limits,
            node_id=new_id(),
        )
        for group in spec.groups
        for position in range(group.count)
    )


def memory_needed_mb(nodes: tuple[Node, ...]) -> int:
    """What these nodes will really take, in MB."""
    return sum(node.heap_mb + OVERHEAD_MB for node in nodes)


def heap_of(flavor: Flavor, limits: HostLimits) -> int:
    """MB of heap of a node of this flavor here."""
    return min(flavor.ram_gb * 1024 // 2, limits.max_heap_mb)


def processors_of(flavor: Flavor, limits: HostLimits) -> int:
    return min(flavor.vcpu, limits.processors)


def new_node(
    spec: ClusterSpec,
    group: NodeGroup,
    *,
    number: int,
    zone: str,
    limits: HostLimits,
    node_id: NodeId,
) -> Node:
    """One node of a group; `number` makes its name."""
    flavor = FLAVORS[group.flavor]
    return Node(
        id=node_id,
        name=f"{spec.engine_name.lower()}-{_INFIX[group.role]}-{number}-1",
        role=group.role,
        zone=zone,
        flavor=flavor.name,
        volume=group.volume,
        heap_mb=heap_of(flavor, limits),
        processors=processors_of(flavor, limits),
        subnet_id=spec.network.subnet_id,
    )
