"""Put an engine's home together from artifacts: the folder its distribution would unpack to.

Modules get what their published artifacts lack: a descriptor, and for some a policy with the
permissions they need under the security manager. Artifacts are hard links into the store, since
the engine resolves symbolic links and then finds names and folders it grants nothing to.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from importlib import resources
from pathlib import Path

from searchplane.domain.engines import Engine
from searchplane.engine import plugins
from searchplane.engine.distributions import NAMES, home_name
from searchplane.engine.folders import replacing, seal
from searchplane.engine.installer import ArtifactStore
from searchplane.engine.lock import Artifact, EngineLock, Module

JAVA_POLICY = "config/java.policy"
SECURITY_PLUGIN = "opensearch-security"
LAYOUT = 1
"""Part of a home's identity; raised when a home is put together differently."""


def home_path(cache: Path, engine: Engine, *, secured: bool, plugin: Path | None = None) -> Path:
    """With a `plugin` of the operator's it is another home, whatever the plugin's version."""
    suffix = f"-{plugins.NAME}" if plugin else ""
    return cache / "engines" / f"{home_name(engine, secured=secured)}{suffix}"


def identity(lock: EngineLock, plugin: Path | None = None) -> str:
    """What a home of this engine is made from; another identity means another home."""
    return f"{LAYOUT}-{lock.digest()}{plugins.mark(plugin)}"


def assemble(
    lock: EngineLock,
    store: ArtifactStore,
    home: Path,
    *,
    secured: bool,
    plugin: Path | None = None,
) -> None:
    """Make `home` from artifacts that are in the store. Readers see the old home or the new one."""
    with replacing(home) as staging:
        hashes: dict[str, str] = {}
        for folder in ("bin", "config", "lib", "modules", "plugins"):
            (staging / folder).mkdir()
        for jar in lock.lib:
            _place(store, jar, staging, f"lib/{jar.file}", hashes)
        for module in lock.modules:
            _module(lock.engine, module, store, staging, hashes)
        if secured and lock.security is not None:
            _unpack(store.path(lock.security), staging / "plugins" / SECURITY_PLUGIN)
        if plugin is not None:
            _unpack(plugin, staging / "plugins" / plugins.NAME)
        (staging / JAVA_POLICY).write_text(java_policy(home))
        seal(staging, identity(lock, plugin), hashes)


def java_policy(home: Path) -> str:
    """What Java's own policy must allow before the engine's takes over."""
    return template("java.policy").replace("@LIB@", (home / "lib").as_uri())


def descriptor(engine: Engine, module: Module) -> str:
    """The file that tells the engine how to start a module."""
    values = {
        "description": f"The {module.name} module",
        "version": engine.version,
        "name": module.name,
        "classname": module.classname,
        "java.version": "11",
        NAMES[engine.family].version_key: engine.version,
        "extended.plugins": ",".join(module.extends),
        "has.native.controller": "false",
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def policy(engine: Engine, module: Module) -> str | None:
    """The permissions a module needs beyond what every module has; None for most."""
    file = f"{module.name}.policy"
    if not resources.files("searchplane.engine").joinpath("templates", file).is_file():
        return None
    return template(file).replace("@PACKAGE@", NAMES[engine.family].package)


def template(name: str) -> str:
    return resources.files("searchplane.engine").joinpath("templates", name).read_text("utf-8")


def _module(
    engine: Engine, module: Module, store: ArtifactStore, home: Path, hashes: dict[str, str]
) -> None:
    folder = home / "modules" / module.name
    folder.mkdir()
    for jar in module.jars:
        _place(store, jar, home, f"modules/{module.name}/{jar.file}", hashes)
    (folder / "plugin-descriptor.properties").write_text(descriptor(engine, module))
    permissions = policy(engine, module)
    if permissions is not None:
        (folder / "plugin-security.policy").write_text(permissions)


def _place(
    store: ArtifactStore, jar: Artifact, home: Path, name: str, hashes: dict[str, str]
) -> None:
    hashes[name] = jar.sha256
    try:
        os.link(store.path(jar), home / name)
    except OSError:  # the file system has no hard links
        shutil.copy2(store.path(jar), home / name)


def _unpack(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        content.extractall(folder)
