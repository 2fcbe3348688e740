"""Taking, restoring and deleting snapshots (api/semantics.md, section 4.6).

A snapshot outlives its cluster: it is restored and deleted by the id of a cluster that is gone,
too. A restore changes its target, which the body names, so the actor must have the right there as
well.
"""

from __future__ import annotations

import uuid
from typing import Annotated

from pydantic import Field

from searchplane.api.css.changing import (
    ChangeQuery,
    DryRunReply,
    change,
    change_inside,
    nothing,
    store,
    told,
    tried,
)
from searchplane.api.css.clusters import CLUSTER
from searchplane.api.fields import Boolean, Reply, Request, Text
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain import restoring, snapshotting
from searchplane.domain.access import Asked, authorise
from searchplane.domain.change import Change
from searchplane.domain.cluster import Cluster
from searchplane.domain.engines import Engine
from searchplane.domain.heirs import newest_writer, worker_for
from searchplane.domain.ids import RestoreId, SnapshotId
from searchplane.domain.index_renaming import renaming_of
from searchplane.domain.snapshot_texts import expression_of
from searchplane.domain.snapshots import Snapshot, SnapshotStatus
from searchplane.errors import NotFound, Refused
from searchplane.store import clusters, events, restores, snapshots
from searchplane.store.database import Transaction

RESTORE = "css:snapshot:restore"


class CreateSnapshotRequest(Request):
    name: Text
    description: Text | None = None
    indices: Annotated[
        Text | None, Field(description="Such as logs-*,items,-logs-old; all without.")
    ] = None


class CreatedSnapshot(Reply):
    id: str
    name: str


class CreateSnapshotReply(Reply):
    backup: CreatedSnapshot


class RestoreRequest(Request):
    target_cluster: Annotated[Text, Field(description="Id of the cluster to restore into.")]
    indices: Annotated[
        Text | None, Field(description="Which of those it holds; all but the system's without.")
    ] = None
    rename_pattern: Annotated[
        Text | None, Field(description="A regular expression for parts of names.")
    ] = None
    rename_replacement: Annotated[
        Text | None, Field(description="What takes their place; $1 is the first group.")
    ] = None
    replace_exist_indices: Annotated[
        Boolean, Field(description="true: write over indices of the same name.")
    ] = False


def create_snapshot(call: Call) -> Answer:
    body: CreateSnapshotRequest = call.body
    wish = snapshotting.Wish(body.name, body.description or "", expression_of(body.indices))
    snapshot_id = SnapshotId(str(uuid.uuid4()))
    return change(call, lambda one: snapshotting.take(one, wish, snapshot_id, call.now), _created)


def restore_snapshot(call: Call) -> Answer:
    """The indices are chosen before the transaction, as a regular expression may take its time."""
    body: RestoreRequest = call.body
    rename = renaming_of(body.rename_pattern, body.rename_replacement)
    wish = restoring.Wish(expression_of(body.indices), rename, body.replace_exist_indices)
    if body.target_cluster != call.path["cluster_id"]:
        authorise_restore(call, body.target_cluster)
    with call.services.database.read() as connection:
        snapshot = snapshot_of(call, connection)
    restoring.check_restorable(snapshot)
    targets = restoring.targets(snapshot, wish)
    restore_id = RestoreId(str(uuid.uuid4()))

    def rule(target: Cluster, connection: Transaction) -> Change:
        now_known = snapshot_of(call, connection)
        return restoring.restore(
            target, now_known, wish, targets, restore_id=restore_id, now=call.now
        )

    return change_inside(call, rule, nothing, cluster_id=body.target_cluster)


def delete_snapshot(call: Call) -> Answer:
    """Its files are removed by its cluster, or by another of the project if that is gone.

    Who removes them is chosen in the transaction in which that is stored.
    """
    query: ChangeQuery = call.query
    if query.dry_run:
        with call.services.database.read() as connection:
            wanted = _removal(call, connection)
        return (
            told(call, _forgotten(wanted)) if isinstance(wanted, Snapshot) else tried(call, wanted)
        )
    with call.services.database.write() as connection:
        wanted = _removal(call, connection)
        if isinstance(wanted, Snapshot):
            _forget(call, connection, wanted)
        else:
            store(call, connection, wanted)
    if isinstance(wanted, Change):
        call.services.wake(wanted.before.id)
    return Answer()


def _created(wanted: Change) -> CreateSnapshotReply | None:
    made = wanted.takes
    if made is None:
        return None
    return CreateSnapshotReply(backup=CreatedSnapshot(id=made.id, name=made.name))


