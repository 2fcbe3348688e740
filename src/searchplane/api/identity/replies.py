"""What the identity operations answer, and how it is made of what identity knows."""

from __future__ import annotations

from datetime import UTC, datetime

from searchplane.api.fields import Reply
from searchplane.domain.access import Assumed, DomainScope, ProjectScope
from searchplane.iam.catalogue import CatalogueEntry
from searchplane.iam.sessions import Session
from searchplane.iam.tokens import Claims
from searchplane.store.identity import Domain, Project

ROLE_ID = "0"
"""The public cloud's own: roles in a token are known by name."""


class NamedReply(Reply):
    id: str
    name: str


class OwnedReply(Reply):
    id: str
    name: str
    domain: NamedReply


class UserReply(Reply):
    """`password_expires_at` is null: passwords do not expire."""

    id: str
    name: str
    password_expires_at: None = None
    domain: NamedReply


class EndpointReply(Reply):
    id: str
    interface: str
    region: str
    region_id: str
    url: str


class CatalogueEntryReply(Reply):
    id: str
    name: str
    type: str
    endpoints: list[EndpointReply]


class AssumedReply(Reply):
    """Who acts through an agency."""

    user: UserReply


class ProofReply(Reply):
    """What of a token is its own."""

    methods: list[str]
    expires_at: str
    issued_at: str
    audit_ids: list[str]


class MeaningReply(Reply):
    """What a token stands for; one of `project`, `domain` or neither, by its scope."""

    user: UserReply
    project: OwnedReply | None = None
    domain: NamedReply | None = None
    roles: list[NamedReply] | None = None
    catalog: list[CatalogueEntryReply] | None = None
    assumed_by: AssumedReply | None = None


class TokenReply(MeaningReply, ProofReply):
    """Both; the proof comes first."""


class TokenAnswer(Reply):
    token: TokenReply


class SelfLink(Reply):
    self: str


class PageLinks(Reply):
    """Links to this part of a list and its neighbours; null where there is none."""

    self: str
    next: str | None
    previous: str | None


class CatalogueAnswer(Reply):
    catalog: list[CatalogueEntryReply]
    links: PageLinks


class ProjectReply(Reply):
    id: str
    name: str
    domain_id: str
    parent_id: str
    enabled: bool
    is_domain: bool
    description: str
    links: SelfLink


class ProjectsAnswer(Reply):
    projects: list[ProjectReply]
    links: PageLinks


class DomainReply(Reply):
    id: str
    name: str
    enabled: bool
    description: str
    links: SelfLink


class DomainsAnswer(Reply):
    domains: list[DomainReply]
    links: PageLinks


def proof_reply(claims: Claims) -> ProofReply:
    return ProofReply(
        methods=claims.method_names(),
        expires_at=timestamp(claims.expires),
        issued_at=timestamp(claims.issued),
        audit_ids=[claims.audit_id, *([claims.chain_id] if claims.chain_id else [])],
    )


def meaning_reply(session: Session, catalogue: tuple[CatalogueEntry, ...] | None) -> MeaningReply:
    """Without a catalogue when it is None. Members that do not apply are absent."""
    actor, scope = session.actor, session.actor.scope
    home = NamedReply(id=actor.domain_id, name=actor.domain_name)
    user = UserReply(id=actor.user_id, name=actor.user_name, password_expires_at=None, domain=home)
    told: dict[str, object] = {"user": user}
    if isinstance(scope, ProjectScope) and session.scope_domain is not None:
        domain = NamedReply(id=session.scope_domain.id, name=session.scope_domain.name)
        told["project"] = OwnedReply(id=scope.id, name=scope.name, domain=domain)
    elif isinstance(scope, DomainScope):
        told["domain"] = NamedReply(id=scope.id, name=scope.name)
    if actor.assumed_by is not None:
        told["assumed_by"] = AssumedReply(user=_person(actor.assumed_by))
    if scope is not None:
        told["roles"] = [NamedReply(id=ROLE_ID, name=role) for role in actor.roles]
    if catalogue is not None:
        told["catalog"] = catalogue_reply(catalogue)
    return MeaningReply.model_validate(told)


def _person(person: Assumed) -> UserReply:
    return UserReply(
        id=person.user_id,
        name=person.user_name,
        password_expires_at=None,
        domain=NamedReply(id=person.domain_id, name=person.domain_name),
    )


def catalogue_reply(catalogue: tuple[CatalogueEntry, ...]) -> list[CatalogueEntryReply]:
    return [
        CatalogueEntryReply(
            id=entry.id,
            name=entry.name,
            type=entry.type,
            endpoints=[
                EndpointReply(
                    id=endpoint.id,
                    interface="public",
                    region=endpoint.region,
                    region_id=endpoint.region,
                    url=endpoint.url,
                )
                for endpoint in entry.endpoints
            ],
        )
        for entry in catalogue
    ]


def project_reply(base_url: str, project: Project) -> ProjectReply:
    return ProjectReply(
        id=project.id,
        name=project.name,
        domain_id=project.domain.id,
        parent_id=project.domain.id,
        enabled=project.enabled,
        is_domain=False,
        description="",
        links=SelfLink(self=f"{base_url}/v3/projects/{project.id}"),
    )


def domain_reply(base_url: str, domain: Domain) -> DomainReply:
    return DomainReply(
        id=domain.id,
        name=domain.name,
        enabled=domain.enabled,
        description="",
        links=SelfLink(self=f"{base_url}/v3/domains/{domain.id}"),
    )


def page_links(base_url: str, path: str) -> PageLinks:
    return PageLinks(self=f"{base_url}{path}", next=None, previous=None)


def timestamp(when: datetime) -> str:
    """UTC with six digits and Z, as the public API writes every time of a token."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
