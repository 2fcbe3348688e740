"""How every change to a live cluster is accepted: one way for all operations.

The rule of the operation (domain/) turns the record into a changed one or refuses. What is new
must be within the project's quotas and fit on the host. Then, in one transaction, the record, its
action and an event are stored, and the loop is woken. With `?dry_run=true` the answer is what
would be done, and nothing is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, Field

from searchplane.api.css.clusters import find
from searchplane.api.css.room import check_room
from searchplane.api.fields import Boolean, Reply, Request, second
from searchplane.api.operation import Answer, Call
from searchplane.domain import quota
from searchplane.domain.change import Change
from searchplane.domain.cluster import Cluster
from searchplane.domain.preview import preview
from searchplane.domain.snapshots import Bucket
from searchplane.store import buckets, clusters, events, restores, snapshots, tasks
from searchplane.store.database import Transaction

Rule = Callable[[Cluster], Change]
RuleInside = Callable[[Cluster, Transaction], Change]
"""One that has to know more than the record of the cluster."""
Secrets = Callable[[Change], Mapping[str, str]]

STATE = ("CSS.0012", "CSS.0015", "CSS.0077", "CSS.5090")
"""What any change may be refused with: there is no such cluster, or its state forbids it."""

GROWTH = (
    "CSS.0023",
    *(code for one, code in quota.CODES.items() if one is not quota.Resource.CLUSTERS),
)
"""What a change that takes more of anything may be refused with besides its own rules."""

LoadCheck = Annotated[
    Boolean,
    Field(description="true: refuse while nodes are busy, or nobody has seen whether they are."),
]
"""Of changes that take nodes away which were asked to serve."""


NO_SECRETS: Mapping[str, str] = MappingProxyType({})


class ChangeQuery(Request):
    """Every changing operation has it."""

    dry_run: Annotated[
        Boolean, Field(description="true: answer what would be done, and do nothing.")
    ] = False


class PreviewReply(Reply):
    """What a change would do, in the order in which it would be done."""

    action: str
    steps: list[str]
    restarts: list[str]
    moves_data_of: Annotated[list[str], Field(alias="movesDataOf")]
    starts: list[str]
    removes: list[str]
    interrupts: bool
    warnings: list[str]
    observed: str
    """When the cluster was last looked at, UTC."""


class DryRunReply(Reply):
    dry_run: Annotated[PreviewReply, Field(alias="dryRun")]


def change(
    call: Call,
    rule: Rule,
    answer: Callable[[Change], BaseModel | None],
    *,
    secrets: Secrets | None = None,
) -> Answer:
    """Accept a change of the cluster named in the path, or say what it would do.

    `secrets` gives what is stored with it; it may take its time, so it is asked for outside of
    the transaction, and only for what passed every check.
    """
    return change_inside(call, lambda one, _: rule(one), answer, secrets=secrets)


def change_inside(
    call: Call,
    rule: RuleInside,
    answer: Callable[[Change], BaseModel | None],
    *,
    secrets: Secrets | None = None,
    cluster_id: str | None = None,
) -> Answer:
    """The same for a rule that reads more in the transaction; of another cluster, if one is named.

    A rule must be quick: nobody else writes meanwhile.
    """
    query: ChangeQuery = call.query
    changed = call.path["cluster_id"] if cluster_id is None else cluster_id
    if query.dry_run:
        with call.services.database.read() as connection:
            wanted = _checked(call, connection, changed, rule)
        return tried(call, wanted)
    kept = NO_SECRETS
    if secrets is not None:
        with call.services.database.read() as connection:
            wanted = _checked(call, connection, changed, rule)
        kept = secrets(wanted)
    with call.services.database.write() as connection:
        wanted = _checked(call, connection, changed, rule)
        store(call, connection, wanted, kept)
    call.services.wake(wanted.before.id)
    return Answer(answer(wanted))


def nothing(_change: Change) -> BaseModel | None:
    """The answer of operations that say no more than that they were accepted."""
    return None


def _checked(call: Call, connection: Transaction, cluster_id: str, rule: RuleInside) -> Change:
    wanted = rule(find(connection, call, cluster_id), connection)
    name = wanted.after.spec.name
    if name != wanted.before.spec.name:
        clusters.check_name(connection, wanted.before.project_id, name)
    check_room(
        call,
        connection,
        wanted.before.project_id,
        asked=quota.asked_besides(wanted.before.nodes, wanted.after.nodes),
        memory_mb=wanted.more_memory_mb,
    )
    return wanted


def tried(call: Call, wanted: Change) -> Answer:
    """What a change would do."""
    return Answer(_preview(wanted, call.now), status=200)


def told(call: Call, *steps: str) -> Answer:
    """What would be done where that is no change of a cluster."""
    nothing_of_nodes: dict[str, list[str]] = {
        name: [] for name in ("restarts", "moves_data_of", "starts", "removes", "warnings")
    }
    said = PreviewReply(
        action="",
        steps=list(steps),
        interrupts=False,
        observed=second(call.now),
        **nothing_of_nodes,
    )
    return Answer(DryRunReply(dry_run=said), status=200)


def store(
    call: Call, connection: Transaction, wanted: Change, secrets: Mapping[str, str] = NO_SECRETS
) -> None:
    """Store an accepted change with its event; the caller wakes the loop."""
    call.services.secrets.put(connection, wanted.before.id, secrets)
    clusters.change(connection, wanted.before, wanted.after)
    if wanted.task is not None:
        tasks.save(connection, wanted.task)
    _store_snapshots(call, connection, wanted)
    said = f"{wanted.said}, asked for by {call.user.user_name}"
    events.add(connection, wanted.before.id, call.now, events.ACCEPTED, said)


def _store_snapshots(call: Call, connection: Transaction, wanted: Change) -> None:
    settings, project_id = wanted.after.spec.snapshots, wanted.before.project_id
    if settings is not None and settings != wanted.before.spec.snapshots:
        bucket = Bucket(project_id, settings.bucket, call.now)
        buckets.ensure(connection, bucket, is_shared=call.services.settings.has_bucket_store)
    if wanted.takes is not None:
        snapshots.add(connection, wanted.takes)
    for one in wanted.snapshots:
        snapshots.save(connection, one)
    if wanted.restore is not None:
        restores.save(connection, wanted.restore)


def _preview(wanted: Change, now: datetime) -> DryRunReply:
    seen = preview(wanted)
    return DryRunReply(
        dry_run=PreviewReply(
            action=wanted.begins.kind.value if wanted.begins else "",
            steps=list(seen.steps),
            restarts=list(seen.restarts),
            moves_data_of=list(seen.moves),
            starts=list(seen.starts),
            removes=list(seen.removes),
            interrupts=seen.interrupts,
            warnings=list(wanted.warnings),
            observed=second(now),
        )
    )
