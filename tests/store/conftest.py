"""A migrated database with two projects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.support.cluster_examples import NOW
from tests.support.databases import Databases

from searchplane.domain.ids import DomainId, ProjectId
from searchplane.iam.sealing import Seals
from searchplane.settings import Settings
from searchplane.store.database import Database, open_database
from searchplane.store.identity import Directory, Domain
from searchplane.store.migrate import migrate
from searchplane.store.secrets import ClusterSecrets


@pytest.fixture(scope="session")
def migrated(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A database with two projects, made once and copied."""
    with databases.new(tmp_path_factory.mktemp("migrated")) as where:
        settings = Settings(**where)
        database = open_database(settings)
        migrate(database)
        with database.write() as connection:
            directory = Directory(connection)
            directory.add_domain(Domain(DomainId("domain"), "local", enabled=True), NOW)
            for number in (1, 2):
                name = ProjectId(f"project-{number}")
                directory.add_project(name, name, DomainId("domain"), NOW)
        database.close()
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
