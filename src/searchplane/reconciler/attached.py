"""Attached buckets within the pass: where in them there are repositories, and what becomes of those
that cannot be read.

A folder of elsewhere may be unmounted, closed or damaged. That is said once, beside the bucket and
as an event of the cluster that was to read it, and it is tried again ever more rarely: nobody waits
for it, and nothing else of the project has to do with it. Who attaches it again has it looked at
at once.

An operator may let go of a bucket at any moment, also while a pass is about to read it. So the row
is read again once the link is there, and where it is gone the link goes as well.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from searchplane.domain.cluster import Cluster
from searchplane.domain.ids import ProjectId
from searchplane.domain.plan import Phase
from searchplane.domain.snapshots import Bucket, Repository, Snapshot
from searchplane.errors import Transient
from searchplane.reconciler.ports import Ports
from searchplane.reconciler.waits import Backoff
from searchplane.store import buckets, events, snapshots

log = logging.getLogger(__name__)

SOONEST = timedelta(minutes=1)
LONGEST = timedelta(hours=1)
"""Between two attempts at a bucket that cannot be read."""
Key = tuple[ProjectId, str]


@dataclass(frozen=True)
class Opened:
    """A bucket that is attached now, the repositories in it, and what is listed of them."""

    places: tuple[Repository, ...]
    rows: tuple[Snapshot, ...]


class AttachedBuckets:
    """What it remembers only spares attempts."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._later = Backoff[Key](SOONEST, LONGEST)

    def told(self, found: Iterable[Bucket]) -> None:
        """These are in the record. One without a problem may have been attached again."""
        for one in found:
            if one.problem is None:
                self._later.forget(_key(one))

    def is_due(self, bucket: Bucket, now: datetime) -> bool:
        return not self._later.seconds_left(_key(bucket), now)

    async def tidy(self, cluster: Cluster, attached: Iterable[Bucket]) -> None:
        """Take away what an attach or a detach that was cut off has left."""
        kept = {one.name for one in attached}
        await self._ports.driver.detach_others(cluster.tenant, kept)

    async def open(self, bucket: Bucket, cluster: Cluster) -> Opened | None:
        """None where it is not attached any longer. Raises Transient or Permanent."""
        if bucket.path is None:
            return None
        driver = self._ports.driver
        found = await driver.attach(cluster.tenant, bucket.name, Path(bucket.path))
        known = await asyncio.to_thread(self._known, bucket, found)
        if known is None:
            await driver.detach(cluster.tenant, bucket.name)
        return known

    async def could(self, bucket: Bucket, cluster: Cluster, now: datetime) -> None:
        """It was read."""
        self._later.forget(_key(bucket))
        said = f"bucket {bucket.name} can be read again"
        await asyncio.to_thread(self._say, bucket, None, cluster, said, now)

    async def could_not(self, bucket: Bucket, cluster: Cluster, why: str, now: datetime) -> None:
        log.warning("bucket %s of %s cannot be read: %s", bucket.name, bucket.project_id, why)
        self._later.failed(_key(bucket), now)
        said = f"bucket {bucket.name}, which was attached, cannot be read: {why}"
        await asyncio.to_thread(self._say, bucket, why, cluster, said, now)

    def _known(self, bucket: Bucket, locations: Iterable[str]) -> Opened | None:
        with self._ports.database.read() as connection:
            there = buckets.find(connection, bucket.project_id, bucket.name)
            if there is None or there.path != bucket.path:
                return None
            known = snapshots.of_project(connection, bucket.project_id)
        places = tuple(Repository(there.name, one, read_only=True) for one in locations)
        rows = [one for one in known if one.repository.bucket == there.name]
        if rows and not any(one.repository in places for one in rows):
            raise Transient(
                f"{there.path} holds none of the {len(rows)} snapshots that were in it: it may not "
                "be mounted"
            )
        return Opened(places, tuple(rows))

    def _say(
        self, bucket: Bucket, problem: str | None, cluster: Cluster, said: str, now: datetime
    ) -> None:
        with self._ports.database.write() as connection:
            if buckets.tell(connection, bucket, problem):
                events.add(connection, cluster.id, now, Phase.SNAPSHOT.value, said)
                events.prune(connection, cluster.id, now)


def _key(bucket: Bucket) -> Key:
    return bucket.project_id, bucket.name
