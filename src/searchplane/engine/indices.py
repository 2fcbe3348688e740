"""What the master says of indices, and closing, opening and deleting them, by REST.

What shows that an index was restored:

- A restore is at work on it, or its primaries say that they come from a snapshot, and from which.
- One that was made by the restore has a uuid of its own. When all nodes end before it is filled,
  its shards are left red.
- One that was restored over keeps its uuid and gets another history. When all nodes end before it
  is filled, its *old* documents come back and it is green. So a shard of such an index that came up
  from what lay on its disk is not taken for restored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from searchplane.domain.snapshots_seen import IndexSeen
from searchplane.engine.calls import LONGEST_LIST, Ask, Declined, cause_of

STATE_PATH = (
    "/_cluster/state/metadata,routing_table,customs?expand_wildcards=all&filter_path="
    "metadata.indices.*.state"
    ",metadata.indices.*.settings.index.uuid"
    ",metadata.indices.*.settings.index.history.uuid"
    ",metadata.indices.*.settings.index.number_of_shards"
    ",routing_table.indices.*.shards.*.state"
    ",routing_table.indices.*.shards.*.primary"
    ",routing_table.indices.*.shards.*.recovery_source"
    ",routing_table.indices.*.shards.*.unassigned_info"
    ",restore.snapshots.repository"
    ",restore.snapshots.snapshot"
    ",restore.snapshots.shards.index.index_uuid"
    ",restore.snapshots.shards.state"
)
RECOVERY = (
    "_recovery?expand_wildcards=all&ignore_unavailable=true&filter_path="
    "*.shards.type,*.shards.primary,*.shards.index.size"
    ",*.shards.source.repository,*.shards.source.snapshot"
)
_LOOKING = "looking at indices"
_UP = frozenset({"STARTED", "RELOCATING"})
_AT_WORK = frozenset({"INIT", "STARTED"})
_FROM_DISK = frozenset({"EXISTING_STORE", "EMPTY_STORE"})


async def look_at(ask: Ask, names: Collection[str]) -> Mapping[str, IndexSeen]:
    """Those of the indices that are there."""
    state = await ask(_LOOKING, "GET", STATE_PATH)
    known = state.get("metadata", {}).get("indices", {})
    there = sorted(name for name in names if name in known)
    recovery: dict[str, Any] = {}
    for some in in_lines(there):
        recovery |= await ask(_LOOKING, "GET", f"/{some}/{RECOVERY}")
    tables = state.get("routing_table", {}).get("indices", {})
    at_work = _at_work(state)
    return {
        name: _seen(
            known[name],
            tables.get(name, {}).get("shards", {}),
            recovery.get(name, {}).get("shards", ()),
            at_work,
        )
        for name in there
    }


async def for_each(ask: Ask, identities: Mapping[str, str], method: str, ending: str) -> None:
    """Close, open or delete those that are still what they were; one that is gone is fine."""
    seen = await look_at(ask, identities) if identities else {}
    for name, identity in identities.items():
        if name in seen and seen[name].identity == identity:
            try:
                await ask(f"changing the index {name}", method, f"/{quote(name, safe='')}{ending}")
            except Declined as error:
                if error.kind != "index_not_found_exception":
                    raise


def in_lines(names: Sequence[str]) -> Iterator[str]:
    """The names as comma lists that fit into a URL."""
    line: list[str] = []
    for name in (quote(each, safe="") for each in names):
        if line and len(",".join((*line, name))) > LONGEST_LIST:
            yield ",".join(line)
            line = []
        line.append(name)
    if line:
        yield ",".join(line)


def _at_work(state: Mapping[str, Any]) -> Mapping[str, str]:
    """The uuids of the indices that a restore is at work on, and what they are restored from."""
    return {
        shard["index"]["index_uuid"]: _place(restore)
        for restore in state.get("restore", {}).get("snapshots", ())
        for shard in restore["shards"]
        if shard["state"] in _AT_WORK
    }


def _place(source: Mapping[str, Any]) -> str:
    return f"{source['repository']}/{source['snapshot']}"


def _seen(
    index: Mapping[str, Any],
    shards: Mapping[str, Sequence[Mapping[str, Any]]],
    recovery: Sequence[Mapping[str, Any]],
    at_work: Mapping[str, str],
) -> IndexSeen:
    settings = index["settings"]["index"]
    history = settings.get("history", {}).get("uuid")
    total = int(settings["number_of_shards"])
    primaries = [copy for copies in shards.values() for copy in copies if copy["primary"]]
    started = sum(copy["state"] in _UP for copy in primaries)
    is_at_work, is_open = settings["uuid"] in at_work, index["state"] == "open"
    failed = [] if is_at_work else [copy for copy in primaries if _has_failed(copy)]
    recovered = [one for one in recovery if one["primary"]]
    sizes = [one["index"]["size"] for one in recovered if one["type"] == "SNAPSHOT"]
    return IndexSeen(
        identity=f"{settings['uuid']}/{history}" if history else settings["uuid"],
        is_open=is_open,
        shards=total,
        started=started,
        restoring=total - started if is_at_work else 0,
        failed=len(failed),
        emptied=sum(one["type"] in _FROM_DISK for one in recovered) if history else 0,
        bytes_total=sum(int(size["total_in_bytes"]) for size in sizes),
        bytes_done=sum(
            int(size["recovered_in_bytes"]) + int(size["reused_in_bytes"]) for size in sizes
        ),
        reason=_why(failed),
        restored_from=at_work.get(settings["uuid"]) or _came_from(primaries, recovered),
    )


def _came_from(
    primaries: Sequence[Mapping[str, Any]], recovered: Sequence[Mapping[str, Any]]
) -> str | None:
    """The snapshot that a primary waits for or was filled from."""
    waiting = (one["recovery_source"] for one in primaries if "recovery_source" in one)
    sources = [one for one in waiting if one["type"] == "SNAPSHOT"]
    sources += [one["source"] for one in recovered if one["type"] == "SNAPSHOT"]
    return _place(sources[0]) if sources else None


def _has_failed(copy: Mapping[str, Any]) -> bool:
    """Whether a shard that no restore is at work on will not come up by itself.

    One whose node went away has been restored, and comes back with it.
    """
    if copy["state"] != "UNASSIGNED":
        return False
    if copy["recovery_source"]["type"] == "SNAPSHOT":
        return True
    why = copy["unassigned_info"]
    return (why["reason"], why["allocation_status"]) == ("CLUSTER_RECOVERED", "no_valid_shard_copy")


def _why(failed: Sequence[Mapping[str, Any]]) -> str | None:
    """Why the first of the shards is not up."""
    details = (copy["unassigned_info"].get("details") for copy in failed)
    return next((cause_of(text) for text in details if text), None)
