"""Which lists of snapshots are compared with their buckets, by which cluster, and when.

A cluster looks after the repository that it writes to, and after those that its share of the
project's other ones: of clusters that are gone, and in buckets that were attached. Every one of
these has exactly one cluster that looks after it, so that no two engines write to it; it is the
one that deletes in it too (domain/heirs.py), or for an attached bucket the newest engine.

Each is looked at once after a start of the service, and again when something was done in it, when
its settings changed, when a cluster of the project has gone, or a bucket was attached. What could
not be compared is tried again a minute later: it is nothing that anybody waits for. What the engine
has refused to remove is left alone for some hours (waits.py). An attached bucket that cannot be
read concerns its reader alone (attached.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from searchplane.domain import snapshot_lists
from searchplane.domain.cluster import BackupStrategy, Cluster, SnapshotSettings
from searchplane.domain.engines import ENGINES
from searchplane.domain.heirs import worker_for
from searchplane.domain.ids import ClusterId, ProjectId
from searchplane.domain.snapshot_steps import AddSnapshots, SnapshotStep
from searchplane.domain.snapshot_work import Listed
from searchplane.domain.snapshots import Bucket, Repository, Snapshot, repository_of, writer_of
from searchplane.domain.upgrades import running
from searchplane.errors import Permanent, Transient
from searchplane.reconciler.attached import AttachedBuckets, Opened
from searchplane.reconciler.compose import addresses_of, target_of
from searchplane.reconciler.ports import Ports
from searchplane.reconciler.registering import registered
from searchplane.reconciler.waits import Backoff, Waits, order_of, order_to_delete
from searchplane.store import buckets, clusters, snapshots

log = logging.getLogger(__name__)

AGAIN = timedelta(seconds=1)
LONGEST = timedelta(seconds=60)
"""After comparisons that did not come off, ever more slowly."""

Identity = tuple[str, str | None, datetime]
"""Of an attached bucket, however it is with reading it."""
Settings = tuple[SnapshotSettings | None, BackupStrategy | None]


@dataclass(frozen=True)
class Shelf:
    """A repository that somebody has to look after; `rows` are what the list says is in it, and
    `orphans` those of them that a cluster had work with that is gone."""

    place: Repository
    writer: ClusterId
    rows: tuple[Snapshot, ...]
    orphans: tuple[Snapshot, ...] = ()


@dataclass
class _Project:
    """What a project's clusters look after besides their own, and what was attached then; `unread`
    are the attached buckets that `reader` is still to read."""

    attached: frozenset[Identity]
    shares: dict[ClusterId, list[Shelf]]
    reader: ClusterId | None
    unread: list[Bucket]


class Lists:
    """What it remembers only spares work: after a restart all lists are compared once."""

    def __init__(self, ports: Ports, waits: Waits) -> None:
        self._ports = ports
        self._waits = waits
        self._buckets = AttachedBuckets(ports)
        self._compared: dict[ClusterId, Settings] = {}
        self._later = Backoff[ClusterId](AGAIN, LONGEST)
        self._projects: dict[ProjectId, _Project] = {}
        self._project_of: dict[ClusterId, ProjectId] = {}
        self._open: dict[ClusterId, str] = {}
        """What the last comparison left open, as a sentence."""

    def changed(self, cluster: Cluster) -> None:
        """Something is done in the cluster's repositories."""
        self._compared.pop(cluster.id, None)

    def undone(self, cluster: Cluster) -> None:
        """What a comparison has found is not stored, or not all of it: it is made again."""
        self._compared.pop(cluster.id, None)
        self._projects.pop(cluster.project_id, None)

    def failed(self, cluster: Cluster, now: datetime) -> None:
        """What was to be done about a difference was not done."""
        self.undone(cluster)
        self._later.failed(cluster.id, now)

    def gone(self, cluster_id: ClusterId) -> None:
        """Its repositories are to be looked after by another cluster."""
        self._compared.pop(cluster_id, None)
        self._later.forget(cluster_id)
        project = self._project_of.pop(cluster_id, None)
        if project is not None:
            self._projects.pop(project, None)

    def are_known(self, cluster: Cluster, now: datetime) -> bool:
        """Whether nothing that the cluster looks after is to be compared now."""
        project = self._projects.get(cluster.project_id)
        if project is None or cluster.id in project.shares:
            return False
        return not self._unread(cluster, project, now) and self._is_compared(cluster)

    def _is_compared(self, cluster: Cluster) -> bool:
        settings = (cluster.spec.snapshots, cluster.spec.backup)
        return self._compared.get(cluster.id) == settings

    async def compare(
        self, cluster: Cluster, kept: Mapping[str, str], now: datetime
    ) -> tuple[SnapshotStep, ...]:
        """What to do so that lists and buckets are alike; nothing where that is known already."""
        if self._later.seconds_left(cluster.id, now):
            return ()
        self._project_of[cluster.id] = cluster.project_id
        self._open.pop(cluster.id, None)
        try:
            # Its own first: an attached folder that is gone must not hold that up.
            steps = tuple(await self._compare_own(cluster, kept, now))
            steps = steps or tuple(await self._compare_share(cluster, kept, now))
        except (Transient, Permanent) as error:
            log.warning("the snapshots of cluster %s cannot be listed: %s", cluster.id, error)
            self.failed(cluster, now)
            return ()
        if cluster.id in self._open:
            log.warning("cluster %s: %s", cluster.id, self._open.pop(cluster.id))
            self.failed(cluster, now)
        elif not steps:
            self._later.forget(cluster.id)
        if any(isinstance(step, AddSnapshots) and step.left for step in steps):
            self.undone(cluster)
        return steps

    def seconds_left(self, cluster: Cluster, now: datetime) -> float | None:
        """Until a comparison that did not come off is tried again."""
        return self._later.seconds_left(cluster.id, now)

    async def _compare_own(
        self, cluster: Cluster, kept: Mapping[str, str], now: datetime
    ) -> list[SnapshotStep]:
        if self._is_compared(cluster):
            return []
        rows = await asyncio.to_thread(self._rows_of, cluster)
        steps: list[SnapshotStep] = []
        for shelf in own_shelves(cluster, rows):
            steps += await self._compare_shelf(shelf, cluster, kept, now)
        self._compared[cluster.id] = (cluster.spec.snapshots, cluster.spec.backup)
        refused = {row.id for row in rows if self._waits.is_refused(order_to_delete(row), now)}
        return steps or [*snapshot_lists.retire(cluster, rows, now, frozenset(refused))]

    async def _compare_share(
        self, cluster: Cluster, kept: Mapping[str, str], now: datetime
    ) -> list[SnapshotStep]:
        project = self._projects.get(cluster.project_id)
        if project is None:
            project = await asyncio.to_thread(self._look_for_shares, cluster)
            await self._buckets.tidy(cluster, project.unread)
            self._projects[cluster.project_id] = project
        steps: list[SnapshotStep] = []
        for shelf in project.shares.pop(cluster.id, ()):
            taken = [*snapshot_lists.take_over(cluster, shelf.orphans, now)]
            after = {step.snapshot.id: step.snapshot for step in taken}
            rows = tuple(after.get(row.id, row) for row in shelf.rows)
            steps += taken
            steps += await self._compare_shelf(replace(shelf, rows=rows), cluster, kept, now)
        for bucket in self._unread(cluster, project, now):
            found = await self._compare_attached(bucket, cluster, kept, now)
            if found is not None:
                project.unread.remove(bucket)
                steps += found
        return steps

    def _unread(self, cluster: Cluster, project: _Project, now: datetime) -> list[Bucket]:
        """The attached buckets that the cluster is to read now."""
        if cluster.id != project.reader:
            return []
        return [one for one in project.unread if self._buckets.is_due(one, now)]

    async def _compare_attached(
        self, bucket: Bucket, cluster: Cluster, kept: Mapping[str, str], now: datetime
    ) -> list[SnapshotStep] | None:
        """What to do about the snapshots in it; None if it cannot be read."""
        steps: list[SnapshotStep] = []
        try:
            opened = await self._buckets.open(bucket, cluster)
            for shelf in _attached_shelves(opened) if opened is not None else ():
                listed = await _look_into_attached(shelf, cluster, kept, self._ports)
                steps += self._differences(listed, cluster, now)
        except (Transient, Permanent) as error:
            await self._buckets.could_not(bucket, cluster, str(error), now)
            return None
        await self._buckets.could(bucket, cluster, now)
        return steps

    async def _compare_shelf(
        self, shelf: Shelf, cluster: Cluster, kept: Mapping[str, str], now: datetime
    ) -> tuple[SnapshotStep, ...]:
        listed = await look_into(shelf, cluster, kept, self._ports)
        if problem := snapshot_lists.why_again(listed):
            self._open[cluster.id] = problem
        return self._differences(listed, cluster, now)

    def _differences(
        self, listed: Listed, cluster: Cluster, now: datetime
    ) -> tuple[SnapshotStep, ...]:
        steps = snapshot_lists.compare(cluster, listed, now)
        return tuple(step for step in steps if not self._is_refused(step, cluster, now))

    def _is_refused(self, step: SnapshotStep, cluster: Cluster, now: datetime) -> bool:
        order = order_of(step, cluster)
        return order is not None and self._waits.is_refused(order, now)

    def attached(self, project_id: ProjectId, found: Sequence[Bucket]) -> None:
        """These are the project's attached buckets now."""
        self._buckets.told(found)
        project = self._projects.get(project_id)
        if project is not None and project.attached != _identities(found):
            self._projects.pop(project_id, None)  # another thread may have

    def _look_for_shares(self, cluster: Cluster) -> _Project:
        """Who looks after what, of the clusters there are now."""
        gone, attached, everyone = self._others(cluster.project_id)
        shares: dict[ClusterId, list[Shelf]] = defaultdict(list)
        for shelf in _shelves(row for row in gone if not row.repository.read_only):
            chosen = worker_for(shelf.rows[0], shelf.rows, everyone)
            if chosen is not None:
                shares[chosen.id].append(_with_orphans(shelf, everyone))
        reader = _reader(everyone)
        chosen_reader = reader.id if reader is not None else None
        return _Project(_identities(attached), shares, chosen_reader, attached)

    def _rows_of(self, cluster: Cluster) -> list[Snapshot]:
        with self._ports.database.read() as connection:
            found = snapshots.of_cluster(connection, cluster.project_id, cluster.id)
        return [row for row in found if not row.repository.read_only]

    def _others(self, project_id: ProjectId) -> tuple[list[Snapshot], list[Bucket], list[Cluster]]:
        """What clusters that are gone have left, what is attached, and the clusters there are."""
        with self._ports.database.read() as connection:
            gone = snapshots.of_the_gone(connection, project_id)
            attached = [one for one in buckets.of_project(connection, project_id) if one.read_only]
            everyone = clusters.of_project(connection, project_id) if gone or attached else []
        return gone, attached, everyone


