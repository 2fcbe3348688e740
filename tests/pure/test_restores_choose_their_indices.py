"""Which indices a restore means, what they are called afterwards, and which engines can read it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from tests.support.cluster_examples import NOW, live, refused, spec
from tests.support.snapshot_examples import KEPT, holding

from searchplane.domain.change import Change
from searchplane.domain.cluster import Action, ActionKind, Cluster
from searchplane.domain.engines import (
    ELASTICSEARCH_7_10_2,
    ENGINES,
    OPENSEARCH_1_3_6,
    OPENSEARCH_2_11_0,
    OPENSEARCH_2_19_1,
    Datastore,
    Engine,
    Family,
)
from searchplane.domain.ids import RestoreId
from searchplane.domain.index_renaming import renamed, renaming_of
from searchplane.domain.preview import preview
from searchplane.domain.restoring import Wish, check_restorable, restore, targets
from searchplane.domain.snapshots import (
    Renaming,
    RestoreStatus,
    Snapshot,
    SnapshotStatus,
    TargetIndex,
)
from searchplane.domain.upgrades import may_read

HELD = (
    "items",
    "logs-1",
    "logs-2",
    ".kibana_1",
    ".opendistro_security",
    ".ds-metrics-000001",
)


def chosen(expression: str, rename: Renaming | None = None, *held: str) -> dict[str, str]:
    found = targets(holding(*(held or HELD)), Wish(expression, rename))
    return {one.source: one.name for one in found}


CHOICES: list[tuple[str, set[str]]] = [
    ("*", {"items", "logs-1", "logs-2", ".ds-metrics-000001"}),
    ("logs-*", {"logs-1", "logs-2"}),
    ("*-1", {"logs-1"}),
    ("l*s*2", {"logs-2"}),
    ("items,logs-2", {"items", "logs-2"}),
    ("*,-logs-*", {"items", ".ds-metrics-000001"}),
    ("logs-*,-logs-1,items", {"items", "logs-2"}),
    ("*,-logs-*,logs-1", {"items", "logs-1", ".ds-metrics-000001"}),
    (".kibana*", {".kibana_1"}),
    (".kibana_1,items", {".kibana_1", "items"}),
    (".*", {".kibana_1", ".ds-metrics-000001"}),
    ("metrics", {".ds-metrics-000001"}),
    ("m*", {".ds-metrics-000001"}),
    ("*,-m*", {"items", "logs-1", "logs-2"}),
]


@pytest.mark.parametrize(("expression", "names"), CHOICES)
def test_an_expression_means_these_indices(expression: str, names: set[str]) -> None:
    assert chosen(expression) == {name: name for name in names}


WRONG: list[tuple[str, str]] = [
    ("Logs", "no upper-case"),
    ("logs 1", "no spaces"),
    ("a?", "none of"),
    ("a,,b", "names between commas"),
    ("a,-", "names between commas"),
    ("-logs-1", "after a part with *"),
    ("items,-logs-1", "after a part with *"),
    ("l" * 1025, "at most 1024"),
    ("gone", "holds no 'gone'"),
    ("items,gone", "holds no 'gone'"),
    ("gone-*", "no 'such index'"),
    (".opendistro_security", "holds no '.opendistro_security'"),
    ("*,-*", "such index"),
]


@pytest.mark.parametrize(("expression", "said"), WRONG)
def test_an_expression_that_is_wrong_or_means_nothing_is_refused(
    expression: str, said: str
) -> None:
    error = refused(lambda: chosen(expression))
    assert error.code == "CSS.5038"
    assert said.replace("'such index'", "such index") in error.detail


def test_a_snapshot_that_holds_nothing_is_restored_at_once() -> None:
    empty = replace(KEPT, contents=())
    assert targets(empty, Wish("*")) == ()
    change = into(of(OPENSEARCH_2_19_1), empty)
    assert change.begins is None
    assert change.restore is not None
    assert (change.restore.succeeded, change.restore.ended) == (True, NOW)
    assert change.snapshots[0].restore_status is RestoreStatus.SUCCESS
    assert refused(lambda: targets(empty, Wish("items"))).code == "CSS.5038"


NAMES: list[tuple[str, str, dict[str, str]]] = [
    ("items", "old_$0", {"items": "old_items", "my-items": "my-old_items"}),
    ("(.+)", "restored-$1", {"items": "restored-items"}),
    ("logs-(.)", "log-$1-x", {"logs-1": "log-1-x"}),
    ("(a)|(b)", "$1$2c", {"ab": "acbc"}),  # a group that took no part is nothing
    ("(i)tems", "$12", {"items": "i2"}),  # there is no group 12
    ("(.*)", "x$1", {"items": "xitemsx"}),  # as in Java: the end of the name is found too
    ("old-", "", {"old-items": "items"}),
    ("^(?:x)?items$", "a", {"items": "a"}),
    ("none", "a", {"items": "items"}),
]


@pytest.mark.parametrize(("pattern", "replacement", "names"), NAMES)
def test_names_are_made_as_java_makes_them(
    pattern: str, replacement: str, names: dict[str, str]
) -> None:
    wanted = renaming_of(pattern, replacement)
    assert wanted is not None
    assert renamed([*names], wanted) == [*names.values()]


def test_nothing_given_renames_nothing() -> None:
    assert renaming_of(None, None) is None
    assert renaming_of("", "") is None


BAD: list[tuple[str | None, str | None, str, str]] = [
    ("a", None, "CSS.0001", "both or neither"),
    (None, "b", "CSS.0001", "both or neither"),
    ("", "b", "CSS.0001", "both or neither"),
    ("(", "b", "CSS.5038", "rename_pattern is '('"),
    ("(?=a)", "b", "CSS.5038", "looking around"),
    (r"(a)\1", "b", "CSS.5038", "back references"),
    ("a{1000}{1000}", "b", "CSS.5038", "rename_pattern"),
    (r"\pL{999}", "b", "CSS.5038", "too large"),
    ("a" * 1025, "b", "CSS.5038", "at most 1024"),
    ("a", "$1", "CSS.5038", "number of a group, 0 to 0"),
    ("a", "$", "CSS.5038", "number of a group"),
    ("a", "${x}", "CSS.5038", "number of a group"),
    ("a", "b\\", "CSS.5038", "rename_replacement"),
    ("a", "b" * 1025, "CSS.5038", "at most 1024"),
]


@pytest.mark.parametrize(("pattern", "replacement", "code", "said"), BAD)
def test_a_renaming_that_is_wrong_is_refused(
    pattern: str | None, replacement: str | None, code: str, said: str
) -> None:
    error = refused(lambda: renaming_of(pattern, replacement))
    assert (error.code, said in error.detail) == (code, True), error.detail


@pytest.mark.parametrize("new", ["", "A", "-a", "_a", "+a", "a b", "a,b", "a#", "a:b", "é" * 128])
def test_a_name_that_no_index_can_have_is_refused(new: str) -> None:
    error = refused(lambda: chosen("items", Renaming(".+", new)))
    assert (error.code, "no index can be called that" in error.detail) == ("CSS.5038", True)


def test_no_two_indices_get_one_name_and_none_becomes_the_system_s() -> None:
    error = refused(lambda: chosen("logs-*", Renaming("[0-9]", "x")))
    assert (error.code, "logs-1, logs-2 one name" in error.detail) == ("CSS.5038", True)
    for new in (".opendistro_security", ".kibana"):
        assert refused(lambda new=new: chosen("items", Renaming("items", new))).code == "CSS.5038"  # type: ignore[misc]
    into_security = Renaming("kibana_1", "opendistro_security")
    assert refused(lambda: chosen(".kibana*", into_security)).code == "CSS.5038"


@pytest.mark.parametrize("held", [".kibana_1", ".ds-metrics-000001"])
def test_what_is_the_system_s_keeps_its_name_or_becomes_a_user_s(held: str) -> None:
    assert chosen(held, Renaming("none", "x")) == {held: held}
    assert chosen(held, Renaming("^[.]", "old-")) == {held: f"old-{held[1:]}"}
    error = refused(lambda: chosen(held, Renaming("1$", "2")))
    assert (error.code, "without a leading dot is right" in error.detail) == ("CSS.5038", True)


def test_an_expression_made_to_take_for_ever_does_not() -> None:
    began = time.monotonic()
    names = [f"{'a' * 250}{number}" for number in range(200)]
    renamed(names, Renaming("(a|aa|a?)+$|(.*a){9}x", "$0"))
    assert time.monotonic() - began < 2


READS: list[tuple[Engine, Engine, bool]] = [
    (reader, writer, ENGINES.index(reader) >= ENGINES.index(writer))
    for reader in ENGINES
    for writer in ENGINES
] + [
    (OPENSEARCH_2_11_0, Engine(Family.OPENSEARCH, "2.13.0"), False),
    (OPENSEARCH_2_19_1, Engine(Family.OPENSEARCH, "2.13.0"), True),
    (OPENSEARCH_2_19_1, Engine(Family.OPENSEARCH, "3.0.0"), False),
    (Engine(Family.OPENSEARCH, "3.0.0"), OPENSEARCH_1_3_6, False),
    (ELASTICSEARCH_7_10_2, Engine(Family.ELASTICSEARCH, "7.9.3"), True),
    (OPENSEARCH_1_3_6, Engine(Family.ELASTICSEARCH, "7.17.0"), False),
    (OPENSEARCH_1_3_6, Engine(Family.ELASTICSEARCH, "6.8.0"), False),
]


@pytest.mark.parametrize(("reader", "writer", "can"), READS)
def test_the_same_or_a_later_engine_reads_a_snapshot(
    reader: Engine, writer: Engine, can: bool
) -> None:
    assert may_read(reader, writer) is can


def of(engine: Engine, **changes: Any) -> Cluster:
    datastore = changes.pop("datastore", Datastore(engine.family.value, engine.version))
    made = live(spec=spec(engine=engine, datastore=datastore), **changes)
    return replace(made, nodes=tuple(replace(one, engine=engine) for one in made.nodes))


def into(cluster: Cluster, snapshot: Snapshot, wish: Wish | None = None) -> Change:
    asked = wish or Wish("*")
    found = targets(snapshot, asked)
    return restore(cluster, snapshot, asked, found, restore_id=RestoreId("restore"), now=NOW)


def test_a_restore_shows_at_once_on_its_target_and_its_snapshot() -> None:
    wish = Wish("logs-*", Renaming("logs", "old"), replaces=True)
    change = into(of(OPENSEARCH_2_19_1), KEPT, wish)
    assert change.after.action == Action(ActionKind.RESTORING, NOW, id="restore")
    assert change.snapshots == (replace(KEPT, restore_status=RestoreStatus.RESTORING, updated=NOW),)
    assert change.restore is not None
    assert change.restore.targets == (
        TargetIndex("logs-1", "old-1"),
        TargetIndex("logs-2", "old-2"),
    )
    assert change.restore.replaces
    assert preview(change).steps == ("restore from the bucket: logs-1 as old-1, logs-2 as old-2",)
    assert "written over" in change.warnings[0]


def test_the_engines_that_run_are_compared_not_what_they_are_called() -> None:
    called = Datastore("elasticsearch", "7.10.2")
    assert into(of(OPENSEARCH_2_19_1, datastore=called), KEPT).begins
    error = refused(lambda: into(of(ELASTICSEARCH_7_10_2), KEPT))
    assert error.code == "CSS.5140"
    assert "target_cluster runs Elasticsearch 7.10.2 and the snapshot was taken by OpenSearch" in (
        error.detail
    )
    half = of(OPENSEARCH_2_19_1)
    older = replace(half.nodes[0], engine=OPENSEARCH_2_11_0)
    assert refused(lambda: into(replace(half, nodes=(older, *half.nodes[1:])), KEPT)).code


BUSY: list[tuple[ActionKind, str]] = [
    (ActionKind.SNAPSHOTTING, "CSS.3004"),
    (ActionKind.RESTORING, "CSS.3004"),
    (ActionKind.GROWING, "CSS.0077"),
    (ActionKind.REBOOTING, "CSS.5090"),
]


@pytest.mark.parametrize(("kind", "code"), BUSY)
def test_a_target_that_is_busy_refuses(kind: ActionKind, code: str) -> None:
    busy = of(OPENSEARCH_2_19_1, action=Action(kind, NOW))
    assert refused(lambda: into(busy, KEPT)).code == code


UNFIT: list[tuple[dict[str, Any], str]] = [
    ({"status": SnapshotStatus.BUILDING}, "CSS.0029"),
    ({"status": SnapshotStatus.FAILED, "reason": "the disk was full"}, "CSS.3026"),
    ({"is_leaving": True}, "CSS.3016"),
]


@pytest.mark.parametrize(("changes", "code"), UNFIT)
def test_only_a_snapshot_that_is_there_is_restored(changes: dict[str, Any], code: str) -> None:
    assert refused(lambda: check_restorable(replace(KEPT, **changes))).code == code
    check_restorable(replace(KEPT, status=SnapshotStatus.PART_FAILED))
