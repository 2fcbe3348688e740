"""Cluster records: they come back as they went in, and a late pass cannot write over a request."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection, func, select
from tests.support.cluster_examples import NOW, numbered, spec

from searchplane.domain.cluster import (
    Action,
    ActionKind,
    BackupStrategy,
    Cluster,
    Failure,
    Security,
    SnapshotSettings,
    Tag,
)
from searchplane.domain.ids import ClusterId, ProjectId
from searchplane.errors import Refused
from searchplane.store import clusters, events
from searchplane.store.schema import events as events_table
from searchplane.store.schema import nodes as nodes_table
from searchplane.store.schema import secrets as secrets_table
from searchplane.store.secrets import ClusterSecrets

MINE, THEIRS = ProjectId("project-1"), ProjectId("project-2")


def test_a_record_comes_back_as_it_went_in(connection: Connection) -> None:
    full = numbered(
        1,
        spec=spec(
            security=Security(authority=True, https=True),
            description="größe",
            snapshots=SnapshotSettings("backups", base_path="a/b"),
            backup=BackupStrategy("00:00 GMT", "snap", 7),
            tags=(Tag("k", "v"), Tag("empty", "")),
            cmk_id="key",
            zones=("local-1", "local-2"),
        ),
        failure=Failure("CSS.6000", "no disk", NOW),
        bootstrapped=True,
        sentence="2 of 3 nodes joined",
        progress=60,
    )
    clusters.add(connection, full)
    assert clusters.find(connection, full.id) == full
    assert clusters.find_in_project(connection, MINE, full.id) == full


def test_another_project_does_not_find_it(connection: Connection) -> None:
    clusters.add(connection, numbered(1))
    assert clusters.find_in_project(connection, THEIRS, "cluster-1") is None


def test_a_name_is_taken_in_its_project_only(connection: Connection) -> None:
    clusters.add(connection, numbered(1))
    clusters.add(connection, numbered(2, spec=spec(name="cluster-1"), project_id=THEIRS))
    with pytest.raises(Refused, match=r"cluster\.name is 'cluster-1'") as caught:
        clusters.add(connection, numbered(3, spec=spec(name="cluster-1")))
    assert caught.value.code == "CSS.5050"


def test_a_pass_stores_only_what_changed(connection: Connection) -> None:
    before = numbered(1)
    clusters.add(connection, before)
    first = replace(before.nodes[0], address="127.1.2.3", starts=2, last_start=NOW, ready=True)
    after = replace(before, sentence="on its way", nodes=(first, *before.nodes[1:]))
    assert clusters.record(connection, before, after)
    assert clusters.find(connection, before.id) == after
    late = replace(before, progress=70)
    assert clusters.record(connection, before, late), "a look that changed nothing else"
    assert clusters.find(connection, before.id) == replace(after, progress=70)


def test_a_pass_that_began_before_a_request_writes_nothing(connection: Connection) -> None:
    before = numbered(1, failure=Failure("CSS.6000", "x", NOW), progress=50)
    clusters.add(connection, before)
    clusters.begin_action(connection, before, Action(ActionKind.DELETING, NOW))
    asked = clusters.find(connection, before.id)
    assert asked is not None
    assert (asked.action, asked.failure, asked.progress) == (
        Action(ActionKind.DELETING, NOW),
        None,
        0,
    )
    assert asked.revision == before.revision + 1
    node = replace(before.nodes[0], ready=True)
    late = replace(before, sentence="late", action=None, nodes=(node, *before.nodes[1:]))
    assert not clusters.record(connection, before, late)
    assert not clusters.record(connection, before, before)
    assert not clusters.forget(connection, before)
    assert clusters.find(connection, before.id) == asked


def test_forgetting_takes_nodes_secrets_and_events_along(
    connection: Connection, cluster_secrets: ClusterSecrets
) -> None:
    for number in (1, 2):
        clusters.add(connection, numbered(number))
        cluster_secrets.add_missing(connection, ClusterId(f"cluster-{number}"), {"a": "b"})
        events.add(connection, ClusterId(f"cluster-{number}"), NOW, "start", "x")
    assert clusters.forget(connection, numbered(1))
    assert clusters.all_ids(connection) == ["cluster-2"]
    left = [
        connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (nodes_table, secrets_table, events_table)
    ]
    assert left == [3, 1, 1]
    assert not clusters.forget(connection, numbered(1))


def test_a_record_is_turned_into_columns_once_before_and_once_after(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = numbered(1)
    clusters.add(connection, before)
    turned: list[Cluster] = []
    row = clusters._row
    monkeypatch.setattr(clusters, "_row", lambda one: turned.append(one) or row(one))
    after = replace(before, progress=50)
    assert clusters.record(connection, before, after)
    assert turned == [before, after]
