"""One pass: a failing step holds up no other node, and events tell what is new, once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.cluster_examples import NOW, cluster, doomed, node

from searchplane.domain.cluster import Action, ActionKind, Cluster
from searchplane.domain.ids import ClusterId, NodeId
from searchplane.domain.observed import Absent, Distribution, Installing, Ready, Stopped
from searchplane.domain.plan import STEADY, Phase, Plan
from searchplane.domain.steps import CompleteAction, EndBootstrap, StartNode, Step
from searchplane.drivers.base import NodeRef, NodeSpec, Storage, no_checkpoint
from searchplane.drivers.fake import FakeDriver
from searchplane.errors import Transient
from searchplane.observability.metrics import Metrics
from searchplane.reconciler import one_pass
from searchplane.reconciler.compose import composer
from searchplane.reconciler.one_pass import AFTER_ERROR, OnePass
from searchplane.reconciler.ports import Ports
from searchplane.store import clusters, events
from searchplane.store.database import Database
from searchplane.store.secrets import ClusterSecrets

ID = ClusterId("cluster-1")


class Bad(FakeDriver):
    """A driver that fails for the nodes in `bad`, and an installer that answers `files`."""

    bad: tuple[str, ...] = ()
    tries: int = 0
    files: Distribution = Ready()

    async def remove(self, ref: NodeRef, storage: Storage) -> None:
        self._fail(ref)
        await super().remove(ref, storage)

    async def ensure(self, spec: NodeSpec) -> None:
        self._fail(spec.ref)
        await super().ensure(spec)

    async def ensure_distribution(self, engine: Any, *, secured: bool) -> Distribution:
        return self.files

    def _fail(self, ref: NodeRef) -> None:
        if ref.node_id in self.bad:
            self.tries += 1
            raise Transient(f"{ref.node_id}: the disk is busy ({self.tries} times)")


@pytest.fixture
def driver(tmp_path: Path) -> Bad:
    return Bad(tmp_path, lambda _: None)


@pytest.fixture
def ports(
    database: Database, cluster_secrets: ClusterSecrets, driver: Bad, tmp_path: Path
) -> Ports:
    return Ports(
        database=database,
        secrets=cluster_secrets,
        driver=driver,
        probe=driver,
        control=driver,
        snapshots=driver.snapshots,
        ensure_distribution=driver.ensure_distribution,
        compose=composer(lambda _: tmp_path),
        checkpoint=no_checkpoint,
    )


@pytest.fixture
def passes(ports: Ports) -> OnePass:
    return OnePass(ports, 600.0, Metrics())


def store(ports: Ports, record: Cluster) -> None:
    with ports.database.write() as connection:
        clusters.add(connection, record)


def stored(ports: Ports) -> Cluster:
    with ports.database.read() as connection:
        found = clusters.find(connection, ID)
    assert found is not None
    return found


def told(ports: Ports) -> list[str]:
    with ports.database.read() as connection:
        return [one.sentence for one in events.after(connection, ID, 0, 1000)]


async def run(passes: OnePass, times: int) -> None:
    for _ in range(times):
        await passes.run(ID)


def due(ports: Ports, *ids: str) -> None:
    """The nodes need not back off any longer."""
    before = stored(ports)
    nodes = tuple(
        replace(one, last_start=NOW - timedelta(days=365)) if one.id in ids else one
        for one in before.nodes
    )
    with ports.database.write() as connection:
        assert clusters.record(connection, before, replace(before, nodes=nodes))


async def take(monkeypatch: pytest.MonkeyPatch, passes: OnePass, *steps: Step) -> None:
    """One pass whose plan is these steps."""
    given = Plan(Phase.STEADY, "as told", steps)
    monkeypatch.setattr(one_pass, "plan", lambda *_, **__: given)
    await passes.run(ID)


async def made(ports: Ports, passes: OnePass) -> None:
    store(ports, cluster(created=NOW))
    await run(passes, 3)
    assert stored(ports).action is None


async def test_a_node_that_cannot_be_removed_holds_up_no_other(
    ports: Ports, passes: OnePass, driver: Bad
) -> None:
    await made(ports, passes)
    with ports.database.write() as connection:
        clusters.begin_action(connection, stored(ports), Action(ActionKind.DELETING, NOW))
    driver.bad = ("node-1",)
    await passes.run(ID)
    outcome = await passes.run(ID)
    assert [ref.node_id for ref in await driver.nodes()] == ["node-1"]
    assert outcome.after == AFTER_ERROR
    assert "node-1: the disk is busy" in stored(ports).sentence
    driver.bad = ()
    assert (await passes.run(ID)).after is not None
    assert (await passes.run(ID)).after is None


async def test_all_errors_of_a_pass_are_said_and_only_once(
    ports: Ports, passes: OnePass, driver: Bad, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, one_pass.__name__)
    await made(ports, passes)
    with ports.database.write() as connection:
        clusters.begin_action(connection, stored(ports), Action(ActionKind.DELETING, NOW))
    driver.bad = ("node-1", "node-2")
    await run(passes, 3)
    before = told(ports)
    await run(passes, 5)
    assert told(ports) == before
    assert len(caplog.records) == len(before)
    assert "node-1: the disk is busy" in before[-1]
    assert "; node-2: the disk is busy" in before[-1]


async def test_a_start_that_fails_again_and_again_is_one_event(
    ports: Ports, passes: OnePass, driver: Bad
) -> None:
    store(ports, cluster())
    driver.bad = ("node-1",)
    await run(passes, 2)
    before = told(ports)
    assert "node-1: the disk is busy" in before[-1]
    for _ in range(4):
        due(ports, "node-1")
        await run(passes, 2)
    assert driver.tries == 5
    assert told(ports) == before
    assert stored(ports).nodes[1].starts <= 1


async def test_figures_are_shown_but_make_no_events_even_after_a_restart(
    ports: Ports, passes: OnePass, driver: Bad
) -> None:
    store(ports, cluster())
    for one in (passes, passes, OnePass(ports, 600.0, Metrics())):
        for fetched in (1, 2, 3):
            driver.files = Installing(f"{fetched} of 300 MB")
            await one.run(ID)
            assert f"{fetched} of 300 MB" in stored(ports).sentence
    assert len(told(ports)) == 1


async def test_the_time_of_the_download_is_not_counted(
    ports: Ports, passes: OnePass, driver: Bad
) -> None:
    asked = NOW - timedelta(days=365)
    store(ports, cluster(action=Action(ActionKind.CREATING, asked), created=asked))
    driver.files = Installing("1 of 300 MB")
    await passes.run(ID)
    action = stored(ports).action
    assert action is not None
    assert action.started > asked + timedelta(days=1)
    assert stored(ports).failure is None


async def test_a_node_that_died_since_the_look_is_not_started_uncounted(
    ports: Ports, passes: OnePass, driver: Bad, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(ports, passes)
    driver.kill(NodeRef(ID, NodeId("node-2")))
    await take(monkeypatch, passes, EndBootstrap())
    assert isinstance(await driver.observe(NodeRef(ID, NodeId("node-2"))), Stopped)
    assert stored(ports).bootstrapped


async def test_the_action_is_not_complete_when_a_step_before_it_failed(
    ports: Ports, passes: OnePass, driver: Bad, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(ports, cluster())
    driver.bad = ("node-1",)
    steps = (StartNode(node(1).id), StartNode(node(2).id), CompleteAction())
    await take(monkeypatch, passes, *steps)
    assert stored(ports).action is not None
    assert isinstance(await driver.observe(NodeRef(ID, NodeId("node-1"))), Absent)
    assert not isinstance(await driver.observe(NodeRef(ID, NodeId("node-2"))), Absent)


@pytest.mark.parametrize(("make", "counted"), [(cluster, 1), (doomed, 0)])
async def test_only_a_creation_that_is_complete_became_green(
    ports: Ports,
    passes: OnePass,
    make: Callable[[], Cluster],
    counted: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    green: list[float] = []
    monkeypatch.setattr(Metrics, "became_green", lambda _, seconds: green.append(seconds))
    store(ports, make())
    await take(monkeypatch, passes, CompleteAction())
    assert len(green) == counted


async def test_an_idle_pass_reads_nothing_and_a_wish_is_seen_all_the_same(
    ports: Ports, passes: OnePass, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(ports, passes)
    await passes.run(ID)
    with monkeypatch.context() as unreadable:
        unreadable.setattr(clusters, "find", _never)
        assert (await passes.run(ID, is_unchanged=True)).after == STEADY
    with ports.database.write() as connection:
        clusters.begin_action(connection, stored(ports), Action(ActionKind.DELETING, NOW))
    await run(passes, 4)
    with ports.database.read() as connection:
        assert clusters.find(connection, ID) is None


async def test_what_is_remembered_cannot_write_over_a_wish(
    ports: Ports, passes: OnePass, driver: Bad
) -> None:
    """The wish was accepted elsewhere, and a node dies before anybody has told of it."""
    await made(ports, passes)
    await passes.run(ID)
    with ports.database.write() as connection:
        clusters.begin_action(connection, stored(ports), Action(ActionKind.DELETING, NOW))
    driver.kill(NodeRef(ID, NodeId("node-1")))
    assert (await passes.run(ID, is_unchanged=True)).after == 0
    assert stored(ports).is_being(ActionKind.DELETING)


def _never(*_: object) -> None:
    raise AssertionError("the record was read")
