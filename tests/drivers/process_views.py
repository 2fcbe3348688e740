"""What tests look at when nodes are processes."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import psutil
from driver_rigs import ProcessRig, eventually, new_spec, placed

from searchplane.domain.observed import Running
from searchplane.drivers.base import NodeRef, NodeSpec
from searchplane.drivers.process.driver import ProcessDriver


async def running_node(rig: ProcessRig) -> tuple[ProcessDriver, NodeSpec, psutil.Process]:
    driver = rig.driver()
    spec = await placed(driver, new_spec())
    await driver.ensure(spec)
    return driver, spec, psutil.Process(await pid_of(driver, spec.ref))


async def pid_of(driver: ProcessDriver, ref: NodeRef) -> int:
    seen = await driver.observe(ref)
    assert isinstance(seen, Running) and seen.pid is not None
    return seen.pid


async def serves(spec: NodeSpec) -> None:
    """Wait until the node's REST port answers."""

    async def answers() -> bool:
        with socket.socket() as client:
            return client.connect_ex((spec.address, 9200)) == 0

    await eventually(answers, bool)


def proc_file(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


def start_time(pid: int) -> int:
    return int(proc_file(pid, "stat").rpartition(")")[2].split()[19])


def may_list(folder: Path, user: int) -> bool:
    return not subprocess.run(
        ["ls", folder], user=user, group=user, check=False, capture_output=True
    ).returncode


def open_files(pid: int) -> dict[int, str]:
    return {int(link.name): str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}


def rewrite(record: Path, **fields: object) -> None:
    record.write_text(json.dumps({**json.loads(record.read_text()), **fields}))


def config_of(driver: ProcessDriver, spec: NodeSpec) -> dict[str, bytes]:
    config = driver.folder(spec.ref) / "config"
    return {
        str(path.relative_to(config)): path.read_bytes()
        for path in config.rglob("*")
        if path.is_file()
    }
