"""Which nodes may have another flavor or disk type, and what that means for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.cluster_examples import NOW, live, node, refused, spec

from searchplane.domain.cluster import (
    ActionKind,
    Cluster,
    IndicesSeen,
    NodeGroup,
    Pace,
    Role,
    Volume,
)
from searchplane.domain.flavor_change import FlavorWish, change_flavor
from searchplane.domain.flavors import flavor_id
from searchplane.domain.ids import NodeId
from searchplane.domain.layout import HostLimits

ROOMY = HostLimits(max_heap_mb=64_000, processors=16)
TIGHT = HostLimits(max_heap_mb=512, processors=2)


def wish(name: str = "ess.spec-4u32g", **changes: Any) -> FlavorWish:
    usual = FlavorWish("ess", "vm", flavor_id(spec().datastore, Role.DATA, name))
    return replace(usual, **changes)


def with_masters(data: int) -> Cluster:
    masters = tuple(
        replace(node(9, ready=True), id=NodeId(f"m{n}"), role=Role.MASTER) for n in range(3)
    )
    record = live()
    disk = Volume("COMMON", 40)
    groups = (
        replace(record.spec.groups[0], count=data),
        NodeGroup(Role.MASTER, 3, "ess.spec-2u16g", disk),
    )
    return replace(
        record, spec=replace(record.spec, groups=groups), nodes=record.nodes[:data] + masters
    )


def test_all_nodes_of_the_type_are_restarted_one_after_the_other_with_more() -> None:
    change = change_flavor(live(), wish(), ROOMY, NOW)
    action = change.after.action
    assert action is not None
    assert (action.kind, action.pace) == (ActionKind.RESIZING_FLAVOR, Pace.ROLLING)
    assert change.after.spec.groups[0].flavor == "ess.spec-4u32g"
    for one in change.after.nodes:
        assert one.is_stale
        assert (one.flavor, one.heap_mb, one.processors) == ("ess.spec-4u32g", 16384, 4)
    assert change.more_memory_mb == 3 * (16384 - 512)


def test_what_the_host_cannot_give_is_not_promised() -> None:
    change = change_flavor(live(), wish(), TIGHT, NOW)
    assert {one.heap_mb for one in change.after.nodes} == {512}
    assert change.more_memory_mb == 0


def test_only_nodes_of_the_type() -> None:
    record = with_masters(2)
    change = change_flavor(record, wish(), ROOMY, NOW)
    assert {one.role for one in change.restarting} == {Role.DATA}
    assert change.after.nodes[2:] == record.nodes[2:]


def test_a_disk_type_is_a_name_and_restarts_nothing() -> None:
    change = change_flavor(live(), FlavorWish("ess", "volume", "ULTRAHIGH"), TIGHT, NOW)
    assert change.restarting == ()
    assert {one.volume.type for one in change.after.nodes} == {"ULTRAHIGH"}
    assert change.after.spec.groups[0].volume == Volume("ULTRAHIGH", 100)


def test_an_index_without_replica_is_in_the_way_unless_told_otherwise() -> None:
    record = replace(live(), indices=IndicesSeen(1, ("logs", "old")))
    error = refused(lambda: change_flavor(record, wish(), TIGHT, NOW))
    assert error.code == "CSS.5090"
    assert "logs, old" in error.detail
    change_flavor(record, wish(needs_replicas=False), TIGHT, NOW)


def test_masters_hold_no_replicas() -> None:
    record = replace(with_masters(2), indices=IndicesSeen(0, ("logs",)))
    other = flavor_id(record.spec.datastore, Role.MASTER, "ess.spec-4u32g")
    change = change_flavor(record, FlavorWish("ess-master", "vm", other), ROOMY, NOW)
    assert {one.role for one in change.restarting} == {Role.MASTER}


@pytest.mark.parametrize(
    ("record", "asked", "code", "said"),
    [
        (live(), wish("ess.spec-2u16g"), "CSS.0075", "already"),
        (live(), wish("css.8xlarge.2"), "CSS.5009", "320 to 10240 GB"),
        (live(), wish(wanted="x"), "CSS.5007", "new_flavor_id is 'x'"),
        (live(), wish(kind="both"), "CSS.5038", "vm or volume"),
        (live(), wish(role="ess-cold"), "CSS.0076", "one of ess is right"),
        (live(), wish(role="lgs"), "CSS.0076", "one of ess is right"),
        (live(), FlavorWish("ess", "volume", "TAPE"), "CSS.5008", "COMMON"),
        (live(), FlavorWish("ess", "volume", "COMMON"), "CSS.5061", "already"),
        (with_masters(2), FlavorWish("ess-master", "volume", "HIGH"), "CSS.5061", "ess-cold"),
        (with_masters(1), wish(), "CSS.5047", "at least 2 ess nodes"),
        (replace(live(), nodes=live().nodes[:2]), wish(), "CSS.0074", "at least 3 nodes"),
    ],
)
def test_refusals(record: Cluster, asked: FlavorWish, code: str, said: str) -> None:
    error = refused(lambda: change_flavor(record, asked, ROOMY, NOW))
    assert error.code == code
    assert said in error.detail


def test_a_cluster_that_is_not_whole_waits_unless_told_otherwise() -> None:
    record = live()
    away = replace(record, nodes=(replace(record.nodes[0], ready=False), *record.nodes[1:]))
    assert refused(lambda: change_flavor(away, wish(), TIGHT, NOW)).code == "CSS.5090"
    change_flavor(away, wish(needs_whole=False), TIGHT, NOW)
