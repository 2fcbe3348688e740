"""The certificates of a secured cluster: which there must be, and making those that are missing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from searchplane.domain.cluster import Cluster
from searchplane.engine.certificates import KeyPair, issue_admin, issue_node, new_authority
from searchplane.store.database import Database
from searchplane.store.secrets import ClusterSecrets

AUTHORITY = "authority"
CONTROL = "control"


def certified(cluster: Cluster, kept: Mapping[str, str]) -> bool:
    """Whether everything a secured cluster needs is stored; true for a plain one."""
    if not cluster.spec.security.authority:
        return True
    names = [AUTHORITY, CONTROL, *(node_name(node.id) for node in cluster.nodes)]
    return all(f"{name}.certificate" in kept for name in names)


def node_name(node_id: str) -> str:
    return f"node.{node_id}"


def pair(kept: Mapping[str, str], name: str) -> KeyPair:
    """A stored certificate with its key."""
    return KeyPair(kept[f"{name}.certificate"], kept[f"{name}.key"])


def issue_missing(cluster: Cluster, database: Database, secrets: ClusterSecrets) -> None:
    """Make and store what is missing, in one transaction: all of it or nothing."""
    now = datetime.now(UTC)
    with database.write() as connection:
        kept = secrets.of_cluster(connection, cluster.id)
        if f"{AUTHORITY}.certificate" not in kept:
            kept |= _stored(AUTHORITY, new_authority(cluster.spec.name, cluster.id, now))
        authority = pair(kept, AUTHORITY)
        if f"{CONTROL}.certificate" not in kept:
            kept |= _stored(CONTROL, issue_admin(authority, cluster.id, now))
        for node in cluster.nodes:
            name = node_name(node.id)
            if f"{name}.certificate" not in kept and node.address is not None:
                issued = issue_node(authority, name=node.name, address=node.address, now=now)
                kept |= _stored(name, issued)
        secrets.add_missing(connection, cluster.id, kept)


def _stored(name: str, issued: KeyPair) -> dict[str, str]:
    return {f"{name}.certificate": issued.certificate_pem, f"{name}.key": issued.key_pem}