async def look_into(
    shelf: Shelf, cluster: Cluster, kept: Mapping[str, str], ports: Ports
) -> Listed:
    """What the cluster's engine says is in a repository. Raises Transient or Permanent."""
    target = target_of(cluster, kept, addresses_of(cluster))
    name = await registered(shelf.place, shelf.writer, cluster, target, ports)
    seen = await ports.snapshots.look(target, name)

    def names() -> frozenset[str]:
        with ports.database.read() as connection:
            return snapshots.names_of_cluster(connection, cluster.project_id, shelf.writer)

    return Listed(shelf.place, shelf.writer, shelf.rows, seen, await asyncio.to_thread(names))


async def _look_into_attached(
    shelf: Shelf, cluster: Cluster, kept: Mapping[str, str], ports: Ports
) -> Listed:
    """Raises Transient also where what is in it is not all."""
    listed = await look_into(shelf, cluster, kept, ports)
    if problem := snapshot_lists.why_again(listed):
        raise Transient(problem)
    return listed


def _identities(attached: Iterable[Bucket]) -> frozenset[Identity]:
    return frozenset((one.name, one.path, one.created) for one in attached)


def _attached_shelves(opened: Opened) -> list[Shelf]:
    rows = {shelf.place: shelf.rows for shelf in _shelves(opened.rows)}
    return [Shelf(place, writer_of(place), rows.get(place, ())) for place in opened.places]


