"""A home is complete, readable to all, and noticed when it changes."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from pathlib import Path

import pytest

from searchplane.domain.engines import ELASTICSEARCH_7_10_2, OPENSEARCH_2_19_1, Engine
from searchplane.engine.folders import intact, replacing, sealed
from searchplane.engine.home import assemble, descriptor, identity, java_policy, policy
from searchplane.engine.installer import ArtifactStore
from searchplane.engine.lock import Artifact, EngineLock, Module, load


def stored(store: ArtifactStore, name: str, content: bytes, packaging: str = "jar") -> Artifact:
    digest = hashlib.sha256(content).hexdigest()
    file = f"renamed-{name}.{packaging}"
    artifact = Artifact("org.example", name, "1", packaging, digest, len(content), file)
    path = store.path(artifact)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    path.chmod(0o644)
    return artifact


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def lock(store: ArtifactStore, tmp_path: Path) -> EngineLock:
    plugin = tmp_path / "plugin.zip"
    with zipfile.ZipFile(plugin, "w") as archive:
        archive.writestr("plugin-descriptor.properties", "name=opensearch-security")
    module = Module("lang-painless", "org.x.PainlessPlugin", ("base",), (stored(store, "m", b"m"),))
    return EngineLock(
        OPENSEARCH_2_19_1,
        (stored(store, "core", b"core"),),
        (module,),
        stored(store, "security", plugin.read_bytes(), "zip"),
    )


def test_every_file_has_its_place_and_everybody_may_read(
    lock: EngineLock, store: ArtifactStore, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    before = os.umask(0o077)
    try:
        assemble(lock, store, home, secured=True)
    finally:
        os.umask(before)

    assert (home / "lib/renamed-core.jar").read_bytes() == b"core"
    module = home / "modules/lang-painless"
    assert (module / "renamed-m.jar").read_bytes() == b"m"
    assert "createClassLoader" in (module / "plugin-security.policy").read_text()
    assert (home / "plugins/opensearch-security/plugin-descriptor.properties").is_file()
    assert (home / "bin").is_dir()
    for path in (home, *home.rglob("*")):
        assert path.stat().st_mode & stat.S_IROTH, path


def test_a_plain_home_has_no_security_plugin(
    lock: EngineLock, store: ArtifactStore, tmp_path: Path
) -> None:
    assemble(lock, store, tmp_path / "home", secured=False)
    assert not list((tmp_path / "home/plugins").iterdir())


@pytest.mark.parametrize("damage", ["change", "remove"])
def test_a_damaged_home_is_noticed_and_replaced(
    damage: str, lock: EngineLock, store: ArtifactStore, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    assemble(lock, store, home, secured=True)
    assert intact(home, identity(lock))
    file = home / "modules/lang-painless/plugin-descriptor.properties"
    if damage == "change":
        file.write_text("classname=evil")
    else:
        file.unlink()
    assert not intact(home, identity(lock))

    assemble(lock, store, home, secured=True)

    assert intact(home, identity(lock))


def test_a_home_of_another_lock_file_is_not_ours(
    lock: EngineLock, store: ArtifactStore, tmp_path: Path
) -> None:
    assemble(lock, store, tmp_path / "home", secured=False)
    newer = EngineLock(lock.engine, lock.lib, (), lock.security)
    assert not sealed(tmp_path / "home", identity(newer))
    assert not intact(tmp_path / "home", identity(newer))
    assert not sealed(tmp_path / "nowhere", identity(lock))


def test_a_failure_leaves_the_old_folder_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "old").touch()
    (tmp_path / ".new-target-crashed").mkdir()

    with pytest.raises(OSError, match="full"), replacing(target) as staging:
        (staging / "new").touch()
        raise OSError("disk full")

    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert (target / "old").exists()


@pytest.mark.parametrize("engine", [ELASTICSEARCH_7_10_2, OPENSEARCH_2_19_1], ids=str)
def test_a_module_says_how_it_is_started(engine: Engine) -> None:
    module = next(one for one in load()[engine].modules if one.name == "ingest-common")
    lines = descriptor(engine, module).splitlines()
    assert f"classname=org.{engine.family.value}.ingest.common.IngestCommonPlugin" in lines
    assert f"{engine.family.value}.version={engine.version}" in lines
    assert "extended.plugins=lang-painless" in lines


@pytest.mark.parametrize("engine", [ELASTICSEARCH_7_10_2, OPENSEARCH_2_19_1], ids=str)
def test_permissions_are_given_where_they_are_needed(engine: Engine) -> None:
    modules = {module.name: module for module in load()[engine].modules}
    expression = policy(engine, modules["lang-expression"])
    assert expression is not None
    assert f"org.{engine.family.value}.script.ClassPermission" in expression
    assert policy(engine, modules["parent-join"]) is None


def test_a_path_with_spaces_is_quoted_in_the_java_policy() -> None:
    assert "file:///my%20cache/home/lib/icu4j-74.2.jar" in java_policy(Path("/my cache/home"))


def test_an_operators_plugin_is_unpacked_beside_what_is_locked(
    lock: EngineLock, store: ArtifactStore, tmp_path: Path
) -> None:
    plugin = tmp_path / "repository-s3-2.19.1.zip"
    with zipfile.ZipFile(plugin, "w") as archive:
        archive.writestr("plugin-descriptor.properties", "name=repository-s3")
    home = tmp_path / "home"
    assemble(lock, store, home, secured=False, plugin=plugin)
    found = home / "plugins" / "repository-s3" / "plugin-descriptor.properties"
    assert found.read_text() == "name=repository-s3"
    assert intact(home, identity(lock, plugin))
    assert not sealed(home, identity(lock))
