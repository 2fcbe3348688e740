"""The agencies that a search service asks of a domain: for buckets, networks, balancers and mails.

In the public cloud the service is an account of its own, which acts for its customers through
such an agency. Clients make one before they switch on what needs it, and then name it. Here the
service needs nobody's leave to do its work, so the agency is a record that clients find again: it
trusts the service's own domain, which is disabled, so that nobody can log in to it, and it is given
no role. Whoever makes one must be allowed to make any agency of the domain.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from searchplane.domain.access import Actor
from searchplane.domain.ids import DomainId
from searchplane.errors import Refused
from searchplane.iam.directory import new_id
from searchplane.store import agencies, domains
from searchplane.store.agencies import Agency
from searchplane.store.database import Database, Transaction
from searchplane.store.domains import DomainRecord
from searchplane.store.identity import Directory, Reference, bump

SERVICE_DOMAIN = "op_svc_css"
"""The name that the search service's account has in the public cloud."""

EXISTS = "CSS.0080"
NOT_MADE = "CSS.0081"


class Purpose(StrEnum):
    """What the service would do through the agency."""

    BUCKETS = "obs"
    NETWORKS = "vpc"
    BALANCERS = "elb"
    MAILS = "smn"

    @property
    def agency_name(self) -> str:
        return f"css_{self.value}_agency"


def create(
    database: Database, actor: Actor, purpose: Purpose, domain: Reference, now: datetime
) -> Agency:
    """The agency of that purpose, for the actor's own domain, which `domain` names in full.

    Raises Refused CSS.0080 when there is one, CSS.0081 when it cannot be made.
    """
    with database.write() as connection:
        own = _own_domain(connection, actor, domain)
        name = purpose.agency_name
        if agencies.named(connection, own, name) is not None:
            raise Refused(EXISTS, f"the domain has the agency {name!r} already; name that one")
        trusted = _service_domain(connection, now)
        agency = Agency(
            id=new_id(),
            domain_id=own,
            name=name,
            trust_domain_id=trusted.id,
            trust_domain_name=trusted.name,
            description="for the search service",
            created=now,
        )
        agencies.add(connection, agency)
        bump(connection)
    return agency


def _own_domain(connection: Transaction, actor: Actor, named: Reference) -> DomainId:
    own = Directory(connection).find_domain(Reference(id=actor.managed_domain))
    if own is None or (named.id, named.name) != (own.id, own.name):
        raise Refused(
            NOT_MADE,
            f"domain_id is {named.id!r:.80} and domain_name {named.name!r:.80}; id and name of the "
            "credential's own domain are right",
        )
    return own.id


def _service_domain(connection: Transaction, now: datetime) -> DomainRecord:
    known = Directory(connection).find_domain(Reference(name=SERVICE_DOMAIN))
    if known is None:
        made = DomainRecord(
            DomainId(new_id()), SERVICE_DOMAIN, False, "the search service; nobody logs in to it"
        )
        domains.add(connection, made, now)
        return made
    if known.enabled:
        raise Refused(
            NOT_MADE,
            f"the domain {SERVICE_DOMAIN} would be trusted, and is enabled; disable or rename it",
        )
    return DomainRecord(known.id, known.name, known.enabled, "")
