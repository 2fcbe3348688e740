"""Where the copies of shards are, and what the master was told about nodes.

Read from two answers of one node: the state the master keeps (shards, votes), and the settings.
Pure, like engine/answers.py: whoever asks is engine/probe.py.

It will not guess: an answer that is not understood gives no view, and then nothing that depends
on it is done.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from searchplane.domain.observed import ShardsView

STATE_PATH = (
    "/_cluster/state/nodes,routing_table,metadata?expand_wildcards=all"
    "&filter_path=nodes.*.name"
    ",routing_table.indices.*.shards.*.state"
    ",routing_table.indices.*.shards.*.node"
    ",routing_table.indices.*.shards.*.relocating_node"
    ",metadata.indices.*.settings.index.number_of_replicas"
    ",metadata.indices.*.settings.index.auto_expand_replicas"
    ",metadata.cluster_coordination.last_committed_config"
    ",metadata.cluster_coordination.voting_config_exclusions"
)

SETTINGS_PATH = "/_cluster/settings?flat_settings=true"

PLACEMENT_PATHS = (STATE_PATH, SETTINGS_PATH)
"""What to ask, in the order in which `read_placement` takes the answers."""

EXCLUDED_SETTING = "cluster.routing.allocation.exclude._ip"
"""Ours alone: users who move shards by hand do it by name or attribute."""

_STARTED = frozenset({"STARTED", "RELOCATING"})


@dataclass(frozen=True)
class _Copy:
    """One copy of a shard: `holders` are its node, and where it moves to."""

    shard: tuple[str, str]
    is_started: bool
    holders: tuple[str, ...]


def read_placement(state: Mapping[str, Any], settings: Mapping[str, Any]) -> ShardsView:
    """The view in the two answers.

    Raises AttributeError, KeyError, TypeError or ValueError for what no engine would say.
    """
    names = {node_id: str(node["name"]) for node_id, node in state["nodes"].items()}
    metadata = state.get("metadata", {})
    coordination = metadata.get("cluster_coordination", {})
    committed = coordination.get("last_committed_config", ())
    copies = list(_copies(state.get("routing_table", {}).get("indices", {}), names))
    return ShardsView(
        copies=Counter(holder for copy in copies for holder in copy.holders),
        lonely=_lonely(copies),
        replicas=max(map(_replicas, metadata.get("indices", {}).values()), default=0),
        excluded=_excluded(settings),
        voting_excluded=frozenset(
            one["node_name"] for one in coordination.get("voting_config_exclusions", ())
        ),
        voters=frozenset(names[node_id] for node_id in committed if node_id in names),
        missing=_missing(copies),
        bare=_bare(metadata.get("indices", {})),
        votes=len(committed),
        holders=frozenset(map(frozenset, _started(copies).values())),
    )


def _copies(indices: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[_Copy]:
    for index, table in indices.items():
        for number, copies in table["shards"].items():
            for copy in copies:
                places = (copy.get("node"), copy.get("relocating_node"))
                holders = tuple(names[place] for place in places if place in names)
                yield _Copy((index, number), copy["state"] in _STARTED, holders)


def _started(copies: Sequence[_Copy]) -> dict[tuple[str, str], set[str]]:
    """The nodes that hold a started copy, by shard."""
    holders: dict[tuple[str, str], set[str]] = defaultdict(set)
    for copy in copies:
        if copy.is_started and copy.holders:
            holders[copy.shard].add(copy.holders[0])
    return holders


def _lonely(copies: Sequence[_Copy]) -> dict[str, tuple[str, ...]]:
    """Indices by the node that holds the only started copy of one of their shards."""
    found: dict[str, set[str]] = defaultdict(set)
    for (index, _), nodes in _started(copies).items():
        if len(nodes) == 1:
            found[next(iter(nodes))].add(index)
    return {name: tuple(sorted(indices)) for name, indices in found.items()}


def _missing(copies: Sequence[_Copy]) -> tuple[str, ...]:
    """Indices of which a shard is started nowhere; what is left of it may lie on a disk only."""
    started = {copy.shard for copy in copies if copy.is_started and copy.holders}
    return tuple(sorted({index for index, _ in {copy.shard for copy in copies} - started}))


def _replicas(index: Mapping[str, Any]) -> int:
    """0 where the engine fits the number to the nodes that may hold a copy."""
    settings = index["settings"]["index"]
    expands = settings.get("auto_expand_replicas", "false") != "false"
    return 0 if expands else int(settings["number_of_replicas"])


def _bare(indices: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(name for name, index in indices.items() if _is_bare(index)))


def _is_bare(index: Mapping[str, Any]) -> bool:
    settings = index["settings"]["index"]
    expands = settings.get("auto_expand_replicas", "false") != "false"
    return not expands and int(settings["number_of_replicas"]) == 0


def _excluded(settings: Mapping[str, Any]) -> frozenset[str]:
    """Persistent and transient ones; ours are persistent, so that a new master knows them too."""
    told = [
        settings.get(kind, {}).get(EXCLUDED_SETTING, "") for kind in ("persistent", "transient")
    ]
    return frozenset(address for text in told for address in text.split(",") if address)
