"""What a plan says of its steps, in words a person understands."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from searchplane.domain.cluster import Cluster, Fate
from searchplane.domain.steps import (
    ExcludeFromAllocation,
    ExcludeFromVoting,
    HaltNode,
    MarkEmptied,
    Step,
)

NAMED = 5
"""Names in a sentence."""


def said_of(step: Step, cluster: Cluster) -> str:
    """A step of a change to a live cluster."""
    names = {node.id: node.name for node in cluster.nodes}
    match step:
        case ExcludeFromAllocation() | ExcludeFromVoting():
            return _told(step)
        case MarkEmptied(node_id, emptied=True):
            return f"{names[node_id]} holds no shards any longer; looking once more"
        case MarkEmptied(node_id):
            return f"{names[node_id]} holds shards again"
        case HaltNode(node_id):
            return f"stopping {names[node_id]}"
        case _:
            return "putting the record right"


def _told(step: ExcludeFromAllocation | ExcludeFromVoting) -> str:
    match step:
        case ExcludeFromAllocation(addresses) if addresses:
            return f"moving shards away from {', '.join(sorted(addresses))}"
        case ExcludeFromVoting(names) if names:
            return f"handing over the vote of {', '.join(sorted(names))}"
        case ExcludeFromVoting():
            return "giving every node its vote again"
        case _:
            return "letting shards go to every node again"


def todo(cluster: Cluster) -> str:
    """How much of a change is left."""
    going = sum(node.fate is not Fate.STAY for node in cluster.nodes)
    stale = sum(cluster.is_outdated(node) for node in cluster.nodes)
    if going:
        return f"{count(going)} to go"
    return f"{count(stale)} to restart" if stale else "putting the engine's settings right"


def count(nodes: int) -> str:
    return f"{nodes} nodes" if nodes != 1 else "1 node"


def shards(number: int) -> str:
    return f"{number} shards" if number != 1 else "1 shard"


def hours(span: timedelta) -> str:
    return f"{span // timedelta(hours=1)} hours"


def progress(cluster: Cluster) -> int:
    """Of the nodes, those that are not touched any more."""
    busy = sum(node.fate is not Fate.STAY or cluster.is_outdated(node) for node in cluster.nodes)
    return 100 * (len(cluster.nodes) - busy) // max(1, len(cluster.nodes))


def joined(cluster: Cluster) -> str:
    count = len(cluster.nodes)
    return f"all {count} nodes joined" if count > 1 else "the node has formed its cluster"


def named(names: Iterable[str]) -> str:
    """The first few by name."""
    known = sorted(names)
    rest = len(known) - NAMED
    said = ", ".join(known[:NAMED])
    return f"{said} and {rest} more" if rest > 0 else said


def size(count: int) -> str:
    """Bytes as a person reads them: 0 B, 12 MB, 1.5 GB."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}" if unit != "B" and value < 10 else f"{value:.0f} {unit}"
