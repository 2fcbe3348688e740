"""Engines of real nodes are upgraded one after the other while clients write and search.

Nothing that was acknowledged at any time is lost, whichever engine acknowledged it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.chaos.driven import Driven
from tests.chaos.real_nodes import Watched
from tests.support.running import getting_started, running_service
from tests.support.writers import endpoints_of, make_index

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(1800)]

CHANGE_SECONDS = 900.0
"""Three nodes, each started on an engine that it never ran, under traffic."""


@contextmanager
def running(data: Path, kind: str, version: str) -> Iterator[Driven]:
    """Three nodes of this engine, with an index that is written to."""
    body = getting_started("Upgraded")
    body["cluster"]["datastore"] = {"type": kind, "version": version}
    with running_service(data, {}) as service, service.project_client() as css:
        answer = css.post("/clusters", json=body)
        assert answer.status_code == 200, answer.text
        cluster = Watched(service, css, answer.json()["cluster"]["id"])
        cluster.available()
        endpoints = endpoints_of(css, cluster.cluster_id)
        make_index(endpoints()[0])
        yield Driven(cluster, endpoints, patience=CHANGE_SECONDS)


def upgraded(to: Driven, kind: str, version: str) -> None:
    """Upgrade under traffic; nothing fails and every node runs the new engine afterwards."""
    images = to.cluster.css.get(f"{to.path}/target/{kind}/images").json()["imageInfoList"]
    (image,) = [one["id"] for one in images if one["datastoreVersion"] == version]
    body = {
        "target_image_id": image,
        "upgrade_type": kind,
        "indices_backup_check": False,
        "agency": "css",
    }

    def upgrade() -> None:
        to.ask("POST", "/inst-type/all/image/upgrade", body)

    tally = to.during(upgrade)
    assert tally.lost == 0, tally
    assert tally.has_no_failures, tally
    for endpoint in to.endpoints():
        assert httpx.get(endpoint, timeout=30).json()["version"]["number"] == version
    assert to.cluster.shown()["datastore"]["version"] == version
    (task, *_) = to.cluster.css.get(f"{to.path}/upgrade/detail").json()["detailList"]
    assert (task["status"], task["currentNodeName"]) == ("SUCCESS", "")


@pytest.mark.nightly
def test_opensearch_is_upgraded_within_2_x_while_it_serves(data: Path) -> None:
    with running(data, "opensearch", "2.11.0") as to:
        upgraded(to, "cross", "2.19.1")
        to.nothing_is_lost()


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_elasticsearch_goes_to_opensearch_1_and_on_to_2(data: Path) -> None:
    with running(data, "elasticsearch", "7.10.2") as to:
        upgraded(to, "cross-engine", "1.3.6")
        upgraded(to, "cross", "2.19.1")
        to.nothing_is_lost()


@pytest.mark.nightly
def test_nodes_are_spread_over_zones_while_they_serve(data: Path) -> None:
    """The engine knows the new labels, and keeps copies of a shard apart by them."""
    body = {
        "source_az": "local-1",
        "target_az": "local-1,local-2,local-3",
        "migrate_type": "multi_az_change",
        "agency": "css",
        "indices_backup_check": False,
    }
    with running(data, "opensearch", "2.19.1") as to:

        def spread() -> None:
            to.ask("POST", "/inst-type/all/azmigrate", body)

        tally = to.during(spread)
        assert tally.lost == 0, tally
        assert tally.has_no_failures, tally
        endpoint = to.endpoints()[0]
        shown = {one["name"]: one["azCode"] for one in to.instances()}
        attributes = httpx.get(f"{endpoint}/_cat/nodeattrs?format=json", timeout=60).json()
        labels = {one["node"]: one["value"] for one in attributes if one["attr"] == "zone"}
        assert labels == shown
        assert sorted(labels.values()) == ["local-1", "local-2", "local-3"]
        told = httpx.get(
            f"{endpoint}/_cluster/settings?include_defaults=true&flat_settings=true", timeout=60
        ).json()
        assert "zone" in told["defaults"]["cluster.routing.allocation.awareness.attributes"]
        to.nothing_is_lost()
