"""Load on one server, and what a request cost it in processor time.

Processor time is what to compare: request rates swing with the machine's other work. load.py runs
in a process of its own, so that what the client costs is not counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TOKENS = "/v3/auth/tokens"
PROGRAM = Path(__file__).with_name("load.py")


@dataclass(frozen=True)
class Target:
    """A server: its address, and the first of its processes."""

    url: str
    pid: int


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    """With one it is a POST that makes something."""


@dataclass(frozen=True)
class Measured:
    """`cpu_ms` is the server's processor time for one request, that of its children included."""

    cpu_ms: float
    rate: float
    median_ms: float
    p99_ms: float


def load(target: Target, request: Request, *, clients: int, seconds: float) -> Measured:
    """Each client asks again as soon as it has an answer; after two seconds it is counted."""
    command = [sys.executable, str(PROGRAM), "--url", target.url + request.path]
    command += ["--conns", str(clients), "--seconds", str(seconds)]
    command += ["--server-pid", str(target.pid)]
    for name, value in request.headers.items():
        command += ["--header", f"{name}: {value}"]
    if request.body is not None:
        command += ["--method", "POST", "--expect", "201", "--body", json.dumps(request.body)]
        command += ["--header", "Content-Type: application/json"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    told: dict[str, Any] = json.loads(said)
    assert not told["errors"], told["errors"]
    return Measured(told["server_cpu_ms_per_req"], told["rps_ok"], told["p50_ms"], told["p99_ms"])


def check_of(token: str) -> Request:
    """A token that looks at itself."""
    return Request(TOKENS, {"X-Auth-Token": token, "X-Subject-Token": token})


def login_of(name: str, password: str, domain: str, project: Mapping[str, Any]) -> Request:
    """A login by password; the project is named by its id, or by its name and domain."""
    user = {"name": name, "password": password, "domain": {"name": domain}}
    identity = {"methods": ["password"], "password": {"user": user}}
    return Request(TOKENS, {}, {"auth": {"identity": identity, "scope": {"project": project}}})