def authorise_restore(call: Call, cluster_id: str) -> None:
    """Refuse unless the actor may restore where this cluster is concerned.

    A policy may be about single clusters, and the path names only one of those of a restore.
    """
    where = {"cluster_id": cluster_id}
    asked = Asked(call.now, call.source, call.services.settings.region, where)
    authorise(call.user, RESTORE, None, asked)


def snapshot_of(call: Call, connection: Transaction) -> Snapshot:
    """The snapshot that the path names; NotFound if it is missing or another project's."""
    project_id, cluster_id = call.project.id, call.path["cluster_id"]
    snapshot_id = call.path["snapshot_id"]
    found = snapshots.find_in_project(connection, project_id, cluster_id, snapshot_id)
    if found is not None:
        return found
    if clusters.find_in_project(connection, project_id, cluster_id) is None:
        raise NotFound(
            "CSS.0015", f"cluster_id is {cluster_id[:64]!r}, and there is no snapshot of it"
        )
    raise NotFound(
        "CSS.0016", f"snapshot_id is {snapshot_id[:64]!r}: the id of one of its snapshots is right"
    )


def _checked(call: Call, connection: Transaction) -> Snapshot:
    """The snapshot, if it may be deleted."""
    found = snapshot_of(call, connection)
    snapshotting.check_removable(found, restores.held(connection, found.id))
    return found


def _removal(call: Call, connection: Transaction) -> Change | Snapshot:
    """What a delete comes to: a change of who removes the files, or the record that is all there
    is. Nobody may be there to delete files; a failed one has none that anybody would miss."""
    snapshot = _checked(call, connection)
    siblings = snapshots.of_cluster(connection, snapshot.project_id, snapshot.cluster_id)
    all_clusters = clusters.of_project(connection, snapshot.project_id)
    worker = worker_for(snapshot, siblings, all_clusters)
    if worker is not None:
        return snapshotting.remove(worker, snapshot)
    if snapshot.status is not SnapshotStatus.FAILED:
        raise Refused(
            "CSS.5090",
            f"the cluster of the snapshot is gone or goes, and no other of the project runs "
            f"{_writer_there(snapshot, siblings)} or later to delete its files: create one first",
        )
    return snapshot


def _writer_there(snapshot: Snapshot, siblings: list[Snapshot]) -> Engine:
    return newest_writer([one for one in siblings if one.repository == snapshot.repository])


def _forget(call: Call, connection: Transaction, snapshot: Snapshot) -> None:
    """With an event while its cluster is still there to have one; the audit trail tells always."""
    snapshots.forget(connection, snapshot.id)
    if clusters.find_in_project(connection, snapshot.project_id, snapshot.cluster_id) is not None:
        said = f"{_forgotten(snapshot)}, asked for by {call.user.user_name}"
        events.add(connection, snapshot.cluster_id, call.now, events.ACCEPTED, said)


def _forgotten(snapshot: Snapshot) -> str:
    return f"take the failed snapshot {snapshot.name} off the list"


OPERATIONS = [
    Operation(
        id="CreateSnapshot",
        method="POST",
        paths=(f"{CLUSTER}/index_snapshot",),
        handler=create_snapshot,
        summary="Take a snapshot.",
        action="css:snapshot:create",
        query=ChangeQuery,
        preview=DryRunReply,
        body=CreateSnapshotRequest,
        answer=CreateSnapshotReply,
        status=201,
        errors=(
            "CSS.0004",
            "CSS.0015",
            "CSS.0043",
            "CSS.0077",
            "CSS.3004",
            "CSS.5038",
            "CSS.5056",
            "CSS.5057",
            "CSS.5090",
        ),
    ),
    Operation(
        id="RestoreSnapshot",
        method="POST",
        paths=(f"{CLUSTER}/index_snapshot/{{snapshot_id}}/restore",),
        handler=restore_snapshot,
        summary="Restore a snapshot, into its cluster or another one.",
        action=RESTORE,
        query=ChangeQuery,
        preview=DryRunReply,
        body=RestoreRequest,
        status=201,
        errors=(
            "CSS.0015",
            "CSS.0016",
            "CSS.0029",
            "CSS.0077",
            "CSS.3004",
            "CSS.3016",
            "CSS.3026",
            "CSS.5038",
            "CSS.5090",
            "CSS.5140",
        ),
    ),
    Operation(
        id="DeleteSnapshot",
        method="DELETE",
        paths=(f"{CLUSTER}/index_snapshot/{{snapshot_id}}",),
        handler=delete_snapshot,
        summary="Delete a snapshot, be its cluster there or gone.",
        action="css:snapshot:delete",
        query=ChangeQuery,
        preview=DryRunReply,
        errors=("CSS.0012", "CSS.0015", "CSS.0016", "CSS.0029", "CSS.5090"),
    ),
]