def own_shelves(cluster: Cluster, rows: Sequence[Snapshot]) -> list[Shelf]:
    """Where it writes now, and where it has written."""
    found = _shelves(rows)
    settings = cluster.spec.snapshots
    if settings is not None:
        place = repository_of(settings, cluster.id)
        if all(shelf.place != place for shelf in found):
            found.append(Shelf(place, cluster.id, ()))
    return found


def _shelves(rows: Iterable[Snapshot]) -> list[Shelf]:
    by_place: dict[Repository, list[Snapshot]] = defaultdict(list)
    for row in rows:
        by_place[row.repository].append(row)
    return [Shelf(place, writer_of(place), tuple(found)) for place, found in by_place.items()]


def _with_orphans(shelf: Shelf, everyone: Sequence[Cluster]) -> Shelf:
    there = {one.id for one in everyone}
    orphans = tuple(row for row in shelf.rows if row.worker is not None and row.worker not in there)
    return replace(shelf, orphans=orphans)


def _reader(everyone: Sequence[Cluster]) -> Cluster | None:
    """The one with the newest engine, which can read most."""
    lasting = [one for one in everyone if one.spec.verifies is None]
    able = [one for one in lasting if one.bootstrapped and one.failure is None and not one.paused]
    return min(
        able,
        key=lambda one: (-ENGINES.index(running(one)), one.created, one.id),
        default=None,
    )
