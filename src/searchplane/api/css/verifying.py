"""Verifying a snapshot: it is restored into a scratch cluster and compared (an extension).

The handler makes the scratch cluster's record; everything else is the loop's, and in that record.
What came of it stands beside the snapshot in the project's list.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from searchplane.api.css.changing import ChangeQuery, DryRunReply, told
from searchplane.api.css.clusters import CLUSTER
from searchplane.api.css.snapshots import RESTORE, snapshot_of
from searchplane.api.fields import Reply
from searchplane.api.operation import Answer, Call, Operation, Pool
from searchplane.domain.verification import steps
from searchplane.store import scratch
from searchplane.store.scratch import Makings


class VerificationReply(Reply):
    """`clusterId` is the scratch cluster's: while it is there, the verification goes on."""

    snapshot_id: Annotated[str, Field(alias="snapshotId")]
    cluster_id: Annotated[str, Field(alias="clusterId")]
    cluster_name: Annotated[str, Field(alias="clusterName")]


class VerifySnapshotReply(Reply):
    verification: VerificationReply


def verify_snapshot(call: Call) -> Answer:
    """A password is hashed only for what passed every check, which are made again then."""
    query: ChangeQuery = call.query
    with call.services.database.read() as connection:
        snapshot = snapshot_of(call, connection)
        planned = scratch.plan(
            connection, _makings(call, ""), snapshot, call.project.number, call.now
        )
    if query.dry_run:
        return told(call, *steps(snapshot, planned.spec))
    makings = _makings(call, scratch.admin_hash(snapshot, call.services.hash_engine_password))
    with call.services.database.write() as connection:
        snapshot = snapshot_of(call, connection)
        said = f"verify the snapshot {snapshot.name}, asked for by {call.user.user_name}"
        made = scratch.make(connection, makings, snapshot, call.project.number, call.now, said=said)
    call.services.wake(made.id)
    return Answer(
        VerifySnapshotReply(
            verification=VerificationReply(
                snapshot_id=snapshot.id, cluster_id=made.id, cluster_name=made.spec.name
            )
        )
    )


def _makings(call: Call, admin_hash: str) -> Makings:
    services = call.services
    return Makings(services.settings, services.limits, services.secrets, admin_hash)


OPERATIONS = [
    Operation(
        id="VerifySnapshot",
        method="POST",
        paths=(f"{CLUSTER}/index_snapshot/{{snapshot_id}}/verify",),
        handler=verify_snapshot,
        summary="Restore a snapshot into a scratch cluster, compare it and delete the cluster.",
        action=RESTORE,
        pool=Pool.CREATION,
        query=ChangeQuery,
        preview=DryRunReply,
        answer=VerifySnapshotReply,
        status=201,
        errors=(
            "CSS.0015",
            "CSS.0016",
            "CSS.0023",
            "CSS.0029",
            "CSS.0052",
            "CSS.0053",
            "CSS.0054",
            "CSS.0055",
            "CSS.0060",
            "CSS.1112",
            "CSS.3016",
            "CSS.5090",
        ),
    )
]
