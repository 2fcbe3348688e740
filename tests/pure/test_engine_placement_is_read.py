"""Where the copies of shards are, as the master tells it."""

from __future__ import annotations

from typing import Any

from searchplane.engine.placement import read_placement

NAMES = {"a": "node-1", "b": "node-2", "c": "node-3"}


def copy(state: str, node: str | None, to: str | None = None) -> dict[str, Any]:
    return {"state": state, "node": node, "relocating_node": to}


def state(**indices: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    settings = {"settings": {"index": {"number_of_replicas": "1"}}}
    return {
        "nodes": {node_id: {"name": name} for node_id, name in NAMES.items()},
        "routing_table": {"indices": {name: {"shards": one} for name, one in indices.items()}},
        "metadata": {"indices": dict.fromkeys(indices, settings)},
    }


STATE = state(
    books={
        "0": [copy("STARTED", "a"), copy("STARTED", "b")],
        "1": [copy("STARTED", "b"), copy("STARTED", "a")],
        "2": [copy("RELOCATING", "a", to="c"), copy("INITIALIZING", "c", to="a")],
    },
    films={"0": [copy("STARTED", "c"), copy("UNASSIGNED", None)]},
    songs={"0": [copy("UNASSIGNED", None), copy("UNASSIGNED", None)]},
)


def test_who_holds_the_started_copies_of_a_shard_is_told_once() -> None:
    held = {frozenset({"node-1", "node-2"}), frozenset({"node-1"}), frozenset({"node-3"})}
    assert read_placement(STATE, {}).holders == held


def test_who_holds_the_only_copy_and_what_has_none() -> None:
    seen = read_placement(STATE, {})
    assert seen.lonely == {"node-1": ("books",), "node-3": ("films",)}
    assert seen.missing == ("songs",)
    assert (seen.copies["node-2"], seen.replicas) == (2, 1)


def test_without_an_index_nobody_holds_anything() -> None:
    assert read_placement(state(), {}).holders == frozenset()
