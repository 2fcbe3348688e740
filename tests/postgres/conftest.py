"""Databases on the private server, whatever the other levels work on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.postgres import Server

from searchplane.store.database import Database
from searchplane.store.migrate import migrate


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    """An empty database."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def empty(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def database(empty: Database) -> Database:
    """With this version's schema."""
    migrate(empty)
    return empty
