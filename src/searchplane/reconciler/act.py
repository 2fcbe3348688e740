"""Steps made true, one at a time. Each may be repeated, and each stores what it has done.

The order inside a step is chosen so that a crash between any two lines is harmless: what limits
repetition (a count of starts) is stored before the effect, what claims success after it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from searchplane.domain.change import as_new, completed, given_up, next_engine, to_restart
from searchplane.domain.cluster import Cluster, Node
from searchplane.domain.ids import NodeId
from searchplane.domain.observed import Running
from searchplane.domain.rebuilding import formed_anew
from searchplane.domain.safety import masters
from searchplane.domain.snapshot_steps import SnapshotStep
from searchplane.domain.steps import (
    BringBack,
    CompleteAction,
    DropSecurityData,
    EndBootstrap,
    ExcludeFromAllocation,
    ExcludeFromVoting,
    ForgetNode,
    FormAnew,
    GiveUp,
    HaltNode,
    IssueCertificates,
    LoadCertificate,
    MarkEmptied,
    NextEngine,
    PlaceNode,
    RemoveNode,
    RenewNode,
    SetPassword,
    StartNode,
    Step,
    StopNode,
)
from searchplane.domain.tasks import Outcome
from searchplane.domain.verification_steps import VerificationStep
from searchplane.drivers.base import NodeRef, Storage
from searchplane.errors import Permanent, Transient
from searchplane.reconciler import certificates, snapshot_acts, verifying
from searchplane.reconciler.compose import addresses_of, target_of
from searchplane.reconciler.ports import Ports
from searchplane.reconciler.rebuilding import bring_back
from searchplane.reconciler.recording import Superseded, record, secrets_of
from searchplane.store import clusters, restores, tasks
from searchplane.store.database import Transaction
from searchplane.store.secrets import ADMIN_HASH


async def act(step: Step, cluster: Cluster, ports: Ports) -> Cluster:
    """Make one step true; gives the cluster as it is recorded then.

    Raises Transient or Permanent from the driver, and Superseded.
    """
    if isinstance(step, SnapshotStep):
        cluster = await snapshot_acts.act(step, cluster, ports)
    elif isinstance(step, VerificationStep):
        cluster = await verifying.act(step, cluster, ports)
    else:
        cluster = await _make_true(step, cluster, ports)
    ports.checkpoint(type(step).__name__)
    return cluster


async def _make_true(step: Step, cluster: Cluster, ports: Ports) -> Cluster:
    """The steps of nodes and of the cluster as a whole."""
    match step:
        case StartNode(node_id, keeps_vote):
            cluster = await _start(cluster, node_id, keeps_vote, ports)
        case EndBootstrap():
            cluster = await _end_bootstrap(cluster, ports)
        case IssueCertificates():
            await asyncio.to_thread(
                certificates.issue, cluster, ports.database, ports.secrets, datetime.now(UTC)
            )
        case LoadCertificate(node_id):
            cluster = await _load_certificate(cluster, node_id, ports)
        case ExcludeFromAllocation() | ExcludeFromVoting() | SetPassword() | DropSecurityData():
            await _tell_engine(step, cluster, ports)
        case HaltNode(node_id):
            await ports.driver.stop(NodeRef(cluster.id, node_id))
        case BringBack():
            cluster = await bring_back(cluster, ports)
        case StopNode(node_id):
            await ports.driver.stop(NodeRef(cluster.id, node_id), force=True)
        case RemoveNode(node_id):
            await ports.driver.remove(NodeRef(cluster.id, node_id), Storage.DROP)
        case _:
            cluster = await _remember(step, cluster, ports)
    return cluster


async def _remember(step: Step, cluster: Cluster, ports: Ports) -> Cluster:
    """The steps that only change the record."""
    match step:
        case PlaceNode(node_id):
            return await _place(cluster, node_id, ports)
        case MarkEmptied(node_id) | RenewNode(node_id):
            return await _record_node(cluster, _marked(step, _node(cluster, node_id)), ports)
        case NextEngine() | FormAnew():
            is_next = isinstance(step, NextEngine)
            after = next_engine(cluster) if is_next else formed_anew(cluster)
            return await record(cluster, after, ports)
        case ForgetNode(node_id):
            return await _forget_node(cluster, node_id, ports)
        case CompleteAction() | GiveUp():
            return await _end_action(step, cluster, ports)
        case _:
            await asyncio.to_thread(_forget, cluster, ports)
            return cluster


async def _end_action(step: CompleteAction | GiveUp, cluster: Cluster, ports: Ports) -> Cluster:
    """Its task, if the public API has one for it, is over in the same transaction."""
    is_done = isinstance(step, CompleteAction)
    after = completed(cluster) if is_done else given_up(cluster)
    after = replace(after, action=None, skipped=frozenset(), updated=datetime.now(UTC))
    outcome = Outcome.SUCCESS if is_done else Outcome.FAILED

    def end_task(connection: Transaction) -> None:
        if cluster.action is not None and cluster.action.id is not None:
            tasks.end(connection, cluster.action.id, outcome, after.updated)

    return await record(cluster, after, ports, end_task)


async def _place(cluster: Cluster, node_id: NodeId, ports: Ports) -> Cluster:
    address = await ports.driver.place(NodeRef(cluster.id, node_id))
    return await _record_node(cluster, replace(_node(cluster, node_id), address=address), ports)


async def _start(cluster: Cluster, node_id: NodeId, keeps_vote: bool, ports: Ports) -> Cluster:
    node = _node(cluster, node_id)
    kept = await secrets_of(cluster, ports)
    mode = cluster.spec.mode
    ends = certificates.ends_of_nodes(cluster, kept)
    counted = replace(
        node,
        starts=node.starts + 1,
        last_start=datetime.now(UTC),
        last_error=None,
        restarts_done=node.restarts_wanted,
        engine=cluster.spec.engine,
        mode=mode,
        certified_until=ends.get(node_id) if mode.authority else None,
        votes=keeps_vote or node in masters(cluster.nodes),
    )
    cluster = await _record_node(cluster, counted, ports)
    try:
        await ports.driver.ensure(ports.compose(cluster, counted, kept))
    except (Transient, Permanent) as error:
        await _record_node(cluster, replace(counted, last_error=str(error)), ports)
        raise
    return cluster


async def _tell_engine(
    step: ExcludeFromAllocation | ExcludeFromVoting | SetPassword | DropSecurityData,
    cluster: Cluster,
    ports: Ports,
) -> None:
    kept = await secrets_of(cluster, ports)
    target = target_of(cluster, kept, addresses_of(cluster))
    match step:
        case ExcludeFromAllocation(addresses):
            await ports.control.exclude_from_allocation(target, addresses)
        case ExcludeFromVoting(names):
            await ports.control.exclude_from_voting(target, names)
        case SetPassword():
            await ports.control.set_admin_hash(target, kept[ADMIN_HASH])
        case DropSecurityData():
            await ports.control.drop_security_data(target)


def _marked(step: MarkEmptied | RenewNode, node: Node) -> Node:
    return as_new(node) if isinstance(step, RenewNode) else replace(node, emptied=step.emptied)


async def _load_certificate(cluster: Cluster, node_id: NodeId, ports: Ports) -> Cluster:
    """Without a restart where the engine can; else the node is to be restarted in its turn.

    A node that died since the look is left to the next pass.
    """
    node = _node(cluster, node_id)
    kept = await secrets_of(cluster, ports)
    if not isinstance(await ports.driver.observe(NodeRef(cluster.id, node_id)), Running):
        return cluster
    await ports.driver.ensure(ports.compose(cluster, node, kept))
    addresses = () if node.address is None else (node.address,)
    try:
        await ports.control.reload_certificates(target_of(cluster, kept, addresses))
    except Permanent:
        return await _record_node(cluster, to_restart(node), ports)
    ends = certificates.ends_of_nodes(cluster, kept)[node_id]
    return await _record_node(cluster, replace(node, certified_until=ends), ports)


async def _forget_node(cluster: Cluster, node_id: NodeId, ports: Ports) -> Cluster:
    def forget() -> bool:
        with ports.database.write() as connection:
            forgotten = clusters.forget_node(connection, cluster, node_id)
            if forgotten:
                ports.secrets.forget(connection, cluster.id, certificates.node_name(node_id))
            return forgotten

    if not await asyncio.to_thread(forget):
        raise Superseded
    return replace(cluster, nodes=tuple(one for one in cluster.nodes if one.id != node_id))


async def _end_bootstrap(cluster: Cluster, ports: Ports) -> Cluster:
    """A node that died since the look is left to the next pass, which counts its start.

    Nothing is lost by it: a start writes the configuration anew, from the record.
    """
    formed = replace(cluster, bootstrapped=True)
    kept = await secrets_of(cluster, ports)
    for node in formed.nodes:
        if isinstance(await ports.driver.observe(NodeRef(cluster.id, node.id)), Running):
            await ports.driver.ensure(ports.compose(formed, node, kept))
    return await record(cluster, formed, ports)


async def _record_node(cluster: Cluster, node: Node, ports: Ports) -> Cluster:
    nodes = tuple(node if one.id == node.id else one for one in cluster.nodes)
    return await record(cluster, replace(cluster, nodes=nodes), ports)


def _forget(cluster: Cluster, ports: Ports) -> None:
    """Restores into it that were still taken back are over: nothing is left of them."""
    now = datetime.now(UTC)
    with ports.database.write() as connection:
        for one in restores.running_into(connection, cluster.id):
            restores.save(connection, replace(one, ended=now, succeeded=False))
        if not clusters.forget(connection, cluster):
            raise Superseded


def _node(cluster: Cluster, node_id: NodeId) -> Node:
    return next(node for node in cluster.nodes if node.id == node_id)
