"""Nodes as processes of this machine: the embedded default, without Docker, root or set-up.

Each node has a folder of its own, an address of its own and, if the service is root, its project's
user. It runs in its own session and outlives the service, which finds it again by the lock and the
record in its folder (launcher.py). Nothing is kept in memory that the folders do not say, except
the watches that make a death known at once.

What it will not do: decide. It never restarts a node by itself, never drops data unasked, and
starts nothing while it is in doubt whether a process is there already.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from searchplane.domain.ids import ClusterId, NodeId
from searchplane.domain.observed import HostCapacity, NodeState, Running, Unknown
from searchplane.drivers import buckets, readable
from searchplane.drivers.base import Checkpoint, NodeRef, NodeSpec, Storage, no_checkpoint
from searchplane.drivers.process import addresses, folder, host, identity, state
from searchplane.drivers.process.failures import explained
from searchplane.drivers.process.identity import MalformedRecord
from searchplane.drivers.process.roots import BUCKETS, FALLBACK, NODES, Roots
from searchplane.drivers.process.spawn import spawn
from searchplane.drivers.process.users import Owner, TenantUsers
from searchplane.drivers.process.watch import Watches
from searchplane.drivers.steps import Step
from searchplane.errors import Permanent, Transient

Launch = Callable[[NodeSpec, Path], tuple[tuple[str, ...], Mapping[str, str]]]
"""Command and complete environment for a node in its real folder.

