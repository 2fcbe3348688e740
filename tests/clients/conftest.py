"""One service with the fake driver for all official clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.running import RunningService, running_service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    data = tmp_path_factory.mktemp("data")
    with running_service(data, {"SEARCHPLANE_DRIVER": "fake"}) as running:
        yield running
