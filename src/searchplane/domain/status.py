"""Status as clients read it, computed from the record, never set.

"100" creating or deleting, "200" available, "303" failed. A live cluster that is changed, or
whose node restarts, stays "200" with an action shown; "303" comes only when an action failed for
good or primaries were gone past the deadline (docs/adr: what "200" means).
"""

from __future__ import annotations

from searchplane.domain.cluster import ActionKind, Cluster, Node

IN_PROGRESS = "100"
AVAILABLE = "200"
FAILED = "303"
RECOVERING = "RECOVERING"
"""The action shown while a node of a live cluster is away; nobody asked for it."""


def cluster_status(cluster: Cluster) -> str:
    if cluster.is_being(ActionKind.DELETING):
        return IN_PROGRESS
    if cluster.failure is not None:
        return FAILED
    return IN_PROGRESS if cluster.is_being(ActionKind.CREATING) else AVAILABLE


def node_status(cluster: Cluster, node: Node) -> str:
    if node.ready and not cluster.is_being(ActionKind.DELETING):
        return AVAILABLE
    return FAILED if cluster_status(cluster) == FAILED else IN_PROGRESS


def actions(cluster: Cluster) -> tuple[str, ...]:
    """Names of what is being done; empty when idle, and when it failed for good."""
    if cluster.is_being(ActionKind.DELETING):
        return (ActionKind.DELETING.value,)
    if cluster.failure is not None:
        return ()
    if cluster.action is not None:
        return (cluster.action.kind.value,)
    return () if _whole(cluster) else (RECOVERING,)


def action_progress(cluster: Cluster) -> dict[str, str]:
    """Action name -> percent, as text; empty when idle (clients wait for exactly that)."""
    return dict.fromkeys(actions(cluster), f"{cluster.progress}%")


def _whole(cluster: Cluster) -> bool:
    return cluster.unhealthy_since is None and all(node.ready for node in cluster.nodes)
