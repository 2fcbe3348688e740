"""A migrated database with two projects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.support.cluster_examples import NOW

from searchplane.domain.ids import DomainId, ProjectId
from searchplane.iam.sealing import Seals
from searchplane.store.database import Database, private_sqlite
from searchplane.store.identity import Directory, Domain
from searchplane.store.migrate import migrate
from searchplane.store.secrets import ClusterSecrets


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a database with two projects; made once."""
    folder = tmp_path_factory.mktemp("migrated")
    database = Database(private_sqlite(folder))
    migrate(database)
    with database.write() as connection:
        directory = Directory(connection)
        directory.add_domain(Domain(DomainId("domain"), "local", enabled=True), NOW)
        for number in (1, 2):
            name = ProjectId(f"project-{number}")
            directory.add_project(name, name, DomainId("domain"), NOW)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return (folder / "searchplane.db").read_bytes()


@pytest.fixture
def database(migrated: bytes, tmp_path: Path) -> Iterator[Database]:
    (tmp_path / "searchplane.db").write_bytes(migrated)
    database = Database(private_sqlite(tmp_path))
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
