"""Which nodes move to which zone, who is restarted for it, and what is refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from tests.support.cluster_examples import NOW, ZONES, live, node, refused, spec

from searchplane.domain.cluster import Action, ActionKind, Cluster, Role
from searchplane.domain.growth import Growth, Place, grow
from searchplane.domain.ids import NodeId
from searchplane.domain.layout import HostLimits
from searchplane.domain.tasks import Mode
from searchplane.domain.zones import Move, MoveKind, data_zones, move

A, B, C = ZONES
D, M = Role.DATA, Role.MASTER


def placed(*places: tuple[Role, str]) -> Cluster:
    """A live cluster of these nodes."""
    nodes = tuple(
        replace(node(number, ready=True), role=role, zone=zone)
        for number, (role, zone) in enumerate(places, 1)
    )
    there = {zone for _, zone in places}
    zones = tuple(zone for zone in ZONES if zone in there)
    return replace(live(len(nodes)), nodes=nodes, spec=spec(len(nodes), zones=zones))


def wish(**changes: Any) -> Move:
    usual = Move("all", A, (A, B, C), MoveKind.SPREAD, checks_backup=False, agency="css")
    return replace(usual, **changes)


def moved(cluster: Cluster, **changes: Any) -> Cluster:
    return move(cluster, wish(**changes), ZONES, "task", NOW).after


def zones_of(cluster: Cluster) -> list[str]:
    return [one.zone for one in cluster.nodes]


def test_nodes_are_spread_evenly_and_as_many_stay_as_can() -> None:
    before = placed(*[(D, A)] * 5)
    after = moved(before)
    assert Counter(zones_of(after)) == {A: 2, B: 2, C: 1}
    assert zones_of(after)[:2] == [A, A]
    assert after.spec.zones == ZONES
    after = moved(placed((D, A), (D, B), (D, B), (D, A)))
    assert Counter(zones_of(after)) == {A: 2, B: 1, C: 1}


def test_each_type_is_spread_by_itself() -> None:
    after = moved(placed(*[(D, A)] * 3, *[(M, A)] * 3))
    assert zones_of(after) == [A, B, C, A, B, C]


def test_the_nodes_of_one_zone_go_to_another_and_the_rest_stay() -> None:
    change = move(
        placed((D, A), (D, B), (D, A)),
        wish(kind=MoveKind.MIGRATE, target=(C,)),
        ZONES,
        "task",
        NOW,
    )
    assert zones_of(change.after) == [C, B, C]
    assert change.after.spec.zones == (B, C)
    assert change.task is not None
    assert change.task.mode is Mode.AZ_MIGRATION
    assert [zone for _, zone in change.task.origins] == [A, B, A]
    action = change.after.action
    assert action is not None
    assert (action.kind, action.id) == (ActionKind.MIGRATING_ZONES, "task")


def test_only_who_gets_another_label_is_restarted_while_copies_are_kept_apart_as_before() -> None:
    change = move(
        placed(*[(D, A)] * 3, *[(M, A)] * 3),
        wish(types="ess-master", kind=MoveKind.MIGRATE, target=(B,)),
        ZONES,
        "task",
        NOW,
    )
    assert [one.role for one in change.restarting] == [M, M, M]


def test_masters_are_restarted_too_when_copies_are_to_be_kept_apart_by_other_zones() -> None:
    change = move(
        placed(*[(D, A)] * 3, *[(M, A)] * 3), wish(types="ess", target=(A, B)), ZONES, "task", NOW
    )
    assert [one.is_stale for one in change.after.nodes] == [False, False, True, True, True, True]
    assert change.task is not None
    assert len(change.task.nodes) == 4


def test_a_zone_with_masters_only_keeps_no_copies_apart() -> None:
    after = moved(
        placed(*[(D, A)] * 3, *[(M, A)] * 3), types="ess-master", kind=MoveKind.MIGRATE, target=(B,)
    )
    assert after.spec.zones == (A, B)
    assert data_zones(after) == (A,)


def test_nodes_that_are_added_later_go_where_their_type_is() -> None:
    after = moved(
        placed(*[(D, A)] * 3, *[(M, A)] * 3), types="ess-master", kind=MoveKind.MIGRATE, target=(B,)
    )
    idle = replace(
        after, action=None, nodes=tuple(replace(one, restarts_wanted=0) for one in after.nodes)
    )
    place = Place(HostLimits(512, 2), lambda: NodeId("new"))
    grown = grow(idle, (Growth(D, 1, 0),), place, NOW).after
    assert grown.nodes[-1].zone == A


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"types": "ess-cold"}, "CSS.0076"),
        ({"types": "nothing"}, "CSS.0076"),
        ({"source": B}, "CSS.5052"),
        ({"target": ()}, "CSS.5052"),
        ({"target": (A, B, B)}, "CSS.5052"),
        ({"target": (A, "mars")}, "CSS.5052"),
        ({"target": (B, C)}, "CSS.5052"),
        ({"target": (A,)}, "CSS.5052"),
        ({"kind": MoveKind.MIGRATE, "target": (B, C)}, "CSS.5052"),
        ({"kind": MoveKind.MIGRATE, "target": (A,)}, "CSS.5052"),
        ({"checks_backup": True}, "CSS.0083"),
    ],
)
def test_wrong_wishes_are_refused(changes: dict[str, Any], code: str) -> None:
    assert refused(lambda: moved(placed(*[(D, A)] * 3), **changes)).code == code


def test_too_few_nodes_and_busy_clusters_are_refused() -> None:
    assert refused(lambda: moved(placed((D, A), (D, A)))).code == "CSS.0074"
    few = placed(*[(D, A)] * 3, *[(Role.CLIENT, A)] * 2)
    assert refused(lambda: moved(few)).code == "CSS.5172"
    busy = replace(placed(*[(D, A)] * 3), action=Action(ActionKind.GROWING, NOW))
    assert refused(lambda: moved(busy)).code == "CSS.0077"
