"""A project gets no more than its quotas, and is told which of them do not suffice."""

from __future__ import annotations

import pytest
from tests.support.cluster_examples import NOW, ZONES, draft, live, refused

from searchplane.domain.cluster import Role, Volume
from searchplane.domain.creation import accept
from searchplane.domain.departure import shrink
from searchplane.domain.growth import Growth, Place, grow
from searchplane.domain.ids import NodeId
from searchplane.domain.layout import HostLimits
from searchplane.domain.quota import (
    CODES,
    Amounts,
    Limits,
    Resource,
    asked_besides,
    asked_by,
    check,
    nodes_amount,
)

USED = Amounts(clusters=2, nodes=6, vcpu=12, memory_gb=96, disks=6, disk_gb=600)
ASKED = Amounts(clusters=1, nodes=3, vcpu=6, memory_gb=48, disks=3, disk_gb=300)


def test_a_new_cluster_asks_for_what_its_flavor_and_volume_say() -> None:
    spec = accept(draft(count=3, flavor="ess.spec-2u16g", volume=Volume("COMMON", 100)), ZONES)
    assert asked_by(spec) == ASKED


@pytest.mark.parametrize(
    ("resource", "enough", "sentence"),
    [
        (Resource.CLUSTERS, 3, "clusters: 1 asked for; 2 of 2 are in use"),
        (Resource.NODES, 9, "nodes: 3 asked for; 6 of 8 are in use"),
        (Resource.VCPU, 18, "vCPU: 6 asked for; 12 of 17 are in use"),
        (Resource.MEMORY, 144, "GB of memory: 48 asked for; 96 of 143 are in use"),
        (Resource.DISKS, 9, "disks: 3 asked for; 6 of 8 are in use"),
        (Resource.DISK, 900, "GB of disk: 300 asked for; 600 of 899 are in use"),
    ],
)
def test_each_quota_suffices_exactly(resource: Resource, enough: int, sentence: str) -> None:
    check(ASKED, USED, Limits(**{resource.value: enough}))
    error = refused(lambda: check(ASKED, USED, Limits(**{resource.value: enough - 1})))
    assert error.code == CODES[resource]
    assert sentence in error.detail


def test_the_codes_are_the_public_ones() -> None:
    assert {one.value: code for one, code in CODES.items()} == {
        "clusters": "CSS.1112",
        "nodes": "CSS.0053",
        "vcpu": "CSS.0052",
        "memory_gb": "CSS.0054",
        "disks": "CSS.0055",
        "disk_gb": "CSS.0060",
    }


def test_without_limits_everything_is_allowed() -> None:
    check(Amounts(*[10**6] * 6), USED, Limits())


def test_every_broken_quota_is_named_and_the_first_gives_the_code() -> None:
    error = refused(lambda: check(ASKED, USED, Limits(nodes=8, disk_gb=0)))
    assert error.code == "CSS.0053"
    assert "6 of 8" in error.detail
    assert "600 of 0" in error.detail


def test_a_quota_below_what_is_in_use_forbids_more_of_that_only() -> None:
    check(Amounts(nodes=1), USED, Limits(clusters=1))
    refused(lambda: check(Amounts(clusters=1), USED, Limits(clusters=1)))


def test_amounts_add_up() -> None:
    four = nodes_amount("ess.spec-4u8g", 2, 90)
    assert four == Amounts(nodes=2, vcpu=8, memory_gb=16, disks=2, disk_gb=90)
    assert USED + four == Amounts(2, 8, 20, 112, 8, 690)


def test_a_change_asks_for_what_it_adds_and_not_for_what_is_there() -> None:
    change = grow(live(3), [Growth(Role.DATA, 1, 20)], PLACE, NOW)
    more = asked_besides(change.before.nodes, change.after.nodes)
    assert more == Amounts(nodes=1, vcpu=2, memory_gb=16, disks=1, disk_gb=180)


def test_nodes_that_are_to_go_count_until_they_are_gone() -> None:
    change = shrink(live(4), {Role.DATA: 1}, NOW)
    assert asked_besides(change.before.nodes, change.after.nodes) == Amounts()
    gone = change.after.nodes[:3]
    assert asked_besides(change.after.nodes, gone) == Amounts() - nodes_amount(
        "ess.spec-2u16g", 1, 100
    )


def test_who_has_more_than_a_quota_may_still_ask_for_less() -> None:
    check(Amounts() - Amounts(nodes=1), USED, Limits(nodes=1))


PLACE = Place(HostLimits(max_heap_mb=512, processors=2), lambda: NodeId("new"))
