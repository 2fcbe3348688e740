"""A server's database is copied into a file, and a file into a server's empty database."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from tests.support.cluster_examples import NOW, cluster
from tests.support.copies import copied, everything, fill, ignore
from tests.support.postgres import Server

from searchplane.domain.ids import DomainId, ProjectId
from searchplane.errors import Permanent
from searchplane.store import events
from searchplane.store.copying import copy_in
from searchplane.store.database import Database
from searchplane.store.identity import Directory, Domain
from searchplane.store.schema import projects


def begin(database: Database) -> None:
    """Two projects, of which the second was deleted again, and what `fill` makes."""
    with database.write() as connection:
        directory = Directory(connection)
        directory.add_domain(Domain(DomainId("domain"), "local", enabled=True), NOW)
        for number in (1, 2):
            name = ProjectId(f"project-{number}")
            directory.add_project(name, name, DomainId("domain"), NOW)
        connection.execute(projects.delete().where(projects.c.id == "project-2"))
    fill(database)


def next_number(database: Database) -> int:
    with database.write() as connection:
        project = ProjectId("project-3")
        Directory(connection).add_project(project, project, DomainId("domain"), NOW)
        wanted = select(projects.c.number).where(projects.c.id == project)
        return int(connection.execute(wanted).scalar_one())


def test_from_a_server_to_a_file_and_back(
    database: Database, postgres: Server, tmp_path: Path
) -> None:
    begin(database)
    held = everything(database)
    with copied(database, tmp_path) as copy, postgres.database() as url:
        assert everything(copy) == held
        other = Database(url)
        copy_in(copy, other, ignore)
        assert everything(other) == held
        with other.write() as connection:
            events.add(connection, cluster().id, NOW, "form", "it has a number of its own")
        assert next_number(other) == next_number(copy) == next_number(database)
        other.close()


def test_a_database_of_a_service_is_not_filled(
    database: Database, postgres: Server, tmp_path: Path
) -> None:
    begin(database)
    with copied(database, tmp_path) as copy:
        held = everything(database)
        with pytest.raises(Permanent, match="a service's already; an empty one is right"):
            copy_in(copy, database, ignore)
        assert everything(database) == held
