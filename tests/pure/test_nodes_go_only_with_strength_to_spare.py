"""The load check before nodes are taken away: each limit, and what was not seen lately."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support.cluster_examples import NOW, live

from searchplane.domain.cluster import Cluster, LoadSeen, Role
from searchplane.domain.departure import shrink
from searchplane.domain.load import FRESH, too_much
from searchplane.domain.observed import NodeLoad
from searchplane.errors import Refused

BUSY = NodeLoad(search_queue=999, write_queue=199, cpu_percent=89, cpus=1.58)
"""Just below every limit, on two vCPUs."""


def loaded(load: NodeLoad = BUSY, age: timedelta = timedelta(0), least: int = 0) -> Cluster:
    """Three nodes of which the second has this load, and the first `least` were not seen."""
    record = live()
    names = [one.name for one in record.nodes]
    nodes = {name: load if place == 1 else BUSY for place, name in enumerate(names)}
    seen = {name: nodes[name] for name in names[least:]}
    return replace(record, load=LoadSeen(NOW - age, seen))


def said(record: Cluster) -> list[str]:
    found = list(too_much(record, NOW))
    assert {one.code for one in found} <= {"CSS.5090"}
    return [str(one) for one in found]


def test_just_below_every_limit_is_fine() -> None:
    assert said(loaded()) == []
    assert said(loaded(age=FRESH)) == []


@pytest.mark.parametrize(
    ("load", "part"),
    [
        (replace(BUSY, search_queue=1000), "1000 searches wait in the queue of"),
        (replace(BUSY, write_queue=200), "200 writes wait in the queue of"),
        (replace(BUSY, cpu_percent=90), "90 % of the machine's CPU are taken by"),
        (replace(BUSY, cpus=1.6), "80 % of its vCPUs are busy on"),
    ],
)
def test_each_limit_names_the_node_and_what_would_be_right(load: NodeLoad, part: str) -> None:
    record = loaded(load)
    (sentence,) = said(record)
    assert sentence.startswith(f"{part} {record.nodes[1].name}: less than ")
    assert sentence.endswith("cluster_load_check false goes on all the same")


def test_what_was_not_seen_lately_is_not_safe() -> None:
    never = replace(loaded(), load=None)
    old = loaded(age=FRESH + timedelta(seconds=1))
    for record in (never, old):
        (sentence,) = said(record)
        assert sentence.startswith("the load of the nodes was not seen in the last 2 minutes")
    part = loaded(least=1)
    (sentence,) = said(part)
    assert sentence.startswith(f"the load of {part.nodes[0].name} was not seen")


def test_a_dead_node_goes_whatever_the_others_have_to_do() -> None:
    record = loaded(replace(BUSY, write_queue=200))
    with pytest.raises(Refused, match="200 writes wait"):
        shrink(record, {Role.DATA: 1}, NOW, checks_load=True)
    dead = replace(record, nodes=(*record.nodes[:2], replace(record.nodes[2], ready=False)))
    gone = shrink(dead, {Role.DATA: 1}, NOW, checks_load=True).going
    assert [one.name for one in gone] == [dead.nodes[2].name]
