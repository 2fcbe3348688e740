"""Identity: what a request costs the service, and whether a login's time tells anything.

Processor time of the service for each request is what to compare: request rates swing with the
machine's other work. `peers` measures Keystone and moto with the same load, by peers.sh.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from tests.support.running import RunningService, getting_started, running_service

from benchmarks.report import Figure, median
from searchplane.domain.ids import UserId
from searchplane.domain.lockout import Attempts, Standing
from searchplane.iam.passwords import hash_password, verify
from searchplane.iam.tokens import new_audit_id
from searchplane.store import login_attempts
from searchplane.store.database import Database, private_sqlite
from searchplane.store.identity import Directory, Reference, Target, User

HERE = Path(__file__).parent
SETTINGS = {"SEARCHPLANE_DRIVER": "fake", "SEARCHPLANE_LOGIN_LOCKOUT": "false"}
SECONDS = 10.0
TRIES = 200
CLUSTERS = 10
STORM = 16
HASHES = 40

VALIDATE_MS = 0.2
LIST_MS = 0.6
OVER_THE_HASH_MS = 1.0
STORM_P99_MS = 20.0
SPREAD = 0.10

PASSWORD = "Quiet-Harbour-27"
PATH = "/v3/auth/tokens"


def run() -> list[Figure]:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service(Path(folder), SETTINGS) as service,
    ):
        _make_clusters(service)
        return [*_costs(service), _storm(service), _timing(service)]


def peers() -> list[Figure]:
    """Keystone with its default and with its own cache, and moto; installed at the first run."""
    script = str(HERE / "peers.sh")
    subprocess.run([script, "setup"], check=True)
    found: list[Figure] = []
    for peer in ("keystone", "keystone-cached", "moto"):
        said = subprocess.run([script, peer], check=True, capture_output=True, text=True).stdout
        for line in said.splitlines():
            told = json.loads(line)
            name = f"{told['label']}, {told['conns']} connections"
            found.append(Figure(name, f"{told['server_cpu_ms_per_req']} ms of processor time"))
    return found


def _costs(service: RunningService) -> Iterator[Figure]:
    token = service.token()
    both = {"X-Auth-Token": token, "X-Subject-Token": token}
    shown = _load(service, PATH, both)
    yield _cost("check a token", shown, VALIDATE_MS)
    path = f"/v1.0/{service.admin['project_id']}/clusters"
    listed = _load(service, path, {"X-Auth-Token": token})
    yield _cost(f"list {CLUSTERS} clusters, with a token", listed, LIST_MS)
    issued = _load(service, PATH, {}, _login(service), conns=1)
    hashing = _hash_ms()
    over = issued["server_cpu_ms_per_req"] - hashing
    yield Figure(
        "log in, processor time of the service",
        f"{issued['server_cpu_ms_per_req']:.2f} ms",
        f"the hash {hashing:.2f} ms",
        bound=f"at most the hash and {OVER_THE_HASH_MS} ms",
        met=over <= OVER_THE_HASH_MS,
    )


def _cost(what: str, told: dict[str, Any], most: float) -> Figure:
    spent = told["server_cpu_ms_per_req"]
    return Figure(
        f"{what}, processor time of the service",
        f"{spent:.3f} ms ({told['rps_ok']:.0f} /s, p99 {told['p99_ms']} ms)",
        bound=f"at most {most} ms",
        met=spent <= most,
    )


def _storm(service: RunningService) -> Figure:
    """Tokens are checked while clients log in without pause."""
    token = service.token()
    both = {"X-Auth-Token": token, "X-Subject-Token": token}
    with ThreadPoolExecutor(1) as beside:
        logins = beside.submit(
            _load, service, PATH, {}, _login(service), conns=STORM, seconds=SECONDS + 4
        )
        time.sleep(2)
        told = _load(service, PATH, both)
        rate = logins.result()["rps_ok"]
    return Figure(
        f"check a token while {STORM} clients log in without pause, p99",
        f"{told['p99_ms']} ms (median {told['p50_ms']} ms; {rate:.0f} logins /s)",
        bound=f"below {STORM_P99_MS} ms",
        met=told["p99_ms"] < STORM_P99_MS,
    )


def _timing(service: RunningService) -> Figure:
    """Each kind in turn, so that the machine's other work meets all alike."""
    _make_users(service)
    tries = {
        "unknown": _body(service, "nobody-of-this-name", PASSWORD),
        "wrong": _body(service, "usual", "not the password"),
        "locked": _body(service, "locked", PASSWORD),
        "disabled": _body(service, "disabled", PASSWORD),
    }
    seconds: dict[str, list[float]] = {kind: [] for kind in tries}
    with httpx.Client(base_url=service.url, timeout=30) as client:
        for _ in range(TRIES):
            for kind, body in tries.items():
                began = time.perf_counter()
                status = client.post(PATH, json=body).status_code
                seconds[kind].append(time.perf_counter() - began)
                assert status == 401, f"{kind}: {status}"
    medians = {kind: median(found) * 1000 for kind, found in seconds.items()}
    apart = max(medians.values()) / min(medians.values()) - 1
    return Figure(
        f"refused logins, median of {TRIES} each",
        ", ".join(f"{kind} {value:.1f} ms" for kind, value in medians.items()),
        ratio=f"{apart:.1%} apart",
        bound=f"within {SPREAD:.0%}",
        met=apart <= SPREAD,
    )


