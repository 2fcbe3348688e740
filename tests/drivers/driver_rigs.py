"""One bench for every driver: how to build it, break it, and see that nothing is left.

The process driver runs a few lines of Python as its "engine": they bind the node's two ports as a
real one does, and end on SIGTERM, or refuse to.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from searchplane.domain.engines import OPENSEARCH_2_19_1
from searchplane.domain.ids import ClusterId, NodeId
from searchplane.domain.observed import NodeState, Running, Stopped
from searchplane.drivers.base import Checkpoint, Driver, NodeRef, NodeSpec, no_checkpoint
from searchplane.drivers.fake import FakeDriver
from searchplane.drivers.process.driver import ProcessDriver
from searchplane.drivers.process.users import users_if_root

ENGINE = """
import signal, socket, sys
folder, address, mode = sys.argv[1:4]
if mode == "broken":
    sys.exit("[2026-01-01T00:00:00,000][ERROR][o.o.b.Uncaught] [n] unknown setting [no.such]")
if mode == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
listeners = []
for port in (9200, 9300):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
    except OSError:
        print(f"BindHttpException[Failed to bind to {address}:{port}]; "
              "nested: java.net.BindException[Address already in use];")
        sys.exit(1)
    listener.listen()
    listeners.append(listener)
print("ready", flush=True)
if mode == "ending":  # the first thread has ended, as in a JVM on its way out; another has not
    import ctypes, platform, threading, time
    threading.Thread(target=time.sleep, args=(60,)).start()
    exit_thread = {"x86_64": 60}.get(platform.machine(), 93)
    ctypes.CDLL(None).syscall(exit_thread, 0)
signal.pause()
"""


def reachable_python() -> str | None:
    """A Python that every user may run; the one of these tests may lie in a closed home."""
    known = (Path(sys.executable).resolve(), Path("/usr/bin/python3").resolve())
    for program in known:
        if all(
            path.exists() and path.stat().st_mode & stat.S_IXOTH
            for path in (program, *program.parents)
        ):
            return str(program)
    return None


PATIENCE = 10.0

T = TypeVar("T")


def new_spec(cluster: str | None = None, *, tenant: int = 3) -> NodeSpec:
    """A node that no other test has."""
    ref = NodeRef(ClusterId(cluster or str(uuid.uuid4())), NodeId(str(uuid.uuid4())))
    return NodeSpec(
        ref=ref,
        name=f"es-{ref.node_id[:8]}",
        tenant=tenant,
        address="127.99.0.1",
        engine=OPENSEARCH_2_19_1,
        secured=False,
        processors=1,
        heap_mb=64,
        files={"opensearch.yml": b"node.name: a\n", "security/users.yml": b"users: []\n"},
    )


async def placed(driver: Driver, spec: NodeSpec) -> NodeSpec:
    return replace(spec, address=await driver.place(spec.ref))


async def eventually(question: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> T:
    """The first answer that is as wanted; fails with the last one after PATIENCE seconds."""
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await question()
            if wanted(answer):
                return answer
            await asyncio.sleep(0.01)


async def stopped(driver: Driver, ref: NodeRef) -> NodeState:
    return await eventually(lambda: driver.observe(ref), lambda seen: isinstance(seen, Stopped))


class Rig(Protocol):
    """A driver's bench on one data folder."""

    changes: list[ClusterId]

    def __init__(self, data: Path) -> None: ...

    def driver(self, checkpoint: Checkpoint = no_checkpoint) -> Driver:
        """A new instance on the same folder, as after a restart of the service."""

    async def kill(self, driver: Driver, ref: NodeRef) -> None: ...

    def break_starts(self, driver: Driver, ref: NodeRef) -> None: ...

    async def make_unknown(self, driver: Driver, ref: NodeRef) -> None: ...

    def mend(self, driver: Driver, ref: NodeRef) -> None: ...

    def leftovers(self) -> list[str]:
        """Everything of any node that can be found on the machine."""

    async def close(self) -> None:
        """End what a failed test has left."""


class ProcessRig:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.changes: list[ClusterId] = []
        self.fallback = data.parent / "fallback"
        self.modes: dict[NodeRef, str] = {}
        self._hidden: dict[NodeRef, bytes] = {}
        self._drivers: list[ProcessDriver] = []

    def driver(self, checkpoint: Checkpoint = no_checkpoint) -> ProcessDriver:
        driver = ProcessDriver(
            self.data,
            self.launch,
            self.changes.append,
            users=users_if_root(),
            checkpoint=checkpoint,
            fallback=self.fallback,
        )
        self._drivers.append(driver)
        return driver

    def launch(self, spec: NodeSpec, folder: Path) -> tuple[tuple[str, ...], dict[str, str]]:
        shown = self.data / "nodes" / spec.ref.cluster_id / spec.ref.node_id
        mode = self.modes.get(spec.ref, "good")
        python = reachable_python()
        assert python is not None
        command = (python, "-I", "-S", "-c", ENGINE, str(shown), spec.address, mode)
        return command, {"NODE_HOME": str(folder)}

    async def kill(self, driver: Driver, ref: NodeRef) -> None:
        seen = await driver.observe(ref)
        assert isinstance(seen, Running) and seen.pid is not None
        os.kill(seen.pid, 9)

    def break_starts(self, driver: Driver, ref: NodeRef) -> None:
        self.modes[ref] = "broken"

    async def make_unknown(self, driver: Driver, ref: NodeRef) -> None:
        record = self.data / "nodes" / ref.cluster_id / ref.node_id / "node.json"
        self._hidden[ref] = record.read_bytes()
        record.write_text("{")

    def mend(self, driver: Driver, ref: NodeRef) -> None:
        self.modes.pop(ref, None)
        if ref in self._hidden:
            record = self.data / "nodes" / ref.cluster_id / ref.node_id / "node.json"
            record.write_bytes(self._hidden.pop(ref))

    def leftovers(self) -> list[str]:
        commands = [
            path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if path.exists()
        ]
        return [text for text in commands if str(self.data) in text] + [
            str(path) for path in self.data.rglob("*")
        ]

    async def close(self) -> None:
        """End what a failed test has left."""
        driver = self.driver()
        for ref in await driver.nodes():
            self.mend(driver, ref)
            await driver.stop(ref, force=True)
            await eventually(partial(driver.observe, ref), _is_at_rest)
        for used in self._drivers:
            await used.close()


def _is_at_rest(seen: NodeState) -> bool:
    return not isinstance(seen, Running)


class FakeRig:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.changes: list[ClusterId] = []

    def driver(self, checkpoint: Checkpoint = no_checkpoint) -> FakeDriver:
        return FakeDriver(self.data, self.changes.append, checkpoint=checkpoint)

    async def kill(self, driver: Driver, ref: NodeRef) -> None:
        _fake(driver).kill(ref)

    def break_starts(self, driver: Driver, ref: NodeRef) -> None:
        _fake(driver).fail_starts(ref, "unknown setting [no.such]")

    async def make_unknown(self, driver: Driver, ref: NodeRef) -> None:
        _fake(driver).make_unknown(ref, "node.json is not a process record")

    def mend(self, driver: Driver, ref: NodeRef) -> None:
        _fake(driver).heal(ref)

    def leftovers(self) -> list[str]:
        return [str(path) for path in self.data.rglob("*") if path != self.data / "fake"]

    async def close(self) -> None:
        """Nothing runs."""


def _fake(driver: Driver) -> FakeDriver:
    assert isinstance(driver, FakeDriver)
    return driver
