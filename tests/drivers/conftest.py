"""Benches for the drivers, each on a data folder that nodes' users can reach."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from driver_rigs import FakeRig, ProcessRig, Rig, reachable_python


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may pass, unlike pytest's own as root."""
    folder = Path(tempfile.mkdtemp(prefix="searchplane-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def process_rig(open_folder: Path) -> AsyncIterator[ProcessRig]:
    if reachable_python() is None:
        pytest.skip("no Python on this machine can be run by every user")
    data = open_folder / "data"
    data.mkdir(mode=0o700)  # as a careful person would: the driver opens it for passing
    rig = ProcessRig(data)
    yield rig
    await rig.close()


@pytest.fixture
async def fake_rig(open_folder: Path) -> FakeRig:
    data = open_folder / "data"
    data.mkdir(exist_ok=True)
    return FakeRig(data)


@pytest.fixture(params=["process_rig", "fake_rig"])
def rig(request: pytest.FixtureRequest) -> Rig:
    bench: Rig = request.getfixturevalue(request.param)
    return bench
