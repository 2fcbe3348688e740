"""Domains (accounts), in the shapes of Keystone: the public cloud has no operation to make one."""

from __future__ import annotations

from searchplane.api.identity.declaring import (
    EMPTY,
    FORBIDDEN,
    NOT_FOUND,
    TAKEN,
    WRONG,
    identity_operation,
)
from searchplane.api.identity.lists import ListQuery, links, part
from searchplane.api.identity.places import (
    DomainAnswer,
    DomainChangeBody,
    NewDomainBody,
    domain_shown,
)
from searchplane.api.identity.replies import DomainsAnswer
from searchplane.api.operation import Answer, Call
from searchplane.iam import domains
from searchplane.iam.domains import DomainChange

PATH = "/v3/domains"
ONE_PATH = "/v3/domains/{domain_id}"


def list_domains(call: Call) -> Answer:
    query: ListQuery = call.query
    found = domains.listed(
        call.services.database,
        call.user,
        _held(call),
        name=query.name,
        enabled=query.enabled,
        part=part(query),
    )
    shown = [domain_shown(_base(call), domain) for domain in found.items]
    return Answer(body=DomainsAnswer(domains=shown, links=links(call, PATH, found, shown)))


def create_domain(call: Call) -> Answer:
    body: NewDomainBody = call.body
    domain = domains.create(
        call.services.database,
        call.user,
        name=body.domain.name,
        description=body.domain.description or "",
        enabled=body.domain.enabled is not False,
        now=call.now,
    )
    return Answer(body=DomainAnswer(domain=domain_shown(_base(call), domain)))


def show_domain(call: Call) -> Answer:
    domain = domains.show(call.services.database, call.user, _held(call), call.path["domain_id"])
    return Answer(body=DomainAnswer(domain=domain_shown(_base(call), domain)))


def update_domain(call: Call) -> Answer:
    body: DomainChangeBody = call.body
    wanted = DomainChange(body.domain.name, body.domain.enabled, body.domain.description)
    domain = domains.change(call.services.database, call.user, call.path["domain_id"], wanted)
    return Answer(body=DomainAnswer(domain=domain_shown(_base(call), domain)))


def delete_domain(call: Call) -> Answer:
    domains.delete(call.services.database, call.user, call.path["domain_id"])
    return Answer()


def _held(call: Call) -> frozenset[str]:
    """The ids of the user's own domain and of those they have a role on."""
    return frozenset(domain.id for domain in call.services.identity.domains(call.user))


def _base(call: Call) -> str:
    return call.services.settings.base_url


OPERATIONS = (
    identity_operation(
        "listDomains",
        "GET",
        PATH,
        list_domains,
        summary="List the domains the user may see",
        action="iam:domains:listDomains",
        self_service=True,
        query=ListQuery,
        answer=DomainsAnswer,
    ),
    identity_operation(
        "createDomain",
        "POST",
        PATH,
        create_domain,
        summary="Create a domain; for the service's administrators",
        action="iam:domains:createDomain",
        body=NewDomainBody,
        answer=DomainAnswer,
        status=201,
        errors=(FORBIDDEN, TAKEN, EMPTY, WRONG),
    ),
    identity_operation(
        "showDomain",
        "GET",
        ONE_PATH,
        show_domain,
        summary="Show a domain",
        action="iam:domains:getDomain",
        self_service=True,
        answer=DomainAnswer,
        errors=(NOT_FOUND,),
    ),
    identity_operation(
        "updateDomain",
        "PATCH",
        ONE_PATH,
        update_domain,
        summary="Change, disable or enable a domain; for the service's administrators",
        action="iam:domains:updateDomain",
        body=DomainChangeBody,
        answer=DomainAnswer,
        errors=(FORBIDDEN, NOT_FOUND, TAKEN, EMPTY, WRONG),
    ),
    identity_operation(
        "deleteDomain",
        "DELETE",
        ONE_PATH,
        delete_domain,
        summary="Delete a disabled domain with all that is in it; for the service's administrators",
        action="iam:domains:deleteDomain",
        errors=(FORBIDDEN, NOT_FOUND, WRONG),
    ),
)
