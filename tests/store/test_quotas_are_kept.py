"""Quotas of a project: the defaults, its own, what it uses, and who takes the last of it."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from sqlalchemy import Connection
from tests.support.cluster_examples import cluster, node

from searchplane.domain.cluster import Cluster, Volume
from searchplane.domain.ids import ClusterId, NodeId, ProjectId
from searchplane.domain.quota import Amounts, Limits, Resource
from searchplane.errors import Refused
from searchplane.settings import Settings
from searchplane.store import clusters, quotas
from searchplane.store.database import Database

ONE, OTHER = ProjectId("project-1"), ProjectId("project-2")


def of(project: ProjectId, name: str, *flavors: str) -> Cluster:
    example = cluster()
    nodes = tuple(
        replace(node(place), id=NodeId(f"{name}-{place}"), flavor=flavor, volume=Volume("HIGH", 40))
        for place, flavor in enumerate(flavors)
    )
    spec = replace(example.spec, name=name)
    return replace(example, id=ClusterId(name), project_id=project, spec=spec, nodes=nodes)


def test_a_project_without_clusters_uses_nothing(connection: Connection) -> None:
    assert quotas.used(connection, ONE) == Amounts()


def test_use_is_summed_over_a_projects_own_clusters(connection: Connection) -> None:
    clusters.add(connection, of(ONE, "first", "ess.spec-2u16g", "ess.spec-2u16g"))
    clusters.add(connection, of(ONE, "second", "ess.spec-8u64g"))
    clusters.add(connection, of(OTHER, "theirs", "ess.spec-4u8g"))
    assert quotas.used(connection, ONE) == Amounts(
        clusters=2, nodes=3, vcpu=12, memory_gb=96, disks=3, disk_gb=120
    )


def test_own_limits_come_before_the_defaults(connection: Connection) -> None:
    defaults = quotas.defaults(Settings(quota_clusters=5, quota_nodes=50))
    assert quotas.limits(connection, ONE, defaults) == Limits(clusters=5, nodes=50)
    quotas.put(connection, ONE, {Resource.CLUSTERS: 2, Resource.NODES: None, Resource.DISK: 0})
    assert quotas.limits(connection, ONE, defaults) == Limits(clusters=2, disk_gb=0)
    assert quotas.limits(connection, OTHER, defaults) == Limits(clusters=5, nodes=50)
    quotas.put(connection, ONE, {Resource.CLUSTERS: 3})
    quotas.drop(connection, ONE, Resource.NODES)
    assert quotas.limits(connection, ONE, defaults) == Limits(clusters=3, nodes=50, disk_gb=0)


def test_the_check_counts_what_is_there(connection: Connection) -> None:
    clusters.add(connection, of(ONE, "first", "ess.spec-2u16g"))
    quotas.check(connection, ONE, Amounts(nodes=1), Limits(nodes=2))
    with pytest.raises(Refused, match="1 of 1 are in use"):
        quotas.check(connection, ONE, Amounts(nodes=1), Limits(nodes=1))
    quotas.check(connection, OTHER, Amounts(nodes=1), Limits(nodes=1))


def test_two_that_want_the_last_of_a_quota_do_not_both_get_it(database: Database) -> None:
    start, passed = threading.Barrier(2), []

    def take(name: str) -> None:
        start.wait()
        try:
            with database.write() as connection:
                quotas.check(connection, ONE, Amounts(clusters=1), Limits(clusters=1))
                clusters.add(connection, of(ONE, name, "ess.spec-2u16g"))
        except Refused:
            return
        passed.append(name)

    threads = [threading.Thread(target=take, args=(name,)) for name in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 1
