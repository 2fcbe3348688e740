"""The search API's own way to make an agency (api/semantics.md, 4.16); it answers nothing."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from searchplane.api.fields import Request, Text
from searchplane.api.operation import Answer, Call, Operation
from searchplane.iam import service_agencies
from searchplane.iam.service_agencies import EXISTS, NOT_MADE, Purpose
from searchplane.store.identity import Reference


class ServiceAgencyRequest(Request):
    """The domain is the credential's own."""

    type: Annotated[Purpose, Field(description="What the service would use it for.")]
    domain_id: Text
    domain_name: Text


def create(call: Call) -> Answer:
    body: ServiceAgencyRequest = call.body
    domain = Reference(id=body.domain_id, name=body.domain_name)
    services = call.services
    service_agencies.create(services.database, call.user, body.type, domain, call.now)
    return Answer()


OPERATIONS = (
    Operation(
        id="CreateAgency",
        method="POST",
        paths=("/v1.0/{project_id}/agency/create",),
        handler=create,
        summary="Make the agency that the search service asks for",
        action="iam:agencies:createAgency",
        body=ServiceAgencyRequest,
        errors=("CSS.0006", EXISTS, NOT_MADE),
    ),
)
