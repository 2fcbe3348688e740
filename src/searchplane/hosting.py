"""Nodes that are processes of this machine: what runs them, and what is done to them by command.

Only who runs or stops real nodes needs the driver of processes and all that knows the engines, so
nothing imports this file before it is known that they are wanted.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import Absent, NodeState, Stopped, Unknown
from searchplane.drivers.base import Checkpoint, Driver, NodeRef, NodeSpec
from searchplane.drivers.fake import FakeDriver
from searchplane.drivers.process.driver import ProcessDriver
from searchplane.drivers.process.users import TenantUsers, users_if_root
from searchplane.engine.calm import calm, restore
from searchplane.engine.control import Control
from searchplane.engine.launch import java_command, java_environment
from searchplane.engine.probe import Probe
from searchplane.engine.repositories import FOLDER_BUCKETS, BucketStore, S3Buckets
from searchplane.engine.service import Distributions
from searchplane.engine.snapshots import Snapshots
from searchplane.errors import Permanent, Transient
from searchplane.reconciler.compose import composer
from searchplane.reconciler.ports import Ports
from searchplane.settings import DriverKind, Settings
from searchplane.store.database import Database
from searchplane.store.secrets import ClusterSecrets

STOP_POLL_SECONDS = 0.25
"""Between two looks at nodes that were asked to end."""


def ports(
    settings: Settings,
    database: Database,
    secrets: ClusterSecrets,
    checkpoint: Checkpoint,
    wake: Callable[[ClusterId], None],
) -> Ports:
    """What the loop acts through, on real nodes."""
    distributions, store = open_distributions(settings), bucket_store(settings)

    def launch(spec: NodeSpec, folder: Path) -> tuple[tuple[str, ...], dict[str, str]]:
        installation = distributions.installation(spec.engine, secured=spec.secured)
        command = java_command(
            installation, folder=folder, heap_mb=spec.heap_mb, processors=spec.processors
        )
        shown = f"-Dsearchplane.node={driver.display_folder(spec.ref)}"
        return (command[0], shown, *command[1:]), java_environment()

    driver = ProcessDriver(
        settings.data,
        launch,
        wake,
        on_start=calm,
        on_found=restore,
        users=_users(settings),
        checkpoint=checkpoint,
    )
    return Ports(
        database,
        secrets,
        driver,
        Probe(),
        Control(),
        Snapshots(store),
        distributions.ensure,
        composer(driver.tenant_folder, store),
        checkpoint,
    )


async def stop_nodes(settings: Settings, tell: Callable[[int], None], seconds: float) -> None:
    """Ask all nodes to end at once, and wait until none runs; their data stays.

    `tell` is given the number of nodes that still run. The caller holds the data folder's lock and
    runs no loop, so nothing starts them again; neither the database nor an engine is needed.
    Raises Transient when some still run after `seconds`.
    """
    deadline = time.monotonic() + seconds
    async with _starting_none(settings) as driver:
        while left := await _still_there(driver):
            tell(len(left))
            if time.monotonic() >= deadline:
                raise Transient(_still_running(left, seconds))
            # Said again and again: the driver kills those that were told long ago.
            await asyncio.gather(*(_ask_to_stop(driver, ref) for ref in left))
            await asyncio.sleep(STOP_POLL_SECONDS)
    tell(0)


async def nodes_there(settings: Settings) -> tuple[NodeRef, ...]:
    """Every node of which the data folder has anything, whether or not a record knows it."""
    async with _starting_none(settings) as driver:
        return await driver.nodes()


async def attach_bucket(settings: Settings, tenant: int, bucket: str, path: Path) -> int:
    """Have a folder be a bucket of the project with this number; how many repositories it holds.

    Raises Permanent when the project's nodes cannot read it, or the name is taken.
    """
    async with _starting_none(settings) as driver:
        return len(await driver.attach(tenant, bucket, path))


async def detach_bucket(settings: Settings, tenant: int, bucket: str) -> None:
    """Undo `attach_bucket`; the folder itself is not touched."""
    async with _starting_none(settings) as driver:
        await driver.detach(tenant, bucket)


@asynccontextmanager
async def _starting_none(settings: Settings) -> AsyncIterator[Driver]:
    """A driver that sees and stops nodes and starts none."""

    def launch(spec: NodeSpec, _folder: Path) -> tuple[tuple[str, ...], dict[str, str]]:
        raise Permanent(f"{spec.name} is not started: only the service starts nodes")

    driver: Driver
    if settings.driver is DriverKind.FAKE:
        driver = FakeDriver(settings.data, lambda _: None)
    else:
        driver = ProcessDriver(settings.data, launch, lambda _: None, users=_users(settings))
    try:
        yield driver
    finally:
        await driver.close()


async def _still_there(driver: Driver) -> dict[NodeRef, NodeState]:
    """The nodes that run, and those of which it is not known."""
    refs = await driver.nodes()
    states = await asyncio.gather(*map(driver.observe, refs))
    return {
        ref: state
        for ref, state in zip(refs, states, strict=True)
        if not isinstance(state, Stopped | Absent)
    }


def _users(settings: Settings) -> TenantUsers | None:
    return users_if_root(
        settings.node_uid_base, settings.node_uid_base + settings.node_uid_count - 1
    )


async def _ask_to_stop(driver: Driver, ref: NodeRef) -> None:
    with suppress(Transient):  # it is not clear what runs; the next look tells more
        await driver.stop(ref)


def _still_running(left: Mapping[NodeRef, NodeState], seconds: float) -> str:
    unclear = [state.reason for state in left.values() if isinstance(state, Unknown)]
    why = f": {unclear[0]}" if unclear else ""
    return f"{len(left)} of the nodes still run after {seconds:.0f} s{why}"


def open_distributions(settings: Settings) -> Distributions:
    """The engine cache of these settings."""
    run_as = (settings.node_uid_base, settings.node_uid_base) if os.geteuid() == 0 else None
    return Distributions(
        settings.cache,
        settings.maven_mirror,
        settings.java_home,
        run_as,
        s3_plugins=settings.s3_plugins,
    )


def bucket_store(settings: Settings) -> BucketStore:
    """Where buckets are by these settings: an S3-compatible store, or folders."""
    secret = settings.s3_secret_key
    if settings.s3_endpoint is None or settings.s3_access_key is None or secret is None:
        return FOLDER_BUCKETS
    return S3Buckets(
        settings.s3_endpoint,
        settings.s3_access_key,
        secret.get_secret_value(),
        settings.s3_region,
        settings.s3_path_style,
    )
