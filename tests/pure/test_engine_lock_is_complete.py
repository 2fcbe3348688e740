"""The lock file names every engine the service offers, with all that its home needs."""

from __future__ import annotations

import json
import re
from importlib import resources

import pytest

from searchplane.domain.engines import ENGINES, SECURED_ENGINE, Engine, Family
from searchplane.engine.lock import EngineLock, dump, load, parse


def test_every_engine_is_locked_and_only_one_has_security() -> None:
    assert list(load()) == list(ENGINES)
    assert [engine for engine, lock in load().items() if lock.security] == [SECURED_ENGINE]


@pytest.mark.parametrize("engine", ENGINES, ids=str)
def test_a_home_has_what_a_node_needs(engine: Engine) -> None:
    lock = load()[engine]
    modules = {module.name for module in lock.modules}
    assert {"transport-netty4", "lang-painless", "ingest-common", "reindex"} <= modules
    libraries = {jar.file for jar in lock.lib}
    loader = f"{engine.family.value}-plugin-classloader-{engine.version}.jar"
    assert {loader, "icu4j-74.2.jar", "icu4j-localespi-74.2.jar"} <= libraries
    log4j = {jar.name: jar.version for jar in lock.lib if jar.group.endswith("logging.log4j")}
    assert log4j["log4j-core"] == log4j["log4j-api"]


@pytest.mark.parametrize("engine", ENGINES, ids=str)
def test_no_module_has_a_library_a_second_time(engine: Engine) -> None:
    """The engine refuses to start when two class loaders in line have the same class."""
    lock = load()[engine]
    modules = {module.name: module for module in lock.modules}
    above = {(jar.group, jar.name) for jar in lock.lib}
    for module in lock.modules:
        inherited = {(jar.group, jar.name) for base in module.extends for jar in modules[base].jars}
        own = [(jar.group, jar.name) for jar in module.jars]
        assert not set(own) & (above | inherited)
        assert len(own) == len(set(own))
        assert module.classname.startswith(f"org.{engine.family.value}.")


def test_artifacts_are_pinned_and_no_address_is_locked() -> None:
    text = resources.files("searchplane.engine").joinpath("lock.json").read_text("utf-8")
    assert "://" not in text
    for lock in load().values():
        for artifact in lock.artifacts(secured=True):
            assert re.fullmatch("[0-9a-f]{64}", artifact.sha256)
            assert artifact.size > 0


def test_what_is_dumped_is_read_back_unchanged() -> None:
    locks = list(load().values())
    assert parse(json.loads(json.dumps(dump(locks)))) == locks


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 99"):
        parse({"format": 99, "engines": []})


def test_the_digest_changes_with_any_file() -> None:
    lock = load()[SECURED_ENGINE]
    fewer = EngineLock(lock.engine, lock.lib[1:], lock.modules, lock.security)
    assert fewer.digest() != lock.digest()


def test_the_security_plugin_is_fetched_only_for_secured_clusters() -> None:
    lock = load()[SECURED_ENGINE]
    assert lock.security in lock.artifacts(secured=True)
    assert lock.security not in lock.artifacts(secured=False)
    assert Family.OPENSEARCH is lock.engine.family
