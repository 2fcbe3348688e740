"""Rules of projects.

A project with clusters is not deleted: they would be nodes that nobody sees. A disabled project
refuses every token for it, its clusters go on serving.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from searchplane.domain.access import Actor, Asked, allows
from searchplane.domain.ids import ProjectId
from searchplane.domain.naming import description_violations, project_name_violations
from searchplane.domain.violation import refuse
from searchplane.errors import Refused
from searchplane.iam.directory import (
    checked_id,
    demand,
    found,
    is_cloud_admin,
    new_id,
    reach,
    reach_domain,
)
from searchplane.store import projects
from searchplane.store.database import Database, Transaction
from searchplane.store.identity import bump
from searchplane.store.listing import Listed, Part
from searchplane.store.projects import ProjectRecord


@dataclass(frozen=True)
class NewProject:
    name: str
    domain_id: str | None = None
    enabled: bool = True
    description: str = ""


@dataclass(frozen=True)
class ProjectChange:
    """What is None stays as it is."""

    name: str | None = None
    enabled: bool | None = None
    description: str | None = None

    def of(self, project: ProjectRecord) -> ProjectRecord:
        fields = ("name", "enabled", "description")
        given = {name: getattr(self, name) for name in fields}
        changed = {name: value for name, value in given.items() if value is not None}
        return replace(project, **changed)


def listed(
    database: Database,
    actor: Actor,
    held: frozenset[str],
    domain_id: str | None,
    asked: Asked,
    *,
    name: str | None,
    enabled: bool | None,
    part: Part,
) -> Listed[ProjectRecord]:
    """The projects of a domain: all for who may list them, else those the actor has a role on."""
    inside = domain_id or actor.domain_id
    with database.read() as connection:
        managed = inside == actor.managed_domain or is_cloud_admin(connection, actor)
        sees_all = managed and allows(actor, "iam:projects:listProjects", asked)
        return projects.in_domain(
            connection,
            inside,
            ids=None if sees_all else held,
            name=name,
            enabled=enabled,
            part=part,
        )


def show(
    database: Database, actor: Actor, held: frozenset[str], project_id: str, asked: Asked
) -> ProjectRecord:
    """A project; one the actor has a role on without any other role."""
    with database.read() as connection:
        if project_id in held:
            return found(projects.find(connection, project_id), "project", project_id)
        project = _permitted(connection, actor, project_id)
        demand(actor, "iam:projects:getProject", asked)
        return project


def create(
    database: Database, actor: Actor, wanted: NewProject, region: str, now: datetime
) -> ProjectRecord:
    with database.write() as connection:
        inside = reach_domain(connection, actor, wanted.domain_id)
        project = ProjectRecord(
            ProjectId(new_id()), inside, wanted.name, wanted.enabled, wanted.description
        )
        _check(project, region)
        projects.add(connection, project, now)
        bump(connection)
    return project


def change(
    database: Database, actor: Actor, project_id: str, wanted: ProjectChange, region: str
) -> ProjectRecord:
    with database.write() as connection:
        before = _permitted(connection, actor, project_id)
        after = wanted.of(before)
        if after.name == before.name:  # the first project may be called as its region
            refuse(list(description_violations("project.description", after.description)))
        else:
            _check(after, region)
        projects.save(connection, after)
        bump(connection)
    return after


def delete(database: Database, actor: Actor, project_id: str) -> None:
    with database.write() as connection:
        project = _permitted(connection, actor, project_id)
        left = projects.clusters_in(connection, projects.one(project.id))
        if left:
            raise Refused(
                "IAM.0073",
                f"the project {project.name!r} has {left} clusters; delete them and wait until "
                "they are gone, or disable the project",
            )
        projects.remove(connection, project.id)
        bump(connection)


def _permitted(connection: Transaction, actor: Actor, project_id: str) -> ProjectRecord:
    wanted = checked_id("project", project_id)
    project = found(projects.find(connection, wanted), "project", project_id)
    reach(connection, actor, project.domain_id, "project", project_id)
    return project


def _check(project: ProjectRecord, region: str) -> None:
    refuse(
        [
            *project_name_violations(project.name, region),
            *description_violations("project.description", project.description),
        ]
    )
