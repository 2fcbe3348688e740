"""What the holder of a token can reach: services, projects, domains."""

from __future__ import annotations

from searchplane.api.identity.replies import (
    CatalogueAnswer,
    DomainsAnswer,
    ProjectsAnswer,
    catalogue_reply,
    domain_reply,
    page_links,
    project_reply,
)
from searchplane.api.identity.requests import DomainsQuery
from searchplane.api.operation import Answer, Call, Envelope, Operation

CATALOGUE_PATH = "/v3/auth/catalog"
OWN_PROJECTS_PATH = "/v3/auth/projects"
OWN_DOMAINS_PATH = "/v3/auth/domains"


def show_catalogue(call: Call) -> Answer:
    entries = call.services.identity.catalogue(call.user.scope)
    links = page_links(call.services.settings.base_url, CATALOGUE_PATH)
    return Answer(body=CatalogueAnswer(catalog=catalogue_reply(entries), links=links))


def list_own_projects(call: Call) -> Answer:
    """Every project a token can be scoped to."""
    found = call.services.identity.projects(call.user)
    usable = [project for project in found if project.enabled and project.domain.enabled]
    base_url = call.services.settings.base_url
    shown = [project_reply(base_url, project) for project in usable]
    return Answer(
        body=ProjectsAnswer(projects=shown, links=page_links(base_url, OWN_PROJECTS_PATH))
    )


def list_own_domains(call: Call) -> Answer:
    query: DomainsQuery = call.query
    base_url = call.services.settings.base_url
    found = [
        domain_reply(base_url, domain)
        for domain in call.services.identity.domains(call.user)
        if domain.enabled and query.name in (None, domain.name)
    ]
    return Answer(body=DomainsAnswer(domains=found, links=page_links(base_url, OWN_DOMAINS_PATH)))


OPERATIONS = (
    Operation(
        id="showCatalogue",
        method="GET",
        paths=(CATALOGUE_PATH,),
        handler=show_catalogue,
        summary="Show the services the token can reach",
        action="iam:catalogue:get",
        self_service=True,
        answer=CatalogueAnswer,
        envelope=Envelope.IDENTITY,
    ),
    Operation(
        id="listOwnProjects",
        method="GET",
        paths=(OWN_PROJECTS_PATH,),
        handler=list_own_projects,
        summary="List the projects a token can be scoped to",
        action="iam:projects:list",
        self_service=True,
        answer=ProjectsAnswer,
        envelope=Envelope.IDENTITY,
    ),
    Operation(
        id="listOwnDomains",
        method="GET",
        paths=(OWN_DOMAINS_PATH,),
        handler=list_own_domains,
        summary="List the user's domains",
        action="iam:domains:list",
        self_service=True,
        query=DomainsQuery,
        answer=DomainsAnswer,
        envelope=Envelope.IDENTITY,
    ),
)
