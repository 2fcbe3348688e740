"""Where the copies of shards are, and what the master was told about nodes.

Read from three answers of one node: the table of shards, the settings, and what the master keeps
of the votes. Pure, like engine/answers.py: whoever asks is engine/probe.py.

It will not guess: an answer that is not understood gives no view, and then nothing that depends
on it is done.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from searchplane.domain.observed import ShardsView

SHARDS_PATH = "/_cat/shards?format=json&h=index,shard,state,node&expand_wildcards=all"
"""One row a copy; a copy that moves is named `from -> address id to`."""

SETTINGS_PATH = "/_cluster/settings?flat_settings=true"

VOTES_PATH = (
    "/_cluster/state/metadata,nodes?filter_path=nodes.*.name"
    ",metadata.cluster_coordination.last_committed_config"
    ",metadata.cluster_coordination.voting_config_exclusions"
)

REPLICAS_PATH = "/_all/_settings/index.number_of_replicas?flat_settings=true&expand_wildcards=all"

PLACEMENT_PATHS = (SHARDS_PATH, SETTINGS_PATH, VOTES_PATH, REPLICAS_PATH)
"""What to ask, in the order in which `read_placement` takes the answers."""

EXCLUDED_SETTING = "cluster.routing.allocation.exclude._ip"
"""Ours alone: users who move shards by hand do it by name or attribute."""

_STARTED = frozenset({"STARTED", "RELOCATING"})


def read_placement(
    shards: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    votes: Mapping[str, Any],
    replicas: Mapping[str, Any],
) -> ShardsView:
    """The view in the four answers of PLACEMENT_PATHS.

    Raises AttributeError, KeyError, TypeError or ValueError for what no engine would say.
    """
    names = {node_id: node["name"] for node_id, node in votes["nodes"].items()}
    coordination = votes.get("metadata", {}).get("cluster_coordination", {})
    return ShardsView(
        copies=_copies(shards),
        lonely=_lonely(shards),
        replicas=max((_replicas(one) for one in replicas.values()), default=0),
        excluded=_excluded(settings),
        voting_excluded=frozenset(
            one["node_name"] for one in coordination.get("voting_config_exclusions", ())
        ),
        voters=frozenset(
            names[node_id]
            for node_id in coordination.get("last_committed_config", ())
            if node_id in names
        ),
    )


def _copies(shards: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for row in shards:
        for name in _holders(row):
            found[name] += 1
    return dict(found)


def _holders(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The node of a copy; the two nodes of one that moves."""
    place = row["node"]
    if place is None:
        return ()
    source, arrow, target = str(place).partition(" -> ")
    return (source, target.rpartition(" ")[2]) if arrow else (source,)


def _lonely(shards: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Indices by the node that holds the only started copy of one of their shards."""
    holders: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in shards:
        if row["state"] in _STARTED and row["node"] is not None:
            holders[row["index"], row["shard"]].add(_holders(row)[0])
    found: dict[str, set[str]] = defaultdict(set)
    for (index, _), nodes in holders.items():
        if len(nodes) == 1:
            found[next(iter(nodes))].add(index)
    return {name: tuple(sorted(indices)) for name, indices in found.items()}


def _replicas(index: Mapping[str, Any]) -> int:
    return int(index["settings"].get("index.number_of_replicas", 1))


def _excluded(settings: Mapping[str, Any]) -> frozenset[str]:
    """Persistent and transient ones; ours are persistent, so that a new master knows them too."""
    told = [
        settings.get(kind, {}).get(EXCLUDED_SETTING, "") for kind in ("persistent", "transient")
    ]
    return frozenset(address for text in told for address in text.split(",") if address)
