"""A whole service in a process of its own, as users run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

START_SECONDS = 60.0
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class RunningService:
    """`admin` is what admin.json holds."""

    url: str
    data: Path
    admin: dict[str, str]
    process: subprocess.Popen[str]

    def token(self) -> str:
        """A fresh token for the first project."""
        user = {
            "name": self.admin["user"],
            "password": self.admin["password"],
            "domain": {"name": self.admin["domain"]},
        }
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"id": self.admin["project_id"]}},
            }
        }
        answer = httpx.post(f"{self.url}/v3/auth/tokens", json=body, timeout=30)
        answer.raise_for_status()
        return answer.headers["X-Subject-Token"]

    def project_client(self) -> httpx.Client:
        """A client whose paths begin after the project id."""
        return httpx.Client(
            base_url=f"{self.url}/v1.0/{self.admin['project_id']}",
            headers={"X-Auth-Token": self.token()},
            timeout=30,
        )


@contextmanager
def running_service(
    data: Path, environment: Mapping[str, str], *options: str, admin: Path | None = None
) -> Iterator[RunningService]:
    """`searchplane serve` on a free port of loopback, until the block ends.

    `admin` is the data folder with admin.json, when it is another service's.
    """
    command = (sys.executable, "-m", "searchplane.cli.main", "serve", *options)
    process = subprocess.Popen(
        [*command, "--data", str(data), "--listen", "127.0.0.1:0"],
        env={"SEARCHPLANE_LOG_LEVEL": "WARNING"} | os.environ | dict(environment),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield _started(process, data, admin or data)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)
        if process.stdout is not None:
            process.stdout.close()


def _started(process: subprocess.Popen[str], data: Path, admin_from: Path) -> RunningService:
    assert process.stdout is not None
    line = process.stdout.readline()  # ends with the process, so a failed start cannot hang
    assert "serves " in line, f"the service did not start: {line!r}"
    admin: dict[str, Any] = json.loads((admin_from / "admin.json").read_text())
    url = line.split("serves ")[1].split()[0]
    httpx.get(f"{url}/healthz", timeout=START_SECONDS).raise_for_status()
    return RunningService(url, data, admin, process)


def getting_started(name: str = "ES-Test", nodes: int = 3) -> dict[str, Any]:
    """The body of the Getting Started."""
    return {
        "cluster": {
            "name": name,
            "backupStrategy": {"period": "16:00 GMT+08:00", "prefix": "snapshot", "keepday": 7},
            "instanceNum": nodes,
            "instance": {
                "flavorRef": "ess.spec-2u16g",
                "volume": {"volume_type": "COMMON", "size": 100},
                "nics": {
                    "vpcId": "fccd753c-91c3-40e2-852f-5ddf76d1a1b2",
                    "netId": "af1c65ae-c494-4e24-acd8-81d6b355c9f1",
                    "securityGroupId": "7e3fed21-1a44-4101-ab29-34e57124f614",
                },
            },
        }
    }


def by_role(name: str = "es-roles", **groups: int) -> dict[str, Any]:
    """The body of a v2.0 creation; `ess_master=3` adds a group, one data node is the least."""
    counts = {"ess": 1} | {kind.replace("_", "-"): count for kind, count in groups.items()}
    old = getting_started(name)["cluster"]["instance"]
    return {
        "cluster": {
            "name": name,
            "datastore": {"type": "opensearch", "version": "2.19.1"},
            "roles": [
                {
                    "type": kind,
                    "flavorRef": "ess.spec-2u16g",
                    "instanceNum": count,
                    "volume": {
                        "volume_type": "COMMON",
                        "size": 40 if kind in ("ess-master", "ess-client") else 100,
                    },
                }
                for kind, count in counts.items()
            ],
            "nics": old["nics"],
            "availability_zone": "local-1",
        }
    }
