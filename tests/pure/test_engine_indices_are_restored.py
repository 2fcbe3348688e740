"""What an engine is told to restore, and what its answers say of indices meanwhile."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.engine_answers import Answer, EngineAnswers, refusal

from searchplane.domain.observed import Target
from searchplane.domain.snapshots import TargetIndex
from searchplane.domain.snapshots_seen import IndexSeen
from searchplane.engine.calls import LONGEST_LIST, Calls
from searchplane.engine.indices import in_lines
from searchplane.engine.repositories import FolderBuckets
from searchplane.engine.restores import renamings
from searchplane.engine.snapshots import Snapshots
from searchplane.errors import Permanent

TARGET = Target(("127.0.0.1",))
ORDER = "/_snapshot/repo_auto/nightly/_restore"
STATE = "GET /_cluster/state/metadata,routing_table,customs"


def port(answers: EngineAnswers) -> Snapshots:
    return Snapshots(FolderBuckets(), Calls(transport=answers))


HELD = "GET /_snapshot/repo_auto/nightly"
TOO_FEW = "[repo_auto:nightly/x1] cannot restore index [b] with [1] shards from a snapshot of [2]"
UNLIKE = refusal(500, "snapshot_restore_exception", TOO_FEW)


def holding(*indices: str) -> dict[str, Any]:
    return {"indices": [*indices]}


async def orders(
    *targets: tuple[str, str], partial: bool = False, held: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """What is posted to have indices restored under new names; `held` is in the snapshot."""
    answers = EngineAnswers({HELD: {"snapshots": [held or holding(*(one for one, _ in targets))]}})
    wanted = [TargetIndex(*each) for each in targets]
    await port(answers).begin_restore(TARGET, "repo_auto", "nightly", wanted, partial=partial)
    assert answers.asked[0] == HELD
    assert set(answers.asked[1:]) == {f"POST {ORDER}"}
    assert all(url.params["wait_for_completion"] == "false" for url in answers.urls[1:])
    return answers.bodies[1:]


async def test_indices_that_keep_their_names_are_one_order() -> None:
    (order,) = await orders(("logs-1", "logs-1"), ("items", "items"), partial=True)
    assert order == {
        "indices": ["logs-1", "items"],
        "include_global_state": False,
        "include_aliases": True,
        "partial": True,
    }


@pytest.mark.parametrize("change", ["old-{}", "{}-copy", "a-{}"])
async def test_indices_that_are_renamed_alike_are_one_order(change: str) -> None:
    names = [f"logs-{number}" for number in range(20)]
    made = await orders(*((name, change.format(name)) for name in names))
    assert [order["indices"] for order in made] == [names]
    assert [renamed(name, made[0]) for name in names] == [change.format(name) for name in names]


async def test_an_alias_never_means_an_index_and_its_copy() -> None:
    made = await orders(("logs", "logs"), ("items", "items-copy"))
    assert [order["include_aliases"] for order in made] == [True, False]


@pytest.mark.parametrize(
    ("state", "before", "shards", "deletes"),
    [
        ("close", "uuid-1", 2, True),
        ("close", "uuid-1", 1, False),
        ("close", "another", 2, False),
        ("open", "uuid-1", 2, False),
        ("close", None, 2, False),
    ],
)
async def test_only_what_is_replaced_and_has_other_shards_is_deleted_first(
    state: str, before: str | None, shards: int, deletes: bool
) -> None:
    answers = replacing(f"POST {ORDER}", [UNLIKE, {}], state, shards)
    wanted = [TargetIndex("a", "b", before)]
    order = port(answers).begin_restore(TARGET, "repo_auto", "nightly", wanted, partial=False)
    if deletes:
        await order
        assert answers.asked[-2:] == ["DELETE /b", f"POST {ORDER}"]
    else:
        with pytest.raises(Permanent, match="cannot restore index"):
            await order
        assert "DELETE /b" not in answers.asked


def replacing(
    asked: str, told: Answer | list[Answer], state: str = "close", shards: int = 2
) -> EngineAnswers:
    """An index that may have to make room; `told` is the answer to something else."""
    status = {"snapshots": [{"indices": {"a": {"shards_stats": {"total": shards}}}}]}
    known = {"metadata": {"indices": {"b": index(state)}}}
    held = {"snapshots": [holding("a")]}
    answers = EngineAnswers({STATE: known, HELD: held, f"{HELD}/_status": status})
    answers.answers[asked] = told
    return answers


NEWER = "[repo_auto:nightly/x1] the snapshot was created with version [3.0.0] which is higher"
FAULTS: list[tuple[str, Answer, str]] = [
    (f"POST {ORDER}", refusal(500, "snapshot_restore_exception", NEWER), "created with version"),
    (HELD, {"snapshots": [holding("c")]}, "the snapshot nightly holds no a"),
    (HELD, {"snapshots": []}, "the snapshot nightly is not in its bucket"),
    (HELD, refusal(500, "repository_exception", "damaged"), "damaged"),
]


@pytest.mark.parametrize(("asked", "told", "said"), FAULTS)
async def test_nothing_is_deleted_for_a_restore_that_is_refused(
    asked: str, told: Answer, said: str
) -> None:
    answers = replacing(asked, told)
    wanted = [TargetIndex("a", "b", "uuid-1")]
    with pytest.raises(Permanent, match=said):
        await port(answers).begin_restore(TARGET, "repo_auto", "nightly", wanted, partial=False)
    assert "DELETE /b" not in answers.asked


async def test_a_data_stream_is_made_again_when_all_of_it_is_restored() -> None:
    held = {
        "indices": [".ds-a-000001", ".ds-a-000002", ".ds-a-b-000001", "a"],
        "data_streams": ["a", "a-b"],
    }
    one, two, other = ((name, name) for name in held["indices"][:3])
    assert (await orders(one, two, held=held))[0]["indices"] == [one[0], two[0], "a"]
    assert (await orders(one, held=held))[0]["indices"] == [one[0]]
    assert (await orders(other, one, held=held))[0]["indices"] == [other[0], one[0], "a-b"]
    renamed_ones = await orders(one, (two[0], "new"), held=held)
    assert [order["indices"] for order in renamed_ones] == [[one[0]], [two[0]]]


NAMES = st.text("ab1-.$\\ä", min_size=1, max_size=6)


@given(source=NAMES, name=NAMES)
def test_the_pattern_gives_the_name_that_was_chosen_and_no_other(source: str, name: str) -> None:
    ((rename, _targets),) = renamings([TargetIndex(source, name)])
    assert renamed(source, rename) == name


def renamed(source: str, order: dict[str, Any]) -> str:
    """As Java would: \\Q to \\E is literal; in a replacement \\ goes before what is meant so."""
    if "rename_pattern" not in order:
        return source
    literal = re.compile(r"\\Q(.*?)\\E")
    parts = literal.split(order["rename_pattern"])
    pattern = "".join(re.escape(part) if place % 2 else part for place, part in enumerate(parts))
    found = re.match(pattern, source)
    assert found is not None
    group = found[1]
    return re.sub(r"\\(.)|\$1", lambda one: one[1] or group, order["rename_replacement"])


async def test_a_refused_restore_says_why() -> None:
    reason = "[repo_auto:nightly/x1] cannot restore index [a] with [1] shards"
    told = refusal(500, "snapshot_restore_exception", reason)
    held = {"snapshots": [holding("a")]}
    answers = EngineAnswers({HELD: held, f"POST {ORDER}": told})
    with pytest.raises(Permanent, match=r"refused by the engine: cannot restore index \[a\]"):
        await port(answers).begin_restore(
            TARGET, "repo_auto", "nightly", [TargetIndex("a", "a")], partial=False
        )


def index(state: str = "open", shards: int = 1, history: str | None = None) -> dict[str, Any]:
    settings: dict[str, Any] = {"uuid": "uuid-1", "number_of_shards": str(shards)}
    if history:
        settings["history"] = {"uuid": history}
    return {"state": state, "settings": {"index": settings}}


def copies(*states: str, **info: str) -> dict[str, Any]:
    """A table of shards by their primaries' states; each has a replica that is not there.

    `info` is of those that are not assigned; `source` is what they are to be filled from.
    """
    source = {"type": info.pop("source", "SNAPSHOT")}
    if source["type"] == "SNAPSHOT":
        source |= {"repository": "repo_auto", "snapshot": "nightly"}
    unassigned = {"reason": "NEW_INDEX_RESTORED", "allocation_status": "no_attempt", **info}
    why = {"recovery_source": source, "unassigned_info": unassigned}
    replica = {"state": "UNASSIGNED", "primary": False, **why}
    return {
        str(number): [
            replica,
            {"state": state, "primary": True, **(why if state == "UNASSIGNED" else {})},
        ]
        for number, state in enumerate(states)
    }


def recovered(kind: str, total: int = 900, done: int = 300, reused: int = 50) -> dict[str, Any]:
    size = {"total_in_bytes": total, "recovered_in_bytes": done, "reused_in_bytes": reused}
    source = {"repository": "repo_auto", "snapshot": "nightly"} if kind == "SNAPSHOT" else {}
    return {"type": kind, "primary": True, "index": {"size": size}, "source": source}


async def seen(
    known: dict[str, Any],
    shards: dict[str, Any],
    *recovery: dict[str, Any],
    at_work: str | None = None,
) -> IndexSeen:
    at_work_on = [{"index": {"index_uuid": "uuid-1"}, "state": at_work}]
    restores = [{"repository": "repo_auto", "snapshot": "nightly", "shards": at_work_on}]
    state = {
        "metadata": {"indices": {"a": known, "other": index()}},
        "routing_table": {"indices": {"a": {"shards": shards}}},
        "restore": {"snapshots": restores if at_work else []},
    }
    answers = EngineAnswers({STATE: state, "GET /a/_recovery": {"a": {"shards": [*recovery]}}})
    found = await port(answers).look_at_indices(TARGET, ("a", "missing"))
    assert found.keys() == {"a"}
    return found["a"]


async def test_an_index_at_work_tells_how_far_it_is() -> None:
    shards = copies("STARTED", "INITIALIZING", "UNASSIGNED", details="restore_source[x]")
    found = await seen(index(shards=3), shards, recovered("SNAPSHOT"), at_work="INIT")
    assert found == IndexSeen(
        "uuid-1",
        True,
        3,
        started=1,
        restoring=2,
        bytes_total=900,
        bytes_done=350,
        restored_from="repo_auto/nightly",
    )
    assert not found.is_restored


async def test_what_an_index_was_restored_from_is_told_as_long_as_the_engine_knows() -> None:
    for at_work, shards, recovery in (
        ("INIT", copies("UNASSIGNED", source="EXISTING_STORE"), ()),
        (None, copies("UNASSIGNED"), ()),
        (None, copies("STARTED"), (recovered("SNAPSHOT"),)),
    ):
        found = await seen(index(), shards, *recovery, at_work=at_work)
        assert found.restored_from == "repo_auto/nightly"
    found = await seen(index(), copies("STARTED"), recovered("EXISTING_STORE"))
    assert found.restored_from is None


async def test_a_restore_that_is_over_without_a_shard_has_failed() -> None:
    shards = copies("STARTED", "UNASSIGNED", details="x" * 400)
    for at_work in (None, "SUCCESS", "FAILURE"):
        found = await seen(index(shards=2), shards, recovered("SNAPSHOT"), at_work=at_work)
        assert (found.started, found.restoring, found.failed) == (1, 0, 1)
        assert found.reason == "x" * 300
        assert not found.is_restored


async def test_why_a_shard_could_not_be_restored_is_the_innermost_cause() -> None:
    details = (
        "failed shard on node [a]: failed recovery, failure RecoveryFailedException[x]; nested: "
        "IndexShardRestoreFailedException[restore failed]; nested: CorruptIndexException[checksum "
        "failed (hardware problem?)]; "
    )
    shards = copies("UNASSIGNED", details=details)
    found = await seen(index(shards=1), shards, recovered("SNAPSHOT"), at_work=None)
    assert found.reason == "CorruptIndexException[checksum failed (hardware problem?)]"


@pytest.mark.parametrize(
    ("reason", "status", "failed"),
    [
        ("CLUSTER_RECOVERED", "no_valid_shard_copy", 1),
        ("CLUSTER_RECOVERED", "fetching_shard_data", 0),
        ("NODE_LEFT", "no_valid_shard_copy", 0),
    ],
)
async def test_a_restored_shard_whose_node_is_away_has_not_failed(
    reason: str, status: str, failed: int
) -> None:
    shards = copies("UNASSIGNED", source="EXISTING_STORE", reason=reason, allocation_status=status)
    found = await seen(index(), shards)
    assert (found.failed, found.restoring, found.is_restored) == (failed, 0, False)


async def test_a_restored_index_serves() -> None:
    snapshot, peer = recovered("SNAPSHOT", done=850), recovered("PEER")
    found = await seen(
        index(shards=2, history="h"), copies("STARTED", "RELOCATING"), snapshot, peer
    )
    assert found.is_restored
    assert (found.identity, found.bytes_done, found.bytes_total) == ("uuid-1/h", 900, 900)


async def test_an_index_that_came_up_with_what_it_had_before_is_not_restored() -> None:
    """Only one that was restored over: a new one would be red."""
    old, empty = recovered("EXISTING_STORE"), recovered("EMPTY_STORE")
    found = await seen(index(shards=2, history="h"), copies("STARTED", "STARTED"), old, empty)
    assert (found.emptied, found.is_restored) == (2, False)
    found = await seen(index(shards=2), copies("STARTED", "STARTED"), old, old)
    assert (found.emptied, found.is_restored) == (0, True)


async def test_a_closed_index_waits_for_nothing() -> None:
    found = await seen(index("close"), {})
    assert found == IndexSeen("uuid-1", False, 1)
    assert not found.is_restored


async def test_only_what_is_still_the_same_index_is_changed() -> None:
    state = {"metadata": {"indices": {"a": index(), "b": index(history="h")}}}
    gone = refusal(404, "index_not_found_exception", "no such index")
    answers = EngineAnswers({STATE: state, "DELETE /b": gone})
    known = {"a": "another", "b": "uuid-1/h", "c": "uuid-1"}
    for change in ("close", "open", "delete"):
        await getattr(port(answers), f"{change}_indices")(TARGET, known)
    changes = [asked for asked in answers.asked if not asked.startswith("GET")]
    assert changes == ["POST /b/_close", "POST /b/_open", "DELETE /b"]


def test_long_lists_of_names_are_parted() -> None:
    names = [f"logs-{number:04}-ä" for number in range(600)]
    lines = list(in_lines(names))
    assert len(lines) > 1
    assert all(len(line) <= LONGEST_LIST for line in lines)
    assert ",".join(lines).replace("%C3%A4", "ä").split(",") == names
    assert list(in_lines(["x" * 4000])) == ["x" * 4000]
    assert not list(in_lines([]))
