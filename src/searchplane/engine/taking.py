"""Taking, looking at and removing snapshots, by REST, the same from Elasticsearch 7.10 on.

The engine forgets a snapshot at work when all nodes end; what it wrote by then stays until the
repository is cleaned. It removes nothing while it takes another snapshot, and the call hangs for
that long: an order that was given is carried out all the same, so the caller asks again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from searchplane.domain.index_patterns import patterns
from searchplane.domain.snapshots import Snapshot, SnapshotStatus
from searchplane.domain.snapshots_seen import SnapshotSeen, SnapshotsView, label_of
from searchplane.engine.calls import CHANGED, LONGEST_LIST, Ask, Declined, Stale, cause_of
from searchplane.engine.labels import read_label, write_label
from searchplane.errors import Permanent, Transient

LOOKING = "looking at the snapshots"

_STATES = {
    "IN_PROGRESS": SnapshotStatus.BUILDING,
    "SUCCESS": SnapshotStatus.COMPLETED,
    "PARTIAL": SnapshotStatus.PART_FAILED,
    "FAILED": SnapshotStatus.FAILED,
    "INCOMPATIBLE": SnapshotStatus.FAILED,
}
_MISSING = "snapshot_missing_exception"
_TAKEN = "invalid_snapshot_name_exception"


def snapshot_path(repository: str, name: str) -> str:
    """Of one snapshot; a bucket of elsewhere may hold names that mean something in a URL."""
    return f"{repository_path(repository)}/{quote(name, safe='')}"


def repository_path(repository: str) -> str:
    return f"/_snapshot/{quote(repository, safe='')}"


async def register(ask: Ask, repository: str, wanted: Mapping[str, Any]) -> None:
    """Told only where it is not so already: while a repository is used it takes no change."""
    path, doing = repository_path(repository), "registering the repository"
    try:
        known = (await ask(doing, "GET", path))[repository]
    except Declined as error:
        if error.kind != "repository_missing_exception":
            raise
        known = None
    if known is not None and _is_like(known, wanted):
        return
    try:
        await ask(doing, "PUT", f"{path}?verify=false", wanted)
    except Transient as error:
        if known is None or "currently used" not in str(error) or not _is_there(known, wanted):
            raise


async def forget(ask: Ask, repository: str) -> None:
    """Take the repository from the engine, not from the disk; it is read anew when registered."""
    try:
        await ask("reading the repository anew", "DELETE", repository_path(repository))
    except Declined as error:
        if error.kind != "repository_missing_exception":
            raise


async def begin(ask: Ask, repository: str, snapshot: Snapshot) -> None:
    """Raises Permanent where another snapshot has the name."""
    body = {
        "indices": list(patterns(snapshot.indices)),
        "ignore_unavailable": True,
        "include_global_state": False,
        "partial": True,
        "metadata": write_label(label_of(snapshot)),
    }
    path = f"{snapshot_path(repository, snapshot.name)}?wait_for_completion=false"
    try:
        await ask("taking the snapshot", "PUT", path, body)
    except Declined as error:
        if error.kind != _TAKEN:
            raise
        await _check_ours(ask, repository, snapshot)


async def look(ask: Ask, repository: str, names: Collection[str] | None) -> SnapshotsView:
    """Bytes cost the engine a look at every shard's files, so they are not asked for all."""
    root = repository_path(repository)
    listed = ",".join(quote(name, safe="") for name in sorted(names or ()))
    if names is None or len(listed) > LONGEST_LIST:
        return _view(await _all(ask, root), {}, names)
    if not listed:
        return SnapshotsView({})
    found = await ask(LOOKING, "GET", f"{root}/{listed}?ignore_unavailable=true")
    there = ",".join(quote(one["snapshot"], safe="") for one in found["snapshots"])
    if not there:
        return SnapshotsView({})
    path = f"{root}/{there}/_status?ignore_unavailable=true"
    work = await ask(LOOKING, "GET", path)
    return _view(found["snapshots"], {one["snapshot"]: one for one in work["snapshots"]}, names)


