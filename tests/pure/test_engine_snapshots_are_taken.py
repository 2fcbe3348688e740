"""What an engine is told of repositories and snapshots, and what its answers mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from tests.support.engine_answers import Answer, EngineAnswers, refusal
from tests.support.snapshot_examples import LABELLED as KEPT

from searchplane.domain.cluster import SnapshotSettings
from searchplane.domain.ids import SnapshotId
from searchplane.domain.observed import Target
from searchplane.domain.snapshots import Repository, SnapshotStatus
from searchplane.domain.snapshots_seen import OWN_REPOSITORY, SnapshotSeen, label_of
from searchplane.engine.calls import Calls, Declined, Stale
from searchplane.engine.labels import write_label
from searchplane.engine.repositories import FolderBuckets
from searchplane.engine.snapshots import Snapshots
from searchplane.errors import Permanent, Transient

OTHER_ID = SnapshotId("00000000-0000-4000-8000-00000000000a")
TARGET = Target(("127.0.0.1", "127.0.0.2"))
PLACE = Repository("bucket", "bucket/base/cluster-1")
SETTINGS = SnapshotSettings("bucket", max_snapshot_rate="40MB", max_restore_rate="-1")
TOLD = {
    "type": "fs",
    "settings": {
        "location": "bucket/base/cluster-1",
        "max_snapshot_bytes_per_sec": "40mb",
        "max_restore_bytes_per_sec": "0b",
    },
}
ROOT = f"/_snapshot/{OWN_REPOSITORY}"
IN_USE = refusal(500, "illegal_state_exception", "repository that is currently used")
UNKNOWN = refusal(404, "repository_missing_exception", "[repo_auto] missing")
CHANGED = refusal(
    500,
    "repository_exception",
    "[repo_auto] Could not read: contents do not match its expected state",
)


def engine(**answers: Answer | list[Answer]) -> EngineAnswers:
    return EngineAnswers(dict(answers))


def port(answers: EngineAnswers) -> Snapshots:
    return Snapshots(FolderBuckets(), Calls(transport=answers))


async def register(answers: EngineAnswers, name: str = OWN_REPOSITORY, **more: Any) -> None:
    args = (TARGET, name, PLACE, more.pop("settings", SETTINGS))
    await port(answers).register(*args, read_only=more.pop("read_only", False))


async def test_a_repository_is_told_with_its_folder_and_rates() -> None:
    answers = engine(**{f"GET {ROOT}": UNKNOWN})
    await register(answers)
    assert answers.asked == [f"GET {ROOT}", f"PUT {ROOT}"]
    assert answers.bodies[-1] == TOLD
    assert answers.urls[-1].params["verify"] == "false"


async def test_a_repository_that_is_known_so_is_not_told_again() -> None:
    answers = engine(**{f"GET {ROOT}": {OWN_REPOSITORY: TOLD}})
    await register(answers)
    assert answers.asked == [f"GET {ROOT}"]


async def test_a_repository_in_use_keeps_its_rates_and_never_another_place() -> None:
    answers = engine(**{f"GET {ROOT}": {OWN_REPOSITORY: TOLD}, f"PUT {ROOT}": IN_USE})
    await register(answers, settings=replace(SETTINGS, max_snapshot_rate="0"))
    assert answers.bodies[-1]["settings"]["max_snapshot_bytes_per_sec"] == "0b"
    elsewhere = {**TOLD, "settings": {"location": "bucket/other"}}
    answers = engine(**{f"GET {ROOT}": {OWN_REPOSITORY: elsewhere}, f"PUT {ROOT}": IN_USE})
    with pytest.raises(Transient, match="currently used"):
        await register(answers)


async def test_a_repository_of_another_is_read_only_or_read_anew() -> None:
    answers = engine(**{"GET /_snapshot/repo_other": UNKNOWN})
    await register(answers, "repo_other", settings=None, read_only=True)
    told = {"location": PLACE.location, "readonly": "true"}
    assert answers.bodies[-1] == {"type": "fs", "settings": told}
    answers.asked.clear()
    await register(answers, "repo_other", settings=None)
    assert answers.asked[0] == "DELETE /_snapshot/repo_other"


async def test_an_attached_bucket_is_never_written() -> None:
    answers = engine(**{f"GET {ROOT}": UNKNOWN})
    attached = replace(PLACE, read_only=True)
    await port(answers).register(TARGET, OWN_REPOSITORY, attached, read_only=False)
    assert answers.bodies[-1]["settings"]["readonly"] == "true"


async def test_a_snapshot_is_ordered_with_its_label() -> None:
    answers, wanted = engine(), replace(KEPT, indices="logs-*,-logs-9")
    await port(answers).begin_snapshot(TARGET, OWN_REPOSITORY, wanted)
    assert answers.asked == [f"PUT {ROOT}/by-hand"]
    assert answers.urls[0].params["wait_for_completion"] == "false"
    assert answers.bodies == [
        {
            "indices": ["logs-*", "-logs-9", "-.opendistro_security"],
            "ignore_unavailable": True,
            "include_global_state": False,
            "partial": True,
            "metadata": write_label(label_of(wanted)),
        }
    ]


TAKEN = refusal(400, "invalid_snapshot_name_exception", "[repo_auto:by-hand] is in-progress")


async def test_a_repeated_order_finds_what_the_first_began() -> None:
    order, look = f"PUT {ROOT}/by-hand", f"GET {ROOT}/by-hand"
    mine = {"snapshots": [told(metadata=write_label(label_of(KEPT)))]}
    status = {f"{look}/_status": {"snapshots": []}}
    await port(engine(**{order: TAKEN, look: mine, **status})).begin_snapshot(
        TARGET, OWN_REPOSITORY, KEPT
    )
    for other in ({"taken": "by a user"}, write_label(label_of(replace(KEPT, id=OTHER_ID)))):
        theirs = {"snapshots": [told(metadata=other)]}
        with pytest.raises(Permanent, match="another snapshot that is called by-hand"):
            await port(engine(**{order: TAKEN, look: theirs, **status})).begin_snapshot(
                TARGET, OWN_REPOSITORY, KEPT
            )
    with pytest.raises(Transient, match="does not show it yet"):
        await port(engine(**{order: TAKEN, look: {"snapshots": []}})).begin_snapshot(
            TARGET, OWN_REPOSITORY, KEPT
        )


def told(**changes: Any) -> dict[str, Any]:
    """A snapshot as an engine tells it."""
    return {
        "snapshot": "by-hand",
        "indices": ["logs-2", "logs-1"],
        "state": "SUCCESS",
        "start_time_in_millis": 1_000,
        "end_time_in_millis": 2_000,
        "failures": [],
        "shards": {"total": 4, "failed": 0, "successful": 4},
        **changes,
    }


async def look(snapshot: dict[str, Any], work: dict[str, Any] | None = None) -> SnapshotSeen:
    name = f"GET {ROOT}/by-hand"
    status = [{"snapshot": "by-hand", **work}] if work else []
    answers = engine(**{name: {"snapshots": [snapshot]}, f"{name}/_status": {"snapshots": status}})
    seen = await port(answers).look(TARGET, OWN_REPOSITORY, ("by-hand",))
    return seen.snapshots["by-hand"]


async def test_a_snapshot_at_work_tells_how_far_it_is() -> None:
    work = {
        "shards_stats": {"done": 1, "failed": 1, "total": 4},
        "stats": {"incremental": {"size_in_bytes": 900}, "processed": {"size_in_bytes": 300}},
    }
    nothing_yet = {"total": 0, "failed": 0, "successful": 0}
    seen = await look(told(state="IN_PROGRESS", end_time_in_millis=0, shards=nothing_yet), work)
    assert seen == SnapshotSeen(
        name="by-hand",
        status=SnapshotStatus.BUILDING,
        label=None,
        indices=("logs-1", "logs-2"),
        began=datetime.fromtimestamp(1, UTC),
        shards_total=4,
        shards_done=1,
        shards_failed=1,
        bytes_total=900,
        bytes_done=300,
    )


@pytest.mark.parametrize(
    ("state", "failed", "status"),
    [
        ("SUCCESS", 0, SnapshotStatus.COMPLETED),
        ("PARTIAL", 1, SnapshotStatus.PART_FAILED),
        ("PARTIAL", 4, SnapshotStatus.FAILED),
        ("FAILED", 0, SnapshotStatus.FAILED),
        ("INCOMPATIBLE", 0, SnapshotStatus.FAILED),
    ],
)
async def test_a_snapshot_is_over(state: str, failed: int, status: SnapshotStatus) -> None:
    failure = {"index": "logs-1", "reason": "node shutdown"}
    shards = {"total": 4, "failed": failed, "successful": 4 - failed}
    work = {"shards_stats": {"done": 0}, "stats": {"incremental": {"size_in_bytes": 900}}}
    seen = await look(told(state=state, shards=shards, failures=[failure] * failed), work)
    assert (seen.status, seen.shards_failed, seen.shards_done) == (status, failed, 4 - failed)
    assert (seen.bytes_total, seen.bytes_done) == (900, 900)
    assert seen.ended == datetime.fromtimestamp(2, UTC)
    reason = f"{failed} shards were not copied; logs-1: node shutdown" if failed else None
    assert seen.reason == reason


async def test_a_whole_list_does_not_ask_for_bytes() -> None:
    answers = engine(**{f"GET {ROOT}/_all": {"snapshots": [told()]}})
    seen = await port(answers).look(TARGET, OWN_REPOSITORY)
    assert seen.snapshots.keys() == {"by-hand"}
    names = [f"snapshot-{number:060}" for number in range(100)] + ["by-hand"]
    seen = await port(answers).look(TARGET, OWN_REPOSITORY, names)
    assert seen.snapshots.keys() == {"by-hand"}
    assert answers.asked == [f"GET {ROOT}/_all"] * 2
    assert not (await port(answers).look(TARGET, OWN_REPOSITORY, ())).snapshots
    assert len(answers.asked) == 2


async def test_what_is_listed_and_not_there_makes_the_engine_read_anew() -> None:
    gone = refusal(404, "snapshot_missing_exception", "[repo_auto:first] is missing")
    for answer in (gone, CHANGED):
        answers = engine(**{f"GET {ROOT}/_all": answer})
        with pytest.raises(Stale, match="changed by another cluster"):
            await port(answers).look(TARGET, OWN_REPOSITORY)
        assert answers.asked[-1] == f"DELETE {ROOT}"


async def test_a_snapshot_that_is_gone_is_removed() -> None:
    gone = refusal(404, "snapshot_missing_exception", "[repo_auto:by-hand] is missing")
    current = {f"GET {ROOT}/_current": {"snapshots": []}}
    answers = engine(**{f"DELETE {ROOT}/by-hand": gone, **current})
    await port(answers).delete_snapshot(TARGET, OWN_REPOSITORY, "by-hand")
    assert answers.asked[-1] == f"DELETE {ROOT}/by-hand"
    other = refusal(500, "repository_exception", "[repo_auto] cannot delete: readonly")
    answers = engine(**{f"DELETE {ROOT}/by-hand": other, **current})
    with pytest.raises(Permanent, match="refused by the engine: cannot delete: readonly"):
        await port(answers).delete_snapshot(TARGET, OWN_REPOSITORY, "by-hand")


async def test_a_name_is_a_name_whatever_stands_in_it() -> None:
    """The engine allows more than we do, and a bucket of elsewhere may have it."""
    name = "a%2f..&b"
    current = {f"GET {ROOT}/_current": {"snapshots": []}}
    held = {f"GET {ROOT}/{name}": {"snapshots": [{"indices": []}]}}
    answers = engine(**current, **held)
    await port(answers).delete_snapshot(TARGET, OWN_REPOSITORY, name)
    await port(answers).begin_restore(TARGET, OWN_REPOSITORY, name, (), partial=False)
    await port(engine(**{f"GET {ROOT}/{name}": {"snapshots": []}})).look(
        TARGET, OWN_REPOSITORY, [name]
    )
    paths = [url.raw_path.decode().partition("?")[0] for url in answers.urls[1:]]
    assert paths == [f"{ROOT}/a%252f..%26b"] * 2


async def test_nothing_is_removed_while_another_is_taken() -> None:
    """The call would hang until that is over."""
    answers = engine(**{f"GET {ROOT}/_current": {"snapshots": [{"snapshot": "now"}]}})
    with pytest.raises(Transient, match="by-hand is removed when now has been taken"):
        await port(answers).delete_snapshot(TARGET, OWN_REPOSITORY, "by-hand")
    await port(answers).delete_snapshot(TARGET, OWN_REPOSITORY, "now")


async def test_the_next_node_is_asked_where_one_is_silent_or_busy() -> None:
    for trouble in (httpx.ConnectError("no"), refusal(503, "busy_exception", "too much")):
        answers = engine(**{f"POST {ROOT}/_cleanup": [trouble, {}]})
        await port(answers).clean(TARGET, OWN_REPOSITORY)
        assert [url.host for url in answers.urls] == list(TARGET.addresses)
        answers = engine(**{f"POST {ROOT}/_cleanup": trouble})
        with pytest.raises(Transient, match=r"cleaning the repository failed: 127\.0\.0\.2"):
            await port(answers).clean(TARGET, OWN_REPOSITORY)


async def test_a_refusal_for_good_is_in_the_engines_own_words() -> None:
    deep = refusal(500, "repository_exception", "failed to create", cause="repository_exception")
    plain = refusal(400, "validation_exception", "too many shards", cause="no_such_file_exception")
    for answer, reason in ((deep, "because of repository_exception"), (plain, "too many shards")):
        answers = engine(**{f"POST {ROOT}/_cleanup": answer})
        with pytest.raises(Declined, match=f"refused by the engine: {reason}$") as caught:
            await port(answers).clean(TARGET, OWN_REPOSITORY)
        assert caught.value.kind == answer[1]["error"]["type"]
        assert len(answers.asked) == 1


async def test_no_node_that_has_an_address_is_no_refusal() -> None:
    with pytest.raises(Transient, match="no node has an address"):
        await port(engine()).clean(Target(()), OWN_REPOSITORY)
