"""When certificates are renewed, and what that means for nodes that run.

A certificate is made anew 30 days before it ends. A node that can be reached is told to load the
new one and goes on running. One whose certificate has ended can be reached by nobody: it is
stopped, and starts again with the new one. What a node was given stands in the record, what is
stored for it in the look; nothing else is remembered.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from searchplane.domain.changes import Left
from searchplane.domain.cluster import Cluster, Node
from searchplane.domain.observed import EngineView, Observation, Running
from searchplane.domain.steps import HaltNode, LoadCertificate

RENEW_BEFORE = timedelta(days=30)
LEAF_LIFE = timedelta(days=365)
AUTHORITY_LIFE = timedelta(days=3650)


def is_due(ends: datetime, now: datetime) -> bool:
    """Whether the certificate of a node or of the control plane is to be made anew."""
    return ends - now <= RENEW_BEFORE


def is_authority_due(ends: datetime, now: datetime) -> bool:
    """Early enough that no certificate it signs has to be shorter than usual."""
    return ends - now <= LEAF_LIFE + RENEW_BEFORE


def loads(cluster: Cluster, observation: Observation) -> tuple[LoadCertificate, ...]:
    """Members that run with another certificate than is stored for them."""
    if not isinstance(observation.engine, EngineView):
        return ()
    members = observation.engine.members
    return tuple(
        LoadCertificate(node.id)
        for node in cluster.nodes
        if node.name in members
        and isinstance(observation.nodes[node.id], Running)
        and not node.is_stale
        and _is_outdated(cluster, node, observation)
        and not _has_ended(node, observation.at)
    )


def halts_expired(cluster: Cluster, observation: Observation) -> Left:
    """Nodes whose certificate has ended, to be started again together with what is stored now."""
    return Left(
        tuple(
            HaltNode(node.id)
            for node in cluster.nodes
            if isinstance(observation.nodes[node.id], Running)
            and _has_ended(node, observation.at)
            and _is_outdated(cluster, node, observation)
        )
    )


def _is_outdated(cluster: Cluster, node: Node, observation: Observation) -> bool:
    mode = node.mode or cluster.spec.mode
    stored = observation.certificates.get(node.id)
    return mode.authority and stored is not None and stored != node.certified_until


def _has_ended(node: Node, now: datetime) -> bool:
    return node.certified_until is not None and node.certified_until <= now
