"""More nodes, bigger disks, dedicated masters and clients (api/semantics.md, section 4.1)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from searchplane.domain.change import Change, begun, check_idle, to_restart, with_nodes
from searchplane.domain.cluster import (
    Action,
    ActionKind,
    Cluster,
    ClusterSpec,
    NodeGroup,
    Role,
    Volume,
)
from searchplane.domain.flavors import DISK_TYPES, FLAVORS, offer
from searchplane.domain.ids import NodeId
from searchplane.domain.layout import HostLimits, new_node
from searchplane.domain.violation import Violation, refuse
from searchplane.errors import Refused

MAX_DATA = 32
MAX_DATA_WITH_MASTERS = 200
MASTERS = (3, 5, 7, 9)
FIXED_DISK = (Role.MASTER, Role.CLIENT)
FIXED_DISK_GB = 40
DISK_STEP_GB = 20

NewId = Callable[[], NodeId]


@dataclass(frozen=True)
class Growth:
    """`nodes` to add to a group, and GB to add to the disk of each of its nodes.

    `counted` is the field of the request that says how many.
    """

    role: Role
    nodes: int
    disk_gb: int
    counted: str = "grow.nodesize"


@dataclass(frozen=True)
class Place:
    """What a new node's layout depends on besides the cluster."""

    limits: HostLimits
    new_id: NewId


def extend(cluster: Cluster, nodes: int, place: Place, now: datetime) -> Change:
    """`POST extend`: data nodes for a cluster that has no others. Raises Refused."""
    if any(group.role is not Role.DATA for group in cluster.spec.groups):
        raise Refused(
            "CSS.5140",
            "the cluster has nodes of several types; role_extend says which are to be added",
        )
    if nodes < 1:
        raise Refused("CSS.5047", f"grow.modifySize is {nodes}: 1 to {MAX_DATA} is right")
    return grow(cluster, (Growth(Role.DATA, nodes, 0, "grow.modifySize"),), place, now)


def grow(cluster: Cluster, wanted: Sequence[Growth], place: Place, now: datetime) -> Change:
    """`POST role_extend`: nodes and disk by type. Raises Refused with every broken rule."""
    check_idle(cluster)
    groups = {group.role: group for group in cluster.spec.groups}
    refuse([*_violations(groups, wanted)])
    after = cluster
    for one in wanted:
        after = _grown(after, groups[one.role], one, place)
    more = sum(one.nodes for one in wanted)
    kind = ActionKind.GROWING if more else ActionKind.RESIZING_VOLUME
    said = "; ".join(_said(one) for one in wanted)
    return Change(cluster, begun(after, Action(kind, now)), said)


def add_group(
    cluster: Cluster, role: Role, group: NodeGroup, place: Place, now: datetime
) -> Change:
    """`POST type/{type}/independent`: dedicated masters or clients where there are none.

    Data nodes give up being masters by a restart, once the dedicated ones have joined.
    """
    check_idle(cluster)
    refuse([*_new_group(cluster, role, group)])
    after = replace(cluster, spec=replace(cluster.spec, groups=(*cluster.spec.groups, group)))
    after = _with_more(after, group, group.count, place)
    if role is Role.MASTER:
        known = {node.id for node in cluster.nodes}
        after = with_nodes(after, lambda node: to_restart(node) if node.id in known else node)
    said = f"add {group.count} {role.value} nodes of {group.flavor}"
    return Change(cluster, begun(after, Action(ActionKind.GROWING, now)), said)


def flavor_by_id(spec: ClusterSpec, role: Role, flavor_id: str, field: str) -> str:
    """The name of the flavor with this id; Refused CSS.5007 if it is not one for the cluster."""
    found = offer(flavor_id)
    if found is None or found.role is not role or found.datastore != spec.datastore:
        raise Refused(
            "CSS.5007",
            f"{field} is {flavor_id[:64]!r}: the id of a flavor for {role.value} nodes of "
            f"{spec.datastore.type} {spec.datastore.version} is right; GET es-flavors lists them",
        )
    return found.flavor.name


def most_nodes(role: Role, roles: Iterable[Role]) -> int:
    has_masters = Role.MASTER in roles
    return MAX_DATA_WITH_MASTERS if role is Role.DATA and has_masters else MAX_DATA


def _violations(groups: dict[Role, NodeGroup], wanted: Sequence[Growth]) -> Iterator[Violation]:
    if not wanted:
        yield Violation("CSS.0001", "grow", [], "at least one type is right")
    for role, times in Counter(one.role for one in wanted).items():
        if times > 1:
            yield Violation("CSS.5038", "grow.type", role.value, "each type once is right")
    for one in wanted:
        group = groups.get(one.role)
        if group is None:
            types = ", ".join(role.value for role in groups)
            yield Violation("CSS.0076", "grow.type", one.role.value, f"one of {types} is right")
        else:
            yield from _too_much(group, one, groups)


