"""Which subnets and security group a cluster has (api/semantics.md, section 4.5).

Ids of networks are the caller's and are never interpreted. A new subnet is that of later nodes;
nodes that are there stay in theirs.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from searchplane.domain.change import Change, check_idle, with_nodes
from searchplane.domain.cluster import Cluster
from searchplane.domain.texts import id_violations
from searchplane.domain.violation import refuse
from searchplane.errors import Refused

MAX_SUBNETS = 2


def subnets(cluster: Cluster) -> tuple[str, ...]:
    """The subnets nodes are in, and the one that later nodes will be in, each once."""
    current = cluster.spec.network.subnet_id
    known = [node.subnet_id or current for node in cluster.nodes]
    return tuple(dict.fromkeys([*known, current]))


def change_subnet(cluster: Cluster, subnet_id: str, now: datetime) -> Change:
    """`POST subnet/change`. Raises Refused for an id that is none, or a third subnet."""
    check_idle(cluster)
    refuse([*id_violations("CSS.5022", subnet_id, "subnet_id")])
    known = subnets(cluster)
    if subnet_id not in known and len(known) >= MAX_SUBNETS:
        raise Refused(
            "CSS.5140",
            f"subnet_id is {subnet_id!r}: the cluster has nodes in {' and '.join(known)}, and "
            f"{MAX_SUBNETS} subnets are the most",
        )
    before = cluster.spec.network.subnet_id
    network = replace(cluster.spec.network, subnet_id=subnet_id)
    after = with_nodes(
        replace(cluster, spec=replace(cluster.spec, network=network), updated=now),
        lambda node: replace(node, subnet_id=node.subnet_id or before),
    )
    return Change(cluster, after, f"put later nodes into the subnet {subnet_id}")


def change_security_group(cluster: Cluster, group_id: str, now: datetime) -> Change:
    """`POST sg/change`. Raises Refused for an id that is none."""
    check_idle(cluster)
    refuse([*id_violations("CSS.5023", group_id, "security_group_ids")])
    network = replace(cluster.spec.network, security_group_id=group_id)
    after = replace(cluster, spec=replace(cluster.spec, network=network), updated=now)
    return Change(cluster, after, f"change the security group to {group_id}")
