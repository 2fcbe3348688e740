"""What the service and doctor take for the machine is what nodes may use of it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from searchplane import app
from searchplane.cli import doctor
from searchplane.domain.layout import default_max_heap_mb
from searchplane.drivers.process import host
from searchplane.drivers.process.driver import ProcessDriver
from searchplane.errors import Transient
from searchplane.settings import Settings

GIGABYTE = 2**30


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1 GB, half of it used, and one processor."""
    (tmp_path / "memory.max").write_text(str(GIGABYTE))
    (tmp_path / "memory.current").write_text(str(GIGABYTE // 2))
    (tmp_path / "memory.stat").write_text("inactive_file 0\n")
    monkeypatch.setattr(host, "CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})


@pytest.mark.usefixtures("container")
def test_flavors_fit_the_container(tmp_path: Path) -> None:
    limits = app._limits(Settings(data=tmp_path))
    assert (limits.max_heap_mb, limits.processors) == (default_max_heap_mb(1024), 1)


@pytest.mark.usefixtures("container")
def test_doctor_tells_what_the_container_has_left(tmp_path: Path) -> None:
    found = {one.check: one for one in doctor.examine(Settings(data=tmp_path))}
    assert found["memory"].sentence.startswith("512 MB is free")


async def test_a_host_that_cannot_be_looked_at_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Path) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(host, "capacity", broken)
    driver = ProcessDriver(tmp_path, lambda *_: ((), {}), lambda _: None, users=None)
    with pytest.raises(Transient, match=r"Looking at the host in .* Input/output error"):
        await driver.capacity()
    await driver.close()
