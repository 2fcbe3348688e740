"""Fewer nodes, and a node made anew (api/semantics.md, sections 4.2 and 4.10).

What is refused here is refused for the numbers, before anything is done; whether a node can go at
this moment is asked again and again while the change is carried out (safety.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from searchplane.domain.change import Change, begun, check_idle, with_nodes
from searchplane.domain.cluster import Action, ActionKind, Cluster, Fate, Node, Role
from searchplane.domain.load import too_much
from searchplane.domain.safety import HOLDS_DATA, masters
from searchplane.domain.violation import Violation, refuse
from searchplane.errors import Refused

LEAST_WITHOUT_MASTERS = 3
LEAST_MASTERS = 3


def shrink(
    cluster: Cluster, fewer: Mapping[Role, int], now: datetime, *, checks_load: bool = False
) -> Change:
    """`POST role/shrink`: so many nodes of each type less; the newest of the fullest zones go.

    With `checks_load` the nodes must have strength to spare; dead ones take none with them.
    """
    leaving = [
        node for role, count in fewer.items() for node in choose_leaving(cluster, role, count)
    ]
    repairs = _are_dead(leaving)
    check_idle(cluster, repairs=repairs)
    refuse([*_unknown(cluster, fewer)])
    refuse([*_too_many(cluster, leaving)])
    if checks_load and not repairs:
        refuse([*too_much(cluster, now)])
    return _leave(cluster, leaving, now, drains=True)


def take_offline(
    cluster: Cluster, node_ids: Sequence[str], now: datetime, *, drains: bool
) -> Change:
    """`POST node/offline`: these nodes; without moving their data if `drains` is False."""
    known = {str(node.id): node for node in cluster.nodes}
    chosen = [known[one] for one in dict.fromkeys(node_ids) if one in known]
    check_idle(cluster, repairs=_are_dead(chosen))
    missing = [one for one in node_ids if one not in known]
    if missing or not node_ids:
        raise Refused(
            "CSS.5042",
            f"shrinkNodes is {missing or list(node_ids)!r:.200}: ids of the cluster's instances "
            "are right",
        )
    refuse([*_too_many(cluster, chosen)])
    return _leave(cluster, chosen, now, drains=drains)


def replace_node(cluster: Cluster, node_id: str, now: datetime, *, drains: bool) -> Change:
    """`PUT instance/{id}/replace`: the node starts again empty, with its id and address."""
    check_idle(cluster, repairs=True)
    node = next((one for one in cluster.nodes if one.id == node_id), None)
    if node is None:
        raise Refused("CSS.5042", f"instance_id is {node_id[:64]!r}: an id of an instance is right")
    refuse([*_replaceable(cluster, node)])
    after = with_nodes(
        cluster,
        lambda one: replace(one, fate=Fate.REPLACE, emptied=False) if one == node else one,
    )
    action = Action(ActionKind.REPLACING, now, drains=drains)
    return Change(cluster, begun(after, action), f"replace {node.name}")


def choose_leaving(cluster: Cluster, role: Role, count: int) -> tuple[Node, ...]:
    """The nodes of a type that go: of the zone that has most, a dead one, else the newest."""
    left = [node for node in cluster.nodes if node.role is role]
    going: list[Node] = []
    for _ in range(min(count, len(left))):
        zones = Counter(node.zone for node in left)
        fullest = max(zones.values())
        there = [node for node in reversed(left) if zones[node.zone] == fullest]
        chosen = next((node for node in there if not node.ready), there[0])
        left.remove(chosen)
        going.append(chosen)
    return tuple(going)


def _leave(cluster: Cluster, leaving: Sequence[Node], now: datetime, *, drains: bool) -> Change:
    ids = {node.id for node in leaving}
    gone = Counter(node.role for node in leaving)
    groups = tuple(
        replace(group, count=group.count - gone[group.role]) for group in cluster.spec.groups
    )
    after = with_nodes(
        replace(cluster, spec=replace(cluster.spec, groups=groups)),
        lambda one: replace(one, fate=Fate.LEAVE, emptied=False) if one.id in ids else one,
    )
    said = f"take away {', '.join(node.name for node in leaving)}"
    return Change(cluster, begun(after, Action(ActionKind.SHRINKING, now, drains=drains)), said)


def _are_dead(nodes: Sequence[Node]) -> bool:
    """Whether taking these away is a repair."""
    return bool(nodes) and not any(node.ready for node in nodes)


def _unknown(cluster: Cluster, fewer: Mapping[Role, int]) -> Iterator[Violation]:
    if not fewer:
        yield Violation("CSS.0001", "shrink", [], "at least one type is right")
    groups = {group.role: group for group in cluster.spec.groups}
    for role, count in fewer.items():
        if role not in groups:
            types = ", ".join(one.value for one in groups)
            yield Violation("CSS.0076", "shrink.type", role.value, f"one of {types} is right")
        elif not 1 <= count < groups[role].count:
            yield Violation(
                "CSS.5047",
                "shrink.reducedNodeNum",
                count,
                f"1 to {groups[role].count - 1} is right",
            )


def _too_many(cluster: Cluster, leaving: Sequence[Node]) -> Iterator[Violation]:
    """The counts that must remain."""
    ids = {node.id for node in leaving}
    staying = [node for node in cluster.nodes if node.id not in ids]
    has_masters = any(node.role is Role.MASTER for node in cluster.nodes)
    yield from _zones(cluster, staying)
    yield from _masters(cluster, staying) if has_masters else _data(cluster, staying)
    if any(node.ready and node.role in HOLDS_DATA for node in leaving):
        yield from _replicas(cluster, sum(node.role in HOLDS_DATA for node in staying))


def _replicas(cluster: Cluster, staying: int) -> Iterator[Violation]:
    """No two copies of a shard go to one node."""
    most = cluster.indices.most_replicas if cluster.indices else 0
    if staying <= most:
        yield Violation(
            "CSS.5047",
            "nodes",
            staying,
            f"an index has {most} replicas, so at least {most + 1} nodes that hold data must "
            "stay; lower its number_of_replicas first",
        )


def _zones(cluster: Cluster, staying: Sequence[Node]) -> Iterator[Violation]:
    for role in {node.role for node in cluster.nodes}:
        zones = {node.zone for node in cluster.nodes if node.role is role}
        counts = Counter(node.zone for node in staying if node.role is role)
        if any(not counts[zone] for zone in zones):
            yield Violation(
                "CSS.5047", "nodes", None, f"at least one {role.value} node in each zone must stay"
            )
        elif max(counts.values()) - min(counts[zone] for zone in zones) > 1:
            yield Violation(
                "CSS.5047",
                "nodes",
                None,
                f"the zones' counts of {role.value} nodes may differ by one at most",
            )


def _data(cluster: Cluster, staying: Sequence[Node]) -> Iterator[Violation]:
    before = sum(node.role in HOLDS_DATA for node in cluster.nodes)
    after = sum(node.role in HOLDS_DATA for node in staying)
    if before == after:
        return
    if before < LEAST_WITHOUT_MASTERS:
        yield Violation(
            "CSS.5047", "nodes", before, "at least 3 nodes that hold data are needed to take some"
        )
    elif 2 * (before - after) >= before:
        yield Violation(
            "CSS.5047",
            "nodes",
            before - after,
            f"fewer than half of the {before} nodes that hold data and votes may go at once",
        )


def _masters(cluster: Cluster, staying: Sequence[Node]) -> Iterator[Violation]:
    before = sum(node.role is Role.MASTER for node in cluster.nodes)
    after = sum(node.role is Role.MASTER for node in staying)
    if before == after:
        return
    if after < LEAST_MASTERS or after % 2 == 0:
        yield Violation(
            "CSS.5134", "nodes", before - after, f"3, 5 or 7 masters must stay, not {after}"
        )
    elif 2 * (before - after) >= before:
        yield Violation(
            "CSS.5047", "nodes", before - after, f"fewer than half of the {before} masters may go"
        )


def _replaceable(cluster: Cluster, node: Node) -> Iterator[Violation]:
    """Somebody must be there to take what the node holds; waived for one that is dead."""
    if masters(cluster.nodes) == (node,):
        yield Violation(
            "CSS.5047",
            "instance_id",
            node.id,
            "it is the only node that can be master, so nobody else knows the cluster; restart it",
        )
    if not node.ready:
        return
    peers = [one for one in cluster.nodes if one.role in HOLDS_DATA and one != node]
    has_masters = any(one.role is Role.MASTER for one in cluster.nodes)
    if node.role in HOLDS_DATA and len(peers) < (1 if has_masters else 2):
        yield Violation(
            "CSS.5047",
            "instance_id",
            node.id,
            "too few other nodes hold data; 3 in all are needed, 2 where there are masters",
        )
    elif node.role in HOLDS_DATA:
        yield from _replicas(cluster, len(peers))
