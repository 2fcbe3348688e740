"""The certificates of a secured cluster: which there must be, and making those that are missing or
will end soon (domain/renewal.py says when)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from searchplane.domain.cluster import Cluster
from searchplane.domain.ids import NodeId
from searchplane.domain.renewal import is_authority_due, is_due
from searchplane.engine.certificates import (
    KeyPair,
    expires,
    issue_admin,
    issue_node,
    new_authority,
    renew_authority,
)
from searchplane.store.database import Database
from searchplane.store.secrets import ClusterSecrets

AUTHORITY = "authority"
CONTROL = "control"

_ends = lru_cache(maxsize=8192)(expires)
"""Of a certificate (PEM); they are asked for at every look."""


def certified(cluster: Cluster, kept: Mapping[str, str], now: datetime) -> bool:
    """Whether everything a secured cluster needs is stored and good for a while; true for a plain
    one."""
    if not cluster.spec.security.authority:
        return True
    leaves = (CONTROL, *(node_name(node.id) for node in cluster.nodes))
    due = _authority_is_due(kept, now) or any(_leaf_is_due(kept, one, now) for one in leaves)
    return not due


def ends_of_nodes(cluster: Cluster, kept: Mapping[str, str]) -> dict[NodeId, datetime]:
    """When the certificates end that are stored for the nodes."""
    names = {node.id: f"{node_name(node.id)}.certificate" for node in cluster.nodes}
    return {node_id: _ends(kept[name]) for node_id, name in names.items() if name in kept}


def node_name(node_id: str) -> str:
    return f"node.{node_id}"


def pair(kept: Mapping[str, str], name: str) -> KeyPair:
    """A stored certificate with its key."""
    return KeyPair(kept[f"{name}.certificate"], kept[f"{name}.key"])


def issue(cluster: Cluster, database: Database, secrets: ClusterSecrets, now: datetime) -> None:
    """Make and store what is missing or due, in one transaction: all of it or nothing.

    Another pass that does the same finds it done and makes nothing.
    """
    with database.write() as connection:
        kept = secrets.of_cluster(connection, cluster.id)
        secrets.put(connection, cluster.id, made(cluster, kept, now))


def made(cluster: Cluster, kept: dict[str, str], now: datetime) -> dict[str, str]:
    """What is missing or due, made anew; the authority and the control plane keep their keys."""
    new: dict[str, str] = {}
    if _authority_is_due(kept, now):
        new |= _stored(AUTHORITY, _new_authority(cluster, kept, now))
    authority = pair(kept | new, AUTHORITY)
    if _leaf_is_due(kept, CONTROL, now):
        key_pem = kept.get(f"{CONTROL}.key")
        new |= _stored(CONTROL, issue_admin(authority, cluster.id, now, key_pem=key_pem))
    for node in cluster.nodes:
        name = node_name(node.id)
        if node.address is not None and _leaf_is_due(kept, name, now):
            new |= _stored(
                name, issue_node(authority, name=node.name, address=node.address, now=now)
            )
    return new


def _new_authority(cluster: Cluster, kept: Mapping[str, str], now: datetime) -> KeyPair:
    if f"{AUTHORITY}.key" in kept:
        return renew_authority(pair(kept, AUTHORITY), now)
    return new_authority(cluster.spec.engine_name, cluster.id, now)


def _authority_is_due(kept: Mapping[str, str], now: datetime) -> bool:
    pem = kept.get(f"{AUTHORITY}.certificate")
    return pem is None or is_authority_due(_ends(pem), now)


def _leaf_is_due(kept: Mapping[str, str], name: str, now: datetime) -> bool:
    pem = kept.get(f"{name}.certificate")
    return pem is None or is_due(_ends(pem), now)


def _stored(name: str, issued: KeyPair) -> dict[str, str]:
    return {f"{name}.certificate": issued.certificate_pem, f"{name}.key": issued.key_pem}
