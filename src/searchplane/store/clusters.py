"""Cluster records: written by handlers (what is wanted) and by the loop (what was seen).

A pass writes only if the record's revision is the one it began with: a request accepted meanwhile
wins, and the next pass starts from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from searchplane.domain.admission import SETTLED, Promised
from searchplane.domain.cluster import (
    Action,
    ActionKind,
    Anew,
    Cluster,
    ClusterSpec,
    Failure,
    Fate,
    IndicesSeen,
    Node,
    Pace,
    Refusal,
    Role,
    Security,
    Volume,
)
from searchplane.domain.engines import Datastore, Engine, Family
from searchplane.domain.ids import ClusterId, NodeId, ProjectId
from searchplane.domain.layout import OVERHEAD_MB
from searchplane.domain.observed import HostCapacity
from searchplane.errors import Refused
from searchplane.store.loads import load_of
from searchplane.store.schema import clusters, nodes, projects

_SPEC = TypeAdapter(ClusterSpec)


def count_being(connection: Connection, project_id: ProjectId, kind: ActionKind) -> int:
    """How many of the project's clusters have this done to them."""
    mine = (clusters.c.project_id == project_id, clusters.c.action == kind.value)
    wanted = select(func.count()).select_from(clusters).where(*mine)
    return int(connection.execute(wanted).scalar_one())


def check_name(connection: Connection, project_id: ProjectId, name: str) -> None:
    """Raises Refused CSS.5050 if the name is taken in the project."""
    same = (clusters.c.project_id == project_id, clusters.c.name == name)
    if connection.execute(select(clusters.c.id).where(*same)).first() is not None:
        raise _taken(name)


def add(connection: Connection, cluster: Cluster) -> None:
    """Store a new cluster. Raises Refused CSS.5050 if its name is taken in the project."""
    try:
        connection.execute(insert(clusters).values(_row(cluster)))
    except IntegrityError as error:
        raise _taken(cluster.spec.name) from error
    connection.execute(
        insert(nodes),
        [_node_row(cluster.id, place, node) for place, node in enumerate(cluster.nodes)],
    )


def _taken(name: str) -> Refused:
    return Refused("CSS.5050", f"cluster.name is {name!r}: another cluster of the project has it")


def find(connection: Connection, cluster_id: ClusterId) -> Cluster | None:
    """The cluster, whoever's it is; for the loop."""
    found = _load(connection, _select().where(clusters.c.id == cluster_id))
    return found[0] if found else None


def find_in_project(
    connection: Connection, project_id: ProjectId, cluster_id: str
) -> Cluster | None:
    """The cluster if it is the project's."""
    wanted = _select().where(clusters.c.id == cluster_id, clusters.c.project_id == project_id)
    found = _load(connection, wanted)
    return found[0] if found else None


def of_project(connection: Connection, project_id: ProjectId) -> list[Cluster]:
    """All of a project, in no order."""
    return _load(connection, _select().where(clusters.c.project_id == project_id))


def find_all(connection: Connection, ids: list[str]) -> dict[str, Cluster]:
    """The clusters of these ids that there are."""
    return {one.id: one for one in _load(connection, _select().where(clusters.c.id.in_(ids)))}


def specs(connection: Connection, project_id: ProjectId) -> list[ClusterSpec]:
    """What is wanted of each of the project's clusters."""
    wanted = select(clusters.c.spec_json).where(clusters.c.project_id == project_id)
    return [_SPEC.validate_python(found) for found in connection.execute(wanted).scalars()]


def specs_of(
    connection: Connection, project_id: ProjectId, ids: Collection[ClusterId]
) -> dict[ClusterId, ClusterSpec]:
    """What is wanted of those of these clusters that there are in the project."""
    mine = (clusters.c.project_id == project_id, clusters.c.id.in_(ids))
    rows = connection.execute(select(clusters.c.id, clusters.c.spec_json).where(*mine))
    return {ClusterId(one): _SPEC.validate_python(spec) for one, spec in rows}


