"""A migrated database with two projects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.support.backed_world import BackedWorld, closing
from tests.support.databases import Databases, with_two_projects
from tests.support.paper_world import CLOCKED, Clock, World

from searchplane.iam.sealing import Seals
from searchplane.settings import Settings
from searchplane.store.database import Database, open_database
from searchplane.store.secrets import ClusterSecrets


@pytest.fixture(scope="session")
def migrated(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A database with two projects, made once and copied."""
    with with_two_projects(databases, tmp_path_factory.mktemp("migrated")) as settings:
        yield settings


@pytest.fixture
def database(databases: Databases, migrated: Settings, tmp_path: Path) -> Iterator[Database]:
    with databases.new(tmp_path, migrated) as where:
        database = open_database(Settings(**where))
        yield database
        database.close()


@pytest.fixture
def seals(tmp_path: Path) -> Seals:
    return Seals.open(tmp_path)


@pytest.fixture
def cluster_secrets(seals: Seals) -> ClusterSecrets:
    return ClusterSecrets(seals)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """One transaction for a whole test."""
    with database.write() as connection:
        yield connection


@pytest.fixture
def clocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is the test's own in the modules that ask for it."""
    for module in CLOCKED:
        monkeypatch.setattr(module, "datetime", Clock)


@pytest.fixture
def paper(database: Database, tmp_path: Path, clocked: None) -> Iterator[World]:
    """A project without a cluster yet, whose time is the test's own."""
    made = World(database, tmp_path)
    yield made
    made.runner.close()


@pytest.fixture
def backed(database: Database, tmp_path: Path, clocked: None) -> Iterator[BackedWorld]:
    """A cluster of one node with documents in two indices, that has no snapshots yet."""
    with closing(BackedWorld(database, tmp_path / "backed")) as world:
        world.begin()
        yield world


@pytest.fixture
def trio(database: Database, tmp_path: Path, clocked: None) -> Iterator[BackedWorld]:
    """The same of three nodes."""
    with closing(BackedWorld(database, tmp_path / "backed")) as world:
        world.begin(3)
        yield world
