"""One cluster of the fake driver under the real passes, run one by one, and what must hold of it.

The clock is the test's own. Whoever drives it asks for changes and makes nodes fail; after every
pass it is checked that nothing was lost or taken away that was there.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from tests.support.cluster_examples import NOW, cluster, node, spec

from searchplane.domain.change import Change
from searchplane.domain.cluster import (
    Action,
    ActionKind,
    Cluster,
    Fate,
    NodeGroup,
    Pace,
    Role,
    Security,
    Volume,
)
from searchplane.domain.engines import ELASTICSEARCH_7_10_2, Datastore, Engine
from searchplane.domain.ids import ClusterId, NodeId
from searchplane.drivers.base import Checkpoint, NodeRef, no_checkpoint
from searchplane.drivers.fake import FakeDriver
from searchplane.drivers.fake.engine import Members, lost, voters
from searchplane.drivers.fake.memory import FakeNode, Phase
from searchplane.errors import Refused
from searchplane.iam.sealing import Seals
from searchplane.observability.metrics import Metrics
from searchplane.reconciler import (
    act,
    observe,
    one_pass,
    rebuilding,
    snapshot_acts,
    snapshot_rows,
    snapshots,
    verifications,
    verifying,
)
from searchplane.reconciler.compose import composer
from searchplane.reconciler.one_pass import OnePass
from searchplane.reconciler.ports import Ports
from searchplane.store import clusters
from searchplane.store.database import Database
from searchplane.store.secrets import ADMIN_HASH, ClusterSecrets

ID = ClusterId("cluster-1")
FLAVOR = "ess.spec-2u16g"
PLAIN = Security()
CLOCKED = (
    act,
    observe,
    one_pass,
    rebuilding,
    snapshot_acts,
    snapshot_rows,
    snapshots,
    verifications,
    verifying,
)
"""The modules that ask for the time."""
FAR = 150
"""Passes in which any change must be over when nothing fails."""
STUCK = 14
"""Passes that say the same, after which the clock is put forward."""
TOO_LONG = timedelta(hours=49)
"""After this a departure that cannot be done has been given up."""


class Clock(datetime):
    """The time in the modules that ask for it."""

    at = NOW

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return cls.at


class World:
    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.runner = asyncio.Runner()
        self.secrets = ClusterSecrets(Seals.open(folder))
        self.indices: set[str] = set()
        self.at_fault: set[NodeId] = set()
        self.is_gone = False
        self.restart_service()

    def restart_service(self, checkpoint: Checkpoint = no_checkpoint) -> None:
        """What a kill leaves is what is stored; what the test wished for nodes is forgotten."""
        self.driver = FakeDriver(self.folder, lambda _: None, checkpoint=checkpoint)
        self.ports = Ports(
            database=self.database,
            secrets=self.secrets,
            driver=self.driver,
            probe=self.driver,
            control=self.driver,
            snapshots=self.driver.snapshots,
            ensure_distribution=self.driver.ensure_distribution,
            compose=composer(self.driver.tenant_folder),
            checkpoint=checkpoint,
        )
        self.one_pass = OnePass(self.ports, 600.0, Metrics())

    def create(
        self,
        layout: Mapping[Role, int],
        security: Security = PLAIN,
        engine: Engine = ELASTICSEARCH_7_10_2,
    ) -> None:
        Clock.at = NOW
        members = tuple(
            node(place, role=role, name=f"es-{role.value}-esn-{place}-1", address=None)
            for place, role in enumerate(Counter(layout).elements(), 1)
        )
        groups = tuple(
            NodeGroup(role, size, FLAVOR, Volume("COMMON", 100)) for role, size in layout.items()
        )
        record = cluster(
            len(members),
            members,
            created=NOW,
            updated=NOW,
            spec=spec(
                groups=groups,
                security=security,
                engine=engine,
                datastore=Datastore(engine.family.value, engine.version),
            ),
            action=Action(ActionKind.CREATING, NOW),
        )
        with self.database.write() as connection:
            clusters.add(connection, record)
            self.secrets.put(connection, ID, {ADMIN_HASH: "of a password"})
        self.until_idle()

    @property
    def record(self) -> Cluster | None:
        with self.database.read() as connection:
            return clusters.find(connection, ID)

    @property
    def there(self) -> Cluster:
        found = self.record
        assert found is not None
        return found

    def chosen(self, which: int) -> NodeRef:
        members = self.there.nodes
        return NodeRef(ID, members[which % len(members)].id)

    def ask(
        self, change: Callable[[Cluster], Change], secrets: Mapping[str, str] | None = None
    ) -> None:
        """Refused or stored; a second one like it is refused, so that it does not double."""
        for attempt in (1, 2):
            before = self.there
            try:
                wanted = change(before)
            except Refused:
                continue
            assert attempt == 1, f"accepted twice: {before.action}"
            self.store(before, wanted.after, secrets or {})

    def store(
        self, before: Cluster, after: Cluster, secrets: Mapping[str, str] | None = None
    ) -> None:
        with self.database.write() as connection:
            clusters.change(connection, before, after)
            self.secrets.put(connection, ID, secrets or {})

    def delete(self) -> None:
        with self.database.write() as connection:
            action = Action(ActionKind.DELETING, Clock.at)
            clusters.begin_action(connection, self.there, action)

    def add_index(self, shards: int, replicas: int) -> None:
        if not self.has_master() or not any(one.holds_data for one in self.joined().values()):
            return
        index = f"index-{len(self.indices)}"
        self.driver.add_index(ID, index, shards=shards, replicas=replicas)
        self.indices.add(index)

    def run(self, seconds: int = 1) -> None:
        """One pass, before and after which everything is compared."""
        Clock.at += timedelta(seconds=seconds)
        record = self.record
        if record is None:
            return
        twice, had_master = self.with_copies(2), self.has_master()
        outcome = self.runner.run(self.one_pass.run(ID))
        self.is_gone = outcome.after is None
        if record.is_being(ActionKind.DELETING):
            return
        assert lost(self.driver.engine(ID)) == ()
        self.at_fault -= set(self.joined())
        if record.action is None or record.action.pace is Pace.ROLLING:
            self._took_nothing_away(record, twice, had_master)

    def _took_nothing_away(self, record: Cluster, twice: set[int], had_master: bool) -> None:
        assert twice <= self.with_copies(1), f"{self.said()}: shards can be searched nowhere"
        staying = {one.id for one in record.nodes if one.fate is Fate.STAY and one.ready}
        away = staying - set(self.joined()) - self.at_fault
        most = record.action.batch_size if record.action is not None else 1
        assert len(away) <= most, f"{self.said()}: {away} are away at once"
        if had_master and len(self.voters()) > 2:
            assert self.has_master(), f"{self.said()}: there is no master any longer"

    def said(self) -> str:
        return self.there.sentence

    def until_idle(self) -> None:
        """Passes until no action is left; what cannot be done is given up in the end."""
        said: list[str] = []
        for _ in range(FAR):
            self.run(seconds=10)
            record = self.record
            if record is None or (record.action is None and record.unhealthy_since is None):
                return
            said.append(record.sentence)
            if said[-STUCK:] == [record.sentence] * STUCK:
                Clock.at += TOO_LONG
        raise AssertionError(f"never over: {self.there.action}: {self.there.sentence}")

    def everything_ends_well(self) -> None:
        """With nothing failing, and nobody asking: a whole cluster, and nothing left over."""
        record = self.record
        if record is not None:
            for one in record.nodes:
                self.driver.heal(NodeRef(ID, one.id))
            self.store(record, replace(record, paused=False))
            self.until_idle()
            for _ in range(2):
                self.run(seconds=20)
        if self.is_gone:
            assert self.runner.run(self.driver.nodes()) == ()
            assert not list((self.folder / "fake").rglob("*.*"))
            return
        self._is_whole(self.there)

    def _is_whole(self, record: Cluster) -> None:
        engine = self.driver.engine(ID)
        assert (record.action, record.failure, record.refusal) == (None, None, None)
        assert (engine.excluded, engine.voting_excluded) == ((), ())
        assert {shard.index for shard in engine.shards} == self.indices
        ids = {one.id for one in record.nodes}
        assert set(self.joined()) == ids == {one.node_id for one in self._refs()}
        assert all(one.fate is Fate.STAY and not one.is_stale for one in record.nodes)
        counted = Counter(one.role for one in record.nodes)
        assert {group.role: group.count for group in record.spec.groups} == dict(counted)
        dedicated = counted[Role.MASTER] > 0
        for one in record.nodes:
            eligible = one.role is (Role.MASTER if dedicated else Role.DATA)
            assert self.nodes()[one.id].votes is eligible, one.name

    def _refs(self) -> tuple[NodeRef, ...]:
        return self.runner.run(self.driver.nodes())

    def nodes(self) -> Mapping[NodeId, FakeNode]:
        return self.driver.members(ID).known

    def joined(self) -> Mapping[NodeId, FakeNode]:
        return self.driver.members(ID).joined

    def runs(self, ref: NodeRef) -> bool:
        found = self.nodes().get(ref.node_id)
        return found is not None and found.phase is Phase.RUNNING

    def voters(self) -> frozenset[str]:
        return voters(self.driver.engine(ID), self.nodes())

    def has_master(self) -> bool:
        members: Members = self.driver.members(ID)
        return 2 * len(self.voters() & members.names()) > len(self.voters())

    def with_copies(self, least: int) -> set[int]:
        """Places of shards of which so many copies can be searched."""
        up = set(self.joined())
        return {
            place
            for place, shard in enumerate(self.driver.engine(ID).shards)
            if len(up & set(shard.copies)) >= least
        }
