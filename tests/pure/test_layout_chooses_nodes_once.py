"""From a spec to its nodes: names, zones, heap; and whether the host can carry them."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from tests.support.cluster_examples import ZONES, spec

from searchplane.domain.cluster import Node, NodeGroup, Role, Volume
from searchplane.domain.ids import NodeId
from searchplane.domain.layout import (
    OVERHEAD_MB,
    HostLimits,
    default_max_heap_mb,
    lay_out,
    memory_needed_mb,
)

LIMITS = HostLimits(max_heap_mb=512, processors=2)


def laid_out(limits: HostLimits = LIMITS, **changes: object) -> tuple[Node, ...]:
    numbers = count(1)
    return lay_out(spec(**changes), limits, lambda: NodeId(f"id-{next(numbers)}"))


def test_names_follow_the_public_pattern_in_lower_case() -> None:
    names = [node.name for node in laid_out()]
    assert names == [f"es-test-ess-esn-{number}-1" for number in (1, 2, 3)]


def test_every_node_has_an_id_of_its_own_and_no_address_yet() -> None:
    nodes = laid_out(count=32)
    assert len({node.id for node in nodes}) == 32
    assert not any(node.address or node.ready or node.starts for node in nodes)


@pytest.mark.parametrize(("nodes", "spread"), [(3, [1, 1, 1]), (5, [2, 2, 1]), (7, [3, 2, 2])])
def test_zones_are_filled_evenly(nodes: int, spread: list[int]) -> None:
    zones = [node.zone for node in laid_out(count=nodes, zones=ZONES)]
    assert [zones.count(zone) for zone in ZONES] == spread


@pytest.mark.parametrize(
    ("flavor", "limits", "heap", "processors"),
    [
        ("ess.spec-2u16g", HostLimits(512, 2), 512, 2),
        ("ess.spec-2u16g", HostLimits(100_000, 64), 8192, 2),
        ("css.medium.8", HostLimits(100_000, 64), 4096, 1),
        ("ess.spec-32u128g", HostLimits(1024, 4), 1024, 4),
    ],
)
def test_heap_is_half_of_the_flavors_memory_up_to_what_the_host_can_carry(
    flavor: str, limits: HostLimits, heap: int, processors: int
) -> None:
    group = NodeGroup(Role.DATA, 1, flavor, Volume("COMMON", 100))
    (only,) = laid_out(limits, groups=(group,))
    assert (only.heap_mb, only.processors) == (heap, processors)


def test_roles_have_names_of_their_own() -> None:
    groups = tuple(
        NodeGroup(role, 1, "ess.spec-2u16g", Volume("COMMON", 40)) for role in (Role.DATA, *Role)
    )
    names = {node.name for node in laid_out(groups=groups)}
    assert len(names) == len(Role)


@pytest.mark.parametrize(
    ("host", "heap"), [(1024, 256), (4096, 256), (8192, 512), (6400, 400), (65536, 512)]
)
def test_the_default_heap_fits_the_host(host: int, heap: int) -> None:
    assert default_max_heap_mb(host) == heap


def test_what_nodes_take_is_their_heap_and_something_each() -> None:
    nodes = laid_out()
    assert memory_needed_mb(nodes) == 3 * (512 + OVERHEAD_MB)
    assert memory_needed_mb((replace(nodes[0], heap_mb=1000),)) == 1000 + OVERHEAD_MB
    assert memory_needed_mb(()) == 0
