"""A small disk of its own for a data folder, which can be filled and freed."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.chaos.real_nodes import kill_nodes

FILLER = "filler"


@dataclass(frozen=True)
class SmallDisk:
    """`data` is the data folder on it."""

    root: Path
    data: Path

    def fill(self) -> None:
        """Leave not a byte."""
        with (self.root / FILLER).open("ab", buffering=0) as file:
            for size in (2**20, 4096, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    continue

    def free(self) -> None:
        (self.root / FILLER).unlink()


@contextmanager
def small_disk(megabytes: int) -> Iterator[SmallDisk]:
    """Skips the test where a disk cannot be mounted."""
    root = Path(tempfile.mkdtemp(prefix="searchplane-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "tmpfs", str(root)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        root.rmdir()
        pytest.skip("a disk of its own can be mounted by root only")
    try:
        yield SmallDisk(root, root / "data")
    finally:
        kill_nodes(root / "data")
        subprocess.run(["umount", "--lazy", str(root)], check=True)
        root.rmdir()