def all_ids(connection: Connection) -> list[ClusterId]:
    return [ClusterId(found) for found in connection.execute(select(clusters.c.id)).scalars()]


def revisions(connection: Connection) -> dict[ClusterId, int]:
    """Every cluster, and how many wishes for it were accepted."""
    rows = connection.execute(select(clusters.c.id, clusters.c.revision))
    return {ClusterId(cluster_id): revision for cluster_id, revision in rows}


def promised(connection: Connection, seen: HostCapacity | None) -> Promised:
    """What all nodes take, of that what was not taken yet when the host was `seen`."""
    if seen is None:
        return Promised()
    found = connection.execute(_PROMISED, {"settled": seen.observed - SETTLED}).one()
    return Promised(*(int(each) for each in found))


_NEEDS = nodes.c.heap_mb + OVERHEAD_MB
_IS_SETTLED = or_(
    nodes.c.ready,
    and_(nodes.c.last_start <= bindparam("settled"), nodes.c.last_error.is_(None)),
)
_PROMISED = select(
    func.coalesce(func.sum(_NEEDS), 0),
    func.coalesce(func.sum(case((_IS_SETTLED, 0), else_=_NEEDS)), 0),
)


def look_again(connection: Connection, project_id: ProjectId) -> None:
    """Have the loop read all of a project's clusters: something beside their records is new."""
    mine = clusters.c.project_id == project_id
    connection.execute(update(clusters).where(mine).values(revision=clusters.c.revision + 1))


def begin_action(connection: Connection, cluster: Cluster, action: Action) -> None:
    """Store what is wanted now; a pass that began before cannot write over it."""
    connection.execute(
        update(clusters)
        .where(clusters.c.id == cluster.id)
        .values(
            action=action.kind.value,
            action_started=action.started,
            action_json=_manner(action),
            refused_by=None,
            refused_because=None,
            skipped_json=[],
            failure_code=None,
            failure_message=None,
            failure_since=None,
            progress=0,
            revision=clusters.c.revision + 1,
            updated=action.started,
        )
    )


def change(connection: Connection, before: Cluster, after: Cluster) -> None:
    """Store an accepted change: the wanted state, its action, nodes that come or are to go.

    A pass that began before cannot write over it.
    """
    changed = replace(after, revision=before.revision + 1)
    values = {name: value for name, value in _row(changed).items() if name != "id"}
    connection.execute(update(clusters).where(clusters.c.id == before.id).values(values))
    known = {node.id for node in before.nodes}
    for place, node in enumerate(after.nodes):
        if node.id in known:
            record_ordered(connection, node)
        else:
            connection.execute(insert(nodes).values(_node_row(before.id, place, node)))


def record_ordered(connection: Connection, node: Node) -> None:
    """Store what a request may change of a node, besides what a pass may."""
    ordered = {
        "flavor": node.flavor,
        "volume_type": node.volume.type,
        "volume_size_gb": node.volume.size_gb,
        "heap_mb": node.heap_mb,
        "processors": node.processors,
        "zone": node.zone,
        "subnet_id": node.subnet_id,
    }
    connection.execute(update(nodes).where(nodes.c.id == node.id).values(ordered | _changing(node)))


def record(connection: Connection, before: Cluster, after: Cluster) -> bool:
    """Store what a pass saw, and only what changed; False if a request was accepted meanwhile."""
    old_row, new_row = _row(before), _row(after)
    changes = {name: value for name, value in new_row.items() if value != old_row[name]}
    matched = connection.execute(
        update(clusters)
        .where(clusters.c.id == before.id, clusters.c.revision == before.revision)
        .values(changes or {"revision": before.revision})
    ).rowcount
    if not matched:
        return False
    for old, new in zip(before.nodes, after.nodes, strict=True):
        if old != new:
            record_node(connection, new)
    return True


def record_node(connection: Connection, node: Node) -> None:
    """Store what may change of a node."""
    connection.execute(update(nodes).where(nodes.c.id == node.id).values(_changing(node)))


