"""Whether a snapshot can be restored: it is, into a scratch cluster, and what is there is compared.

Having backups is not having restores. A scratch cluster of one node is made for the snapshot, the
snapshot is restored into it as into any other, and all documents are counted and hashed
(verification_course.py). This module says what may be verified, when it is due by itself, and what
the scratch cluster is.

Whether the project and the host have room for one more cluster is admission's affair: a scratch
cluster counts like every other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from searchplane.domain.cluster import (
    Cluster,
    ClusterSpec,
    Network,
    NodeGroup,
    Role,
    Security,
    Volume,
)
from searchplane.domain.engines import ENGINES, SECURED_ENGINE, Datastore, Engine
from searchplane.domain.flavors import FLAVORS, Flavor
from searchplane.domain.ids import SnapshotId
from searchplane.domain.retention import is_whole
from searchplane.domain.scratch import Verification
from searchplane.domain.snapshots import Method, Snapshot
from searchplane.domain.upgrades import may_read
from searchplane.errors import Refused

SCRATCH = "verify-"
SHORTEST_ID, LONGEST_ID = 8, 25
"""Characters of a snapshot's id in the name of its scratch cluster."""
SMALLEST = "css.large.4"
"""The flavor of a scratch cluster, while its disk suffices."""
LEAST_DISK_GB = 40
DISK_STEP_GB = 20
ROOM = 2
"""The disk is so many times larger than what was copied: the engine merges what it has restored."""


def check(snapshot: Snapshot, scratch: str | None) -> None:
    """Refuse what cannot be verified; `scratch` is the cluster that verifies it now, if any does.

    Raises Refused CSS.3016, CSS.0029 or CSS.5090.
    """
    if snapshot.is_leaving:
        raise Refused("CSS.3016", f"the snapshot {snapshot.name} is being deleted")
    if not snapshot.is_restorable:
        raise Refused(
            "CSS.5090",
            f"the snapshot {snapshot.name} is {snapshot.status.value}: only what can be restored "
            "can be verified",
        )
    if not snapshot.contents:
        raise Refused("CSS.5090", f"the snapshot {snapshot.name} holds no index to restore")
    if scratch is not None:
        raise Refused(
            "CSS.0029",
            f"the snapshot {snapshot.name} is being verified already, in the cluster {scratch}",
        )


def is_due(cluster: Cluster, every: timedelta, now: datetime) -> bool:
    """Whether one of the cluster's snapshots is to be verified by itself; from the record alone.

    What is further ahead than that was recorded by a wrong clock.
    """
    if cluster.spec.backup is None:
        return False
    return cluster.verified is None or abs(now - cluster.verified) >= every


def newest(snapshots: Iterable[Snapshot]) -> Snapshot | None:
    """Which of one cluster's snapshots is verified by itself: the last automatic one, if whole."""
    able = [one for one in snapshots if one.is_restorable and is_whole(one) and one.contents]
    automatic = [one for one in able if one.method is Method.AUTO]
    return max(automatic, key=lambda one: (one.created, one.id), default=None)


def scratch_name(snapshot_id: SnapshotId, taken: Collection[str]) -> str:
    """As much of the id as no other cluster is called like; a user may call theirs anything.

    It is for people: what a cluster is for stands in its record.
    """
    digits = snapshot_id.replace("-", "")
    names = [f"{SCRATCH}{digits[:length]}" for length in range(SHORTEST_ID, LONGEST_ID + 1)]
    return next((name for name in names if name not in taken), names[-1])


def scratch_spec(
    snapshot: Snapshot,
    network: Network,
    zone: str,
    now: datetime,
    taken: Collection[str] = (),
) -> ClusterSpec:
    """An ordinary cluster of one node, of the engine that wrote the snapshot. `taken` are the
    names of the project's clusters.

    What is restored there may be secret: where the engine has a security mode, it is on, and
    nobody is told the password. Raises Refused CSS.5090 where no engine here can read it.
    """
    engine = _reader(snapshot)
    secured = engine == SECURED_ENGINE
    flavor, volume = _size(snapshot.bytes_total)
    return ClusterSpec(
        name=scratch_name(snapshot.id, taken),
        datastore=Datastore(engine.family.value, engine.version),
        engine=engine,
        groups=(NodeGroup(Role.DATA, 1, flavor.name, volume),),
        network=network,
        zones=(zone,),
        security=Security(authority=secured, https=secured),
        description=f"made to verify the snapshot {snapshot.name}, and deleted after that",
        verifies=Verification(snapshot.id, started=now),
    )


def steps(snapshot: Snapshot, spec: ClusterSpec) -> tuple[str, ...]:
    """What a verification with this scratch cluster would do, in order."""
    (group,) = spec.groups
    size = f"{group.flavor}, {group.volume.size_gb} GB"
    return (
        f"make the scratch cluster {spec.name} of one node ({spec.engine}, {size})",
        f"restore the snapshot {snapshot.name} into it",
        f"count and hash all documents of {len(snapshot.contents)} indices, and compare",
        f"delete {spec.name}",
    )


def _reader(snapshot: Snapshot) -> Engine:
    """The engine that wrote it, or the oldest here that can read what it wrote."""
    if snapshot.engine in ENGINES:
        return snapshot.engine
    found = next((one for one in ENGINES if may_read(one, snapshot.engine)), None)
    if found is None:
        raise Refused("CSS.5090", f"no engine here reads what {snapshot.engine} has written")
    return found


def _size(copied_bytes: int) -> tuple[Flavor, Volume]:
    steps = -(-ROOM * copied_bytes // (DISK_STEP_GB * 10**9))
    wanted = max(LEAST_DISK_GB, steps * DISK_STEP_GB)
    fitting = [one for one in FLAVORS.values() if one.min_disk_gb <= wanted <= one.max_disk_gb]
    if not fitting or FLAVORS[SMALLEST] in fitting:
        return FLAVORS[SMALLEST], Volume("COMMON", min(wanted, FLAVORS[SMALLEST].max_disk_gb))
    return min(fitting, key=lambda one: (one.ram_gb, one.vcpu)), Volume("COMMON", wanted)
