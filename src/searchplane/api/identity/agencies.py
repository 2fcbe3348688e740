"""Agencies: a domain lets the users of another act in it, as far as the agency's roles go."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from searchplane.api.fields import Reply, Request, TextOrNumber
from searchplane.api.identity.declaring import (
    EMPTY,
    FORBIDDEN,
    NOT_FOUND,
    TAKEN,
    WRONG,
    identity_operation,
)
from searchplane.api.identity.replies import timestamp
from searchplane.api.identity.requests import NO_NUL, Name
from searchplane.api.operation import Answer, Call
from searchplane.iam import agencies
from searchplane.iam.agencies import AgencyWish
from searchplane.store.agencies import Agency

PATH = "/v3.0/OS-AGENCY/agencies"
ONE_PATH = "/v3.0/OS-AGENCY/agencies/{agency_id}"
INCOMPLETE = "IAM.0072"

Duration = Annotated[
    TextOrNumber, Field(max_length=8, description="FOREVER, ONEDAY or a number of days.")
]


class AgencyFields(Request):
    """What is absent or null stays."""

    trust_domain_id: Name | None = None
    trust_domain_name: Name | None = None
    description: Annotated[str, Field(max_length=4096, pattern=NO_NUL)] | None = None
    duration: Duration | None = None


class NewAgencyFields(AgencyFields):
    """The domain is the caller's when none is named; the trusted one is named by id or name."""

    name: Name
    domain_id: Name | None = None


class NewAgencyBody(Request):
    agency: NewAgencyFields


class AgencyChangeBody(Request):
    agency: AgencyFields


class AgenciesQuery(Request):
    domain_id: Name | None = None
    name: Name | None = None
    trust_domain_id: Name | None = None


class AgencyReply(Reply):
    """`duration` is FOREVER or a number of hours."""

    id: str
    name: str
    domain_id: str
    trust_domain_id: str
    trust_domain_name: str
    description: str
    duration: str
    create_time: str
    expire_time: str | None


class AgencyAnswer(Reply):
    agency: AgencyReply


class AgenciesAnswer(Reply):
    agencies: list[AgencyReply]


def list_agencies(call: Call) -> Answer:
    query: AgenciesQuery = call.query
    found = agencies.listed(
        call.services.database,
        call.user,
        query.domain_id,
        name=query.name,
        trust_domain_id=query.trust_domain_id,
    )
    return Answer(body=AgenciesAnswer(agencies=[_reply(agency) for agency in found]))


def show_agency(call: Call) -> Answer:
    return _answer(agencies.show(call.services.database, call.user, call.path["agency_id"]))


def create_agency(call: Call) -> Answer:
    wanted = call.body.agency
    return _answer(
        agencies.create(
            call.services.database, call.user, wanted.domain_id, _wish(wanted), call.now
        )
    )


def update_agency(call: Call) -> Answer:
    return _answer(
        agencies.change(
            call.services.database,
            call.user,
            call.path["agency_id"],
            _wish(call.body.agency),
            call.now,
        )
    )


def delete_agency(call: Call) -> Answer:
    agencies.delete(call.services.database, call.user, call.path["agency_id"])
    return Answer()


def _wish(fields: AgencyFields) -> AgencyWish:
    return AgencyWish(
        name=fields.name if isinstance(fields, NewAgencyFields) else None,
        trust_domain_id=fields.trust_domain_id,
        trust_domain_name=fields.trust_domain_name,
        description=fields.description,
        duration=fields.duration,
    )


def _answer(agency: Agency) -> Answer:
    return Answer(body=AgencyAnswer(agency=_reply(agency)))


def _reply(agency: Agency) -> AgencyReply:
    return AgencyReply(
        id=agency.id,
        name=agency.name,
        domain_id=agency.domain_id,
        trust_domain_id=agency.trust_domain_id,
        trust_domain_name=agency.trust_domain_name,
        description=agency.description,
        duration=_duration(agency.created, agency.expires),
        create_time=timestamp(agency.created),
        expire_time=timestamp(agency.expires) if agency.expires else None,
    )


def _duration(created: datetime, expires: datetime | None) -> str:
    if expires is None:
        return "FOREVER"
    return str(round((expires - created).total_seconds() / 3600))


OPERATIONS = (
    identity_operation(
        "listAgencies",
        "GET",
        PATH,
        list_agencies,
        summary="List the agencies of a domain",
        action="iam:agencies:listAgencies",
        query=AgenciesQuery,
        answer=AgenciesAnswer,
        errors=(NOT_FOUND,),
    ),
    identity_operation(
        "createAgency",
        "POST",
        PATH,
        create_agency,
        summary="Let the users of another domain act in this one",
        action="iam:agencies:createAgency",
        body=NewAgencyBody,
        answer=AgencyAnswer,
        status=201,
        errors=(NOT_FOUND, TAKEN, EMPTY, WRONG, INCOMPLETE),
    ),
    identity_operation(
        "showAgency",
        "GET",
        ONE_PATH,
        show_agency,
        summary="Show an agency",
        action="iam:agencies:getAgency",
        answer=AgencyAnswer,
        errors=(NOT_FOUND,),
    ),
    identity_operation(
        "updateAgency",
        "PUT",
        ONE_PATH,
        update_agency,
        summary="Change an agency",
        action="iam:agencies:updateAgency",
        body=AgencyChangeBody,
        answer=AgencyAnswer,
        errors=(FORBIDDEN, NOT_FOUND, EMPTY, WRONG),
    ),
    identity_operation(
        "deleteAgency",
        "DELETE",
        ONE_PATH,
        delete_agency,
        summary="Delete an agency; whoever acts through it is refused at the next call",
        action="iam:agencies:deleteAgency",
        errors=(NOT_FOUND,),
    ),
)