def forget_node(connection: Connection, cluster: Cluster, node_id: NodeId) -> bool:
    """Remove a node from the record; False if a request was accepted meanwhile."""
    matched = connection.execute(
        update(clusters)
        .where(clusters.c.id == cluster.id, clusters.c.revision == cluster.revision)
        .values(revision=cluster.revision)
    ).rowcount
    if not matched:
        return False
    mine = (nodes.c.id == node_id, nodes.c.cluster_id == cluster.id)
    connection.execute(delete(nodes).where(*mine))
    return True


def forget(connection: Connection, cluster: Cluster) -> bool:
    """Remove the record; False if a request was accepted meanwhile."""
    matched = connection.execute(
        delete(clusters).where(clusters.c.id == cluster.id, clusters.c.revision == cluster.revision)
    ).rowcount
    return bool(matched)


def _select() -> Select[Any]:
    return select(clusters, projects.c.number).join(
        projects, projects.c.id == clusters.c.project_id
    )


def _load(connection: Connection, wanted: Select[Any]) -> list[Cluster]:
    rows = connection.execute(wanted).mappings().all()
    members = _nodes_of(connection, [row["id"] for row in rows])
    return [_cluster(row, members[row["id"]]) for row in rows]


def _nodes_of(connection: Connection, ids: Iterable[str]) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = defaultdict(list)
    wanted = (
        select(nodes)
        .where(nodes.c.cluster_id.in_(list(ids)))
        .order_by(nodes.c.cluster_id, nodes.c.position)
    )
    for row in connection.execute(wanted).mappings():
        found[row["cluster_id"]].append(_node(row))
    return found


def _row(cluster: Cluster) -> dict[str, Any]:
    action, failure, refusal = cluster.action, cluster.failure, cluster.refusal
    return {
        "id": cluster.id,
        "project_id": cluster.project_id,
        "name": cluster.spec.name,
        "datastore_type": cluster.spec.datastore.type,
        "spec_json": _SPEC.dump_python(cluster.spec, mode="json"),
        "revision": cluster.revision,
        "action": action.kind.value if action else None,
        "action_started": action.started if action else None,
        "failure_code": failure.code if failure else None,
        "failure_message": failure.message if failure else None,
        "failure_since": failure.since if failure else None,
        "bootstrapped": cluster.bootstrapped,
        "sentence": cluster.sentence,
        "progress": cluster.progress,
        "unhealthy_since": cluster.unhealthy_since,
        "created": cluster.created,
        "updated": cluster.updated,
        "action_json": _manner(action) if action else None,
        "refused_by": refusal.predicate if refusal else None,
        "refused_because": refusal.sentence if refusal else None,
        "paused": cluster.paused,
        "skipped_json": sorted(cluster.skipped),
        "indices_json": _indices_row(cluster.indices),
        "backed_up": cluster.backed_up,
        "verified": cluster.verified,
    }


def _indices_row(seen: IndicesSeen | None) -> dict[str, Any] | None:
    return {"most_replicas": seen.most_replicas, "bare": list(seen.bare)} if seen else None


def _indices(kept: dict[str, Any] | None) -> IndicesSeen | None:
    return IndicesSeen(kept["most_replicas"], tuple(kept["bare"])) if kept else None


def _manner(action: Action) -> dict[str, Any]:
    """How an action is carried out."""
    becomes = action.becomes
    return {
        "pace": action.pace.value,
        "drains": action.drains,
        "id": action.id,
        "becomes": [becomes.type, becomes.version] if becomes else None,
        "hops": [_engine_text(engine) for engine in action.hops],
        "batch_size": action.batch_size,
        "anew": action.anew.value,
    }


def _node_row(cluster_id: ClusterId, position: int, node: Node) -> dict[str, Any]:
    return {
        "id": node.id,
        "cluster_id": cluster_id,
        "position": position,
        "name": node.name,
        "role": node.role.value,
        "zone": node.zone,
        "flavor": node.flavor,
        "volume_type": node.volume.type,
        "volume_size_gb": node.volume.size_gb,
        "heap_mb": node.heap_mb,
        "processors": node.processors,
        "subnet_id": node.subnet_id,
        **_changing(node),
    }


