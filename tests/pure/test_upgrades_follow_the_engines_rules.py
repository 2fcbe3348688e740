"""Which engine may follow which, what is offered, and what must hold before an upgrade."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.support.cluster_examples import NOW, live, refused, spec

from searchplane.domain.cluster import (
    Action,
    ActionKind,
    Cluster,
    IndicesSeen,
    Role,
    Security,
)
from searchplane.domain.engines import (
    ELASTICSEARCH_7_10_2,
    ENGINES,
    OPENSEARCH_1_3_6,
    OPENSEARCH_2_11_0,
    OPENSEARCH_2_17_1,
    OPENSEARCH_2_19_1,
    Datastore,
    Engine,
)
from searchplane.domain.tasks import Mode
from searchplane.domain.upgrades import (
    IMAGES,
    UpgradeKind,
    Wish,
    may_follow,
    running,
    targets,
    upgrade,
)

FOLLOWERS = {
    ELASTICSEARCH_7_10_2: {OPENSEARCH_1_3_6},
    OPENSEARCH_1_3_6: {OPENSEARCH_2_11_0, OPENSEARCH_2_17_1, OPENSEARCH_2_19_1},
    OPENSEARCH_2_11_0: {OPENSEARCH_2_17_1, OPENSEARCH_2_19_1},
    OPENSEARCH_2_17_1: {OPENSEARCH_2_19_1},
    OPENSEARCH_2_19_1: set(),
}


def on(engine: Engine, count: int = 3, **changes: Any) -> Cluster:
    """A live cluster of this engine."""
    datastore = Datastore(engine.family.value, engine.version)
    made = live(count, spec=spec(count, engine=engine, datastore=datastore), **changes)
    return replace(made, nodes=tuple(replace(one, engine=engine) for one in made.nodes))


def image_of(engine: Engine) -> str:
    return next(one.id for one in IMAGES if one.engine == engine)


def wish(engine: Engine, kind: UpgradeKind = UpgradeKind.CROSS, **changes: Any) -> Wish:
    usual = Wish(image_of(engine), kind, checks_backup=False, agency="css")
    return replace(usual, **changes)


def code(cluster: Cluster, asked: Wish | None = None) -> str:
    asked = asked or wish(OPENSEARCH_2_19_1)
    return refused(lambda: upgrade(cluster, asked, "task", NOW)).code


@pytest.mark.parametrize("target", ENGINES, ids=str)
@pytest.mark.parametrize("now", ENGINES, ids=str)
def test_an_engine_may_follow_only_those_it_can_share_a_cluster_with(
    now: Engine, target: Engine
) -> None:
    assert may_follow(now, target) is (target in FOLLOWERS[now])


def test_a_next_major_version_follows_only_the_last_minor_of_the_one_before() -> None:
    old = replace(OPENSEARCH_1_3_6, version="1.2.4")
    assert not may_follow(old, OPENSEARCH_2_11_0)
    assert may_follow(old, OPENSEARCH_1_3_6)


@pytest.mark.parametrize(
    ("engine", "kind", "offered"),
    [
        (ELASTICSEARCH_7_10_2, UpgradeKind.CROSS_ENGINE, [OPENSEARCH_1_3_6]),
        (ELASTICSEARCH_7_10_2, UpgradeKind.CROSS, []),
        (OPENSEARCH_2_11_0, UpgradeKind.CROSS, [OPENSEARCH_2_19_1, OPENSEARCH_2_17_1]),
        (OPENSEARCH_2_11_0, UpgradeKind.CROSS_ENGINE, []),
        (OPENSEARCH_2_11_0, UpgradeKind.SAME, []),
        (OPENSEARCH_2_19_1, UpgradeKind.CROSS, []),
    ],
)
def test_images_are_offered_by_kind_the_newest_first(
    engine: Engine, kind: UpgradeKind, offered: list[Engine]
) -> None:
    found = targets(on(engine), kind)
    assert [one.engine for one in found] == offered
    assert [one.priority for one in found] == sorted((o.priority for o in found), reverse=True)


def test_the_engine_that_runs_is_compared_and_not_the_datastore() -> None:
    named = live(
        spec=spec(datastore=Datastore("elasticsearch", "7.10.2"), engine=OPENSEARCH_2_19_1)
    )
    assert all(targets(named, kind) == () for kind in UpgradeKind)


def test_a_secured_cluster_goes_only_to_an_engine_with_a_security_plugin() -> None:
    secured = on(OPENSEARCH_2_11_0)
    secured = replace(secured, spec=replace(secured.spec, security=Security(authority=True)))
    assert [one.engine for one in targets(secured, UpgradeKind.CROSS)] == [OPENSEARCH_2_19_1]


def test_an_upgrade_that_was_given_up_is_finished_before_another_begins() -> None:
    half = on(OPENSEARCH_2_11_0)
    first = replace(half.nodes[0], engine=OPENSEARCH_2_17_1)
    half = replace(
        half,
        nodes=(first, *half.nodes[1:]),
        spec=replace(half.spec, engine=OPENSEARCH_2_17_1),
    )
    assert running(half) == OPENSEARCH_2_11_0
    assert [one.engine for one in targets(half, UpgradeKind.CROSS)] == [OPENSEARCH_2_17_1]
    change = upgrade(half, wish(OPENSEARCH_2_17_1), "task", NOW)
    assert [one.name for one in change.restarting] == [one.name for one in half.nodes[1:]]


def test_an_upgrade_marks_every_node_and_shows_the_new_version_when_it_is_done() -> None:
    before = on(OPENSEARCH_2_11_0)
    change = upgrade(before, wish(OPENSEARCH_2_19_1, batch_size=2), "task", NOW)
    after = change.after
    assert after.spec.engine == OPENSEARCH_2_19_1
    assert after.spec.datastore == before.spec.datastore
    assert all(one.is_stale for one in after.nodes)
    assert after.action == Action(
        ActionKind.UPGRADING,
        NOW,
        id="task",
        becomes=Datastore("opensearch", "2.19.1"),
        batch_size=2,
    )
    assert change.task is not None
    assert (change.task.mode, change.task.batch_size) == (Mode.UPGRADING, 2)
    assert change.task.nodes == tuple(one.name for one in before.nodes)


def test_the_engine_of_nodes_from_an_earlier_release_is_written_down_first() -> None:
    unknown = live(spec=spec(engine=OPENSEARCH_2_11_0))
    change = upgrade(unknown, wish(OPENSEARCH_2_19_1), "task", NOW)
    assert {one.engine for one in change.after.nodes} == {OPENSEARCH_2_11_0}


def with_roles(cluster: Cluster, *roles: Role) -> Cluster:
    pairs = zip(cluster.nodes, roles, strict=True)
    return replace(cluster, nodes=tuple(replace(one, role=role) for one, role in pairs))


D, M, C = Role.DATA, Role.MASTER, Role.CLIENT


@pytest.mark.parametrize(
    ("roles", "is_enough"),
    [
        ((D, D), False),
        ((D, D, D), True),
        ((D, D, Role.COLD), True),
        ((D, M, M, M), False),
        ((D, D, M, M, M), True),
        ((D, D, D, C), False),
        ((D, D, D, C, C), True),
    ],
)
def test_enough_nodes_must_serve_while_one_is_away(
    roles: tuple[Role, ...], is_enough: bool
) -> None:
    made = with_roles(on(OPENSEARCH_2_11_0, len(roles)), *roles)
    if is_enough:
        assert upgrade(made, wish(OPENSEARCH_2_19_1), "task", NOW).restarting
    else:
        assert code(made) == "CSS.0074"


def test_a_downgrade_is_refused_and_the_message_tells_what_is_offered() -> None:
    error = refused(lambda: upgrade(on(OPENSEARCH_2_17_1), wish(OPENSEARCH_2_11_0), "task", NOW))
    assert error.code == "CSS.0001"
    assert image_of(OPENSEARCH_2_19_1) in str(error)


def test_states_and_observations_that_do_not_allow_an_upgrade() -> None:
    fine = on(OPENSEARCH_2_11_0)
    away = replace(fine, nodes=(replace(fine.nodes[0], ready=False), *fine.nodes[1:]))
    assert code(away) == "CSS.0078"
    growing = replace(fine, action=Action(ActionKind.GROWING, NOW))
    assert code(growing) == "CSS.0077"
    assert code(replace(fine, action=Action(ActionKind.REBOOTING, NOW))) == "CSS.5090"
    assert code(replace(fine, indices=IndicesSeen(most_replicas=2))) == "CSS.0078"
    full = replace(fine.nodes[0], used_bytes=80 << 30)
    assert code(replace(fine, nodes=(full, *fine.nodes[1:]))) == "CSS.0078"
    roomy = replace(fine.nodes[0], used_bytes=79 << 30)
    allowed = replace(fine, nodes=(roomy, *fine.nodes[1:]), indices=IndicesSeen(most_replicas=1))
    assert upgrade(allowed, wish(OPENSEARCH_2_19_1), "task", NOW).task


def test_who_insists_on_a_snapshot_of_everything_is_told_that_there_is_none() -> None:
    asked = wish(OPENSEARCH_2_19_1, checks_backup=True)
    assert code(on(OPENSEARCH_2_11_0), asked) == "CSS.0083"


def test_ids_of_images_stay_what_they_are() -> None:
    assert len({one.id for one in IMAGES}) == len(ENGINES)
    assert image_of(OPENSEARCH_2_19_1) == "ab9e594e-1c3b-58f4-aa6e-60ffb74db057"


def test_all_broken_rules_are_told_at_once() -> None:
    made = with_roles(on(OPENSEARCH_2_11_0, 2), D, D)
    error = refused(lambda: upgrade(made, wish(OPENSEARCH_2_19_1, checks_backup=True), "task", NOW))
    assert "at least 3" in str(error)
    assert "no snapshot" in str(error)
