"""The configuration folder of a node, rendered from what is known about it.

Everything the engine reads only at its start is here from the first start on (path.repo, the disk
watermarks). It is pure: the same view gives the same bytes, so a driver can see that nothing has
changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from searchplane.domain.cluster import Role
from searchplane.domain.engines import Engine, Family
from searchplane.domain.ports import REST_PORT, TRANSPORT_PORT
from searchplane.engine.distributions import NAMES
from searchplane.engine.home import template

SERVER_LOG = "logs/server.log"
"""Where a node writes its log, from its folder; errors are lines with `][ERROR][`."""

WATERMARKS = {"low": "2gb", "high": "1gb", "flood_stage": "500mb"}
"""Free bytes, not percent: a host disk that is 85 % full is no reason to place no shards."""

BOX_TYPES = {Role.DATA: "hot", Role.COLD: "cold"}
"""`box_type` is what the public service's guide filters hot and cold indices by."""


@dataclass(frozen=True)
class NodeConfig:
    """All that a node's configuration depends on.

    `zones` are those of the cluster; with more than one, copies of a shard are kept apart.
    `seed_addresses` are those of all master-eligible nodes. `bootstrap_masters` are their names
    while the cluster has not formed yet, and empty for ever afterwards. `settings` are added last
    and win; `files` are added by path relative to the configuration folder.
    """

    engine: Engine
    cluster_name: str
    node_name: str
    role: Role
    master_eligible: bool
    zone: str
    zones: tuple[str, ...]
    address: str
    seed_addresses: tuple[str, ...]
    processors: int
    path_repo: Path
    bootstrap_masters: tuple[str, ...] = ()
    reports_as_elasticsearch: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


def render(view: NodeConfig) -> dict[str, bytes]:
    """The files of the node's configuration folder by relative path."""
    names = NAMES[view.engine.family]
    settings = yaml.safe_dump(engine_settings(view), allow_unicode=True)
    logging = template("log4j2.properties").replace("@PREFIX@", names.prefix)
    return {
        names.settings_file: settings.encode(),
        "log4j2.properties": logging.encode(),
        **view.files,
    }


def engine_settings(view: NodeConfig) -> dict[str, Any]:
    """The engine's settings as flat keys."""
    return {
        "cluster.name": view.cluster_name,
        "node.name": view.node_name,
        "node.roles": node_roles(view),
        "node.processors": view.processors,
        "network.host": view.address,
        "http.port": REST_PORT,
        "transport.port": TRANSPORT_PORT,
        "discovery.seed_hosts": list(view.seed_addresses),
        "path.repo": [str(view.path_repo)],
        **_bootstrap(view),
        **_placing(view),
        **_compatibility(view),
        **view.settings,
    }


def node_roles(view: NodeConfig) -> list[str]:
    """The engine's roles of a node type; a client node only passes requests on."""
    master = "master" if _speaks_master(view.engine) else "cluster_manager"
    roles = {
        Role.DATA: ["data", "ingest", "remote_cluster_client"],
        Role.COLD: ["data", "remote_cluster_client"],
        Role.CLIENT: ["remote_cluster_client"],
        Role.MASTER: ["remote_cluster_client"],
    }
    return ([master] if view.master_eligible else []) + roles[view.role]


def _bootstrap(view: NodeConfig) -> dict[str, Any]:
    if not view.bootstrap_masters or not view.master_eligible:
        return {}
    word = "master" if _speaks_master(view.engine) else "cluster_manager"
    return {f"cluster.initial_{word}_nodes": list(view.bootstrap_masters)}


def _placing(view: NodeConfig) -> dict[str, Any]:
    allocation = "cluster.routing.allocation"
    placing: dict[str, Any] = {
        f"{allocation}.disk.watermark.{level}": free for level, free in WATERMARKS.items()
    }
    placing["node.attr.zone"] = view.zone
    if view.role in BOX_TYPES:
        placing["node.attr.box_type"] = BOX_TYPES[view.role]
    if len(view.zones) > 1:
        placing[f"{allocation}.awareness.attributes"] = "zone"
        placing[f"{allocation}.awareness.force.zone.values"] = list(view.zones)
    return placing


def _compatibility(view: NodeConfig) -> dict[str, Any]:
    if view.engine.family is Family.OPENSEARCH and view.reports_as_elasticsearch:
        return {"compatibility.override_main_response_version": True}
    return {}


def _speaks_master(engine: Engine) -> bool:
    """OpenSearch renamed the role in 2.0."""
    return engine.family is Family.ELASTICSEARCH or engine.version.startswith("1.")
