"""Every engine in the lock file starts from our own home and does what users do with it.

CI takes two of them, others every day.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_nodes import RUN_AS, RunningNode, StartNodes
from tests.support.rotation import in_rotation

from searchplane.domain.engines import ELASTICSEARCH_7_10_2, ENGINES, OPENSEARCH_2_19_1, Engine

pytestmark = pytest.mark.engine

WITHOUT_SHAPES = ("7.10.2", "1.3.6")
"""No geo module is published for these."""


@pytest.mark.parametrize("engine", in_rotation("engine", ENGINES, take=2), ids=str)
def test_one_node_indexes_searches_and_runs_scripts(
    engine: Engine, start_nodes: StartNodes
) -> None:
    (node,) = start_nodes(engine, 1)

    assert node.ask("GET", "/").json()["version"]["number"] == engine.version
    _indexes_through_a_pipeline(node)
    _finds_and_computes(node)
    _reindexes(node)
    _analyses_thai(node)
    _knows_field_types(node, engine)
    _runs_as_told(node)
    _uses_the_class_archive(node)


def _indexes_through_a_pipeline(node: RunningNode) -> None:
    node.ask("PUT", "/_ingest/pipeline/p", {"processors": [{"set": {"field": "seen", "value": 1}}]})
    document = {"title": "hello world", "n": 21}
    node.ask("PUT", "/books/_doc/1?pipeline=p&refresh=true", document)
    assert node.ask("GET", "/books/_doc/1").json()["_source"] == {**document, "seen": 1}


def _finds_and_computes(node: RunningNode) -> None:
    painless = {"y": {"script": "doc['n'].value * 2"}}
    search = {"query": {"match": {"title": "world"}}, "script_fields": painless}
    (hit,) = node.ask("POST", "/books/_search", search).json()["hits"]["hits"]
    assert hit["fields"]["y"] == [42]
    expression = {"script": {"lang": "expression", "source": "doc['n'].value * 2"}}
    scored = {"query": {"function_score": {"script_score": expression, "boost_mode": "replace"}}}
    (hit,) = node.ask("POST", "/books/_search", scored).json()["hits"]["hits"]
    assert hit["_score"] == 42
    template = {"source": {"query": {"match": {"title": "{{w}}"}}}, "params": {"w": "hello"}}
    found = node.ask("POST", "/books/_search/template", template).json()
    assert found["hits"]["total"]["value"] == 1


def _reindexes(node: RunningNode) -> None:
    here: dict[str, object] = {"index": "books"}
    elsewhere = {**here, "remote": {"host": str(node.client.base_url).rstrip("/")}}
    for target, source in (("copied", here), ("fetched", elsewhere)):
        body = {"source": source, "dest": {"index": target}}
        assert node.ask("POST", "/_reindex?refresh=true", body).json()["created"] == 1
    indices = node.ask("GET", "/_cat/indices?h=index").text.split()
    assert {"books", "copied", "fetched"} <= set(indices)


def _analyses_thai(node: RunningNode) -> None:
    """The packaged Java cannot break Thai; then not even creating an index would work."""
    tokens = node.ask("POST", "/_analyze", {"tokenizer": "thai", "text": "สวัสดีครับ"}).json()[
        "tokens"
    ]
    assert [token["token"] for token in tokens] == ["สวัสดี", "ครับ"]


def _knows_field_types(node: RunningNode, engine: Engine) -> None:
    properties: dict[str, object] = {
        "question": {"type": "join", "relations": {"question": "answer"}},
        "alert": {"type": "percolator"},
        "price": {"type": "scaled_float", "scaling_factor": 100},
        "place": {"type": "geo_point"},
    }
    if engine.version not in WITHOUT_SHAPES:
        properties["area"] = {"type": "geo_shape"}
    node.ask("PUT", "/typed", {"mappings": {"properties": properties}})


def _runs_as_told(node: RunningNode) -> None:
    """One process with the node's folder on its command line, and nothing outside the folder."""
    if RUN_AS:
        assert node.folder.stat().st_uid == RUN_AS[0]
        assert _proc(node).stat().st_uid == RUN_AS[0]
    assert str(node.folder).encode() in (_proc(node) / "cmdline").read_bytes()
    assert sorted(path.name for path in node.folder.iterdir()) == ["config", "data", "logs", "tmp"]


def _uses_the_class_archive(node: RunningNode) -> None:
    """The JVM maps the archive only if it fits the class path and the options."""
    assert "/archives/" in (_proc(node) / "maps").read_text()


def _proc(node: RunningNode) -> Path:
    return Path(f"/proc/{node.process.pid}")


@pytest.mark.parametrize(
    "engine", in_rotation("three", [ELASTICSEARCH_7_10_2, OPENSEARCH_2_19_1]), ids=str
)
def test_three_nodes_form_one_cluster(engine: Engine, start_nodes: StartNodes) -> None:
    nodes = start_nodes(engine, 3)

    settings = {"settings": {"number_of_shards": 3, "number_of_replicas": 2}}
    nodes[0].ask("PUT", "/spread?wait_for_active_shards=all", settings)
    nodes[1].ask("PUT", "/spread/_doc/1?refresh=true", {"title": "hello"})
    assert nodes[2].ask("GET", "/spread/_count").json()["count"] == 1
    names = nodes[0].ask("GET", "/_cat/nodes?h=name").text.split()
    assert sorted(names) == ["node-0", "node-1", "node-2"]
    assert len({node.ask("GET", "/").json()["cluster_uuid"] for node in nodes}) == 1
