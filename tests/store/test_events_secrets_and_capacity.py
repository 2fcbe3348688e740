"""Events in order and pruned, secrets written once, and what the host was last seen to have."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection
from tests.support.cluster_examples import NOW, cluster

from searchplane.domain.ids import ClusterId, ProjectId
from searchplane.domain.observed import HostCapacity
from searchplane.store import capacity, clusters, events
from searchplane.store.secrets import ClusterSecrets

ID = ClusterId("cluster-1")
OTHER = ClusterId("cluster-2")


@pytest.fixture
def two(connection: Connection) -> Connection:
    """Two clusters of two projects."""
    clusters.add(connection, cluster(nodes=(cluster().nodes[0],)))
    clusters.add(
        connection,
        cluster(id=OTHER, project_id=ProjectId("project-2"), nodes=(cluster().nodes[1],)),
    )
    return connection


def test_events_are_read_on_from_the_last_seen(two: Connection) -> None:
    for number in range(5):
        events.add(two, ID, NOW, "start", f"sentence {number}")
        events.add(two, OTHER, NOW, "start", "of another")
    first = events.after(two, ID, 0, 3)
    assert [one.sentence for one in first] == ["sentence 0", "sentence 1", "sentence 2"]
    rest = events.after(two, ID, first[-1].id, 100)
    assert [one.sentence for one in rest] == ["sentence 3", "sentence 4"]
    assert events.after(two, ID, rest[-1].id, 100) == []
    assert first[0].at == NOW


def test_old_events_and_all_but_the_newest_go(two: Connection) -> None:
    events.add(two, ID, NOW - events.KEEP_FOR - timedelta(seconds=1), "start", "too old")
    events.add(two, ID, NOW - events.KEEP_FOR + timedelta(seconds=1), "start", "old")
    for number in range(events.KEEP_PER_CLUSTER - 1):
        events.add(two, ID, NOW, "start", str(number))
    events.add(two, OTHER, NOW, "start", "of another")
    events.prune(two, ID, NOW)
    kept = events.after(two, ID, 0, 10_000)
    assert (len(kept), kept[0].sentence) == (events.KEEP_PER_CLUSTER, "old")
    events.add(two, ID, NOW, "start", "newest")
    events.prune(two, ID, NOW)
    kept = events.after(two, ID, 0, 10_000)
    assert (len(kept), kept[0].sentence, kept[-1].sentence) == (500, "0", "newest")
    assert len(events.after(two, OTHER, 0, 10)) == 1


def test_a_secret_is_written_once(two: Connection, cluster_secrets: ClusterSecrets) -> None:
    cluster_secrets.add_missing(two, ID, {"authority.certificate": "first", "admin.hash": "h"})
    cluster_secrets.add_missing(two, ID, {"authority.certificate": "second", "new": "n"})
    kept = {"authority.certificate": "first", "admin.hash": "h", "new": "n"}
    assert cluster_secrets.of_cluster(two, ID) == kept
    assert cluster_secrets.of_cluster(two, OTHER) == {}
    cluster_secrets.add_missing(two, ID, {})


def test_a_projects_authorities_are_its_own(
    two: Connection, cluster_secrets: ClusterSecrets
) -> None:
    cluster_secrets.add_missing(two, ID, {"authority.certificate": "mine", "authority.key": "k"})
    cluster_secrets.add_missing(two, OTHER, {"authority.certificate": "theirs"})
    mine = cluster_secrets.authorities_of_project(two, ProjectId("project-1"))
    assert mine == [(ID, "mine")]


def test_the_last_look_at_the_host_counts(connection: Connection) -> None:
    assert capacity.latest(connection) is None
    seen = HostCapacity(1000, 500, 2**45, NOW)
    capacity.record(connection, seen)
    later = replace(seen, memory_available_mb=1, observed=NOW + timedelta(seconds=5))
    capacity.record(connection, later)
    assert capacity.latest(connection) == later
