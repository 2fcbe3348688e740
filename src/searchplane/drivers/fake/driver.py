"""The whole service without Java: for tests, benchmarks and `SEARCHPLANE_DRIVER=fake`.

It keeps the driver protocol, its checkpoints included, and answers as the engine would: running
nodes have joined, the first by name is master, everything is green. What can go wrong on a machine
is made to go wrong by name (`kill`, `fail_starts`, `make_unknown`, `hold_join`, and `heal`); these
wishes are not kept across a restart, the nodes are.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from searchplane.domain.engines import Engine
from searchplane.domain.ids import ClusterId, NodeId
from searchplane.domain.observed import (
    Absent,
    Distribution,
    EngineView,
    HostCapacity,
    NodeLoad,
    NodeState,
    Ready,
    Running,
    Stopped,
    Target,
    Unknown,
)
from searchplane.drivers import buckets, readable
from searchplane.drivers.base import Checkpoint, NodeRef, NodeSpec, Storage, no_checkpoint
from searchplane.drivers.fake.engine import (
    FakeEngine,
    FakeShard,
    Members,
    look,
    read_engine,
    settle,
    without,
    write_engine,
)
from searchplane.drivers.fake.indices import FakeIndex, with_index
from searchplane.drivers.fake.memory import FakeNode, Memory, Phase
from searchplane.drivers.fake.snapshots import FakeSnapshots
from searchplane.drivers.process.addresses import choose
from searchplane.drivers.steps import Step
from searchplane.errors import Permanent, Transient

PLENTY = HostCapacity(
    memory_total_mb=64_000_000,
    memory_available_mb=64_000_000,
    disk_free_bytes=10**15,
    observed=datetime(2026, 1, 1, tzinfo=UTC),
)
"""Enough for thousands of clusters; the time is replaced by that of the question."""


IDLE = NodeLoad(search_queue=0, write_queue=0, cpu_percent=0, cpus=0.0)
ENGINE_FILE = "engine.kept"
EMPTY_BYTES = 200_000
"""What a node's storage holds that has no data, about as much as a real one's."""


class FakeDriver:
    """Nodes and an engine that exist only on paper, in `data`/fake.

    `on_change` is called by the hooks, on the caller's thread. `has` is what `capacity` answers;
    set it to test a host that is full, and `refuses_reload` to test nodes that take new
    certificates only with a restart. `snapshots` is the engine's part in backups.
    """

    def __init__(
        self,
        data: Path,
        on_change: Callable[[ClusterId], None],
        *,
        checkpoint: Checkpoint = no_checkpoint,
        has: HostCapacity = PLENTY,
    ) -> None:
        self.has = has
        self.refuses_reload = False
        self.snapshots = FakeSnapshots(self)
        self._on_change = on_change
        self._checkpoint = checkpoint
        self._data = data
        self._memory = Memory(data / "fake")
        self._unknown: dict[NodeRef, str] = {}
        self._failing: dict[NodeRef, str] = {}
        self._held: set[NodeRef] = set()
        self._hung: set[NodeRef] = set()
        self._used: dict[NodeRef, int] = {}
        self._loads: dict[NodeRef, NodeLoad] = {}
        self._engines: dict[ClusterId, FakeEngine] = {}

    async def capacity(self) -> HostCapacity:
        return replace(self.has, observed=datetime.now(UTC))

    async def place(self, ref: NodeRef) -> str:
        return choose(ref.node_id, lambda address: self._memory.cluster_at(address) is None)

    async def ensure(self, spec: NodeSpec) -> None:
        node = self._stored(spec)
        files = _digest(spec.files)
        if (node.files, node.address, node.name) != (files, spec.address, spec.name):
            node = replace(node, files=files, address=spec.address, name=spec.name)
            self._write(spec.ref, node, Step.FILES_WRITTEN)
        if spec.ref in self._unknown:
            raise Transient(
                f"{spec.name} is not started while it is unclear: {self._unknown[spec.ref]}"
            )
        if node.phase is not Phase.RUNNING:
            settings = _settings(spec.files)
            roles = frozenset(settings.get("node.roles", ("master", "data")))
            self._start(
                spec.ref,
                replace(
                    node,
                    votes=bool(roles & {"master", "cluster_manager"}),
                    holds_data="data" in roles,
                    version=spec.engine.version,
                    session=uuid.uuid4().hex,
                    repo=next(iter(settings.get("path.repo", ())), ""),
                ),
            )

    async def stop(self, ref: NodeRef, *, force: bool = False) -> None:
        if ref in self._unknown:
            raise Transient(self._unknown[ref])
        node = self._memory.get(ref)
        if node is not None and node.phase is Phase.RUNNING:
            self._hung.discard(ref)
            stopped = replace(node, phase=Phase.STOPPED, last_error=None)
            self._write(ref, stopped, Step.TOLD_TO_STOP)

    async def remove(self, ref: NodeRef, storage: Storage) -> None:
        node = self._memory.get(ref)
        if node is None:
            return
        if node.phase is Phase.RUNNING or ref in self._unknown:
            raise Transient(f"The process of {node.name} still runs; it is removed once it ended")
        if storage is Storage.KEEP:
            self._write(ref, replace(node, last_error=None), Step.LEFTOVERS_REMOVED)
            return
        self._write(ref, replace(node, phase=Phase.REMOVING), Step.FOLDER_SET_ASIDE)
        self._drop(ref)

    async def observe(self, ref: NodeRef) -> NodeState:
        node = self._memory.get(ref)
        if ref in self._unknown:
            return Unknown(self._unknown[ref])
        if node is None:
            return Absent()
        return Running() if node.phase is Phase.RUNNING else Stopped(node.last_error)

    async def used_bytes(self, ref: NodeRef) -> int | None:
        node = self._memory.get(ref)
        if node is None or ref in self._unknown:
            return None
        return self._used.get(ref, EMPTY_BYTES)

    async def nodes(self) -> tuple[NodeRef, ...]:
        return tuple(sorted(self._memory.refs(), key=lambda ref: (ref.cluster_id, ref.node_id)))

    async def attach(self, tenant: int, bucket: str, path: Path) -> tuple[str, ...]:
        root = self.tenant_folder(tenant)
        try:
            root.mkdir(parents=True, exist_ok=True)
            readable.check_contained(path)
            found = buckets.repositories(path, bucket)
            buckets.attach(root, bucket, path)
        except OSError as error:
            raise Transient(f"bucket {bucket} cannot be read: {error.strerror}") from error
        return found

    async def detach(self, tenant: int, bucket: str) -> None:
        buckets.detach(self.tenant_folder(tenant), bucket)

    async def detach_others(self, tenant: int, kept: Collection[str]) -> None:
        buckets.detach_others(self.tenant_folder(tenant), kept)

    async def close(self) -> None:
        """Nothing is held."""

    async def view(
        self, target: Target, *, placement: bool = False, unsure: Collection[str] = ()
    ) -> EngineView | Unknown:
        """What the elected master of the cluster at these addresses would say.

        Shards move a step at each look at where they are.
        """
        cluster_id = self._cluster_at(target)
        if cluster_id is None:
            return Unknown(f"no node answers at {', '.join(target.addresses) or 'no address'}")
        members = self.members(cluster_id)
        if not members.joined:
            return Unknown(f"no node answers at {', '.join(target.addresses)}")
        if placement:
            self.keep(cluster_id, settle(self.engine(cluster_id), members))
        seen = look(self.engine(cluster_id), members, _uuid(members.known))
        return seen if placement or isinstance(seen, Unknown) else replace(seen, shards=None)

    async def load(self, target: Target) -> Mapping[str, NodeLoad] | Unknown:
        cluster_id = self._cluster_at(target)
        joined = self.members(cluster_id).joined if cluster_id is not None else {}
        if cluster_id is None or not joined:
            return Unknown(f"no node answers at {', '.join(target.addresses)}")
        loads = {one: self._loads.get(NodeRef(cluster_id, one), IDLE) for one in joined}
        return {joined[one].name: load for one, load in loads.items()}

    async def exclude_from_allocation(self, target: Target, addresses: frozenset[str]) -> None:
        cluster_id, engine = self.led(target)
        self.keep(cluster_id, replace(engine, excluded=tuple(sorted(addresses))))

    async def exclude_from_voting(self, target: Target, names: frozenset[str]) -> None:
        cluster_id, engine = self.led(target)
        self.keep(cluster_id, replace(engine, voting_excluded=tuple(sorted(names))))

    async def set_admin_hash(self, target: Target, admin_hash: str) -> None:
        cluster_id, engine = self.led(target)
        self.keep(cluster_id, replace(engine, admin_hash=admin_hash))

    async def drop_security_data(self, target: Target) -> None:
        cluster_id, engine = self.led(target)
        self.keep(cluster_id, replace(engine, admin_hash=None))

    async def reload_certificates(self, target: Target) -> None:
        self.led(target)
        if self.refuses_reload:
            raise Permanent("the certificates cannot be read again without a restart")

    def engine(self, cluster_id: ClusterId) -> FakeEngine:
        """What the cluster's engine keeps."""
        if cluster_id not in self._engines:
            self._engines[cluster_id] = read_engine(self._engine_file(cluster_id))
        return self._engines[cluster_id]

    def versions(self, cluster_id: ClusterId) -> frozenset[str]:
        """What the nodes were last started as."""
        return frozenset(node.version for node in self._memory.cluster(cluster_id).values())

    def add_index(self, cluster_id: ClusterId, index: str, *, shards: int, replicas: int) -> None:
        """An index with data, its shards dealt out to the nodes that run; replicas follow."""
        members = self.members(cluster_id)
        holders = [one for one, node in sorted(members.joined.items()) if node.holds_data]
        made = tuple(
            FakeShard(index, replicas, (holders[number % len(holders)],))
            for number in range(shards)
        )
        engine = self.engine(cluster_id)
        paper = with_index(engine.paper, FakeIndex(index, uuid.uuid4().hex))
        self.keep(cluster_id, replace(engine, shards=engine.shards + made, paper=paper))

    def tenant_folder(self, tenant: int) -> Path:
        """The project's bucket root, as real nodes have one."""
        return self._data / "buckets" / str(tenant)

    def led(self, target: Target) -> tuple[ClusterId, FakeEngine]:
        """The engine of a cluster that has a master; Transient if it has none."""
        cluster_id = self._cluster_at(target)
        if cluster_id is None:
            raise Transient(f"no node answers at {', '.join(target.addresses) or 'no address'}")
        engine, members = self.engine(cluster_id), self.members(cluster_id)
        seen = look(engine, members, "")
        if isinstance(seen, Unknown):
            raise Transient(seen.reason)
        return cluster_id, engine

    def _cluster_at(self, target: Target) -> ClusterId | None:
        found = {self._memory.cluster_at(address) for address in target.addresses} - {None}
        return next(iter(found), None)

    def members(self, cluster_id: ClusterId) -> Members:
        """Who is there and who has joined."""
        known = self._memory.cluster(cluster_id)
        joined = {
            node_id: node
            for node_id, node in known.items()
            if node.phase is Phase.RUNNING
            and NodeRef(cluster_id, node_id) not in self._held | self._hung
        }
        return Members(known, joined)

    def keep(self, cluster_id: ClusterId, engine: FakeEngine) -> None:
        """Store what the cluster's engine is from now on."""
        if engine != self.engine(cluster_id):
            write_engine(self._engine_file(cluster_id), engine)
            self._engines[cluster_id] = engine

    def _engine_file(self, cluster_id: ClusterId) -> Path:
        return self._memory.folder(cluster_id) / ENGINE_FILE

    async def ensure_distribution(self, engine: Engine, *, secured: bool) -> Distribution:
        return Ready()

    def kill(self, ref: NodeRef, last_error: str | None = None) -> None:
        """End a running node as an operating system would, and tell the loop."""
        node = self._memory.get(ref)
        if node is not None and node.phase is Phase.RUNNING:
            self._memory.put(ref, replace(node, phase=Phase.STOPPED, last_error=last_error))
            self._on_change(ref.cluster_id)

    def fill(self, ref: NodeRef, used_bytes: int) -> None:
        """From now on the node's storage holds this much."""
        self._used[ref] = used_bytes

    def strain(self, ref: NodeRef, load: NodeLoad) -> None:
        """From now on the node has this much to do."""
        self._loads[ref] = load

    def fail_starts(self, ref: NodeRef, last_error: str) -> None:
        """From now on the node's process ends at once, with this as the last error of its log."""
        self._failing[ref] = last_error

    def make_unknown(self, ref: NodeRef, reason: str) -> None:
        """From now on nobody can tell whether the node runs."""
        self._unknown[ref] = reason

    def hold_join(self, ref: NodeRef) -> None:
        """From now on the node runs and is not a member of its cluster."""
        self._held.add(ref)

    def hang(self, ref: NodeRef) -> None:
        """The node's process runs and does nothing any longer, until it is ended."""
        self._hung.add(ref)

    def heal(self, ref: NodeRef) -> None:
        """Take back every wish about this node."""
        self._failing.pop(ref, None)
        self._unknown.pop(ref, None)
        self._held.discard(ref)
        self._hung.discard(ref)
        self._on_change(ref.cluster_id)

    def _stored(self, spec: NodeSpec) -> FakeNode:
        node = self._memory.get(spec.ref)
        if node is not None and node.phase is Phase.REMOVING:
            self._drop(spec.ref)
            node = None
        if node is None:
            node = FakeNode(spec.name, spec.address)
            self._write(spec.ref, node, Step.FOLDER_MADE)
        return node

    def _start(self, ref: NodeRef, node: FakeNode) -> None:
        if ref in self._failing:
            self._write(ref, replace(node, last_error=self._failing[ref]), Step.PROCESS_STARTED)
            self._on_change(ref.cluster_id)
            return
        formed = {other.cluster_uuid for other in self._memory.cluster(ref.cluster_id).values()}
        known = node.cluster_uuid or next(iter(formed - {""}), "") or uuid.uuid4().hex
        started = replace(node, phase=Phase.RUNNING, cluster_uuid=known, last_error=None)
        self._write(ref, started, Step.PROCESS_STARTED)

    def _write(self, ref: NodeRef, node: FakeNode, step: Step) -> None:
        self._memory.put(ref, node)
        self._checkpoint(step)

    def _drop(self, ref: NodeRef) -> None:
        self.keep(ref.cluster_id, without(self.engine(ref.cluster_id), ref.node_id))
        if len(self._memory.cluster(ref.cluster_id)) <= 1:
            self._engine_file(ref.cluster_id).unlink(missing_ok=True)
            self._engines.pop(ref.cluster_id, None)
        self._memory.drop(ref)
        self._checkpoint(Step.FOLDER_REMOVED)


def _settings(files: Mapping[str, bytes]) -> Mapping[str, Any]:
    """What the node's configuration says."""
    found = [content for name, content in files.items() if name.endswith("search.yml")]
    return yaml.safe_load(found[0]) if found else {}


def _uuid(nodes: Mapping[NodeId, FakeNode]) -> str:
    return next((node.cluster_uuid for node in nodes.values() if node.cluster_uuid), "")


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
