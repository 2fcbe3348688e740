"""Restarting what runs: all at once, some of it, or one after the other (api/semantics.md, 4.4)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from searchplane.domain.change import Change, begun, check_idle, to_restart, with_nodes
from searchplane.domain.cluster import Action, ActionKind, Cluster, Node, Pace, Role
from searchplane.errors import Refused

ALL = "all"
LEAST_TO_ROLL = 3


def restart(cluster: Cluster, now: datetime) -> Change:
    """`POST restart` (v1): every node, all at once."""
    check_idle(cluster, repairs=True)
    return _restart(cluster, cluster.nodes, now, Pace.AT_ONCE)


def restart_part(cluster: Cluster, kind: str, value: str, now: datetime) -> Change:
    """`POST restart` (v2): one node by id, or all of some types, at once."""
    check_idle(cluster, repairs=True)
    if kind == "node":
        chosen = [node for node in cluster.nodes if node.id == value]
        if not chosen:
            raise Refused(
                "CSS.5042",
                f"value is {value[:64]!r}: the id of an instance of the cluster is right",
            )
    elif kind == "role":
        roles = _roles(cluster, value)
        chosen = [node for node in cluster.nodes if node.role in roles]
    else:
        raise Refused("CSS.5073", f"type is {kind[:64]!r}: node or role is right")
    return _restart(cluster, chosen, now, Pace.AT_ONCE)


def restart_rolling(cluster: Cluster, kind: str, value: str, now: datetime) -> Change:
    """`POST rolling-restart`: nodes of some types one after the other, while all is served."""
    check_idle(cluster)
    if kind != "role":
        raise Refused("CSS.5073", f"type is {kind[:64]!r}: role is right")
    if len(cluster.nodes) < LEAST_TO_ROLL:
        raise Refused(
            "CSS.5090",
            f"the cluster has {len(cluster.nodes)} nodes: a rolling restart needs at least "
            f"{LEAST_TO_ROLL}; restart takes all at once",
        )
    roles = set(Role) if value == ALL else _roles(cluster, value)
    return _restart(
        cluster, [node for node in cluster.nodes if node.role in roles], now, Pace.ROLLING
    )


def _restart(cluster: Cluster, chosen: Collection[Node], now: datetime, pace: Pace) -> Change:
    ids = {node.id for node in chosen}
    after = with_nodes(cluster, lambda node: to_restart(node) if node.id in ids else node)
    how = "one after the other" if pace is Pace.ROLLING else "at once"
    names = "all nodes" if len(ids) == len(cluster.nodes) else ", ".join(n.name for n in chosen)
    action = Action(ActionKind.REBOOTING, now, pace=pace)
    return Change(cluster, replace(begun(after, action)), f"restart {names}, {how}")


def _roles(cluster: Cluster, value: str) -> set[Role]:
    """The types in a comma list; Refused if one is unknown or the cluster has none of it."""
    there = {node.role for node in cluster.nodes}
    names = [name.strip() for name in value.split(",")]
    unknown = [name for name in names if name not in there]
    if unknown:
        types = ", ".join(sorted(there))
        raise Refused("CSS.5073", f"value is {value[:64]!r}: types of {types} are right")
    return {Role(name) for name in names}
