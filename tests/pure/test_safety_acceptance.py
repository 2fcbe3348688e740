"""Which changes are accepted in which state, and the code of each rule that refuses one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest
from tests.support.change_examples import changing, leaving, name, of_roles, only
from tests.support.cluster_examples import NOW, ZONES, live, node, refused, spec

from searchplane.domain.change import Change, check_idle, given_up
from searchplane.domain.cluster import (
    Action,
    ActionKind,
    Cluster,
    Failure,
    Fate,
    IndicesSeen,
    NodeGroup,
    Pace,
    Role,
    Volume,
)
from searchplane.domain.departure import choose_leaving, replace_node, shrink, take_offline
from searchplane.domain.growth import Growth, Place, add_group, extend, fixed_volume, grow
from searchplane.domain.ids import NodeId
from searchplane.domain.layout import HostLimits
from searchplane.domain.preview import preview
from searchplane.domain.restarts import restart, restart_part, restart_rolling

M, D, C, COLD = Role.MASTER, Role.DATA, Role.CLIENT, Role.COLD
FAILURE = Failure("CSS.6001", "a node never starts", NOW)


def place() -> Place:
    numbers = count(100)
    return Place(HostLimits(max_heap_mb=512, processors=2), lambda: NodeId(f"new-{next(numbers)}"))


def groups(*roles: Role) -> Cluster:
    """A live cluster with these nodes and the groups they are of."""
    record = of_roles(*roles)
    made = tuple(
        NodeGroup(role, roles.count(role), "ess.spec-2u16g", Volume("COMMON", 100))
        for role in dict.fromkeys(roles)
    )
    return replace(record, spec=replace(record.spec, groups=made))


def dead(record: Cluster, *numbers: int) -> Cluster:
    change = only(*numbers, ready=False)
    return replace(record, nodes=tuple(map(change, record.nodes)))


def zoned(*places: int) -> Cluster:
    """Data nodes in these zones, by number."""
    members = tuple(
        node(number, ready=True, zone=ZONES[one]) for number, one in enumerate(places, 1)
    )
    zones = tuple(dict.fromkeys(one.zone for one in members))
    return replace(live(len(places)), nodes=members, spec=spec(len(places), zones=zones))


def with_replicas(most: int) -> Cluster:
    return replace(live(4), indices=IndicesSeen(most_replicas=most))


def offline(record: Cluster, *numbers: int, drains: bool = True) -> Change:
    ids = [f"node-{number}" for number in numbers]
    return take_offline(record, ids, NOW, drains=drains)


def replaced(record: Cluster, number: int) -> Change:
    return replace_node(record, f"node-{number}", NOW, drains=True)


def add(record: Cluster, role: Role, size: int, volume: str = "COMMON") -> Change:
    group = NodeGroup(role, size, "ess.spec-2u16g", fixed_volume(volume))
    return add_group(record, role, group, place(), NOW)


MIXED = groups(M, M, M, D, D, C)

REFUSED: dict[str, tuple[Callable[[], object], str, str]] = {
    "a busy cluster": (lambda: check_idle(changing(ActionKind.REBOOTING)), "CSS.5090", "REBOOTING"),
    "one that grows": (lambda: check_idle(changing(ActionKind.GROWING)), "CSS.0077", "GROWING"),
    "one that shrinks": (lambda: check_idle(leaving(1)), "CSS.0077", "SHRINKING"),
    "one whose disks grow": (
        lambda: check_idle(changing(ActionKind.RESIZING_VOLUME)),
        "CSS.0077",
        "RESIZING_VOLUME",
    ),
    "even to repair it": (
        lambda: check_idle(changing(ActionKind.GROWING), repairs=True),
        "CSS.0077",
        "wait until its actions are empty",
    ),
    "a failed one": (lambda: check_idle(live(failure=FAILURE)), "CSS.5090", "has failed"),
    "one that lacks a node": (lambda: check_idle(dead(live(), 1)), "CSS.5090", "not whole now"),
    "a paused one": (lambda: check_idle(live(paused=True), repairs=True), "CSS.5090", "resume it"),
    "a failed creation": (
        lambda: check_idle(
            changing(ActionKind.CREATING, failure=FAILURE, bootstrapped=False), repairs=True
        ),
        "CSS.5090",
        "CREATING",
    ),
    "extend of types": (lambda: extend(MIXED, 1, place(), NOW), "CSS.5140", "role_extend"),
    "extend by none": (lambda: extend(live(), 0, place(), NOW), "CSS.5047", "1 to 32"),
    "extend by too many": (
        lambda: extend(live(), 30, place(), NOW),
        "CSS.5047",
        "grow.modifySize is 30: 0 to 29",
    ),
    "growth of nothing": (lambda: grow(MIXED, (), place(), NOW), "CSS.0001", "at least one type"),
    "growth by nothing": (
        lambda: grow(MIXED, (Growth(D, 0, 0),), place(), NOW),
        "CSS.5047",
        "not both nodesize and disksize 0",
    ),
    "a type twice": (
        lambda: grow(MIXED, (Growth(D, 1, 0), Growth(D, 1, 0)), place(), NOW),
        "CSS.5038",
        "each type once",
    ),
    "a type it has not": (
        lambda: grow(live(), (Growth(COLD, 1, 0),), place(), NOW),
        "CSS.0076",
        "one of ess",
    ),
    "an even number of masters": (
        lambda: grow(MIXED, (Growth(M, 1, 0),), place(), NOW),
        "CSS.5134",
        "not 4",
    ),
    "fewer by growth": (
        lambda: grow(MIXED, (Growth(D, -1, 0),), place(), NOW),
        "CSS.5047",
        "0 to 198",
    ),
    "a bigger disk for masters": (
        lambda: grow(MIXED, (Growth(M, 0, 20),), place(), NOW),
        "CSS.5095",
        "stay as they are",
    ),
    "a disk that is odd": (
        lambda: grow(MIXED, (Growth(D, 0, 30),), place(), NOW),
        "CSS.5033",
        "multiple of 20",
    ),
    "a disk too big": (
        lambda: grow(MIXED, (Growth(D, 0, 10**6),), place(), NOW),
        "CSS.5009",
        "GB more",
    ),
    "dedicated data nodes": (lambda: add(live(), D, 3), "CSS.0076", "ess-master or ess-client"),
    "masters twice": (lambda: add(MIXED, M, 3), "CSS.5090", "has such nodes already"),
    "four masters": (lambda: add(live(), M, 4), "CSS.5134", "3, 5, 7 or 9"),
    "no clients": (lambda: add(live(), C, 0), "CSS.5047", "1 to 32"),
    "a disk unheard of": (lambda: add(live(), C, 1, "NVME"), "CSS.5008", "COMMON"),
    "fewer than zones": (lambda: add(zoned(0, 1, 2), C, 2), "CSS.5172", "one for each"),
    "shrink by nothing": (lambda: shrink(live(), {}, NOW), "CSS.0001", "at least one type"),
    "shrink of what is not there": (lambda: shrink(live(), {C: 1}, NOW), "CSS.0076", "one of ess"),
    "shrink of all": (lambda: shrink(live(), {D: 3}, NOW), "CSS.5047", "1 to 2"),
    "shrink by none": (lambda: shrink(live(), {D: 0}, NOW), "CSS.5047", "1 to 2"),
    "half of the data": (lambda: shrink(live(4), {D: 2}, NOW), "CSS.5047", "fewer than half"),
    "too few to begin with": (lambda: shrink(live(2), {D: 1}, NOW), "CSS.5047", "at least 3"),
    "an even number stays": (
        lambda: shrink(groups(M, M, M, M, M, D), {M: 1}, NOW),
        "CSS.5134",
        "not 4",
    ),
    "too few masters stay": (lambda: shrink(MIXED, {M: 2}, NOW), "CSS.5134", "not 1"),
    "half of the masters": (
        lambda: shrink(groups(*(M,) * 7, D), {M: 4}, NOW),
        "CSS.5047",
        "fewer than half of the 7 masters",
    ),
    "the last of a zone": (lambda: offline(zoned(0, 1, 1, 1), 1), "CSS.5047", "each zone"),
    "a zone two behind": (lambda: offline(zoned(0, 0, 1, 1, 1), 1), "CSS.5047", "differ by one"),
    "more replicas than nodes": (
        lambda: shrink(with_replicas(3), {D: 1}, NOW),
        "CSS.5047",
        "an index has 3 replicas, so at least 4 nodes",
    ),
    "with their data too": (
        lambda: offline(with_replicas(3), 1, drains=False),
        "CSS.5047",
        "lower its number_of_replicas",
    ),
    "an unknown node": (lambda: offline(live(), 9), "CSS.5042", "'node-9'"),
    "no node": (lambda: offline(live()), "CSS.5042", "ids of the cluster's instances"),
    "replace of nobody": (lambda: replaced(live(), 9), "CSS.5042", "'node-9'"),
    "replace with few others": (lambda: replaced(live(2), 1), "CSS.5047", "too few other nodes"),
    "replace with replicas": (
        lambda: replaced(replace(live(), indices=IndicesSeen(most_replicas=2)), 1),
        "CSS.5047",
        "an index has 2 replicas",
    ),
    "replace of the only one": (
        lambda: replaced(dead(live(1), 1), 1),
        "CSS.5047",
        "the only node that can be master",
    ),
    "restart of nobody": (lambda: restart_part(live(), "node", "x", NOW), "CSS.5042", "'x'"),
    "restart of types not there": (
        lambda: restart_part(live(), "role", "ess,ess-cold", NOW),
        "CSS.5073",
        "types of ess",
    ),
    "restart of what": (lambda: restart_part(live(), "zone", "x", NOW), "CSS.5073", "node or role"),
    "rolling of two": (lambda: restart_rolling(live(2), "role", "all", NOW), "CSS.5090", "2 nodes"),
    "rolling of one node": (
        lambda: restart_rolling(live(), "node", "node-1", NOW),
        "CSS.5073",
        "role is right",
    ),
    "rolling while a node is away": (
        lambda: restart_rolling(dead(live(), 1), "role", "all", NOW),
        "CSS.5090",
        "not whole",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_code_and_sentence(case: str) -> None:
    act, code, says = REFUSED[case]
    found = refused(act)
    assert found.code == code
    assert says in found.detail


BROKEN = changing(ActionKind.GROWING, count=4, change=only(4, ready=False), failure=FAILURE)

ACCEPTED: dict[str, Callable[[], Change]] = {
    "restart of a failed one": lambda: restart(live(failure=FAILURE), NOW),
    "restart of one that lacks a node": lambda: restart(dead(live(), 1), NOW),
    "restart when its action failed": lambda: restart(BROKEN, NOW),
    "replace of a dead one": lambda: replaced(dead(live(2), 1), 1),
    "replace of a dead one whatever the replicas": lambda: replaced(
        dead(replace(live(), indices=IndicesSeen(most_replicas=5)), 1), 1
    ),
    "taking a dead node away": lambda: offline(dead(live(4), 2), 2),
    "taking away the one that never started": lambda: offline(BROKEN, 4),
    "the same by type": lambda: shrink(BROKEN, {D: 1}, NOW),
    "shrink by one of three": lambda: shrink(live(), {D: 1}, NOW),
    "as many replicas as fit": lambda: shrink(with_replicas(2), {D: 1}, NOW),
    "clients whatever the replicas": lambda: shrink(
        replace(groups(M, M, M, D, D, C, C), indices=IndicesSeen(most_replicas=5)), {C: 1}, NOW
    ),
    "two of five masters": lambda: shrink(groups(*(M,) * 5, D), {M: 2}, NOW),
    "two of five data nodes": lambda: shrink(live(5), {D: 2}, NOW),
    "a few more": lambda: extend(live(), 29, place(), NOW),
    "all at once of two": lambda: restart(live(2), NOW),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted_and_shown_at_once(case: str) -> None:
    change = ACCEPTED[case]()
    assert change.after.action is not None
    assert change.after.action.started == NOW
    assert (change.after.failure, change.after.refusal) == (None, None)
    assert change.said


def test_dead_nodes_go_first_then_the_newest_of_the_fullest_zone() -> None:
    assert [one.name for one in choose_leaving(live(4), D, 2)] == [name(4), name(3)]
    assert [one.name for one in choose_leaving(dead(live(4), 2), D, 2)] == [name(2), name(4)]
    three = zoned(0, 1, 1, 2)
    assert [one.name for one in choose_leaving(three, D, 1)] == [name(3)]


def test_leaving_lowers_the_count_and_giving_up_restores_it() -> None:
    change = shrink(live(4), {D: 1}, NOW)
    assert [group.count for group in change.after.spec.groups] == [3]
    assert [one.fate for one in change.after.nodes][-1] is Fate.LEAVE
    back = given_up(change.after)
    assert [group.count for group in back.spec.groups] == [4]
    assert {one.fate for one in back.nodes} == {Fate.STAY}


def test_giving_up_counts_those_that_went_already() -> None:
    after = shrink(live(5), {D: 2}, NOW).after
    one_went = replace(after, nodes=after.nodes[:-1])
    assert [group.count for group in given_up(one_went).spec.groups] == [4]


def test_new_nodes_go_to_the_emptiest_zone_under_new_names() -> None:
    change = extend(zoned(0, 0, 1), 1, place(), NOW)
    (new,) = change.new_nodes
    assert (new.zone, new.name) == (ZONES[1], "es-test-ess-esn-4-1")


def test_disks_grow_without_new_nodes() -> None:
    change = grow(live(), (Growth(D, 0, 40),), place(), NOW)
    assert change.new_nodes == ()
    assert {one.volume.size_gb for one in change.after.nodes} == {140}
    assert change.after.action == Action(ActionKind.RESIZING_VOLUME, NOW)


def test_dedicated_masters_have_data_nodes_restarted_after_them() -> None:
    change = add(live(), M, 3)
    assert [one.role for one in change.new_nodes] == [M, M, M]
    assert [one.name for one in change.restarting] == [name(1), name(2), name(3)]
    assert add(live(), C, 1).restarting == ()


@pytest.mark.parametrize(
    ("change", "pace", "numbers"),
    [
        (lambda: restart(live(), NOW), Pace.AT_ONCE, (1, 2, 3)),
        (lambda: restart_part(live(), "node", "node-2", NOW), Pace.AT_ONCE, (2,)),
        (lambda: restart_part(MIXED, "role", "ess, ess-client", NOW), Pace.AT_ONCE, (4, 5, 6)),
        (lambda: restart_rolling(live(), "role", "ess", NOW), Pace.ROLLING, (1, 2, 3)),
        (lambda: restart_rolling(MIXED, "role", "all", NOW), Pace.ROLLING, (1, 2, 3, 4, 5, 6)),
    ],
)
def test_who_is_restarted_and_how(
    change: Callable[[], Change], pace: Pace, numbers: tuple[int, ...]
) -> None:
    found = change()
    assert found.after.action is not None
    assert found.after.action.pace is pace
    assert [one.name for one in found.restarting] == [name(number) for number in numbers]


def test_a_preview_of_leaving_is_in_the_order_of_the_passes() -> None:
    seen = preview(shrink(live(5), {D: 2}, NOW))
    assert seen.steps == (
        f"move the shards of {name(4)}, {name(5)} to other nodes",
        f"take the vote of {name(4)} if it has one, stop it and remove its storage",
        f"take the vote of {name(5)} if it has one, stop it and remove its storage",
    )
    assert (seen.moves, seen.removes) == ((name(4), name(5)),) * 2
    assert (seen.restarts, seen.starts, seen.interrupts) == ((), (), False)


def test_a_preview_without_moving_data_moves_none() -> None:
    seen = preview(offline(live(), 1, drains=False))
    assert seen.moves == ()
    assert len(seen.steps) == 1


def test_a_preview_of_replacing_starts_the_node_again() -> None:
    seen = preview(replaced(live(), 1))
    assert seen.removes == ()
    assert seen.steps[-1] == f"start {name(1)} again, empty, and wait until its shards are back"


def test_a_preview_of_dedicated_masters_starts_them_first() -> None:
    seen = preview(add(live(), M, 3))
    assert seen.steps[0].startswith("start ")
    assert seen.steps[1:4] == tuple(
        f"restart {name(number)} and wait until its shards are back" for number in (1, 2, 3)
    )
    assert len(seen.starts) == 3


def test_a_preview_tells_tiers_and_interruptions() -> None:
    rolling = preview(restart_rolling(MIXED, "role", "all", NOW))
    assert rolling.restarts == tuple(name(number) for number in (4, 5, 6, 1, 2, 3))
    assert not rolling.interrupts
    at_once = preview(restart(live(), NOW))
    assert at_once.interrupts
    assert at_once.steps == (
        f"stop {name(1)}, {name(2)}, {name(3)}, then start them again together",
    )
