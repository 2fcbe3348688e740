"""Deleting a cluster; its snapshots stay, and can be restored into another one."""

from __future__ import annotations

from dataclasses import replace

from searchplane.api.css.clusters import CLUSTER, find_in
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.cluster import Action, ActionKind, Cluster
from searchplane.domain.restoring import given_up
from searchplane.domain.snapshots import RestoreStatus
from searchplane.domain.snapshotting import check_deletable, released
from searchplane.store import clusters, events, restores, snapshots
from searchplane.store.database import Transaction


def delete_cluster(call: Call) -> Answer:
    """A second delete of a cluster that is being deleted is the same wish: 200 again."""
    with call.services.database.write() as connection:
        cluster = find_in(call, connection)
        if not cluster.is_being(ActionKind.DELETING):
            check_deletable(cluster)
            _release(call, connection, cluster)
            clusters.begin_action(connection, cluster, Action(ActionKind.DELETING, call.now))
            said = f"delete, asked for by {call.user.user_name}"
            events.add(connection, cluster.id, call.now, events.ACCEPTED, said)
    call.services.wake(cluster.id)
    return Answer()


def _release(call: Call, connection: Transaction, cluster: Cluster) -> None:
    """End what the cluster was about with snapshots, or hand it on."""
    work = snapshots.work_of(connection, cluster.id)
    if work:
        others = clusters.of_project(connection, cluster.project_id)
        for one in released(cluster, work, others, call.now):
            snapshots.save(connection, one)
    for restore in restores.running_into(connection, cluster.id):
        restores.save(connection, given_up(restore, call.now))
        source = snapshots.find(connection, restore.snapshot_id)
        if source is not None:
            snapshots.save(connection, replace(source, restore_status=RestoreStatus.FAILED))


OPERATIONS = [
    Operation(
        id="DeleteCluster",
        method="DELETE",
        paths=(CLUSTER,),
        handler=delete_cluster,
        summary="Delete a cluster with its data; its snapshots stay.",
        action="css:cluster:delete",
        errors=("CSS.0015", "CSS.3004"),
    ),
]