def _changing(node: Node) -> dict[str, Any]:
    """What a pass may change of a node."""
    return {
        "address": node.address,
        "starts": node.starts,
        "last_start": node.last_start,
        "last_error": node.last_error,
        "ready": node.ready,
        "restarts_wanted": node.restarts_wanted,
        "restarts_done": node.restarts_done,
        "fate": node.fate.value,
        "engine": _engine_text(node.engine) if node.engine else None,
        "emptied": node.emptied,
        "mode": _mode_text(node.mode) if node.mode else None,
        "certified_until": node.certified_until,
        "missed_since": node.missed_since,
        "votes": node.votes,
    }


def _cluster(row: RowMapping, members: list[Node]) -> Cluster:
    return Cluster(
        id=ClusterId(row["id"]),
        project_id=ProjectId(row["project_id"]),
        tenant=row["number"],
        spec=_SPEC.validate_python(row["spec_json"]),
        nodes=tuple(members),
        created=row["created"],
        updated=row["updated"],
        revision=row["revision"],
        action=_action(row),
        failure=_failure(row["failure_code"], row["failure_message"], row["failure_since"]),
        bootstrapped=row["bootstrapped"],
        sentence=row["sentence"],
        progress=row["progress"],
        unhealthy_since=row["unhealthy_since"],
        refusal=_refusal(row["refused_by"], row["refused_because"]),
        paused=row["paused"],
        skipped=frozenset(row["skipped_json"] or ()),
        indices=_indices(row["indices_json"]),
        load=load_of(row["load_json"]),
        backed_up=row["backed_up"],
        verified=row["verified"],
    )


def _action(row: RowMapping) -> Action | None:
    if not row["action"]:
        return None
    manner = row["action_json"] or {}
    return Action(
        kind=ActionKind(row["action"]),
        started=row["action_started"],
        pace=Pace(manner.get("pace", Pace.ROLLING)),
        drains=manner.get("drains", True),
        id=manner.get("id"),
        becomes=Datastore(*manner["becomes"]) if manner.get("becomes") else None,
        hops=tuple(_engine(text) for text in manner.get("hops", ())),
        batch_size=manner.get("batch_size", 1),
        anew=Anew(manner.get("anew", "")),
    )


def _refusal(predicate: str | None, sentence: str) -> Refusal | None:
    return Refusal(predicate, sentence) if predicate else None


def _failure(code: str | None, message: str, since: datetime) -> Failure | None:
    return Failure(code, message, since) if code else None


def _node(row: RowMapping) -> Node:
    return Node(
        id=NodeId(row["id"]),
        name=row["name"],
        role=Role(row["role"]),
        zone=row["zone"],
        flavor=row["flavor"],
        volume=Volume(row["volume_type"], row["volume_size_gb"]),
        heap_mb=row["heap_mb"],
        processors=row["processors"],
        address=row["address"],
        starts=row["starts"],
        last_start=row["last_start"],
        last_error=row["last_error"],
        ready=row["ready"],
        restarts_wanted=row["restarts_wanted"],
        restarts_done=row["restarts_done"],
        fate=Fate(row["fate"]),
        engine=_engine(row["engine"]) if row["engine"] else None,
        emptied=row["emptied"],
        mode=_MODES[row["mode"]] if row["mode"] else None,
        certified_until=row["certified_until"],
        subnet_id=row["subnet_id"],
        used_bytes=row["used_bytes"],
        missed_since=row["missed_since"],
        votes=row["votes"],
    )


def _engine_text(engine: Engine) -> str:
    return f"{engine.family} {engine.version}"


def _engine(stored: str) -> Engine:
    family, _, version = stored.partition(" ")
    return Engine(Family(family), version)


_MODES = {
    "plain": Security(),
    "users": Security(authority=True),
    "https": Security(authority=True, https=True),
}


def _mode_text(mode: Security) -> str:
    return next(name for name, known in _MODES.items() if known == mode)
