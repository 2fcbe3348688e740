"""Rules of agencies: who makes and changes them, and who may act through one.

An agency is an object of the domain that trusts; its roles are granted like a group's. Users of
the trusted domain act through it with the action `iam:tokens:assume`, which the role Agent
Operator is for. What they get is delegated: it cannot change identity, whatever the agency's roles
say, it ends with the login it came from, and it counts only as long as the agency, its roles, the
user and the user's own role do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from searchplane.domain.access import Actor, Asked, allows, refuse_delegated
from searchplane.domain.ids import DomainId
from searchplane.domain.naming import description_violations, name_violations
from searchplane.domain.roles import ASSUME
from searchplane.domain.violation import refuse
from searchplane.errors import Forbidden, NotFound, Refused
from searchplane.iam.directory import checked_id, found, new_id, reach, reach_domain
from searchplane.iam.roles import demand_security_admin
from searchplane.store import agencies, domains
from searchplane.store.agencies import Agency
from searchplane.store.database import Database, Transaction
from searchplane.store.identity import Directory, Reference, bump

MAX_DAYS = 3650
LASTING = {"FOREVER": None, "ONEDAY": 1}


@dataclass(frozen=True)
class AgencyWish:
    """An agency as it shall be; None: as it is. The trusted domain is named by id or name."""

    name: str | None = None
    trust_domain_id: str | None = None
    trust_domain_name: str | None = None
    description: str | None = None
    duration: str | None = None


def listed(
    database: Database,
    actor: Actor,
    domain_id: str | None,
    *,
    name: str | None,
    trust_domain_id: str | None,
) -> tuple[Agency, ...]:
    """The agencies of a domain."""
    with database.read() as connection:
        inside = reach_domain(connection, actor, domain_id)
        return agencies.in_domain(connection, inside, name=name, trust_domain_id=trust_domain_id)


def show(database: Database, actor: Actor, agency_id: str) -> Agency:
    with database.read() as connection:
        return own(connection, actor, agency_id)


def create(
    database: Database, actor: Actor, domain_id: str | None, wish: AgencyWish, now: datetime
) -> Agency:
    with database.write() as connection:
        inside = reach_domain(connection, actor, domain_id)
        trusted = _trusted(connection, wish, inside)
        agency = Agency(
            id=new_id(),
            domain_id=inside,
            name=wish.name or "",
            trust_domain_id=trusted.id,
            trust_domain_name=trusted.name,
            description=wish.description or "",
            created=now,
            expires=_expiry(wish.duration or "FOREVER", now),
        )
        _check(agency)
        agencies.add(connection, agency)
        bump(connection)
    return agency


def change(
    database: Database, actor: Actor, agency_id: str, wish: AgencyWish, now: datetime
) -> Agency:
    """A duration counts from now."""
    with database.write() as connection:
        after = own(connection, actor, agency_id)
        if wish.trust_domain_id is not None or wish.trust_domain_name is not None:
            trusted = _trusted(connection, wish, after.domain_id)
            if trusted.id != after.trust_domain_id:
                demand_security_admin(actor, "handing an agency to another domain")
            after = replace(after, trust_domain_id=trusted.id, trust_domain_name=trusted.name)
        if wish.description is not None:
            after = replace(after, description=wish.description)
        if wish.duration is not None:
            after = replace(after, expires=_expiry(wish.duration, now))
        _check(after)
        agencies.save(connection, after)
        bump(connection)
    return after


def delete(database: Database, actor: Actor, agency_id: str) -> None:
    """The agency, and with it every token and key that came through it."""
    with database.write() as connection:
        agencies.remove(connection, own(connection, actor, agency_id).id)
        bump(connection)


def own(connection: Transaction, actor: Actor, agency_id: str) -> Agency:
    """An agency of a domain the actor manages. Raises NotFound."""
    agency = found(agencies.find(connection, checked_id("agency", agency_id)), "agency", agency_id)
    reach(connection, actor, agency.domain_id, "agency", agency_id)
    return agency


def assumable(
    connection: Transaction, actor: Actor, domain: Reference, name: str, asked: Asked
) -> Agency:
    """The agency of that name, if it trusts the actor's domain and the actor may use it.

    Raises NotFound with one sentence for an unknown domain, an unknown agency, and one that
    trusts somebody else; Forbidden when the actor may use none.
    """
    refuse_delegated(actor, ASSUME)
    at_home = actor.managed_domain == actor.domain_id
    where = Directory(connection).find_domain(domain)
    agency = agencies.named(connection, where.id, name) if where and where.enabled else None
    about = {"agency_id": agency.id if agency else ""}
    if not at_home or not allows(actor, ASSUME, replace(asked, parameters=about)):
        raise Forbidden(
            "IAM.0002", "acting through an agency needs the role te_agency on the own domain"
        )
    trusts = agency is not None and agency.trust_domain_id == actor.domain_id
    if agency is None or not trusts or agency.has_expired(asked.now):
        raise NotFound("IAM.0004", f"no agency {name!r:.80} of that domain trusts the own domain")
    return agency


def _trusted(
    connection: Transaction, wish: AgencyWish, own_domain: DomainId
) -> domains.DomainRecord:
    wanted = Reference(id=wish.trust_domain_id, name=wish.trust_domain_name)
    if wanted.id is None and wanted.name is None:
        raise Refused("IAM.0072", "agency.trust_domain_name is missing, trust_domain_id too")
    named = Directory(connection).find_domain(wanted)
    record = domains.find(connection, named.id) if named is not None else None
    trusted = found(record, "domain", wanted.id or wanted.name or "")
    if trusted.id == own_domain:
        raise Refused("IAM.0073", "agency.trust_domain_name is the own domain; another is right")
    return trusted


def _expiry(duration: str, now: datetime) -> datetime | None:
    days = LASTING.get(duration, int(duration) if duration.isascii() and duration.isdigit() else 0)
    if days is None:
        return None
    if not 1 <= days <= MAX_DAYS:
        raise Refused(
            "IAM.0073",
            f"agency.duration is {duration!r:.80}: FOREVER, ONEDAY or 1 to {MAX_DAYS} days are "
            "right",
        )
    return now + timedelta(days=days)


def _check(agency: Agency) -> None:
    refuse(
        [
            *name_violations("agency.name", agency.name),
            *description_violations("agency.description", agency.description),
        ]
    )
