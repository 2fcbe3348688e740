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

FILLER = "filler"


@dataclass(frozen=True)
class SmallDisk:
    """A disk mounted at `root`."""

    root: Path

    @property
    def data(self) -> Path:
        """A data folder on it."""
        return self.root / "data"

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
    """A disk in a folder of its own."""
    root = Path(tempfile.mkdtemp(prefix="searchplane-disk-"))
    try:
        with mounted(root, megabytes) as disk:
            yield disk
    finally:
        root.rmdir()


@contextmanager
def mounted(root: Path, megabytes: int) -> Iterator[SmallDisk]:
    """A disk mounted at `root`; skips the test where that cannot be done."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "tmpfs", str(root)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a disk of its own can be mounted by root only")
    try:
        yield SmallDisk(root)
    finally:
        subprocess.run(["umount", "--lazy", str(root)], check=True)
