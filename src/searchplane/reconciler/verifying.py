"""Steps of a verification made true, all of them of a scratch cluster.

Like every step they may be repeated, and nothing is stored over a wish that came meanwhile.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace
from datetime import UTC, datetime

from searchplane.domain.change import begun
from searchplane.domain.cluster import Action, ActionKind, Cluster
from searchplane.domain.ids import RestoreId
from searchplane.domain.plan import Phase
from searchplane.domain.scratch import IndexRead, Verification
from searchplane.domain.snapshots import Snapshot, Verified
from searchplane.domain.verification_course import Case
from searchplane.domain.verification_steps import (
    EndVerification,
    ReadIndex,
    RestoreScratch,
    VerificationStep,
)
from searchplane.reconciler.compose import addresses_of, target_of
from searchplane.reconciler.ports import Ports
from searchplane.reconciler.recording import record, secrets_of
from searchplane.store import clusters, events, restores, snapshots
from searchplane.store.database import Transaction

log = logging.getLogger(__name__)


def case_of(connection: Transaction, cluster: Cluster) -> Case | None:
    """What the store holds of a scratch cluster's verification; None of any other cluster."""
    verification = cluster.spec.verifies
    if verification is None:
        return None
    restore_id = verification.restore_id
    return Case(
        verification,
        snapshots.find(connection, verification.snapshot_id),
        restores.find(connection, restore_id) if restore_id is not None else None,
        RestoreId(str(uuid.uuid4())),
    )


async def act(step: VerificationStep, cluster: Cluster, ports: Ports) -> Cluster:
    """Make one step true; gives the cluster as it is recorded then.

    Raises Transient where an index could not be read now, and Superseded.
    """
    verification = cluster.spec.verifies
    if verification is None:
        raise ValueError(f"{cluster.spec.name} is no scratch cluster")
    match step:
        case RestoreScratch():
            return await _restore(step, cluster, verification, ports)
        case ReadIndex(name):
            return await _read(name, cluster, verification, ports)
        case EndVerification(verified):
            ports.readings.forget(cluster.id)
            return await _end(verified, cluster, verification, ports)


async def _restore(
    step: RestoreScratch, cluster: Cluster, verification: Verification, ports: Ports
) -> Cluster:
    """The restore and the action that carries it out are stored together."""
    now, restore = datetime.now(UTC), step.restore
    restoring = begun(cluster, Action(ActionKind.RESTORING, now, id=restore.id))
    after = _with(restoring, replace(verification, restore_id=restore.id))
    return await record(
        cluster, after, ports, lambda connection: restores.save(connection, restore)
    )


async def _read(name: str, cluster: Cluster, verification: Verification, ports: Ports) -> Cluster:
    """Begin to read the index, or store what came of it."""
    target = target_of(cluster, await secrets_of(cluster, ports), addresses_of(cluster))

    async def read() -> IndexRead:
        found = await ports.snapshots.contents(target, name)
        return IndexRead(name, found.documents, found.digest)

    found = await ports.readings.ask(cluster.id, name, read)
    if found is None:
        return cluster
    return await record(cluster, _with(cluster, verification.with_read(found)), ports)


async def _end(
    verified: Verified | None, cluster: Cluster, verification: Verification, ports: Ports
) -> Cluster:
    """What came of it and the end of the scratch cluster are stored together."""
    now = datetime.now(UTC)
    after = replace(begun(cluster, Action(ActionKind.DELETING, now)), updated=now)

    def conclude(connection: Transaction) -> None:
        snapshot = snapshots.find(connection, verification.snapshot_id)
        if snapshot is not None and verified is not None:
            snapshots.save(connection, replace(snapshot, verified=verified))
            _tell(connection, snapshot, verified)

    return await record(cluster, after, ports, conclude)


def _tell(connection: Transaction, snapshot: Snapshot, verified: Verified) -> None:
    """Among the events of the cluster that was backed up, if it is there."""
    result = {True: "is verified", False: "cannot be restored as it was", None: "is not verified"}
    said = f"snapshot {snapshot.name} {result[verified.succeeded]}: {verified.sentence}"
    log.log(logging.INFO if verified.succeeded else logging.WARNING, "%s", said)
    own = clusters.find_in_project(connection, snapshot.project_id, snapshot.cluster_id)
    if own is not None:  # another project's may have taken it, where its bucket is attached
        events.add(connection, snapshot.cluster_id, verified.at, Phase.VERIFY.value, said)


def _with(cluster: Cluster, verification: Verification) -> Cluster:
    return replace(cluster, spec=replace(cluster.spec, verifies=verification))
