"""Bigger or smaller nodes, or another disk type (api/semantics.md, section 4.3).

A flavor is heap and processors, which an engine reads at its start: the nodes of the type are
restarted one after the other. A disk type is a name here, so it changes without a restart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from searchplane.domain.change import Change, begun, check_idle, to_restart, with_nodes
from searchplane.domain.cluster import Action, ActionKind, Cluster, NodeGroup, Role
from searchplane.domain.flavors import DISK_TYPES, FLAVORS, Flavor
from searchplane.domain.growth import flavor_by_id
from searchplane.domain.layout import HostLimits, heap_of, processors_of
from searchplane.domain.load import too_much
from searchplane.domain.violation import Violation, refuse
from searchplane.errors import Refused

HOLDS_DATA = (Role.DATA, Role.COLD)
LEAST_WITHOUT_MASTERS = 3
LEAST_WITH_MASTERS = 2


@dataclass(frozen=True)
class FlavorWish:
    """`kind` is `vm`, and `wanted` the id of a flavor; or `volume`, and `wanted` a disk type.

    `field` is what the request calls `wanted`.
    """

    role: str
    kind: str
    wanted: str
    field: str = "new_flavor_id"
    needs_replicas: bool = True
    needs_whole: bool = True
    checks_load: bool = False


def change_flavor(cluster: Cluster, wish: FlavorWish, limits: HostLimits, now: datetime) -> Change:
    """The nodes of a type with another flavor or disk type. Raises Refused."""
    check_idle(cluster, repairs=not wish.needs_whole)
    group = _group(cluster, wish.role)
    refuse([*_violations(cluster, group, wish)])
    if wish.kind == "volume":
        return _with_disk(cluster, group, wish, now)
    return _with_flavor(cluster, group, wish, limits, now)


def _group(cluster: Cluster, role: str) -> NodeGroup:
    for group in cluster.spec.groups:
        if group.role == role:
            return group
    types = ", ".join(group.role for group in cluster.spec.groups)
    raise Refused("CSS.0076", f"types is {role[:64]!r}: one of {types} is right")


def _with_flavor(
    cluster: Cluster, group: NodeGroup, wish: FlavorWish, limits: HostLimits, now: datetime
) -> Change:
    name = flavor_by_id(cluster.spec, group.role, wish.wanted, wish.field)
    flavor = FLAVORS[name]
    refuse([*_unfit(group, flavor, wish)])
    if wish.checks_load:
        refuse([*too_much(cluster, now)])
    after = with_nodes(
        _with_group(cluster, group, replace(group, flavor=name)),
        lambda node: (
            to_restart(
                replace(
                    node,
                    flavor=name,
                    heap_mb=heap_of(flavor, limits),
                    processors=processors_of(flavor, limits),
                )
            )
            if node.role is group.role
            else node
        ),
    )
    said = f"change {group.role} nodes from {group.flavor} to {name}"
    return Change(cluster, begun(after, Action(ActionKind.RESIZING_FLAVOR, now)), said)


def _with_disk(cluster: Cluster, group: NodeGroup, wish: FlavorWish, now: datetime) -> Change:
    refuse([*_disk(group, wish)])
    volume = replace(group.volume, type=wish.wanted)
    after = with_nodes(
        _with_group(cluster, group, replace(group, volume=volume)),
        lambda node: replace(node, volume=volume) if node.role is group.role else node,
    )
    said = f"change the disks of {group.role} nodes from {group.volume.type} to {wish.wanted}"
    return Change(cluster, begun(after, Action(ActionKind.RESIZING_FLAVOR, now)), said)


def _with_group(cluster: Cluster, before: NodeGroup, after: NodeGroup) -> Cluster:
    groups = tuple(after if group == before else group for group in cluster.spec.groups)
    return replace(cluster, spec=replace(cluster.spec, groups=groups))


def _violations(cluster: Cluster, group: NodeGroup, wish: FlavorWish) -> Iterator[Violation]:
    if wish.kind not in ("vm", "volume"):
        yield Violation("CSS.5038", "operation_type", wish.kind, "vm or volume is right")
    yield from _too_few(cluster)
    if wish.needs_replicas and group.role in HOLDS_DATA:
        yield from _without_replicas(cluster)


def _too_few(cluster: Cluster) -> Iterator[Violation]:
    """One node at a time is away, and the others must be able to elect and to hold the data."""
    has_masters = any(node.role is Role.MASTER for node in cluster.nodes)
    holders = sum(node.role in HOLDS_DATA for node in cluster.nodes)
    data = sum(node.role is Role.DATA for node in cluster.nodes)
    if not has_masters and holders < LEAST_WITHOUT_MASTERS:
        yield Violation(
            "CSS.0074", "nodes", holders, "at least 3 nodes that hold data are needed for it"
        )
    elif has_masters and data < LEAST_WITH_MASTERS:
        yield Violation("CSS.5047", "nodes", data, "at least 2 ess nodes are needed for it")


def _without_replicas(cluster: Cluster) -> Iterator[Violation]:
    """As the loop saw them last; while the only holder of a shard restarts, it is not there."""
    bare = cluster.indices.bare if cluster.indices else ()
    if bare:
        yield Violation(
            "CSS.5090",
            "need_check_replica",
            True,
            f"these indices have no replica and would be away for a moment: {', '.join(bare)}; "
            "false goes on all the same",
        )


def _unfit(group: NodeGroup, flavor: Flavor, wish: FlavorWish) -> Iterator[Violation]:
    if flavor.name == group.flavor:
        yield Violation("CSS.0075", wish.field, wish.wanted, f"the nodes are {flavor.name} already")
    if group.role in HOLDS_DATA and not (
        flavor.min_disk_gb <= group.volume.size_gb <= flavor.max_disk_gb
    ):
        yield Violation(
            "CSS.5009",
            wish.field,
            wish.wanted,
            f"{flavor.name} goes with disks of {flavor.min_disk_gb} to {flavor.max_disk_gb} GB, "
            f"and those of the nodes have {group.volume.size_gb}",
        )


def _disk(group: NodeGroup, wish: FlavorWish) -> Iterator[Violation]:
    if group.role not in HOLDS_DATA:
        yield Violation(
            "CSS.5061", "types", group.role.value, "only disks of ess and ess-cold nodes change"
        )
    elif wish.wanted not in DISK_TYPES:
        types = ", ".join(DISK_TYPES)
        yield Violation("CSS.5008", wish.field, wish.wanted, f"one of {types} is right")
    elif wish.wanted == group.volume.type:
        yield Violation("CSS.5061", wish.field, wish.wanted, "the disks are of that type already")
