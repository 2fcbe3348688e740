"""Keystone and moto beside our own service: what a request costs each, in one run.

Keystone is what its packages give: SQLite, Fernet tokens, its own hashing, one worker with four
threads; once with its default cache, which lasts for a request, and once with one in memory. moto
is a mock that keeps its list in memory and checks neither password nor signature: a floor for what
a Python server takes, no peer. Both are installed into environments of their own at the first run.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tests.support.keystone_environment import Installed, install, installed, place
from tests.support.running import running_service

from benchmarks.identity_load import TOKENS, Measured, Request, Target, check_of, load, login_of
from benchmarks.identity_service import CLUSTERS, SETTINGS, login, make_clusters, target
from benchmarks.report import Figure

SECONDS = 8.0
START_SECONDS = 60.0
ADMIN_PASSWORD = "Quiet-Harbour-27"
ADMIN_PROJECT = {"name": "admin", "domain": {"name": "Default"}}
LOCALHOST = "127.0.0.1"
MOTO = Path(__file__).with_name("moto-5.txt")
REGION = "us-east-1"
MOTO_HEADERS = {
    "Authorization": f"AWS4-HMAC-SHA256 Credential=EXAMPLE/20260101/{REGION}/es/aws4_request, "
    "SignedHeaders=host, Signature=0"
}

CONFIGURATION = """\
[DEFAULT]
use_stderr = false
[database]
connection = sqlite:///{folder}/keystone.db
[fernet_tokens]
key_repository = {folder}/tokens
[fernet_receipts]
key_repository = {folder}/tokens
[credential]
key_repository = {folder}/credentials
"""
CACHE = """\
[cache]
enabled = true
backend = dogpile.cache.memory
"""
GUNICORN = """\
import sys

sys.argv = sys.argv[:1]  # Keystone reads them too, and knows none of these
wsgi_app = "keystone.wsgi.api:application"
workers, worker_class, threads, keepalive = 1, "gthread", 4, 30
control_socket_disable = True
"""


def run() -> list[Figure]:
    keystone_made, moto_made = installed(), _moto_environment()
    checked, issued, listed = _ours()
    found: list[Figure] = []
    for cache, how in (("", "default cache"), (CACHE, "cache in memory")):
        with _keystone(keystone_made, cache) as server:
            there = login_of("admin", ADMIN_PASSWORD, "Default", ADMIN_PROJECT)
            token = _token(server, there)
            theirs = load(server, check_of(token), clients=4, seconds=SECONDS)
            found.append(_beside(f"check a token, Keystone 30, {how}", theirs, checked))
            theirs = load(server, there, clients=1, seconds=SECONDS)
            found.append(_beside(f"log in, Keystone 30, {how}", theirs, issued))
    with _moto(moto_made) as server:
        theirs = load(server, _domains(), clients=4, seconds=SECONDS)
        found.append(_beside(f"list {CLUSTERS} domains, moto 5, unchecked", theirs, listed))
    return found


def _beside(what: str, theirs: Measured, ours: Measured) -> Figure:
    return Figure(
        f"{what}, processor time of the server",
        f"{theirs.cpu_ms:.2f} ms ({theirs.rate:.0f} /s)",
        f"searchplane {ours.cpu_ms:.3f} ms",
        f"{theirs.cpu_ms / ours.cpu_ms:.1f}",
    )


def _ours() -> tuple[Measured, Measured, Measured]:
    """A token checked, one issued, and an authenticated list of as many clusters."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), SETTINGS) as service,
    ):
        make_clusters(service)
        at, token = target(service), service.token()
        clusters = f"/v1.0/{service.admin['project_id']}/clusters"
        asked = Request(clusters, {"X-Auth-Token": token})
        return (
            load(at, check_of(token), clients=4, seconds=SECONDS),
            load(at, login(service), clients=1, seconds=SECONDS),
            load(at, asked, clients=4, seconds=SECONDS),
        )


@contextmanager
def _keystone(made: Installed, cache: str) -> Iterator[Target]:
    """A Keystone whose administrator's password is hashed as it does by default."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(made.template, folder, dirs_exist_ok=True)
        configuration = folder / "keystone.conf"
        configuration.write_text(CONFIGURATION.format(folder=folder) + cache)
        (folder / "gunicorn.conf.py").write_text(GUNICORN)
        manage = (made.program("keystone-manage"), "--config-file", str(configuration))
        bootstrap = ("bootstrap", "--bootstrap-password", ADMIN_PASSWORD)
        subprocess.run([*manage, *bootstrap], check=True, capture_output=True)
        port = _free_port()
        command = [made.program("gunicorn"), "--bind", f"{LOCALHOST}:{port}"]
        variables = {"OS_KEYSTONE_CONFIG_FILES": str(configuration)}
        with _served(command, folder, port, "/v3", variables) as server:
            yield server


@contextmanager
def _moto(made: Installed) -> Iterator[Target]:
    """A moto that has as many domains of OpenSearch as our own service has clusters."""
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        command = [made.program("moto_server"), "-H", LOCALHOST, "-p", str(port)]
        with _served(command, Path(folder), port, "/moto-api/data.json", {}) as server:
            for number in range(CLUSTERS):
                body = {"DomainName": f"listed-{number}"}
                path = f"{server.url}/2021-01-01/opensearch/domain"
                httpx.post(path, headers=MOTO_HEADERS, json=body).raise_for_status()
            yield server


def _domains() -> Request:
    return Request("/2021-01-01/domain?engineType=OpenSearch", MOTO_HEADERS)


@contextmanager
def _served(
    command: list[str], folder: Path, port: int, probe: str, variables: dict[str, str]
) -> Iterator[Target]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder)} | variables
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    server = Target(f"http://{LOCALHOST}:{port}", process.pid)
    try:
        _wait(server, probe, process, folder / "log")
        yield server
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _wait(server: Target, probe: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if httpx.get(server.url + probe, timeout=START_SECONDS).is_success:
                return
        except httpx.TransportError:
            pass
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-4000:]
        time.sleep(0.1)


def _token(server: Target, request: Request) -> str:
    answer = httpx.post(server.url + TOKENS, json=request.body, timeout=START_SECONDS)
    return answer.raise_for_status().headers["X-Subject-Token"]


def _moto_environment() -> Installed:
    made = Installed(place("moto", MOTO.read_text()))
    stamp = made.folder / "made"
    with made.alone():
        if not stamp.exists():
            install(made, MOTO)
            stamp.touch()
    return made


def _free_port() -> int:
    with socket.create_server((LOCALHOST, 0)) as listener:
        return int(listener.getsockname()[1])