def _load(
    service: RunningService,
    path: str,
    headers: dict[str, str],
    body: dict[str, Any] | None = None,
    *,
    conns: int = 4,
    seconds: float = SECONDS,
) -> dict[str, Any]:
    """What load.py tells."""
    command = [sys.executable, str(HERE / "load.py"), "--url", service.url + path]
    command += ["--conns", str(conns), "--seconds", str(seconds)]
    command += ["--server-pid", str(service.process.pid)]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    if body is not None:
        command += ["--method", "POST", "--expect", "201", "--body", json.dumps(body)]
        command += ["--header", "Content-Type: application/json"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    told: dict[str, Any] = json.loads(said)
    assert not told["errors"], told["errors"]
    return told


def _hash_ms() -> float:
    """Processor time of one hash, in this process: for every login one is computed."""
    stored = hash_password(PASSWORD)
    began = time.process_time()
    for _ in range(HASHES):
        verify(stored, PASSWORD)
    return (time.process_time() - began) * 1000 / HASHES


def _login(service: RunningService) -> dict[str, Any]:
    return _body(service, service.admin["user"], service.admin["password"])


def _body(service: RunningService, name: str, password: str) -> dict[str, Any]:
    user = {"name": name, "password": password, "domain": {"name": service.admin["domain"]}}
    scope = {"project": {"id": service.admin["project_id"]}}
    identity = {"methods": ["password"], "password": {"user": user}}
    return {"auth": {"identity": identity, "scope": scope}}


def _make_clusters(service: RunningService) -> None:
    with service.project_client() as client:
        for number in range(CLUSTERS):
            body = getting_started(f"listed-{number}", nodes=1)
            client.post("/clusters", json=body).raise_for_status()
        while any(one["status"] != "200" for one in client.get("/clusters").json()["clusters"]):
            time.sleep(0.2)


def _make_users(service: RunningService) -> None:
    """A user of each kind, beside the running service."""
    now, project = datetime.now(UTC), service.admin["project_id"]
    with _database(service.data) as database, database.write() as connection:
        directory = Directory(connection)
        home = directory.find_domain(Reference(id=service.admin["domain_id"]))
        assert home is not None
        for name in ("usual", "locked", "disabled"):
            user_id, enabled = UserId(new_audit_id()), name != "disabled"
            directory.add_user(User(user_id, name, enabled, home, hash_password(PASSWORD)), now)
            directory.add_roles(user_id, Target.PROJECT, project, ("readonly",))
            if name == "locked":
                locked = Attempts(5, now, now + timedelta(days=1))
                standing = Standing(here=locked)
                login_attempts.save(connection, user_id, "127.0.0.1", standing, now)


@contextmanager
def _database(data: Path) -> Iterator[Database]:
    database = Database(private_sqlite(data))
    try:
        yield database
    finally:
        database.close()
