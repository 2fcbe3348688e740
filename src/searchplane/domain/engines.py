"""Which engines there are, and which one runs what a user asked for.

A user asks for a *datastore* (type and version, as in the public API). What runs is an *engine*.
The two differ where the engine asked for cannot be had: Elasticsearch 7.10.2 in security mode runs
on OpenSearch 2.19.1 with its 7.10.2 compatibility setting, and OpenSearch 2.19.0 is 2.19.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from searchplane.errors import Refused


class Family(StrEnum):
    """The two code bases; settings, main class and REST details depend on it."""

    ELASTICSEARCH = "elasticsearch"
    OPENSEARCH = "opensearch"


@dataclass(frozen=True, order=True)
class Engine:
    """An engine that can really be started."""

    family: Family
    version: str

    def __str__(self) -> str:
        return f"{TITLES[self.family]} {self.version}"


TITLES = {Family.ELASTICSEARCH: "Elasticsearch", Family.OPENSEARCH: "OpenSearch"}

ELASTICSEARCH_7_10_2 = Engine(Family.ELASTICSEARCH, "7.10.2")
OPENSEARCH_1_3_6 = Engine(Family.OPENSEARCH, "1.3.6")
OPENSEARCH_2_11_0 = Engine(Family.OPENSEARCH, "2.11.0")
OPENSEARCH_2_17_1 = Engine(Family.OPENSEARCH, "2.17.1")
OPENSEARCH_2_19_1 = Engine(Family.OPENSEARCH, "2.19.1")

ENGINES = (
    ELASTICSEARCH_7_10_2,
    OPENSEARCH_1_3_6,
    OPENSEARCH_2_11_0,
    OPENSEARCH_2_17_1,
    OPENSEARCH_2_19_1,
)
"""Every engine in the lock file, oldest first."""

SECURED_ENGINE = OPENSEARCH_2_19_1
"""The only engine whose security plugin is published as an artifact."""


@dataclass(frozen=True)
class Datastore:
    """What the user asked for; echoed unchanged in every answer."""

    type: str
    version: str


DEFAULT_DATASTORE = Datastore("elasticsearch", "7.10.2")
"""What a v1.0 create without a datastore gets (the Getting Started sends none)."""

DATASTORES = {
    Datastore("elasticsearch", "7.10.2"): ELASTICSEARCH_7_10_2,
    Datastore("opensearch", "1.3.6"): OPENSEARCH_1_3_6,
    Datastore("opensearch", "2.11.0"): OPENSEARCH_2_11_0,
    Datastore("opensearch", "2.17.1"): OPENSEARCH_2_17_1,
    Datastore("opensearch", "2.19.0"): OPENSEARCH_2_19_1,
    Datastore("opensearch", "2.19.1"): OPENSEARCH_2_19_1,
}


def engine_for(datastore: Datastore, *, secured: bool) -> Engine:
    """The engine that runs `datastore`.

    Raises Refused CSS.5002 (unknown type), CSS.5003 (unknown version) or CSS.5169 (this version
    has no security mode). Source: the public error table and docs/adr on security mode.
    """
    versions = [known.version for known in DATASTORES if known.type == datastore.type]
    if not versions:
        known_types = ", ".join(sorted({known.type for known in DATASTORES}))
        raise Refused(
            "CSS.5002", f"datastore.type is {datastore.type!r}; the types here are {known_types}"
        )
    if datastore not in DATASTORES:
        raise Refused(
            "CSS.5003",
            f"datastore.version is {datastore.version!r}; "
            f"the versions of {datastore.type} here are {', '.join(versions)}",
        )
    if not secured:
        return DATASTORES[datastore]
    if not supports_security(datastore):
        raise Refused(
            "CSS.5169",
            f"authorityEnable is true, but {datastore.type} {datastore.version} has no security "
            f"mode here; opensearch 2.19.1 has",
        )
    return SECURED_ENGINE


def supports_security(datastore: Datastore) -> bool:
    """Whether a cluster of this datastore may be created with `authorityEnable`."""
    return datastore.type == "elasticsearch" or DATASTORES.get(datastore) == SECURED_ENGINE


def reports_as_elasticsearch(datastore: Datastore, engine: Engine) -> bool:
    """Whether the engine must answer as 7.10.2, because Elasticsearch was asked for."""
    return datastore.type == "elasticsearch" and engine.family is Family.OPENSEARCH
