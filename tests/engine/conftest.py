"""Fixtures that start real nodes from the engine cache of the user who runs the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from engine_nodes import RUN_AS, RunningNode, StartNodes, launched, wait_until_joined

from searchplane.domain.engines import Engine
from searchplane.engine.service import Distributions
from searchplane.engine.throwaway import free_address
from searchplane.settings import default_cache


@pytest.fixture(scope="session")
def distributions() -> Iterator[Distributions]:
    service = Distributions(default_cache(), None, None, RUN_AS)
    yield service
    service.close()


@pytest.fixture
def start_nodes(distributions: Distributions) -> Iterator[StartNodes]:
    """Start so many nodes of an engine as one cluster; they are gone after the test."""
    with ExitStack() as stack:

        def start(engine: Engine, count: int) -> list[RunningNode]:
            installation = distributions.install(engine, secured=False)
            addresses = [free_address() for _ in range(count)]
            nodes = [
                stack.enter_context(launched(installation, number, addresses))
                for number in range(count)
            ]
            for node in nodes:
                wait_until_joined(node, count)
            return nodes

        yield start
