"""Whose engine deletes in a repository and looks after it: never two, and never an older one than
has written there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.support.cluster_examples import NOW, live, spec
from tests.support.snapshot_examples import KEPT

from searchplane.domain.cluster import Action, ActionKind, Cluster, Failure
from searchplane.domain.engines import (
    ELASTICSEARCH_7_10_2,
    OPENSEARCH_1_3_6,
    OPENSEARCH_2_17_1,
    OPENSEARCH_2_19_1,
    Engine,
    Family,
)
from searchplane.domain.heirs import newest_writer, touched, worker_for
from searchplane.domain.ids import ClusterId, SnapshotId
from searchplane.domain.scratch import Verification
from searchplane.domain.snapshots import Repository, Snapshot

FAILED = Failure("CSS.6000", "it failed", NOW)
DELETING = Action(ActionKind.DELETING, NOW)
LATER = NOW + timedelta(hours=1)
UNKNOWN = Engine(Family.OPENSEARCH, "4.0.0")


def of(name: str, engine: Engine = OPENSEARCH_2_19_1, **changes: Any) -> Cluster:
    made = live(spec=spec(engine=engine), id=ClusterId(name), **changes)
    return replace(made, nodes=tuple(replace(one, engine=engine) for one in made.nodes))


def row(name: str, engine: Engine = OPENSEARCH_2_19_1, **changes: Any) -> Snapshot:
    return replace(KEPT, id=SnapshotId(name), name=name, engine=engine, **changes)


OWN = of("cluster-1")
OLD = of("old", ELASTICSEARCH_7_10_2)
SCRATCH = of("scratch")
SCRATCH = replace(SCRATCH, spec=replace(SCRATCH.spec, verifies=Verification(SnapshotId("x"), NOW)))
BUSY = row("busy", is_leaving=True, worker=ClusterId("busy"))
ELSEWHERE = Repository("bucket", "bucket/elsewhere/cluster-1")

NO_ROWS: tuple[Snapshot, ...] = ()
WORKERS: list[tuple[str, list[Cluster], tuple[Snapshot, ...], str | None]] = [
    ("its own", [of("a"), OWN], NO_ROWS, "cluster-1"),
    ("its own, whatever became of it", [replace(OWN, failure=FAILED), of("a")], NO_ROWS, OWN.id),
    ("its nodes may still run", [replace(OWN, action=DELETING), of("a")], NO_ROWS, OWN.id),
    ("nobody would be left", [replace(OWN, action=DELETING)], NO_ROWS, None),
    ("nobody is left", [], NO_ROWS, None),
    ("too old", [OLD], NO_ROWS, None),
    ("the older one is too old", [of("a", OPENSEARCH_2_17_1), of("b")], NO_ROWS, "b"),
    ("not formed", [of("a", bootstrapped=False)], NO_ROWS, None),
    ("a scratch cluster", [SCRATCH], NO_ROWS, None),
    ("the older cluster", [of("a", created=LATER), of("b")], NO_ROWS, "b"),
    ("whole ones first", [of("a", failure=FAILED), of("b", created=LATER)], NO_ROWS, "b"),
    ("one at work stays", [of("a"), of("busy", created=LATER)], (BUSY,), "busy"),
    (
        "one at work in another repository of the same cluster does not count",
        [of("a"), of("busy", created=LATER)],
        (replace(BUSY, repository=ELSEWHERE),),
        "a",
    ),
    ("one at work that goes ends first", [of("a"), of("busy", action=DELETING)], (BUSY,), "busy"),
    ("one at work that is too old", [of("busy", OPENSEARCH_2_17_1), of("a")], (BUSY,), "a"),
]


@pytest.mark.parametrize(
    ("clusters", "rows", "worker"), [one[1:] for one in WORKERS], ids=[one[0] for one in WORKERS]
)
def test_who_works_there(
    clusters: list[Cluster], rows: tuple[Snapshot, ...], worker: str | None
) -> None:
    found = worker_for(KEPT, (KEPT, *rows), clusters)
    assert (found.id if found else None) == worker


ANCIENT = row("ancient", ELASTICSEARCH_7_10_2)
NEWEST: list[tuple[tuple[Snapshot, ...], Engine, list[str]]] = [
    ((), ELASTICSEARCH_7_10_2, ["first", "middle", "last"]),
    ((row("newer", OPENSEARCH_1_3_6),), OPENSEARCH_1_3_6, ["middle", "last"]),
    ((row("newer"),), OPENSEARCH_2_19_1, ["last"]),
    ((replace(ANCIENT, touched=OPENSEARCH_2_19_1),), OPENSEARCH_2_19_1, ["last"]),
    ((row("newer", UNKNOWN),), UNKNOWN, []),
]


@pytest.mark.parametrize(("others", "newest", "fit"), NEWEST)
def test_the_newest_engine_that_wrote_to_the_place_decides_for_all_that_lies_there(
    others: tuple[Snapshot, ...], newest: Engine, fit: list[str]
) -> None:
    """Also for what an older one wrote, and by whichever row is asked."""
    rows = (ANCIENT, *others)
    engines = {
        "first": ELASTICSEARCH_7_10_2,
        "middle": OPENSEARCH_1_3_6,
        "last": OPENSEARCH_2_19_1,
    }
    assert newest_writer(rows) == newest
    for asked in rows:
        able = [name for name, one in engines.items() if worker_for(asked, rows, [of(name, one)])]
        assert able == fit


def test_what_stays_keeps_that_a_newer_one_has_deleted_beside_it() -> None:
    rows = [ANCIENT, row("newer")]
    assert touched(rows, ELASTICSEARCH_7_10_2) == []
    (marked,) = touched(rows, OPENSEARCH_2_19_1)
    assert (marked.id, newest_writer([marked])) == (ANCIENT.id, OPENSEARCH_2_19_1)
    assert touched([marked], OPENSEARCH_2_19_1) == []
    assert worker_for(marked, [marked], [OLD]) is None