async def _all(ask: Ask, root: str) -> list[Mapping[str, Any]]:
    """One that is listed and not there was removed by another cluster."""
    try:
        found = await ask(LOOKING, "GET", f"{root}/_all")
    except Declined as error:
        if error.kind == _MISSING:
            raise Stale(f"{LOOKING} failed: {CHANGED}") from error
        raise
    return list(found["snapshots"])


async def delete(ask: Ask, repository: str, name: str) -> None:
    root, doing = repository_path(repository), "removing the snapshot"
    at_work = (await ask(doing, "GET", f"{root}/_current"))["snapshots"]
    others = [one["snapshot"] for one in at_work if one["snapshot"] != name]
    if others:
        raise Transient(f"the snapshot {name} is removed when {others[0]} has been taken")
    try:
        await ask(doing, "DELETE", snapshot_path(repository, name))
    except Declined as error:
        if error.kind != _MISSING:
            raise


async def clean(ask: Ask, repository: str) -> None:
    path = f"{repository_path(repository)}/_cleanup"
    await ask("cleaning the repository", "POST", path)


async def _check_ours(ask: Ask, repository: str, wanted: Snapshot) -> None:
    """A repeated order finds what the first one began."""
    seen = (await look(ask, repository, (wanted.name,))).snapshots.get(wanted.name)
    if seen is None:
        raise Transient(f"the engine has a snapshot {wanted.name} and does not show it yet")
    if seen.label is None or seen.label.snapshot_id != wanted.id:
        raise Permanent(f"the repository has another snapshot that is called {wanted.name}")


def _is_like(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return bool(known["type"] == wanted["type"] and known["settings"] == wanted["settings"])


def _is_there(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether it is the same place, whatever the rates are."""

    def place(told: Mapping[str, Any]) -> dict[str, Any]:
        settings = told["settings"].items()
        return {name: value for name, value in settings if not name.endswith("_per_sec")}

    return bool(known["type"] == wanted["type"]) and place(known) == place(wanted)


def _view(
    found: Collection[Mapping[str, Any]],
    work: Mapping[str, Mapping[str, Any]],
    names: Collection[str] | None,
) -> SnapshotsView:
    wanted = (one for one in found if names is None or one["snapshot"] in names)
    return SnapshotsView(
        {one["snapshot"]: _seen(one, work.get(one["snapshot"], {})) for one in wanted}
    )


def _seen(one: Mapping[str, Any], work: Mapping[str, Any]) -> SnapshotSeen:
    status = _STATES[one["state"]]
    is_building = status is SnapshotStatus.BUILDING
    shards = work.get("shards_stats", {}) if is_building else one["shards"]
    total, failed = int(shards.get("total", 0)), int(shards.get("failed", 0))
    if status is SnapshotStatus.PART_FAILED and failed == total:
        status = SnapshotStatus.FAILED
    stats = work.get("stats", {})
    size = int(stats.get("incremental", {}).get("size_in_bytes", 0))
    # What is left out is as much as there is to do.
    done = int(stats.get("processed", {}).get("size_in_bytes", size))
    return SnapshotSeen(
        name=one["snapshot"],
        status=status,
        label=read_label(one.get("metadata")),
        indices=tuple(sorted(one["indices"])),
        began=_time(one["start_time_in_millis"]),
        ended=None if is_building else _time(one["end_time_in_millis"]),
        shards_total=total,
        shards_done=int(shards.get("done" if is_building else "successful", 0)),
        shards_failed=failed,
        bytes_total=size,
        bytes_done=done,
        reason=_reason(one),
    )


def _reason(one: Mapping[str, Any]) -> str | None:
    failures = one.get("failures") or ()
    if one.get("reason"):
        return str(one["reason"])
    if not failures:
        return None
    first = failures[0]
    return f"{len(failures)} shards were not copied; {first['index']}: {cause_of(first['reason'])}"


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
