"""Forming a cluster anew of which nothing is left: for those who run the service.

It is an operation of this service; other clouds have none like it. It ends in a restore, so the
actor must have the right to restore as well, where the cluster and where the snapshot is concerned.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from searchplane.api.css.changing import ChangeQuery, DryRunReply, change_inside
from searchplane.api.css.clusters import CLUSTER
from searchplane.api.css.snapshots import RESTORE, authorise_restore
from searchplane.api.fields import Reply, Request, Text
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.change import Change
from searchplane.domain.cluster import Cluster
from searchplane.domain.rebuilding import rebuild
from searchplane.domain.snapshots import Snapshot
from searchplane.errors import NotFound
from searchplane.store import snapshots
from searchplane.store.database import Transaction


class RebuildRequest(Request):
    snapshot_id: Annotated[
        Text | None,
        Field(
            description="The snapshot that is restored then, of any cluster of the project; unset, "
            "the newest whole one of all indices of this cluster, if there is one.",
        ),
    ] = None


class RebuildReply(Reply):
    """What was accepted."""

    id: str
    said: str


def rebuild_cluster(call: Call) -> Answer:
    """The snapshot is held from then on: it is checked in the transaction that names it."""
    body: RebuildRequest = call.body

    def rule(cluster: Cluster, connection: Transaction) -> Change:
        snapshot = None if body.snapshot_id is None else _found(call, connection, body.snapshot_id)
        if snapshot is not None and snapshot.cluster_id != cluster.id:
            authorise_restore(call, snapshot.cluster_id)
        return rebuild(cluster, snapshot, call.now)

    return change_inside(call, rule, _accepted)


def _found(call: Call, connection: Transaction, snapshot_id: str) -> Snapshot:
    found = snapshots.find(connection, snapshot_id)
    if found is None or found.project_id != call.project.id:
        raise NotFound(
            "CSS.0016", f"snapshotId is {snapshot_id[:64]!r}: the project has no such snapshot"
        )
    return found


def _accepted(wanted: Change) -> RebuildReply:
    return RebuildReply(id=wanted.after.id, said=wanted.said)


OPERATIONS = [
    Operation(
        id="RebuildCluster",
        method="POST",
        paths=(f"{CLUSTER}/rebuild",),
        handler=rebuild_cluster,
        summary="Form a cluster anew of which no node has storage, and restore its snapshot.",
        action="css:cluster:operate",
        besides=(RESTORE,),
        body=RebuildRequest,
        query=ChangeQuery,
        preview=DryRunReply,
        answer=RebuildReply,
        errors=("CSS.0015", "CSS.0016", "CSS.0029", "CSS.3016", "CSS.3026", "CSS.5090", "CSS.5140"),
    ),
]