The command's first word is an absolute path. One of its words must hold `display_folder(ref)`, so
that people find the node in a process list by the folder they know; nothing is added here.
"""

TERM_GRACE = 30.0
"""Seconds a node gets to end by itself before a later `stop` kills it."""


def _nothing(_pid: int) -> None:
    """For a driver nobody wants to hear of processes from."""


class ProcessDriver:
    """The Driver protocol on this machine's processes.

    `data` is the service's data folder. `users` is None to run nodes as the caller (see
    users.users_if_root). `on_start` is called with the pid of each process that is started,
    `on_found` with that of one an earlier service started, `on_change` on the event loop when a
    watched node's process ends. `fallback` holds the nodes when `data` cannot
    be reached by their users (roots.py).
    """

    def __init__(
        self,
        data: Path,
        launch: Launch,
        on_change: Callable[[ClusterId], None],
        *,
        on_start: Callable[[int], None] = _nothing,
        on_found: Callable[[int], None] = _nothing,
        users: TenantUsers | None,
        checkpoint: Checkpoint = no_checkpoint,
        fallback: Path = FALLBACK,
    ) -> None:
        self._launch = launch
        self._on_start = on_start
        self._on_found = on_found
        self._users = users
        self._checkpoint = checkpoint
        self._roots = Roots(data, users, fallback)
        self._watches = Watches(on_change)

    def folder(self, ref: NodeRef) -> Path:
        """Where the node's folder really is, whether or not it exists yet."""
        return self._roots.real(NODES) / _part(ref.cluster_id) / _part(ref.node_id)

    def display_folder(self, ref: NodeRef) -> Path:
        """The node's folder as the user knows it, below the data folder."""
        return self._roots.data / NODES / _part(ref.cluster_id) / _part(ref.node_id)

    def tenant_folder(self, tenant: int) -> Path:
        """The project's own bucket root (path.repo), where its nodes reach it; ensure makes it."""
        return self._roots.real(BUCKETS) / str(tenant)

    async def capacity(self) -> HostCapacity:
        return await asyncio.to_thread(self._capacity)

    async def place(self, ref: NodeRef) -> str:
        """Another call for the same node may give another address: the caller stores it."""
        return await asyncio.to_thread(addresses.choose, ref.node_id)

    async def ensure(self, spec: NodeSpec) -> None:
        """Returns once the engine's program runs; whether it gets far is for observe to say."""
        pid = await asyncio.to_thread(self._ensure, spec)
        if pid is not None:
            self._watches.add(spec.ref, pid)

    async def stop(self, ref: NodeRef, *, force: bool = False) -> None:
        """A node that was told to end 30 seconds ago or longer is killed, forced or not."""
        await asyncio.to_thread(self._stop, ref, force)

    async def remove(self, ref: NodeRef, storage: Storage) -> None:
        await asyncio.to_thread(self._remove, ref, storage)

    async def observe(self, ref: NodeRef) -> NodeState:
        seen = await asyncio.to_thread(self._observe, ref)
        if isinstance(seen, Running) and seen.pid is not None and self._watches.add(ref, seen.pid):
            self._on_found(seen.pid)
        return seen

    async def used_bytes(self, ref: NodeRef) -> int | None:
        return await asyncio.to_thread(folder.used_bytes, self.folder(ref))

    async def nodes(self) -> tuple[NodeRef, ...]:
        return await asyncio.to_thread(self._nodes)

    async def attach(self, tenant: int, bucket: str, path: Path) -> tuple[str, ...]:
        return await asyncio.to_thread(self._attach, tenant, bucket, path)

    async def detach(self, tenant: int, bucket: str) -> None:
        with explained("Detaching the bucket", self.tenant_folder(tenant)):
            await asyncio.to_thread(buckets.detach, self.tenant_folder(tenant), bucket)

    async def detach_others(self, tenant: int, kept: Collection[str]) -> None:
        with explained("Detaching buckets", self.tenant_folder(tenant)):
            await asyncio.to_thread(buckets.detach_others, self.tenant_folder(tenant), kept)

    async def close(self) -> None:
        self._watches.close()

    def _attach(self, tenant: int, bucket: str, path: Path) -> tuple[str, ...]:
        owner = None if self._users is None else self._users.owner(tenant)
        with explained("Attaching the bucket", path):
            self._roots.make_tenant_folder(tenant, owner)
            user = owner or Owner(os.geteuid(), os.getegid())
            readable.check_contained(path)
            readable.check_only_read(path, user.uid, user.gid)
            buckets.attach(self.tenant_folder(tenant), bucket, path)
            return buckets.repositories(path, bucket)

    def _capacity(self) -> HostCapacity:
        with explained("Looking at the host", self._roots.data):
            return host.capacity(self._roots.real(NODES))

    def _ensure(self, spec: NodeSpec) -> int | None:
        owner = None if self._users is None else self._users.owner(spec.tenant)
        with explained("Making the node's folder", self.display_folder(spec.ref)):
            home = self._make_folders(spec, owner)
            if folder.sync_files(home, spec.files, owner):
                self._checkpoint(Step.FILES_WRITTEN)
        seen = state.look(home)
        if isinstance(seen, Running):
            return seen.pid
        if isinstance(seen, Unknown):
            raise Transient(f"{spec.name} is not started while it is unclear: {seen.reason}")
        return self._start(spec, home, owner)

    def _make_folders(self, spec: NodeSpec, owner: Owner | None) -> Path:
        home = self.folder(spec.ref)
        self._finish_removal(folder.aside(home))
        self._roots.make(NODES, spec.ref.cluster_id)
        self._roots.make_tenant_folder(spec.tenant, owner)
        is_new = not folder.is_complete(home)
        folder.make(home, owner)
        if is_new:
            self._checkpoint(Step.FOLDER_MADE)
        return home

    def _start(self, spec: NodeSpec, home: Path, owner: Owner | None) -> int | None:
        with explained("Starting the node", self.display_folder(spec.ref)):
            state.forget_stop(home)
            command, environment = self._launch(spec, home)
            pid = spawn(home, owner, command, environment)
        if pid is not None:
            self._on_start(pid)
        self._checkpoint(Step.PROCESS_STARTED)
        return pid

    def _stop(self, ref: NodeRef, force: bool) -> None:
        home = self.folder(ref)
        with explained("Stopping the node", self.display_folder(ref)):
            process = self._process(home)
            if process is None:
                return
            waited = state.seconds_since_stop(home)
            # abs: a clock that was set back must not keep a node that hangs alive.
            kill = force or abs(waited) >= TERM_GRACE
            number = signal.SIGKILL if kill else signal.SIGTERM
            identity.send(process.record, process.owner, number)
            self._checkpoint(Step.TOLD_TO_STOP)

    def _process(self, home: Path) -> state.Process | None:
        """The node's process; Transient while it cannot be told whether there is one."""
        try:
            process = state.running(home)
        except MalformedRecord:
            process = None
        seen = state.look(home) if process is None else None
        if isinstance(seen, Unknown):
            raise Transient(seen.reason)
        return process

    def _remove(self, ref: NodeRef, storage: Storage) -> None:
        home = self.folder(ref)
        with explained("Removing the node", self.display_folder(ref)):
            if storage is Storage.DROP:
                self._finish_removal(folder.aside(home))
            if os.path.lexists(home):
                self._remove_stopped(home, storage)
            if storage is Storage.DROP:
                self._roots.tidy()

    def _remove_stopped(self, home: Path, storage: Storage) -> None:
        with state.unstartable(home) as free:
            if not free or state.is_running(home):
                raise Transient(f"The process of {home} still runs; it is removed once it ended")
            if storage is Storage.KEEP:
                state.forget_process(home)
                self._checkpoint(Step.LEFTOVERS_REMOVED)
                return
            aside = folder.set_aside(home)
            self._checkpoint(Step.FOLDER_SET_ASIDE)
            # The lock is held to the end: a launcher that still waits for it finds no folder.
            folder.remove(aside)
            self._checkpoint(Step.FOLDER_REMOVED)

    def _finish_removal(self, aside: Path) -> None:
        """Carry on where a crash ended an earlier removal."""
        if not os.path.lexists(aside):
            return
        with state.unstartable(aside) as free:
            if not free:
                raise Transient(f"A process still holds {aside}; it is removed once it ended")
            folder.remove(aside)
        self._checkpoint(Step.FOLDER_REMOVED)

    def _observe(self, ref: NodeRef) -> NodeState:
        try:
            missing = self._roots.missing()
            return Unknown(missing) if missing else state.look(self.folder(ref))
        except (OSError, Permanent) as error:
            return Unknown(f"{self._roots.data} cannot be read: {error}")

    def _nodes(self) -> tuple[NodeRef, ...]:
        with explained("Listing the nodes", self._roots.data):
            root = self._roots.real(NODES)
            found = {
                NodeRef(
                    ClusterId(path.parent.name), NodeId(path.name.removesuffix(folder.REMOVING))
                )
                for cluster in (root.iterdir() if root.is_dir() else ())
                if cluster.is_dir()
                for path in cluster.iterdir()
            }
        return tuple(sorted(found, key=lambda ref: (ref.cluster_id, ref.node_id)))


def _part(name: str) -> str:
    """An id as the name of a folder; Permanent if it could lead anywhere else."""
    if not name or name.startswith(".") or "/" in name or name.endswith(folder.REMOVING):
        raise Permanent(f"The id {name!r} cannot be the name of a folder; a UUID can")
    return name
