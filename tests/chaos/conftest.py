"""Data folders of their own for tests with real nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.chaos.real_nodes import data_folder


@pytest.fixture
def data() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder


@pytest.fixture
def other_data() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder
