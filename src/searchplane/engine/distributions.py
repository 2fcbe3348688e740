"""An engine that is installed, and what differs between the two families when it is started.

The two families are one code base that was renamed at the fork, so what differs is names: the main
class, the prefix of system properties, the configuration file. They are here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from searchplane.domain.engines import Engine, Family


@dataclass(frozen=True)
class Names:
    """The names a family uses for what both families have."""

    main_class: str
    prefix: str
    version_key: str
    settings_file: str
    package: str
    properties: tuple[tuple[str, str], ...]
    """System properties, besides those with paths, that say how the engine was packaged."""


NAMES = {
    Family.ELASTICSEARCH: Names(
        main_class="org.elasticsearch.bootstrap.Elasticsearch",
        prefix="es",
        version_key="elasticsearch.version",
        settings_file="elasticsearch.yml",
        package="org.elasticsearch",
        properties=(
            ("es.distribution.flavor", "oss"),
            ("es.distribution.type", "tar"),
            ("es.bundled_jdk", "false"),
        ),
    ),
    Family.OPENSEARCH: Names(
        main_class="org.opensearch.bootstrap.OpenSearch",
        prefix="opensearch",
        version_key="opensearch.version",
        settings_file="opensearch.yml",
        package="org.opensearch",
        properties=(("opensearch.distribution.type", "tar"),),
    ),
}


@dataclass(frozen=True)
class Java:
    """A Java runtime; `major` is 11 to 21."""

    home: Path
    version: str

    @property
    def binary(self) -> Path:
        return self.home / "bin" / "java"

    @property
    def major(self) -> int:
        return int(self.version.split(".", 1)[0])


@dataclass(frozen=True)
class Installation:
    """Everything a node is started from; shared by all nodes and read-only to them.

    `archive` holds classes ready for use, so that a node starts faster; None when it could not be
    made, which costs time and nothing else.
    """

    engine: Engine
    secured: bool
    java: Java
    home: Path
    archive: Path | None

    @property
    def names(self) -> Names:
        return NAMES[self.engine.family]


def home_name(engine: Engine, *, secured: bool) -> str:
    """The name of an engine's home in the cache; with the security plugin it is another home."""
    suffix = "-security" if secured else ""
    return f"{engine.family.value}-{engine.version}{suffix}"
