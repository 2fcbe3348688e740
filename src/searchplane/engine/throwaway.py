"""One node that is started to be looked at and thrown away.

It is a cluster of its own on a free loopback address, in a folder that goes with it, and it ends
with the process that started it. It holds no user's data, so nothing here is careful with any.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from searchplane.domain.cluster import Role
from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import ClientIdentity
from searchplane.domain.ports import REST_PORT, TRANSPORT_PORT
from searchplane.engine import tethered
from searchplane.engine.certificates import issue_admin, issue_node, new_authority
from searchplane.engine.config import NodeConfig, render
from searchplane.engine.distributions import Installation
from searchplane.engine.folders import make_folder
from searchplane.engine.launch import FOLDERS, java_command, java_environment
from searchplane.engine.rest import tls_context
from searchplane.engine.runtime import RunAs
from searchplane.engine.security import admin_password_hash, security_files, security_settings

NAME = "throwaway"
HEAP_MB = 512
PROCESSORS = 2
CHEAPEST_HASH = 4
"""The least rounds bcrypt allows: nobody can know this password, and nobody logs in with it."""


@dataclass(frozen=True)
class Throwaway:
    """A started node; `client` is set up to ask it, whether or not it answers yet."""

    process: subprocess.Popen[bytes]
    client: httpx.Client
    folder: Path


@dataclass(frozen=True)
class _Secrets:
    """What a secured node needs beyond a plain one, and how to ask it."""

    settings: dict[str, Any]
    files: dict[str, bytes]
    identity: ClientIdentity


@contextmanager
def throwaway_node(
    installation: Installation,
    parent: Path,
    run_as: RunAs | None,
    jvm_options: tuple[str, ...] = (),
) -> Iterator[Throwaway]:
    """A node in a new folder below `parent`; `{folder}` in an option becomes that folder."""
    address = free_address()
    secured = _secrets(address) if installation.secured else None
    scheme = "https" if secured else "http"
    with (
        _folder(parent) as folder,
        httpx.Client(
            base_url=f"{scheme}://{address}:{REST_PORT}",
            verify=tls_context(secured.identity if secured else None),
            timeout=60,
            trust_env=False,
        ) as client,
    ):
        _configure(installation, folder, address, secured)
        if run_as is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, *run_as)
        options = tuple(option.format(folder=folder) for option in jvm_options)
        with _process(installation, folder, run_as, options) as process:
            yield Throwaway(process, client, folder)


def free_address() -> str:
    """A loopback address on which nothing listens at a node's ports."""
    while True:
        parts = (127, *(random.randint(1, 254) for _ in range(3)))  # noqa: S311 - no secret
        address = ".".join(map(str, parts))
        if all(_is_free(address, port) for port in (REST_PORT, TRANSPORT_PORT)):
            return address


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


@contextmanager
def _folder(parent: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=make_folder(parent)))
    try:
        for name in FOLDERS:
            (folder / name).mkdir()
        yield folder
    finally:
        shutil.rmtree(folder)


def _secrets(address: str) -> _Secrets:
    cluster_id, now = ClusterId(str(uuid.uuid4())), datetime.now(UTC)
    authority = new_authority(NAME, cluster_id, now)
    control = issue_admin(authority, cluster_id, now)
    files = security_files(
        node=issue_node(authority, name=NAME, address=address, now=now),
        authority_pem=authority.certificate_pem,
        control_pem=control.certificate_pem,
        admin_hash=admin_password_hash(secrets.token_urlsafe(), CHEAPEST_HASH),
    )
    identity = ClientIdentity(authority.certificate_pem, control.certificate_pem, control.key_pem)
    return _Secrets(security_settings(cluster_id, https=True), files, identity)


def _configure(
    installation: Installation, folder: Path, address: str, secured: _Secrets | None
) -> None:
    view = NodeConfig(
        engine=installation.engine,
        cluster_name=NAME,
        node_name=NAME,
        role=Role.DATA,
        master_eligible=True,
        zone=NAME,
        zones=(NAME,),
        address=address,
        seed_addresses=(address,),
        processors=PROCESSORS,
        path_repo=folder / "data",
        bootstrap_masters=(NAME,),
        settings=secured.settings if secured else {},
        files=secured.files if secured else {},
    )
    for name, content in render(view).items():
        path = folder / "config" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


@contextmanager
def _process(
    installation: Installation, folder: Path, run_as: RunAs | None, options: tuple[str, ...]
) -> Iterator[subprocess.Popen[bytes]]:
    java, *arguments = java_command(
        installation, folder=folder, heap_mb=HEAP_MB, processors=PROCESSORS
    )
    user, group = run_as or (-1, -1)
    process = subprocess.Popen(
        (
            sys.executable,
            "-I",
            tethered.__file__,
            str(user),
            str(group),
            java,
            *options,
            *arguments,
        ),
        env=java_environment(),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
