"""Moving nodes to other availability zones (api/semantics.md, section 4.10).

A zone is a label that a node carries from its start on: nodes keep their data and address, and a
move is a restart with another label. So it can be refused for the numbers alone, and is carried
out as every rolling restart is.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from searchplane.domain.change import Change, begun, check_idle, to_restart, with_nodes
from searchplane.domain.cluster import Action, ActionKind, Cluster, Fate, Node, Role
from searchplane.domain.departure import LEAST_WITHOUT_MASTERS
from searchplane.domain.ids import NodeId
from searchplane.domain.safety import HOLDS_DATA, masters
from searchplane.domain.tasks import Mode, new_task
from searchplane.domain.upgrades import backed_up
from searchplane.domain.violation import Violation, refuse

MOST_ZONES = 3
ALL = "all"


class MoveKind(StrEnum):
    """The public names: all nodes of a zone go to another, or they are spread over several."""

    MIGRATE = "az_migrate"
    SPREAD = "multi_az_change"


@dataclass(frozen=True)
class Move:
    """What the user asks for; `types` is a node type or "all", `agency` is echoed."""

    types: str
    source: str
    target: tuple[str, ...]
    kind: MoveKind
    checks_backup: bool
    agency: str


def data_zones(cluster: Cluster) -> tuple[str, ...]:
    """The zones in which nodes hold data: copies of a shard are kept apart by these.

    One that only has masters must not count, or copies would wait for ever for a place in it.
    """
    there = {node.zone for node in cluster.nodes if node.role in HOLDS_DATA}
    return tuple(zone for zone in cluster.spec.zones if zone in there)


def move(
    cluster: Cluster,
    wish: Move,
    zones: Sequence[str],
    task_id: str,
    now: datetime,
    *,
    is_backed_up: bool = False,
) -> Change:
    """`POST azmigrate`; `zones` are those there are. Raises Refused with every broken rule.

    `is_backed_up`: there is a snapshot of all indices.
    """
    check_idle(cluster)
    roles = {node.role for node in cluster.nodes if wish.types in (ALL, node.role.value)}
    broken = [*_violations(cluster, wish, roles, zones)]
    broken += backed_up(checks_backup=wish.checks_backup, is_backed_up=is_backed_up)
    refuse(broken)
    after = _moved(cluster, _places(cluster, wish, roles), zones)
    origins = tuple((node.name, node.zone) for node in cluster.nodes)
    task = new_task(
        after,
        Mode.AZ_MIGRATION,
        task_id,
        now,
        agency=wish.agency,
        request=_as_text(wish),
        origins=origins,
    )
    said = f"move {wish.types} nodes from {wish.source} to {', '.join(wish.target)}"
    action = Action(ActionKind.MIGRATING_ZONES, now, id=task_id)
    return Change(cluster, begun(after, action), said, task=task)


def _moved(cluster: Cluster, places: Mapping[NodeId, str], zones: Sequence[str]) -> Cluster:
    """Who gets another label is restarted; so are those that may be master, if copies are to be
    kept apart by other zones than before."""
    after = with_nodes(
        cluster,
        lambda node: (
            to_restart(replace(node, zone=places[node.id]))
            if places.get(node.id, node.zone) != node.zone
            else node
        ),
    )
    after = with_zones_of_nodes(after, zones)
    if data_zones(after) == data_zones(cluster):
        return after
    eligible = {node.id for node in masters(after.nodes)}
    return with_nodes(after, lambda node: to_restart(node) if node.id in eligible else node)


def with_zones_of_nodes(cluster: Cluster, zones: Sequence[str]) -> Cluster:
    """The record whose zones are those its nodes are in, in the order in which all are named."""
    there = {node.zone for node in cluster.nodes if node.fate is not Fate.LEAVE}
    named = tuple(dict.fromkeys((*zones, *cluster.spec.zones)))
    return replace(
        cluster, spec=replace(cluster.spec, zones=tuple(one for one in named if one in there))
    )


def _places(cluster: Cluster, wish: Move, roles: Collection[Role]) -> dict[NodeId, str]:
    """The zone each node of these types is to be in."""
    nodes = [node for node in cluster.nodes if node.role in roles]
    if wish.kind is MoveKind.MIGRATE:
        return {node.id: wish.target[0] for node in nodes if node.zone == wish.source}
    places: dict[NodeId, str] = {}
    for role in roles:
        places |= _spread([node for node in nodes if node.role is role], wish.target)
    return places


def _spread(nodes: Sequence[Node], zones: Sequence[str]) -> dict[NodeId, str]:
    """Evenly, and as many stay as can."""
    share, more = divmod(len(nodes), len(zones))
    held = Counter(node.zone for node in nodes)
    fullest = sorted(zones, key=lambda zone: -held[zone])
    room = {zone: share + (place < more) for place, zone in enumerate(fullest)}
    places: dict[NodeId, str] = {}
    for node in nodes:
        if room.get(node.zone, 0) > 0:
            places[node.id] = node.zone
            room[node.zone] -= 1
    for node in nodes:
        if node.id not in places:
            places[node.id] = next(zone for zone in zones if room[zone] > 0)
            room[places[node.id]] -= 1
    return places


def _violations(
    cluster: Cluster, wish: Move, roles: Collection[Role], zones: Sequence[str]
) -> Iterator[Violation]:
    if not roles:
        types = ", ".join(sorted({node.role.value for node in cluster.nodes}))
        yield Violation("CSS.0076", "inst_type", wish.types, f"all or one of {types} is right")
        return
    holders = sum(node.role in HOLDS_DATA for node in cluster.nodes)
    if holders < LEAST_WITHOUT_MASTERS:
        yield Violation.said(
            "CSS.0074", f"the cluster has {holders} nodes that hold data: at least 3 are needed"
        )
    yield from _wrong_zones(cluster, wish, roles, zones)
    yield from _too_few(cluster, wish, roles)


def _wrong_zones(
    cluster: Cluster, wish: Move, roles: Collection[Role], zones: Sequence[str]
) -> Iterator[Violation]:
    there = sorted({node.zone for node in cluster.nodes if node.role in roles})
    if wish.source not in there:
        right = f"one of {', '.join(there)}, where such nodes are, is right"
        yield Violation("CSS.5052", "source_az", wish.source, right)
    unknown = [zone for zone in wish.target if zone not in zones]
    given = ",".join(wish.target)
    if unknown or not wish.target or len(set(wish.target)) < len(wish.target):
        yield Violation(
            "CSS.5052", "target_az", given, f"different zones of {', '.join(zones)} are right"
        )
    elif wish.kind is MoveKind.MIGRATE and (len(wish.target) > 1 or wish.source in wish.target):
        yield Violation("CSS.5052", "target_az", given, "one zone other than source_az is right")
    elif wish.kind is MoveKind.SPREAD and (
        wish.source not in wish.target or not 2 <= len(wish.target) <= MOST_ZONES
    ):
        yield Violation("CSS.5052", "target_az", given, "2 or 3 zones with source_az are right")


def _too_few(cluster: Cluster, wish: Move, roles: Collection[Role]) -> Iterator[Violation]:
    if wish.kind is MoveKind.MIGRATE:
        return
    for role, count in Counter(node.role for node in cluster.nodes).items():
        if role in roles and count < len(wish.target):
            yield Violation(
                "CSS.5172",
                "target_az",
                ",".join(wish.target),
                f"there are {count} {role.value} nodes: at most as many zones are right",
            )


def _as_text(wish: Move) -> str:
    return json.dumps(
        {
            "instType": wish.types,
            "sourceAz": wish.source,
            "targetAz": ",".join(wish.target),
            "migrateType": wish.kind.value,
        }
    )
