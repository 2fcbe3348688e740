"""The command line a driver runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from searchplane.domain.engines import ELASTICSEARCH_7_10_2, OPENSEARCH_2_19_1
from searchplane.engine.distributions import Installation, Java
from searchplane.engine.launch import java_command, java_environment

FOLDER = Path("/data/nodes/n1")
JAVA = Java(Path("/cache/java/21"), "21.0.8")
INSTALLED = Installation(
    ELASTICSEARCH_7_10_2, False, JAVA, Path("/cache/engines/es"), Path("/cache/es.jsa")
)


def command(installation: Installation) -> tuple[str, ...]:
    return java_command(installation, folder=FOLDER, heap_mb=1024, processors=8)


def test_everything_a_node_writes_is_in_its_folder() -> None:
    arguments = command(INSTALLED)
    for setting in (
        "-Epath.data=",
        "-Epath.logs=",
        "-Des.path.conf=",
        "-Djava.io.tmpdir=",
        "-Duser.home=",
    ):
        (value,) = (one.removeprefix(setting) for one in arguments if one.startswith(setting))
        assert Path(value).is_relative_to(FOLDER)


def test_a_node_leaves_one_heap_dump_at_most() -> None:
    """Java does not write over a file, and makes another one in a folder."""
    assert f"-XX:HeapDumpPath={FOLDER}/logs/java-heap.hprof" in command(INSTALLED)


def test_the_flavor_decides_memory_and_processors() -> None:
    arguments = command(INSTALLED)
    assert {"-Xms1024m", "-Xmx1024m", "-XX:ActiveProcessorCount=8"} <= set(arguments)


def test_families_have_their_own_names() -> None:
    elastic = command(INSTALLED)
    assert "org.elasticsearch.bootstrap.Elasticsearch" in elastic
    assert "-Des.distribution.flavor=oss" in elastic
    search = command(replace(INSTALLED, engine=OPENSEARCH_2_19_1))
    assert "org.opensearch.bootstrap.OpenSearch" in search
    assert f"-Dopensearch.path.conf={FOLDER}/config" in search
    assert not [one for one in search if one.startswith("-Des.")]


@pytest.mark.parametrize(
    ("version", "allowed"), [("11.0.2", False), ("17.0.1", False), ("18", True), ("21.0.8", True)]
)
def test_the_security_manager_must_be_allowed_from_java_18(version: str, allowed: bool) -> None:
    arguments = command(replace(INSTALLED, java=Java(JAVA.home, version)))
    assert ("-Djava.security.manager=allow" in arguments) is allowed


def test_without_an_archive_none_is_asked_for() -> None:
    assert "-XX:SharedArchiveFile=/cache/es.jsa" in command(INSTALLED)
    bare = command(replace(INSTALLED, archive=None))
    assert not [one for one in bare if "SharedArchiveFile" in one]


def test_the_main_class_comes_after_java_and_before_the_engine_options() -> None:
    arguments = command(INSTALLED)
    assert arguments[0] == "/cache/java/21/bin/java"
    main = arguments.index("org.elasticsearch.bootstrap.Elasticsearch")
    assert arguments[main - 2 : main] == ("-cp", "/cache/engines/es/lib/*")
    assert all(one.startswith("-E") for one in arguments[main + 1 :])


def test_the_callers_environment_does_not_reach_java() -> None:
    assert set(java_environment()) == {"PATH", "LANG"}
