"""An upgrade is a rolling restart on another engine: what passes do on the way there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import yaml
from tests.support.change_examples import UP, engine, name, shards
from tests.support.cluster_examples import NOW, ZONES, live, look, spec

from searchplane.domain.cluster import Cluster
from searchplane.domain.engines import (
    ELASTICSEARCH_7_10_2,
    OPENSEARCH_1_3_6,
    OPENSEARCH_2_11_0,
    OPENSEARCH_2_19_1,
    Datastore,
    Engine,
)
from searchplane.domain.ids import NodeId
from searchplane.domain.observed import Health, InstallFailed, Installing, Stopped
from searchplane.domain.plan import Patience, Phase, plan
from searchplane.domain.steps import CompleteAction, HaltNode, StartNode
from searchplane.domain.upgrades import IMAGES, UpgradeKind, Wish, upgrade
from searchplane.drivers.base import NodeSpec
from searchplane.reconciler.compose import composer

PATIENCE = Patience(create=timedelta(minutes=15))
FIRST, SECOND = NodeId("node-1"), NodeId("node-2")


def upgrading(
    old: Engine = OPENSEARCH_2_11_0,
    new: Engine = OPENSEARCH_2_19_1,
    kind: UpgradeKind = UpgradeKind.CROSS,
) -> Cluster:
    before = live(spec=spec(engine=old, datastore=Datastore(old.family.value, old.version)))
    image = next(one.id for one in IMAGES if one.engine == new)
    wish = Wish(image, kind, checks_backup=False, agency="css")
    return upgrade(before, wish, "task", NOW).after


def done(cluster: Cluster, *places: int) -> Cluster:
    """These nodes, by number, were started on the new engine five minutes ago."""
    nodes = tuple(
        replace(
            node,
            engine=cluster.spec.engine,
            restarts_done=node.restarts_wanted,
            last_start=NOW - timedelta(minutes=5),
        )
        if number in places
        else node
        for number, node in enumerate(cluster.nodes, 1)
    )
    return replace(cluster, nodes=nodes)


def specified(cluster: Cluster, place: int = 0) -> tuple[NodeSpec, dict[str, object]]:
    """What the driver is told of a node, and its settings."""
    made = composer(lambda _: Path("/buckets"))(cluster, cluster.nodes[place], {})
    (settings,) = (made.files[one] for one in made.files if one.endswith(".yml"))
    return made, yaml.safe_load(settings)


def test_no_node_is_stopped_before_the_engine_s_files_are_there() -> None:
    installing = look(UP, UP, UP, engine=engine(), distribution=Installing("half of it"))
    found = plan(upgrading(), installing, PATIENCE, certified=True)
    assert (found.phase, found.steps) == (Phase.INSTALL, ())
    assert found.healthy
    failing = look(UP, UP, UP, engine=engine(), distribution=InstallFailed("no network"))
    found = plan(upgrading(), failing, PATIENCE, certified=True)
    assert (found.phase, found.steps) == (Phase.INSTALL, ())
    assert "no network" in found.sentence


def test_files_are_not_waited_for_when_every_node_runs_the_engine() -> None:
    cluster = done(upgrading(), 1, 2, 3)
    assert not cluster.awaits_engine
    installing = look(UP, UP, UP, engine=engine(), distribution=Installing("half of it"))
    assert plan(cluster, installing, PATIENCE, certified=True).steps == (CompleteAction(),)


def test_one_node_is_stopped_and_the_elected_master_comes_last() -> None:
    seen = look(UP, UP, UP, engine=engine())
    assert plan(upgrading(), seen, PATIENCE, certified=True).steps == (HaltNode(SECOND),)
    last = done(upgrading(), 2, 3)
    assert plan(last, seen, PATIENCE, certified=True).steps == (HaltNode(FIRST),)


def test_replicas_that_no_old_node_may_hold_do_not_hold_up_the_rest() -> None:
    """The primary is on a new node, all others are old: yellow, and nothing will ever move."""
    half = done(upgrading(), 2)
    placed = shards(lonely={name(2): ("made-meanwhile",)})
    view = engine(placed=placed, health=Health.YELLOW, unassigned=1)
    found = plan(half, look(UP, UP, UP, engine=view), PATIENCE, certified=True)
    assert found.steps == (HaltNode(NodeId("node-3")),)
    moving = replace(view, initializing=1)
    found = plan(half, look(UP, UP, UP, engine=moving), PATIENCE, certified=True)
    assert found.steps == ()
    assert found.refusal is not None
    assert found.refusal.predicate == "nothing_moves"


def test_a_node_that_dies_on_the_way_is_started_on_the_new_engine() -> None:
    cluster = upgrading()
    seen = look(UP, UP, Stopped(), engine=engine(1, 2))
    assert StartNode(NodeId("node-3")) in plan(cluster, seen, PATIENCE, certified=True).steps
    assert specified(cluster, 2)[0].engine == OPENSEARCH_2_19_1


def test_a_node_speaks_as_what_the_cluster_becomes() -> None:
    key = "compatibility.override_main_response_version"
    cluster = upgrading(ELASTICSEARCH_7_10_2, OPENSEARCH_1_3_6, UpgradeKind.CROSS_ENGINE)
    made, settings = specified(cluster)
    assert "opensearch.yml" in made.files
    assert key not in settings
    assert "master" in str(settings["node.roles"])
    named_so = replace(
        cluster, action=None, spec=replace(cluster.spec, datastore=Datastore("elasticsearch", "7"))
    )
    assert specified(named_so)[1][key] is True


def test_a_formed_cluster_is_never_told_to_bootstrap_on_any_engine() -> None:
    for cluster in (
        upgrading(ELASTICSEARCH_7_10_2, OPENSEARCH_1_3_6, UpgradeKind.CROSS_ENGINE),
        upgrading(OPENSEARCH_1_3_6, OPENSEARCH_2_19_1),
    ):
        settings = specified(cluster)[1]
        assert not any("initial" in key for key in settings)


def test_copies_are_kept_apart_by_the_zones_that_hold_data() -> None:
    one = live(spec=spec(zones=ZONES))
    key = "cluster.routing.allocation.awareness.force.zone.values"
    assert key not in specified(one)[1]
    nodes = tuple(replace(node, zone=zone) for node, zone in zip(one.nodes, ZONES, strict=True))
    assert specified(replace(one, nodes=nodes))[1][key] == list(ZONES)
