"""kill -9 of one node, of all nodes, of everything: green again, with every document."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.chaos.real_nodes import (
    Watched,
    document_ids,
    health,
    index_documents,
    kill_nodes,
    made,
    processes,
    waited_for,
    watched,
)
from tests.support.running import running_service

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(900)]

DOCUMENTS = 500


def is_whole(cluster: Watched, nodes: int, documents: set[str]) -> None:
    """Available, as many nodes as wanted and no more, and each of them finds every document."""
    cluster.available()
    endpoints = cluster.endpoints()
    assert len(endpoints) == nodes
    for endpoint in endpoints:
        assert health(endpoint, wait_for_status="green", timeout="60s")["number_of_nodes"] == nodes
        assert document_ids(endpoint) == documents
    assert len(processes(cluster.service.data)) == nodes


def noticed(cluster: Watched) -> None:
    waited_for(lambda: cluster.shown()["actions"] == ["RECOVERING"], "nobody noticed the death")


def test_whatever_is_killed_comes_back_with_its_documents(data: Path) -> None:
    with ExitStack() as first:
        service = first.enter_context(running_service(data, {}))
        css = first.enter_context(service.project_client())
        cluster = made(service, css, 3)
        cluster.available()
        documents = index_documents(cluster.endpoints()[0], DOCUMENTS, replicas=1)
        is_whole(cluster, 3, documents)

        assert kill_nodes(data, most=1) == 1
        noticed(cluster)
        is_whole(cluster, 3, documents)

        assert kill_nodes(data) == 3
        noticed(cluster)
        is_whole(cluster, 3, documents)

        service.process.kill()
        service.process.wait()
        assert kill_nodes(data) == 3
    with running_service(data, {}) as service, service.project_client() as css:
        cluster = watched(service, css)
        noticed(cluster)
        is_whole(cluster, 3, documents)


def test_the_service_killed_alone_leaves_nodes_alone(data: Path, other_data: Path) -> None:
    """And a second service on the same machine keeps to itself."""
    with (
        running_service(other_data, {}) as second,
        second.project_client() as other_css,
    ):
        other = made(second, other_css, 1)
        with running_service(data, {}) as service, service.project_client() as css:
            cluster = made(service, css, 1)
            cluster.available()
            other.available()
            documents = index_documents(cluster.endpoints()[0], 10, replicas=0)
            before = {process.pid for process in processes(data)}
            service.process.kill()
            service.process.wait()
        with running_service(data, {}) as service, service.project_client() as css:
            cluster = watched(service, css)
            cluster.available()
            assert {process.pid for process in processes(data)} == before
            assert document_ids(cluster.endpoints()[0]) == documents
            assert set(cluster.endpoints()).isdisjoint(other.endpoints())
            css.delete(f"/clusters/{cluster.cluster_id}")
            waited_for(lambda: not processes(data), "the deleted cluster's node still runs")
        assert len(processes(other_data)) == 1
        assert health(other.endpoints()[0])["number_of_nodes"] == 1
