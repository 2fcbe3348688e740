"""Which files make an engine, pinned: the lock file and its types.

Engines are put together from single artifacts of a Maven repository. `lock.json` names each one by
coordinates, the place it belongs to, its size and its SHA-256. Nothing that is not in it is ever
run, and a file that differs from it is refused. It holds no address: where artifacts come from is
a setting. scripts/lock_engines.py makes it; it is never edited by hand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePosixPath
from typing import Any

from searchplane.domain.engines import Engine, Family

FORMAT = 1


@dataclass(frozen=True, order=True)
class Artifact:
    """One file of a Maven repository.

    `file` is the name it must have in a home; it differs from the repository's where the engine
    grants permissions by file name. `size` is in bytes.
    """

    group: str
    name: str
    version: str
    packaging: str
    sha256: str
    size: int
    file: str

    @property
    def path(self) -> PurePosixPath:
        """Where it lies in a repository, and in our own store of artifacts."""
        folder = PurePosixPath(*self.group.split("."), self.name, self.version)
        return folder / f"{self.name}-{self.version}.{self.packaging}"

    def __str__(self) -> str:
        return f"{self.group}:{self.name}:{self.version}"


@dataclass(frozen=True)
class Module:
    """A part of the engine with its own class loader; `extends` are modules it builds on."""

    name: str
    classname: str
    extends: tuple[str, ...]
    jars: tuple[Artifact, ...]


@dataclass(frozen=True)
class EngineLock:
    """All files of one engine; `security` is the security plugin's archive where there is one."""

    engine: Engine
    lib: tuple[Artifact, ...]
    modules: tuple[Module, ...]
    security: Artifact | None

    def artifacts(self, *, secured: bool) -> Iterator[Artifact]:
        """Every artifact of a home, each once."""
        seen = dict.fromkeys(self.lib)
        for module in self.modules:
            seen.update(dict.fromkeys(module.jars))
        if secured and self.security is not None:
            seen[self.security] = None
        return iter(seen)

    def digest(self) -> str:
        """Changes whenever any file of the engine changes."""
        text = json.dumps(dump([self]), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@cache
def load() -> Mapping[Engine, EngineLock]:
    """The lock file that belongs to this version of searchplane."""
    text = resources.files("searchplane.engine").joinpath("lock.json").read_text("utf-8")
    return {lock.engine: lock for lock in parse(json.loads(text))}


def parse(document: Mapping[str, Any]) -> list[EngineLock]:
    """The engines of a lock file's content; raises ValueError for another format."""
    if document["format"] != FORMAT:
        raise ValueError(f"lock.json has format {document['format']}; this version reads {FORMAT}")
    return [_engine(entry) for entry in document["engines"]]


def dump(locks: list[EngineLock]) -> dict[str, Any]:
    """The content of a lock file; `parse` reads it back unchanged."""
    return {
        "format": FORMAT,
        "engines": [
            {
                "family": lock.engine.family.value,
                "version": lock.engine.version,
                "lib": [_dump_artifact(jar) for jar in lock.lib],
                "modules": [
                    {
                        "name": module.name,
                        "classname": module.classname,
                        "extends": list(module.extends),
                        "jars": [_dump_artifact(jar) for jar in module.jars],
                    }
                    for module in lock.modules
                ],
                "security": _dump_artifact(lock.security) if lock.security else None,
            }
            for lock in locks
        ],
    }


def _engine(entry: Mapping[str, Any]) -> EngineLock:
    modules = tuple(
        Module(
            module["name"],
            module["classname"],
            tuple(module["extends"]),
            tuple(_artifact(jar) for jar in module["jars"]),
        )
        for module in entry["modules"]
    )
    return EngineLock(
        Engine(Family(entry["family"]), entry["version"]),
        tuple(_artifact(jar) for jar in entry["lib"]),
        modules,
        _artifact(entry["security"]) if entry["security"] else None,
    )


def _artifact(entry: Mapping[str, Any]) -> Artifact:
    group, name, packaging, version = entry["coordinates"].split(":")
    return Artifact(group, name, version, packaging, entry["sha256"], entry["size"], entry["file"])


def _dump_artifact(artifact: Artifact) -> dict[str, Any]:
    coordinates = (artifact.group, artifact.name, artifact.packaging, artifact.version)
    return {
        "coordinates": ":".join(coordinates),
        "file": artifact.file,
        "sha256": artifact.sha256,
        "size": artifact.size,
    }
