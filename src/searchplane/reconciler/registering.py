"""Naming a repository to a cluster's engine, before anything is done in it."""

from __future__ import annotations

from searchplane.domain.cluster import Cluster
from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import Target
from searchplane.domain.snapshots import Repository
from searchplane.domain.snapshots_seen import repository_name
from searchplane.reconciler.ports import Ports


async def registered(
    place: Repository,
    writer: ClusterId,
    cluster: Cluster,
    target: Target,
    ports: Ports,
    *,
    read_only: bool = False,
) -> str:
    """The name by which the cluster's engine knows the repository now.

    A cluster that has written to two places calls both the same, so it is told which. A bucket of
    the project's own is a folder: a link of its name is what an attach or a detach that was cut off
    has left, and would have the engine write elsewhere.
    """
    name = repository_name(cluster.id, writer)
    if not place.read_only:
        await ports.driver.detach(cluster.tenant, place.bucket)
    await ports.snapshots.register(
        target, name, place, cluster.spec.snapshots, read_only=read_only or place.read_only
    )
    return name
