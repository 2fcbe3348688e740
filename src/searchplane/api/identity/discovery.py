"""Discovery: which version of the identity API is here, and where. Clients ask before they log in.

The links hold the configured public URL, never the address a request came in by: a client behind
a proxy or outside a container must be able to follow them. With an external Keystone they lead
there.
"""

from __future__ import annotations

from pydantic import Field

from searchplane.api.fields import Reply
from searchplane.api.operation import Answer, Call, Envelope, Operation
from searchplane.settings import Settings


class Link(Reply):
    rel: str
    href: str


class MediaType(Reply):
    base: str
    type: str


class Version(Reply):
    id: str
    status: str
    updated: str
    links: list[Link]
    media_types: list[MediaType] = Field(alias="media-types")


class Versions(Reply):
    values: list[Version]


class VersionsAnswer(Reply):
    versions: Versions


class VersionAnswer(Reply):
    version: Version


def list_versions(call: Call) -> Answer:
    versions = Versions(values=[_version(call.services.settings)])
    return Answer(body=VersionsAnswer(versions=versions))


def show_version(call: Call) -> Answer:
    return Answer(body=VersionAnswer(version=_version(call.services.settings)))


def _version(settings: Settings) -> Version:
    return Version.model_validate(
        {
            "id": "v3.6",
            "status": "stable",
            "updated": "2016-04-04T00:00:00Z",
            "links": [Link(rel="self", href=f"{settings.auth_url}/")],
            "media-types": [
                MediaType(
                    base="application/json",
                    type="application/vnd.openstack.identity-v3+json",
                )
            ],
        }
    )


OPERATIONS = (
    Operation(
        id="listIdentityVersions",
        method="GET",
        paths=("/",),
        handler=list_versions,
        summary="List the versions of the identity API",
        action=None,
        answer=VersionsAnswer,
        status=300,
        envelope=Envelope.IDENTITY,
    ),
    Operation(
        id="showIdentityVersion",
        method="GET",
        paths=("/v3",),
        handler=show_version,
        summary="Show the version of the identity API",
        action=None,
        answer=VersionAnswer,
        envelope=Envelope.IDENTITY,
    ),
)
