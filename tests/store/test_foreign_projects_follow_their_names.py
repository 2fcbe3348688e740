"""Projects of another identity service get a row and a number, and their names follow."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select

from searchplane.domain.ids import DomainId, ProjectId
from searchplane.store.database import Database
from searchplane.store.foreign_projects import ForeignDomain, ForeignProject, number_of
from searchplane.store.schema import domains, identity_version, projects

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOME = ForeignDomain(DomainId("default"), "Default")


def project(key: str, name: str, domain: ForeignDomain = HOME) -> ForeignProject:
    return ForeignProject(ProjectId(key), name, domain)


def names(database: Database) -> dict[str, str]:
    with database.read() as connection:
        rows = connection.execute(select(projects.c.id, projects.c.name))
        return {row.id: row.name for row in rows}


def test_each_project_has_one_number(database: Database) -> None:
    first = number_of(database, project("p1", "search"), NOW)
    second = number_of(database, project("p2", "other"), NOW)
    assert first != second
    assert number_of(database, project("p1", "search"), NOW) == first


def test_a_renamed_project_keeps_its_number(database: Database) -> None:
    number = number_of(database, project("p1", "search"), NOW)
    renamed = ForeignDomain(DomainId("default"), "Renamed")
    assert number_of(database, project("p1", "found", renamed), NOW) == number
    assert names(database)["p1"] == "found"
    with database.read() as connection:
        named = connection.execute(select(domains.c.name).where(domains.c.id == "default"))
        assert named.scalar_one() == "Renamed"


def test_a_name_that_went_to_another_project_is_not_in_the_way(database: Database) -> None:
    first = number_of(database, project("p1", "search"), NOW)
    second = number_of(database, project("p2", "other"), NOW)
    assert number_of(database, project("p2", "search"), NOW) == second
    assert names(database)["p1"] == "p1"
    assert number_of(database, project("p1", "other"), NOW) == first
    assert names(database)["p1"] == "other"


def test_one_name_in_two_domains_is_two_projects(database: Database) -> None:
    there = ForeignDomain(DomainId("d2"), "Theirs")
    first = number_of(database, project("p1", "search"), NOW)
    assert number_of(database, project("p2", "search", there), NOW) != first
    assert names(database)["p1"] == "search"


def test_a_new_row_is_a_change_of_identity_and_an_old_one_is_none(database: Database) -> None:
    def version() -> int:
        with database.read() as connection:
            return int(connection.execute(select(identity_version.c.version)).scalar_one())

    before = version()
    number_of(database, project("p1", "search"), NOW)
    assert version() > before
    before = version()
    number_of(database, project("p1", "search"), NOW)
    assert version() == before
