"""Projects as they are administered. Callers call `bump`.

Roles name what they are on without a foreign key, as it may be a project or a domain; so deleting
one takes the roles on it away here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from searchplane.domain.ids import DomainId, ProjectId
from searchplane.errors import Refused
from searchplane.store.listing import WHOLE, Listed, Part, listed
from searchplane.store.schema import (
    agency_roles,
    clusters,
    group_roles,
    projects,
    role_assignments,
)


@dataclass(frozen=True)
class ProjectRecord:
    id: ProjectId
    domain_id: DomainId
    name: str
    enabled: bool
    description: str


_PROJECTS = select(
    projects.c.id,
    projects.c.domain_id,
    projects.c.name,
    projects.c.enabled,
    projects.c.description,
)
ROLES_ON = (role_assignments, group_roles, agency_roles)
"""The tables that say which role is held on what."""


def find(connection: Connection, project_id: str) -> ProjectRecord | None:
    row = connection.execute(_PROJECTS.where(projects.c.id == project_id)).mappings().first()
    return _project(row) if row is not None else None


def in_domain(
    connection: Connection,
    domain_id: str | None,
    *,
    ids: frozenset[str] | None = None,
    name: str | None = None,
    enabled: bool | None = None,
    part: Part = WHOLE,
) -> Listed[ProjectRecord]:
    """The projects of a domain, or of all, that fit every filter; `ids` bounds the choice."""
    wanted = _PROJECTS
    for column, value in (
        (projects.c.domain_id, domain_id),
        (projects.c.name, name),
        (projects.c.enabled, enabled),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    if ids is not None:
        wanted = wanted.where(projects.c.id.in_(ids))
    return listed(connection, wanted, projects, part, _project)


def save(connection: Connection, project: ProjectRecord) -> None:
    """Store what can be changed. Raises Refused IAM.0005 when the name is taken."""
    values = {
        "name": project.name,
        "enabled": project.enabled,
        "description": project.description,
    }
    try:
        connection.execute(update(projects).where(projects.c.id == project.id).values(values))
    except IntegrityError:
        raise _taken(project.name) from None


def add(connection: Connection, project: ProjectRecord, now: datetime) -> None:
    """Raises Refused IAM.0005 when the domain has a project of this name."""
    values = {
        "id": project.id,
        "domain_id": project.domain_id,
        "name": project.name,
        "enabled": project.enabled,
        "description": project.description,
        "created": now,
    }
    try:
        connection.execute(insert(projects).values(values))
    except IntegrityError:
        raise _taken(project.name) from None


def clusters_in(connection: Connection, project_ids: Select[tuple[str]]) -> int:
    """How many clusters these projects have, those being deleted included."""
    counted = select(func.count()).where(clusters.c.project_id.in_(project_ids))
    return connection.execute(counted).scalar_one()


def one(project_id: str) -> Select[tuple[str]]:
    return select(projects.c.id).where(projects.c.id == project_id)


def all_of(domain_id: str) -> Select[tuple[str]]:
    return select(projects.c.id).where(projects.c.domain_id == domain_id)


def remove(connection: Connection, project_id: str) -> None:
    """The project and every role on it. It has no clusters; the caller has looked."""
    for table in ROLES_ON:
        on_it = (table.c.target == "project", table.c.target_id == project_id)
        connection.execute(delete(table).where(*on_it))
    connection.execute(delete(projects).where(projects.c.id == project_id))


def _taken(name: str) -> Refused:
    return Refused("IAM.0005", f"project.name is {name!r}: another project of the domain has it")


def _project(row: RowMapping) -> ProjectRecord:
    return ProjectRecord(**row)
