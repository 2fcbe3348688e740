"""Deleting a cluster; its snapshots stay, and can be restored into another one.

With `?dry_run=true` it is only said whether it would be.
"""

from __future__ import annotations

from dataclasses import replace

from searchplane.api.css.changing import ChangeQuery, DryRunReply, told
from searchplane.api.css.clusters import CLUSTER, find_in
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.cluster import Action, ActionKind, Cluster
from searchplane.domain.restoring import given_up
from searchplane.domain.snapshots import RestoreStatus
from searchplane.domain.snapshotting import check_deletable, released
from searchplane.store import clusters, events, restores, scratch, snapshots
from searchplane.store.database import Transaction


def delete_cluster(call: Call) -> Answer:
    """A second delete of a cluster that is being deleted is the same wish: 200 again."""
    query: ChangeQuery = call.query
    if query.dry_run:
        with call.services.database.read() as connection:
            cluster = find_in(call, connection)
        if not cluster.is_being(ActionKind.DELETING):
            check_deletable(cluster)
        return told(call, *_steps(cluster))
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
        is_asked_for = cluster.spec.verifies is None
        if source and is_asked_for and not scratch.asked_for(connection, source.id):
            snapshots.save(connection, replace(source, restore_status=RestoreStatus.FAILED))


def _steps(cluster: Cluster) -> tuple[str, ...]:
    names = ", ".join(node.name for node in cluster.nodes)
    return f"stop {names} and remove their storage", "keep its snapshots"


OPERATIONS = [
    Operation(
        id="DeleteCluster",
        method="DELETE",
        paths=(CLUSTER,),
        handler=delete_cluster,
        summary="Delete a cluster with its data; its snapshots stay.",
        action="css:cluster:delete",
        query=ChangeQuery,
        preview=DryRunReply,
        errors=("CSS.0015", "CSS.3004"),
    ),
]
