"""What stands in a node's configuration folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from searchplane.domain.cluster import Role
from searchplane.domain.engines import (
    ELASTICSEARCH_7_10_2,
    ENGINES,
    OPENSEARCH_1_3_6,
    OPENSEARCH_2_19_1,
    Engine,
    Family,
)
from searchplane.engine.config import NodeConfig, render

VIEW = NodeConfig(
    engine=ELASTICSEARCH_7_10_2,
    cluster_name="cluster-1",
    node_name="es-test-ess-esn-1-1",
    role=Role.DATA,
    master_eligible=True,
    zone="local-1",
    zones=("local-1",),
    address="127.1.2.3",
    seed_addresses=("127.1.2.3", "127.1.2.4"),
    processors=2,
    path_repo=Path("/data/buckets/7"),
    bootstrap_masters=("es-test-ess-esn-1-1", "es-test-ess-esn-2-1"),
)
AWARENESS = "cluster.routing.allocation.awareness"


def settings(view: NodeConfig) -> dict[str, Any]:
    file = f"{view.engine.family.value}.yml"
    content: dict[str, Any] = yaml.safe_load(render(view)[file])
    return content


def test_a_node_listens_on_its_own_address_and_knows_the_others() -> None:
    found = settings(VIEW)
    assert found["network.host"] == "127.1.2.3"
    assert (found["http.port"], found["transport.port"]) == (9200, 9300)
    assert found["discovery.seed_hosts"] == ["127.1.2.3", "127.1.2.4"]
    assert found["path.repo"] == ["/data/buckets/7"]


@pytest.mark.parametrize(
    ("engine", "word"),
    [
        (ELASTICSEARCH_7_10_2, "master"),
        (OPENSEARCH_1_3_6, "master"),
        (OPENSEARCH_2_19_1, "cluster_manager"),
    ],
    ids=str,
)
def test_the_first_masters_are_named_until_the_cluster_has_formed(
    engine: Engine, word: str
) -> None:
    forming = settings(replace(VIEW, engine=engine))
    assert forming[f"cluster.initial_{word}_nodes"] == list(VIEW.bootstrap_masters)
    assert word in forming["node.roles"]
    formed = settings(replace(VIEW, engine=engine, bootstrap_masters=()))
    assert not [key for key in formed if key.startswith("cluster.initial_")]


@pytest.mark.parametrize(
    ("role", "eligible", "roles"),
    [
        (Role.DATA, True, ["master", "data", "ingest", "remote_cluster_client"]),
        (Role.DATA, False, ["data", "ingest", "remote_cluster_client"]),
        (Role.MASTER, True, ["master", "remote_cluster_client"]),
        (Role.CLIENT, False, ["remote_cluster_client"]),
        (Role.COLD, False, ["data", "remote_cluster_client"]),
    ],
)
def test_a_node_type_has_its_roles(role: Role, eligible: bool, roles: list[str]) -> None:
    assert settings(replace(VIEW, role=role, master_eligible=eligible))["node.roles"] == roles


def test_a_node_that_cannot_be_master_never_forms_a_cluster() -> None:
    client = settings(replace(VIEW, role=Role.CLIENT, master_eligible=False))
    assert not [key for key in client if key.startswith("cluster.initial_")]


def test_hot_and_cold_nodes_can_be_told_apart() -> None:
    assert settings(VIEW)["node.attr.box_type"] == "hot"
    assert settings(replace(VIEW, role=Role.COLD))["node.attr.box_type"] == "cold"
    assert "node.attr.box_type" not in settings(replace(VIEW, role=Role.MASTER))


def test_copies_are_kept_apart_only_between_several_zones() -> None:
    one = settings(VIEW)
    assert one["node.attr.zone"] == "local-1"
    assert f"{AWARENESS}.attributes" not in one
    two = settings(replace(VIEW, zones=("local-1", "local-2")))
    assert two[f"{AWARENESS}.attributes"] == "zone"
    assert two[f"{AWARENESS}.force.zone.values"] == ["local-1", "local-2"]


@pytest.mark.parametrize("engine", ENGINES, ids=str)
def test_a_full_host_disk_does_not_block_shards(engine: Engine) -> None:
    found = settings(replace(VIEW, engine=engine))
    marks = [
        found[f"cluster.routing.allocation.disk.watermark.{level}"]
        for level in ("low", "high", "flood_stage")
    ]
    assert all(mark.endswith("b") for mark in marks), "percentages are of a disk that is not ours"


def test_only_opensearch_pretends_and_only_when_told() -> None:
    key = "compatibility.override_main_response_version"
    secured = replace(VIEW, engine=OPENSEARCH_2_19_1, reports_as_elasticsearch=True)
    assert settings(secured)[key] is True
    assert key not in settings(replace(secured, reports_as_elasticsearch=False))
    assert key not in settings(replace(secured, engine=ELASTICSEARCH_7_10_2))


def test_more_settings_win_and_more_files_are_added() -> None:
    view = replace(VIEW, settings={"http.port": 1}, files={"certs/node.pem": b"pem"})
    assert settings(view)["http.port"] == 1
    assert render(view)["certs/node.pem"] == b"pem"


@pytest.mark.parametrize("family", Family)
def test_logs_go_to_files_that_rotate_and_never_to_the_console(family: Family) -> None:
    engine = next(one for one in ENGINES if one.family is family)
    logging = render(replace(VIEW, engine=engine))["log4j2.properties"].decode()
    prefix = {"elasticsearch": "es", "opensearch": "opensearch"}[family.value]
    assert f"${{sys:{prefix}.logs.base_path}}/server.log" in logging
    assert "@" not in logging
    assert "Console" not in logging


def test_the_same_view_gives_the_same_bytes() -> None:
    assert render(VIEW) == render(replace(VIEW))