def _too_much(group: NodeGroup, one: Growth, groups: dict[Role, NodeGroup]) -> Iterator[Violation]:
    if one.nodes == 0 and one.disk_gb == 0:
        yield Violation("CSS.5047", one.counted, 0, "not both nodesize and disksize 0 is right")
    count = group.count + one.nodes
    most = most_nodes(one.role, groups)
    if one.role is Role.MASTER and one.nodes and count not in MASTERS:
        yield Violation(
            "CSS.5134", one.counted, one.nodes, f"3, 5, 7 or 9 masters in all, not {count}"
        )
    elif one.nodes < 0 or count > most:
        yield Violation(
            "CSS.5047", one.counted, one.nodes, f"0 to {max(0, most - group.count)} is right"
        )
    yield from _too_big(group, one)


def _too_big(group: NodeGroup, one: Growth) -> Iterator[Violation]:
    if not one.disk_gb:
        return
    field, flavor = "grow.disksize", FLAVORS[group.flavor]
    if one.role in FIXED_DISK:
        yield Violation(
            "CSS.5095", field, one.disk_gb, f"disks of {one.role.value} nodes stay as they are"
        )
    elif one.disk_gb < 0 or one.disk_gb % DISK_STEP_GB:
        yield Violation("CSS.5033", field, one.disk_gb, "a multiple of 20 GB is right")
    elif group.volume.size_gb + one.disk_gb > flavor.max_disk_gb:
        most = flavor.max_disk_gb - group.volume.size_gb
        yield Violation("CSS.5009", field, one.disk_gb, f"at most {most} GB more is right")


def _new_group(cluster: Cluster, role: Role, group: NodeGroup) -> Iterator[Violation]:
    if role not in FIXED_DISK:
        yield Violation("CSS.0076", "type", role.value, "ess-master or ess-client is right")
    if any(one.role is role for one in cluster.spec.groups):
        yield Violation("CSS.5090", "type", role.value, "the cluster has such nodes already")
    if role is Role.MASTER and group.count not in MASTERS:
        yield Violation("CSS.5134", "type.node_size", group.count, "3, 5, 7 or 9 is right")
    elif not 1 <= group.count <= MAX_DATA:
        yield Violation("CSS.5047", "type.node_size", group.count, "1 to 32 is right")
    if group.volume.type not in DISK_TYPES:
        types = ", ".join(DISK_TYPES)
        yield Violation(
            "CSS.5008", "type.volume_type", group.volume.type, f"one of {types} is right"
        )
    if group.count < len(cluster.spec.zones):
        yield Violation(
            "CSS.5172", "type.node_size", group.count, "one for each availability zone is right"
        )


def _grown(cluster: Cluster, group: NodeGroup, one: Growth, place: Place) -> Cluster:
    volume = replace(group.volume, size_gb=group.volume.size_gb + one.disk_gb)
    bigger = replace(group, count=group.count + one.nodes, volume=volume)
    groups = tuple(bigger if known == group else known for known in cluster.spec.groups)
    after = with_nodes(
        replace(cluster, spec=replace(cluster.spec, groups=groups)),
        lambda node: replace(node, volume=volume) if node.role is one.role else node,
    )
    return _with_more(after, bigger, one.nodes, place)


def _with_more(cluster: Cluster, group: NodeGroup, count: int, place: Place) -> Cluster:
    for _ in range(count):
        node = new_node(
            cluster.spec,
            group,
            number=_next_number(cluster, group.role),
            zone=_emptiest_zone(cluster, group.role),
            limits=place.limits,
            node_id=place.new_id(),
        )
        cluster = replace(cluster, nodes=(*cluster.nodes, node))
    return cluster


def _next_number(cluster: Cluster, role: Role) -> int:
    """Numbers are not used again while the cluster has later ones: a name means one node."""
    taken = [
        int(found[1])
        for node in cluster.nodes
        if node.role is role and (found := re.search(r"-(\d+)-1$", node.name))
    ]
    return max(taken, default=0) + 1


def _emptiest_zone(cluster: Cluster, role: Role) -> str:
    """Of the zones where such nodes are; of all the cluster has, for the first of them."""
    taken = Counter(node.zone for node in cluster.nodes if node.role is role)
    zones = [zone for zone in cluster.spec.zones if taken[zone]]
    return min(zones or cluster.spec.zones, key=lambda zone: taken[zone])


def _said(one: Growth) -> str:
    parts = [f"{one.nodes} more {one.role.value} nodes"] if one.nodes else []
    parts += [f"{one.disk_gb} GB more for each {one.role.value} node"] if one.disk_gb else []
    return " and ".join(parts)


def fixed_volume(volume_type: str) -> Volume:
    """The disk of a dedicated master or client node."""
    return Volume(volume_type, FIXED_DISK_GB)
