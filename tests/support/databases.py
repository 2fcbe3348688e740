"""New databases for tests, empty or as copies of one that was filled once, as that is quicker."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr
from sqlalchemy import make_url
from tests.support.cluster_examples import NOW
from tests.support.postgres import Server

from searchplane.domain.ids import DomainId, ProjectId
from searchplane.settings import Settings
from searchplane.store.database import open_database
from searchplane.store.identity import Directory, Domain
from searchplane.store.migrate import migrate

FILE = "searchplane.db"


class Databases(Protocol):
    """Data folders are the caller's; what is on a server is removed with the block."""

    @contextmanager
    def new(self, data: Path, like: Settings | None = None) -> Iterator[dict[str, Any]]:
        """The settings of a service on `data` with a new database.

        It is a copy of the one that `like` names, which nobody may be connected to.
        """


class SqliteDatabases:
    @contextmanager
    def new(self, data: Path, like: Settings | None = None) -> Iterator[dict[str, Any]]:
        data.mkdir(parents=True, exist_ok=True)
        if like is not None:
            with closing(sqlite3.connect(like.data / FILE)) as first:
                first.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copy(like.data / FILE, data / FILE)
        yield {"data": data}


class PostgresDatabases:
    def __init__(self, server: Server) -> None:
        self._server = server

    @contextmanager
    def new(self, data: Path, like: Settings | None = None) -> Iterator[dict[str, Any]]:
        data.mkdir(parents=True, exist_ok=True)
        template = None
        if like is not None and like.database_url is not None:
            template = make_url(like.database_url.get_secret_value()).database
        with self._server.database(template) as url:
            yield {"data": data, "database_url": SecretStr(url)}


@contextmanager
def with_two_projects(databases: Databases, folder: Path) -> Iterator[Settings]:
    """A migrated database with two projects, which nobody is connected to."""
    with databases.new(folder) as where:
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
