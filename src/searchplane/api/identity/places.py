"""What projects and domains look like in requests, and in answers beside replies.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from searchplane.api.fields import Boolean, Reply, Request
from searchplane.api.identity.people import Described
from searchplane.api.identity.replies import DomainReply, ProjectReply, SelfLink
from searchplane.api.identity.requests import Name
from searchplane.store.domains import DomainRecord
from searchplane.store.projects import ProjectRecord


class PlaceFields(Request):
    """A project or domain as administrators change one; what is absent or null stays."""

    name: Name | None = None
    enabled: Boolean | None = None
    description: Described | None = None


class NewProjectFields(PlaceFields):
    """A new project; the domain is the caller's when none is named.

    `parent_id` may name the domain: projects lie in nothing else here.
    """

    name: Name
    domain_id: Name | None = None
    parent_id: Name | None = None


class NewProjectBody(Request):
    project: NewProjectFields


class ProjectChangeBody(Request):
    project: PlaceFields


class Standing(Request):
    status: Literal["suspended", "normal"]


class StandingBody(Request):
    project: Standing


class NewDomainFields(PlaceFields):
    name: Annotated[Name, Field(min_length=1)]


class NewDomainBody(Request):
    domain: NewDomainFields


class DomainChangeBody(Request):
    domain: PlaceFields


class ProjectAnswer(Reply):
    project: ProjectReply


class StandingReply(ProjectReply):
    """`status` is "normal" or "suspended"."""

    status: str


class StandingAnswer(Reply):
    project: StandingReply


class DomainAnswer(Reply):
    domain: DomainReply


def project_shown(base_url: str, project: ProjectRecord) -> ProjectReply:
    return ProjectReply(
        id=project.id,
        name=project.name,
        domain_id=project.domain_id,
        parent_id=project.domain_id,
        enabled=project.enabled,
        is_domain=False,
        description=project.description,
        links=SelfLink(self=f"{base_url}/v3/projects/{project.id}"),
    )


def standing(base_url: str, project: ProjectRecord) -> StandingReply:
    status = "normal" if project.enabled else "suspended"
    return StandingReply(**project_shown(base_url, project).model_dump(), status=status)


def domain_shown(base_url: str, domain: DomainRecord) -> DomainReply:
    return DomainReply(
        id=domain.id,
        name=domain.name,
        enabled=domain.enabled,
        description=domain.description,
        links=SelfLink(self=f"{base_url}/v3/domains/{domain.id}"),
    )
