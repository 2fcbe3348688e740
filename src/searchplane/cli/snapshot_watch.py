"""What a person sees while a snapshot is taken, restored, deleted or verified.

The service does the work whether or not anybody watches: Ctrl-C ends the watching alone, and says
so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from searchplane.cli.cluster import progress
from searchplane.cli.events import FAILED, POLL_SECONDS, SUCCEEDED, TIMED_OUT
from searchplane.cli.snapshot_client import SnapshotApi, SnapshotShown
from searchplane.cli.view import SilentView, open_view
from searchplane.errors import NotFound

INTERRUPTED = 130


@dataclass(frozen=True)
class Seen:
    """One look. `code` is the command's exit code once it is over, None until then."""

    sentence: str
    code: int | None = None


Look = Callable[[], Seen]


def watch(phase: str, look: Look, still: str, *, timeout: float | None, silent: bool) -> int:
    """Show each new sentence until it is over; the command's exit code.

    `still` is what is said when the watching ends before.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with SilentView() if silent else open_view() as view:
        try:
            while (seen := look()).code is None:
                view.says(phase, seen.sentence)
                if deadline is not None and time.monotonic() >= deadline:
                    view.note(f"the time is over, and {still}")
                    return TIMED_OUT
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            view.note(f"{still}; only the watching has ended")
            return INTERRUPTED
        view.says(phase, seen.sentence)
        return seen.code


def taken(api: SnapshotApi, snapshot_id: str, cluster_id: str) -> Look:
    """COMPLETED is what everybody waits for."""

    def look() -> Seen:
        one = api.snapshot(snapshot_id)
        if one is None:
            return Seen("it is gone", FAILED)
        if one.status == "BUILDING":
            return Seen(progress(api.cluster(cluster_id)))
        if one.status == "COMPLETED":
            return Seen(_contents(one), SUCCEEDED)
        return Seen(f"{one.status}: {one.reason}", FAILED)

    return look


def restored(api: SnapshotApi, snapshot_id: str, into: str) -> Look:
    """Over when the target has nothing at work; how it went stands beside the snapshot."""

    def look() -> Seen:
        target = api.cluster(into)
        if target.actions:
            return Seen(progress(target))
        one = api.snapshot(snapshot_id)
        said = [event.sentence for event in api.events(into) if event.phase == "restore"]
        sentence = said[-1] if said else target.sentence
        is_there = one is not None and one.json["restoreStatus"] == "success"
        return Seen(sentence, SUCCEEDED if is_there else FAILED)

    return look


def removed(api: SnapshotApi, snapshot_id: str) -> Look:
    def look() -> Seen:
        one = api.snapshot(snapshot_id)
        if one is None:
            return Seen("it is deleted", SUCCEEDED)
        if not one.is_leaving:
            return Seen("it cannot be deleted, and is listed again", FAILED)
        return Seen("its files are being removed")

    return look


def verified(api: SnapshotApi, snapshot_id: str, scratch_id: str) -> Look:
    """Over when the scratch cluster is gone."""
    last = "the scratch cluster is being made"

    def look() -> Seen:
        nonlocal last
        try:
            last = progress(api.cluster(scratch_id))
        except NotFound:
            one = api.snapshot(snapshot_id)
            return outcome(one)
        return Seen(last)

    return look


def outcome(one: SnapshotShown | None) -> Seen:
    """What came of the verification that was the last."""
    found = one.verified if one is not None else None
    if found is None:
        return Seen("not verified: the snapshot or the scratch cluster was deleted", FAILED)
    return Seen(str(found["sentence"]), SUCCEEDED if found["succeeded"] else FAILED)


def _contents(one: SnapshotShown) -> str:
    kept = one.json["contents"]
    known = [index["documents"] for index in kept if index["documents"] is not None]
    documents = f", documents {sum(known)}" if known else ""
    return f"{one.name} is there: indices {len(kept)}, shards {one.json['totalShards']}{documents}"
