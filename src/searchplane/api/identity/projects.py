"""Projects. The path calls one a tenant, as `project_id` names the project a token is for.

A list has every project of the domain for its administrators, and those with a role for others:
one name is one project in either, as the SDKs rely on.
"""

from __future__ import annotations

from searchplane.api.identity.declaring import (
    EMPTY,
    FORBIDDEN,
    NOT_FOUND,
    TAKEN,
    WRONG,
    asked,
    identity_operation,
)
from searchplane.api.identity.lists import ListQuery, links, part
from searchplane.api.identity.places import (
    NewProjectBody,
    ProjectAnswer,
    ProjectChangeBody,
    StandingAnswer,
    StandingBody,
    project_shown,
    standing,
)
from searchplane.api.identity.replies import ProjectsAnswer
from searchplane.api.identity.requests import Name
from searchplane.api.operation import Answer, Call
from searchplane.errors import Refused
from searchplane.iam import projects
from searchplane.iam.projects import NewProject, ProjectChange
from searchplane.store.projects import ProjectRecord

PATH = "/v3/projects"
ONE_PATH = "/v3/projects/{tenant_id}"
STANDING_PATH = "/v3-ext/projects/{tenant_id}"


class ProjectsQuery(ListQuery):
    """`parent_id` may name the domain: projects lie in nothing else here."""

    parent_id: Name | None = None


def list_projects(call: Call) -> Answer:
    query: ProjectsQuery = call.query
    found = projects.listed(
        call.services.database,
        call.user,
        _held(call),
        query.domain_id or query.parent_id,
        asked(call),
        name=query.name,
        enabled=query.enabled,
        part=part(query),
    )
    shown = [project_shown(_base(call), project) for project in found.items]
    return Answer(body=ProjectsAnswer(projects=shown, links=links(call, PATH, found, shown)))


def create_project(call: Call) -> Answer:
    body: NewProjectBody = call.body
    wanted = body.project
    if wanted.domain_id and wanted.parent_id not in (None, wanted.domain_id):
        raise Refused("IAM.0073", "project.parent_id: only the domain's own id is right")
    project = projects.create(
        call.services.database,
        call.user,
        NewProject(
            wanted.name,
            wanted.domain_id or wanted.parent_id,
            wanted.enabled is not False,
            wanted.description or "",
        ),
        call.services.settings.region,
        call.now,
    )
    return Answer(body=ProjectAnswer(project=project_shown(_base(call), project)))


def show_project(call: Call) -> Answer:
    return Answer(body=ProjectAnswer(project=project_shown(_base(call), _project(call))))


def show_standing(call: Call) -> Answer:
    return Answer(body=StandingAnswer(project=standing(_base(call), _project(call))))


def update_project(call: Call) -> Answer:
    body: ProjectChangeBody = call.body
    wanted = ProjectChange(body.project.name, body.project.enabled, body.project.description)
    return _changed(call, wanted)


def set_standing(call: Call) -> Answer:
    """Suspend a project, or let it go on; its clusters serve all the same."""
    body: StandingBody = call.body
    _changed(call, ProjectChange(enabled=body.project.status == "normal"))
    return Answer()


def delete_project(call: Call) -> Answer:
    projects.delete(call.services.database, call.user, call.path["tenant_id"])
    return Answer()


def _changed(call: Call, wanted: ProjectChange) -> Answer:
    region = call.services.settings.region
    project = projects.change(
        call.services.database, call.user, call.path["tenant_id"], wanted, region
    )
    return Answer(body=ProjectAnswer(project=project_shown(_base(call), project)))


def _project(call: Call) -> ProjectRecord:
    return projects.show(
        call.services.database, call.user, _held(call), call.path["tenant_id"], asked(call)
    )


def _held(call: Call) -> frozenset[str]:
    """The ids of the projects the user has a role on."""
    return frozenset(project.id for project in call.services.identity.projects(call.user))


def _base(call: Call) -> str:
    return call.services.settings.base_url


OPERATIONS = (
    identity_operation(
        "listProjects",
        "GET",
        PATH,
        list_projects,
        summary="List the projects of a domain that the user may see, by name",
        action="iam:projects:listProjects",
        self_service=True,
        query=ProjectsQuery,
        answer=ProjectsAnswer,
    ),
    identity_operation(
        "createProject",
        "POST",
        PATH,
        create_project,
        summary="Create a project",
        action="iam:projects:createProject",
        body=NewProjectBody,
        answer=ProjectAnswer,
        status=201,
        errors=(NOT_FOUND, TAKEN, EMPTY, WRONG),
    ),
    identity_operation(
        "showProject",
        "GET",
        ONE_PATH,
        show_project,
        summary="Show a project",
        action="iam:projects:getProject",
        self_service=True,
        answer=ProjectAnswer,
        errors=(FORBIDDEN, NOT_FOUND),
    ),
    identity_operation(
        "updateProject",
        "PATCH",
        ONE_PATH,
        update_project,
        summary="Change a project",
        action="iam:projects:updateProject",
        body=ProjectChangeBody,
        answer=ProjectAnswer,
        errors=(NOT_FOUND, TAKEN, EMPTY, WRONG),
    ),
    identity_operation(
        "deleteProject",
        "DELETE",
        ONE_PATH,
        delete_project,
        summary="Delete a project that has no clusters",
        action="iam:projects:deleteProject",
        errors=(NOT_FOUND, WRONG),
    ),
    identity_operation(
        "showProjectStatus",
        "GET",
        STANDING_PATH,
        show_standing,
        summary="Show a project and whether it is suspended",
        action="iam:projects:getProject",
        self_service=True,
        answer=StandingAnswer,
        errors=(FORBIDDEN, NOT_FOUND),
    ),
    identity_operation(
        "setProjectStatus",
        "PUT",
        STANDING_PATH,
        set_standing,
        summary="Suspend a project, or let it go on",
        action="iam:projects:updateProject",
        body=StandingBody,
        status=204,
        errors=(NOT_FOUND, EMPTY, WRONG),
    ),
)
