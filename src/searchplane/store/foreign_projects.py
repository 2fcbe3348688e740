"""Projects that another identity service administers, as rows that clusters and quotas refer to.

A row is made when a project is first seen, which gives it its number, and its names follow those
of the other service. Names are unique here too, and the other service may give a name to another
project between two looks: the row that had it is then called by its id until it is seen again.
Nothing is ever removed: a cluster keeps its project.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from searchplane.domain.ids import DomainId, ProjectId
from searchplane.store.database import Database
from searchplane.store.identity import bump
from searchplane.store.schema import domains, projects, users


@dataclass(frozen=True)
class ForeignDomain:
    id: DomainId
    name: str


@dataclass(frozen=True)
class ForeignProject:
    id: ProjectId
    name: str
    domain: ForeignDomain


_SEEN = (
    select(projects.c.number)
    .join_from(projects, domains)
    .where(
        projects.c.id == bindparam("id"),
        projects.c.name == bindparam("name"),
        domains.c.id == bindparam("domain_id"),
        domains.c.name == bindparam("domain_name"),
    )
)


def number_of(database: Database, project: ForeignProject, now: datetime) -> int:
    """The project's own small number, after its row is as it is given here."""
    with database.read() as connection:
        known = _number(connection, project)
    if known is not None:
        return known
    with database.write() as connection:
        _remember(connection, project, now)
        number = _number(connection, project)
    assert number is not None, "a row that was written a moment ago is there"  # noqa: S101
    return number


def has_users(connection: Connection) -> bool:
    """Whether the local identity service has been used on this database."""
    return connection.execute(select(users.c.id).limit(1)).first() is not None


def has_projects(connection: Connection) -> bool:
    return connection.execute(select(projects.c.id).limit(1)).first() is not None


def _number(connection: Connection, project: ForeignProject) -> int | None:
    wanted = {
        "id": project.id,
        "name": project.name,
        "domain_id": project.domain.id,
        "domain_name": project.domain.name,
    }
    return connection.execute(_SEEN, wanted).scalar_one_or_none()


def _remember(connection: Connection, project: ForeignProject, now: datetime) -> None:
    domain = project.domain
    _put(connection, domains, domain.id, {"name": domain.name}, now)
    _put(connection, projects, project.id, {"name": project.name, "domain_id": domain.id}, now)
    bump(connection)


def _put(
    connection: Connection, table: Table, key: str, unique: dict[str, str], now: datetime
) -> None:
    """Make or change the row; another that has these values gives its name up."""
    same = [table.c[name] == value for name, value in unique.items()]
    connection.execute(update(table).where(*same, table.c.id != key).values(name=table.c.id))
    changed = connection.execute(update(table).where(table.c.id == key).values(unique))
    if not changed.rowcount:
        row = unique | {"id": key, "enabled": True, "created": now}
        connection.execute(insert(table).values(row))
