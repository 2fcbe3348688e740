"""Which database tests work on: SQLite, or with `--database postgresql` a private server.

The same tests hold on both; those that are about a file of SQLite are marked `sqlite`.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from tests.support.cheap_hashes import cheap_hashes
from tests.support.databases import Databases, PostgresDatabases, SqliteDatabases
from tests.support.postgres import Server, server
from tests.support.rotation import SEED, VARIABLE
from tests.support.shared_statements import shared_statements


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="The database that tests of the store and the API work on.",
    )


def pytest_report_header() -> str:
    """How to choose what is taken in rotation as this run does."""
    return f"rotation: {VARIABLE}={SEED}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--database") == "sqlite":
        return
    reason = pytest.mark.skip(reason="about SQLite's file")
    for item in items:
        if item.get_closest_marker("sqlite") is not None:
            item.add_marker(reason)


def pytest_collection_finish() -> None:
    """What was imported and collected lasts to the end: the collector need not look at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def statements() -> Iterator[None]:
    with shared_statements():
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for all tests."""
    with server() as started:
        yield started


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Databases:
    """New databases of the kind that was asked for."""
    if request.config.getoption("--database") == "sqlite":
        return SqliteDatabases()
    return PostgresDatabases(request.getfixturevalue("postgres"))


@pytest.fixture(scope="module")
def cheap() -> Iterator[None]:
    """Passwords are hashed at the least price in this module."""
    with cheap_hashes():
        yield
