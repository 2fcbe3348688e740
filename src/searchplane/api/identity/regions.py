"""Services, endpoints and regions as lists of their own, all read from the catalogue."""

from __future__ import annotations

from searchplane.api.fields import Reply, Request
from searchplane.api.identity.declaring import identity_operation
from searchplane.api.identity.replies import PageLinks, SelfLink, page_links
from searchplane.api.identity.requests import Name
from searchplane.api.operation import Answer, Call
from searchplane.iam.catalogue import CatalogueEntry

SERVICES_PATH = "/v3/services"
ENDPOINTS_PATH = "/v3/endpoints"
REGIONS_PATH = "/v3/regions"


class ServicesQuery(Request):
    name: Name | None = None
    type: Name | None = None


class EndpointsQuery(Request):
    interface: Name | None = None
    service_id: Name | None = None
    region_id: Name | None = None


class ServiceReply(Reply):
    id: str
    name: str
    type: str
    enabled: bool
    links: SelfLink


class ServicesAnswer(Reply):
    services: list[ServiceReply]
    links: PageLinks


class FullEndpointReply(Reply):
    id: str
    service_id: str
    interface: str
    region: str
    region_id: str
    url: str
    enabled: bool
    links: SelfLink


class EndpointsAnswer(Reply):
    endpoints: list[FullEndpointReply]
    links: PageLinks


class RegionReply(Reply):
    id: str
    type: str
    description: str
    parent_region_id: None
    links: SelfLink


class RegionsAnswer(Reply):
    regions: list[RegionReply]
    links: PageLinks


def list_services(call: Call) -> Answer:
    query: ServicesQuery = call.query
    shown = [
        ServiceReply(
            id=entry.id,
            name=entry.name,
            type=entry.type,
            enabled=True,
            links=_self(call, SERVICES_PATH, entry.id),
        )
        for entry in _entries(call)
        if query.name in (None, entry.name) and query.type in (None, entry.type)
    ]
    return Answer(body=ServicesAnswer(services=shown, links=_links(call, SERVICES_PATH)))


def list_endpoints(call: Call) -> Answer:
    query: EndpointsQuery = call.query
    shown = [
        one
        for one in _endpoints(call)
        if query.interface in (None, one.interface)
        and query.service_id in (None, one.service_id)
        and query.region_id in (None, one.region_id)
    ]
    return Answer(body=EndpointsAnswer(endpoints=shown, links=_links(call, ENDPOINTS_PATH)))


def list_regions(call: Call) -> Answer:
    region = call.services.settings.region
    shown = RegionReply(
        id=region,
        type="public",
        description="",
        parent_region_id=None,
        links=_self(call, REGIONS_PATH, region),
    )
    return Answer(body=RegionsAnswer(regions=[shown], links=_links(call, REGIONS_PATH)))


def _entries(call: Call) -> tuple[CatalogueEntry, ...]:
    return call.services.identity.catalogue(call.user.scope)


def _endpoints(call: Call) -> list[FullEndpointReply]:
    return [
        FullEndpointReply(
            id=endpoint.id,
            service_id=entry.id,
            interface="public",
            region=endpoint.region,
            region_id=endpoint.region,
            url=endpoint.url,
            enabled=True,
            links=_self(call, ENDPOINTS_PATH, endpoint.id),
        )
        for entry in _entries(call)
        for endpoint in entry.endpoints
    ]


def _self(call: Call, path: str, identifier: str) -> SelfLink:
    return SelfLink(self=f"{call.services.settings.base_url}{path}/{identifier}")


def _links(call: Call, path: str) -> PageLinks:
    return page_links(call.services.settings.base_url, path)


OPERATIONS = (
    identity_operation(
        "listServices",
        "GET",
        SERVICES_PATH,
        list_services,
        summary="List the services the token can reach",
        action="iam:services:listServices",
        self_service=True,
        query=ServicesQuery,
        answer=ServicesAnswer,
    ),
    identity_operation(
        "listEndpoints",
        "GET",
        ENDPOINTS_PATH,
        list_endpoints,
        summary="List where those services are",
        action="iam:endpoints:listEndpoints",
        self_service=True,
        query=EndpointsQuery,
        answer=EndpointsAnswer,
    ),
    identity_operation(
        "listRegions",
        "GET",
        REGIONS_PATH,
        list_regions,
        summary="List the regions; there is one",
        action="iam:regions:listRegions",
        self_service=True,
        answer=RegionsAnswer,
    ),
)
