"""What the host has left for nodes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import psutil

from searchplane.domain.observed import HostCapacity

MEGABYTE = 1024 * 1024


def capacity(folder: Path) -> HostCapacity:
    """Memory of the host and free space of the disk that `folder` is, or will be, on."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    memory = psutil.virtual_memory()
    return HostCapacity(
        memory_total_mb=memory.total // MEGABYTE,
        memory_available_mb=memory.available // MEGABYTE,
        disk_free_bytes=psutil.disk_usage(str(existing)).free,
        observed=datetime.now(UTC),
    )
