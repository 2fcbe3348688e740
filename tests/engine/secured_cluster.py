"""Secured nodes started by the real driver from the real engine cache, and ways to ask them."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from searchplane.domain.cluster import Role
from searchplane.domain.engines import SECURED_ENGINE
from searchplane.domain.ids import ClusterId, NodeId
from searchplane.domain.observed import (
    Absent,
    ClientIdentity,
    EngineView,
    Health,
    InstallFailed,
    Ready,
    Running,
    Stopped,
    Target,
)
from searchplane.drivers.base import NodeRef, NodeSpec, Storage
from searchplane.drivers.process.driver import ProcessDriver
from searchplane.drivers.process.users import users_if_root
from searchplane.engine.certificates import KeyPair, issue_admin, issue_node, new_authority
from searchplane.engine.config import NodeConfig, render
from searchplane.engine.launch import java_command, java_environment
from searchplane.engine.probe import Probe
from searchplane.engine.rest import node_url, open_client
from searchplane.engine.security import admin_password_hash, security_files, security_settings
from searchplane.engine.service import Distributions

PASSWORD = "Sup3r#Secret"
PATIENCE_SECONDS = 120
TENANT = 1


@dataclass(frozen=True)
class Secrets:
    """What the control plane would have stored."""

    cluster_id: ClusterId
    authority: KeyPair
    control: KeyPair
    admin_hash: str


@dataclass
class SecuredCluster:
    """Nodes by reference; `target` is how the control plane asks them."""

    driver: ProcessDriver
    specs: dict[NodeRef, NodeSpec]
    target: Target
    authority_key: str = field(repr=False)
    probe: Probe = field(default_factory=Probe)

    async def start(self) -> None:
        """Start all nodes and wait until the probe calls the cluster whole."""
        for spec in self.specs.values():
            await self.driver.ensure(spec)
        deadline = time.monotonic() + PATIENCE_SECONDS
        seen = await self.probe.view(self.target)
        while not self._whole(seen):
            assert time.monotonic() < deadline, seen
            for ref in self.specs:
                state = await self.driver.observe(ref)
                assert isinstance(state, Running), state
            await asyncio.sleep(0.2)
            seen = await self.probe.view(self.target)

    async def stop(self) -> None:
        for ref in self.specs:
            await self.driver.stop(ref)
        for ref in self.specs:
            await self._until_stopped(ref)

    async def _until_stopped(self, ref: NodeRef) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not isinstance(await self.driver.observe(ref), Stopped | Absent):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)

    @asynccontextmanager
    async def control(self) -> AsyncIterator[httpx.AsyncClient]:
        """The control plane's own client."""
        async with open_client(self.target) as client:
            yield client

    @asynccontextmanager
    async def user(
        self, name: str = "admin", password: str = PASSWORD
    ) -> AsyncIterator[httpx.AsyncClient]:
        """A user who trusts the cluster's authority and has a password, no certificate."""
        assert self.target.identity
        trusted = ssl.create_default_context(cadata=self.target.identity.authority_pem)
        async with httpx.AsyncClient(
            verify=trusted, auth=(name, password), trust_env=False, timeout=30
        ) as client:
            yield client

    def urls(self, path: str) -> list[str]:
        return [node_url(self.target, address) + path for address in self.target.addresses]

    def url(self, path: str) -> str:
        return self.urls(path)[0]

    def _whole(self, seen: object) -> bool:
        names = {spec.name for spec in self.specs.values()}
        return (
            isinstance(seen, EngineView) and seen.members == names and seen.health is Health.GREEN
        )


@asynccontextmanager
async def secured_cluster(
    distributions: Distributions, count: int, *, https: bool, as_elasticsearch: bool = False
) -> AsyncIterator[SecuredCluster]:
    """A green cluster of `count` nodes; nothing is left of it afterwards."""
    while not isinstance(state := await distributions.ensure(SECURED_ENGINE, secured=True), Ready):
        assert not isinstance(state, InstallFailed), state.reason
    data = _data_folder()
    driver = _driver(distributions, data)
    secrets = _secrets()
    refs = [NodeRef(secrets.cluster_id, NodeId(str(uuid.uuid4()))) for _ in range(count)]
    addresses = {ref: await driver.place(ref) for ref in refs}
    repo = driver.tenant_folder(TENANT)
    specs = {
        ref: _spec(ref, addresses, secrets, repo, https=https, as_elasticsearch=as_elasticsearch)
        for ref in refs
    }
    identity = ClientIdentity(
        secrets.authority.certificate_pem, secrets.control.certificate_pem, secrets.control.key_pem
    )
    target = Target(tuple(addresses.values()), https=https, identity=identity)
    cluster = SecuredCluster(driver, specs, target, secrets.authority.key_pem)
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.probe.close()
        await cluster.stop()
        for ref in refs:
            await driver.remove(ref, Storage.DROP)
        await driver.close()
        shutil.rmtree(data)


def _data_folder() -> Path:
    data = Path(tempfile.mkdtemp(prefix="searchplane-test-"))
    data.chmod(0o755)
    return data


def _driver(distributions: Distributions, data: Path) -> ProcessDriver:
    def launch(spec: NodeSpec, folder: Path) -> tuple[tuple[str, ...], Mapping[str, str]]:
        installation = distributions.installation(spec.engine, secured=spec.secured)
        command = java_command(
            installation, folder=folder, heap_mb=spec.heap_mb, processors=spec.processors
        )
        return command, java_environment()

    return ProcessDriver(
        data, launch, lambda _: None, users=users_if_root(), fallback=data / "unused"
    )


def _secrets() -> Secrets:
    now = datetime.now(UTC)
    cluster_id = ClusterId(str(uuid.uuid4()))
    authority = new_authority("test", cluster_id, now)
    control = issue_admin(authority, cluster_id, now)
    return Secrets(cluster_id, authority, control, admin_password_hash(PASSWORD))


def _spec(
    ref: NodeRef,
    addresses: Mapping[NodeRef, str],
    secrets: Secrets,
    path_repo: Path,
    *,
    https: bool,
    as_elasticsearch: bool,
) -> NodeSpec:
    names = {each: f"es-{number}" for number, each in enumerate(addresses, 1)}
    node = issue_node(
        secrets.authority, name=names[ref], address=addresses[ref], now=datetime.now(UTC)
    )
    view = NodeConfig(
        engine=SECURED_ENGINE,
        cluster_name="test",
        node_name=names[ref],
        role=Role.DATA,
        master_eligible=True,
        zone="z-1",
        zones=("z-1",),
        address=addresses[ref],
        seed_addresses=tuple(addresses.values()),
        processors=2,
        path_repo=path_repo,
        bootstrap_masters=tuple(names.values()),
        reports_as_elasticsearch=as_elasticsearch,
        settings=security_settings(secrets.cluster_id, https=https),
        files=security_files(
            node=node,
            authority_pem=secrets.authority.certificate_pem,
            control_pem=secrets.control.certificate_pem,
            admin_hash=secrets.admin_hash,
        ),
    )
    return NodeSpec(
        ref=ref,
        name=names[ref],
        tenant=TENANT,
        address=addresses[ref],
        engine=SECURED_ENGINE,
        secured=True,
        processors=2,
        heap_mb=512,
        files=render(view),
    )
