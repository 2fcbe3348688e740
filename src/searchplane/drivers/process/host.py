"""What the host has left for nodes; in a container, what the container has left."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from searchplane.domain.observed import HostCapacity

MEGABYTE = 1024 * 1024
CGROUP = Path("/sys/fs/cgroup")
"""Inside a container the limits of its own group stand at the root (version 2)."""


@dataclass(frozen=True)
class Memory:
    """In bytes."""

    total: int
    available: int


def capacity(folder: Path) -> HostCapacity:
    """Memory that nodes may take, and free space of the disk that `folder` is, or will be, on."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    has = memory()
    return HostCapacity(
        memory_total_mb=has.total // MEGABYTE,
        memory_available_mb=has.available // MEGABYTE,
        disk_free_bytes=psutil.disk_usage(str(existing)).free,
        observed=datetime.now(UTC),
    )


def memory() -> Memory:
    """What nodes share with everything else here."""
    machine = psutil.virtual_memory()
    return within_limit(Memory(machine.total, machine.available), CGROUP)


def processors() -> int:
    """Those that this process, and so its nodes, may run on."""
    return len(os.sched_getaffinity(0))


def within_limit(machine: Memory, group: Path) -> Memory:
    """The machine's memory, or the control group's if that is less.

    Files the kernel only caches count as used by the group, though they give way to nodes.
    """
    try:
        limit = int((group / "memory.max").read_text())  # "max" when there is none
        used = int((group / "memory.current").read_text())
        lines = (group / "memory.stat").read_text().splitlines()
    except (OSError, ValueError):
        return machine
    statistics = dict(line.split() for line in lines)
    left = max(0, limit - used + int(statistics.get("inactive_file", 0)))
    return Memory(min(machine.total, limit), min(machine.available, left))
