"""Domains (the public cloud calls them accounts) as they are administered. Callers call `bump`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from searchplane.domain.ids import DomainId
from searchplane.errors import Refused
from searchplane.store.listing import WHOLE, Listed, Part, listed
from searchplane.store.projects import ROLES_ON, all_of
from searchplane.store.schema import agencies, custom_policies, domains, groups, projects, users


@dataclass(frozen=True)
class DomainRecord:
    id: DomainId
    name: str
    enabled: bool
    description: str


_DOMAINS = select(domains.c.id, domains.c.name, domains.c.enabled, domains.c.description)


def find(connection: Connection, domain_id: str) -> DomainRecord | None:
    row = connection.execute(_DOMAINS.where(domains.c.id == domain_id)).mappings().first()
    return _domain(row) if row is not None else None


def that_fit(
    connection: Connection,
    *,
    ids: frozenset[str] | None = None,
    name: str | None = None,
    enabled: bool | None = None,
    part: Part = WHOLE,
) -> Listed[DomainRecord]:
    """The domains that fit every filter; `ids` are those to choose from."""
    wanted = _DOMAINS
    if ids is not None:
        wanted = wanted.where(domains.c.id.in_(ids))
    if name is not None:
        wanted = wanted.where(domains.c.name == name)
    if enabled is not None:
        wanted = wanted.where(domains.c.enabled == enabled)
    return listed(connection, wanted, domains, part, _domain)


def add(connection: Connection, domain: DomainRecord, now: datetime) -> None:
    """Raises Refused IAM.0005 when there is a domain of this name."""
    values = {
        "id": domain.id,
        "name": domain.name,
        "enabled": domain.enabled,
        "description": domain.description,
        "created": now,
    }
    try:
        connection.execute(insert(domains).values(values))
    except IntegrityError:
        raise _taken(domain.name) from None


def save(connection: Connection, domain: DomainRecord) -> None:
    """Store what can be changed. Raises Refused IAM.0005 when the name is taken."""
    values = {"name": domain.name, "enabled": domain.enabled, "description": domain.description}
    try:
        connection.execute(update(domains).where(domains.c.id == domain.id).values(values))
    except IntegrityError:
        raise _taken(domain.name) from None


def remove(connection: Connection, domain_id: str) -> None:
    """The domain and all that is in it; its projects have no clusters, the caller has looked."""
    for table in ROLES_ON:
        inside = (table.c.target_id == domain_id, table.c.target_id.in_(all_of(domain_id)))
        connection.execute(delete(table).where(or_(*inside)))
    trusting = or_(agencies.c.domain_id == domain_id, agencies.c.trust_domain_id == domain_id)
    connection.execute(delete(agencies).where(trusting))
    for table in (custom_policies, groups, users, projects):
        connection.execute(delete(table).where(table.c.domain_id == domain_id))
    connection.execute(delete(domains).where(domains.c.id == domain_id))


def _taken(name: str) -> Refused:
    return Refused("IAM.0005", f"domain.name is {name!r}: another domain has it")


def _domain(row: RowMapping) -> DomainRecord:
    return DomainRecord(**row)
