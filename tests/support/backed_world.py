"""Clusters of the fake driver that have snapshots, under the real passes, and what must hold.

What requests ask for is stored as the API's handlers store it. The rule above all: what is listed
as restorable lies in the bucket whole, and what lies in the bucket is listed (`alike`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

from tests.support.cluster_examples import NOW, cluster, node
from tests.support.paper_world import ID, Clock, World

from searchplane.domain.change import Change
from searchplane.domain.cluster import (
    Action,
    ActionKind,
    BackupStrategy,
    Cluster,
    Role,
    SnapshotSettings,
)
from searchplane.domain.ids import ClusterId, NodeId, RestoreId, SnapshotId
from searchplane.domain.restoring import Wish as RestoreWish
from searchplane.domain.restoring import restore, targets
from searchplane.domain.snapshots import Restore, Snapshot, SnapshotStatus
from searchplane.domain.snapshotting import Wish, remove, take
from searchplane.drivers.fake.repository import HALF, WHOLE
from searchplane.store import clusters, events, restores, snapshots

OTHER = ClusterId("00000000-0000-4000-8000-000000000002")
SETTINGS = SnapshotSettings("backups")
DAILY = BackupStrategy("12:00 GMT+00:00", "daily", 3)
FAR = 60
"""Passes in which anything must be over."""


class BackedWorld(World):
    """A cluster with documents in two indices; `open_world` makes it."""

    def begin(self, nodes: int = 1) -> None:
        self._numbers = count(1)
        self.create({Role.DATA: nodes})
        self.set_up(SETTINGS, None)
        for index in ("logs", "books"):
            self.add(index, 1 if nodes == 1 else 3, 0 if nodes == 1 else 1)
            self.write(index, f"the first of {index}", f"the second of {index}")
        self.settle()

    def resume(self) -> None:
        """After a copy of the folder: ids go on where they were."""
        self._numbers = count(100)

    def set_up(self, settings: SnapshotSettings | None, policy: BackupStrategy | None) -> None:
        before = self.there
        spec = replace(before.spec, snapshots=settings, backup=policy)
        self.store(before, replace(before, spec=spec, backed_up=Clock.at))

    def add(self, index: str, shards: int = 1, replicas: int = 0) -> None:
        self.driver.add_index(ID, index, shards=shards, replicas=replicas)
        self.indices.add(index)

    def write(self, index: str, *documents: str) -> None:
        self.driver.snapshots.write(ID, index, *documents)

    def documents(self, index: str, cluster_id: ClusterId = ID) -> tuple[str, ...]:
        return self.driver.snapshots.documents(cluster_id, index)

    def names(self, cluster_id: ClusterId = ID) -> set[str]:
        return {one.name for one in self.driver.engine(cluster_id).paper.indices}

    def found(self, cluster_id: ClusterId) -> Cluster:
        with self.database.read() as connection:
            there = clusters.find(connection, cluster_id)
        assert there is not None
        return there

    def add_cluster(self, cluster_id: ClusterId = OTHER) -> None:
        """Another cluster of the project, of one node, that is whole."""
        place = node(9, id=NodeId(f"{cluster_id[-12:]}-1"), name=f"{cluster_id}-1", address=None)
        record = cluster(1, (place,), id=cluster_id, created=NOW, updated=NOW)
        spec = replace(record.spec, name=str(cluster_id)[:32], snapshots=SETTINGS)
        action = Action(ActionKind.CREATING, NOW)
        with self.database.write() as connection:
            clusters.add(connection, replace(record, spec=spec, action=action))
        self.settle(cluster_id)

    def take(self, name: str, indices: str = "*") -> Snapshot:
        chosen = SnapshotId(f"snapshot-{next(self._numbers)}")
        self.accept(take(self.there, Wish(name, "by hand", indices), chosen, Clock.at))
        return self.row(name)

    def remove(self, name: str, worker: ClusterId = ID) -> None:
        self.accept(remove(self.found(worker), self.row(name)))

    def restore(
        self, name: str, wish: RestoreWish | None = None, into: ClusterId = ID
    ) -> RestoreId:
        chosen = RestoreId(f"restore-{next(self._numbers)}")
        wish = wish or RestoreWish("*")
        snapshot = self.row(name)
        found = targets(snapshot, wish)
        target = self.found(into)
        self.accept(restore(target, snapshot, wish, found, restore_id=chosen, now=Clock.at))
        return chosen

    def accept(self, wanted: Change) -> None:
        with self.database.write() as connection:
            clusters.change(connection, wanted.before, wanted.after)
            if wanted.takes is not None:
                snapshots.add(connection, wanted.takes)
            for one in wanted.snapshots:
                snapshots.save(connection, one)
            if wanted.restore is not None:
                restores.save(connection, wanted.restore)

    def once(self, cluster_id: ClusterId = ID, seconds: float = 1) -> float | None:
        """One pass; gives when the next is wanted."""
        Clock.at += timedelta(seconds=seconds)
        return self.runner.run(self.one_pass.run(cluster_id)).after

    def settle(self, cluster_id: ClusterId = ID) -> None:
        """Passes until nothing is left to do, and some more."""
        for _ in range(FAR):
            wait = self.once(cluster_id)
            if wait is None or (wait > 1 and self.found(cluster_id).action is None):
                return
        raise AssertionError(f"never over: {self.found(cluster_id).sentence}")

    def row(self, name: str) -> Snapshot:
        return self.rows()[name]

    def rows(self, cluster_id: ClusterId = ID) -> dict[str, Snapshot]:
        project = cluster().project_id
        with self.database.read() as connection:
            found = snapshots.of_cluster(connection, project, cluster_id)
        return {one.name: one for one in found}

    def restored(self, restore_id: RestoreId) -> Restore:
        with self.database.read() as connection:
            found = restores.find(connection, restore_id)
        assert found is not None
        return found

    def told(self, cluster_id: ClusterId = ID) -> list[str]:
        with self.database.read() as connection:
            return [one.sentence for one in events.after(connection, cluster_id, 0, 1000)]

    @property
    def bucket(self) -> Path:
        return self.driver.tenant_folder(1)

    def files(self, ending: str = WHOLE) -> set[str]:
        return {path.stem for path in self.bucket.rglob(f"*{ending}")}

    def alike(self, cluster_id: ClusterId = ID) -> None:
        """List and bucket hold the same, and nothing half is left."""
        listed = {name for name, row in self.rows(cluster_id).items() if row.is_restorable}
        assert listed == self.files()
        assert self.files(HALF) == set()
        assert all(
            row.status is not SnapshotStatus.BUILDING and not row.is_leaving and row.worker is None
            for row in self.rows(cluster_id).values()
        )


@contextmanager
def closing(world: BackedWorld) -> Iterator[BackedWorld]:
    try:
        yield world
    finally:
        world.runner.close()
