"""Agencies: a domain's word that another may act in it, as far as the agency's roles go.

Callers call `bump`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from searchplane.domain.ids import DomainId
from searchplane.errors import Refused
from searchplane.store.schema import agencies, domains


@dataclass(frozen=True)
class Agency:
    """`domain_id` trusts `trust_domain_id`; without `expires` it is for ever."""

    id: str
    domain_id: DomainId
    name: str
    trust_domain_id: DomainId
    trust_domain_name: str
    description: str
    created: datetime
    expires: datetime | None = None

    def has_expired(self, now: datetime) -> bool:
        return self.expires is not None and self.expires <= now


_AGENCIES = select(
    agencies.c.id,
    agencies.c.domain_id,
    agencies.c.name,
    agencies.c.trust_domain_id,
    domains.c.name.label("trust_domain_name"),
    agencies.c.description,
    agencies.c.created,
    agencies.c.expires,
).join_from(agencies, domains, domains.c.id == agencies.c.trust_domain_id)


def find(connection: Connection, agency_id: str) -> Agency | None:
    row = connection.execute(_AGENCIES.where(agencies.c.id == agency_id)).mappings().first()
    return _agency(row) if row is not None else None


def named(connection: Connection, domain_id: str, name: str) -> Agency | None:
    """The agency of that name in a domain."""
    wanted = _AGENCIES.where(agencies.c.domain_id == domain_id, agencies.c.name == name)
    row = connection.execute(wanted).mappings().first()
    return _agency(row) if row is not None else None


def in_domain(
    connection: Connection,
    domain_id: str,
    *,
    name: str | None = None,
    trust_domain_id: str | None = None,
) -> tuple[Agency, ...]:
    """The agencies of a domain that fit every filter, by name."""
    wanted = _AGENCIES.where(agencies.c.domain_id == domain_id)
    if name is not None:
        wanted = wanted.where(agencies.c.name == name)
    if trust_domain_id is not None:
        wanted = wanted.where(agencies.c.trust_domain_id == trust_domain_id)
    rows = connection.execute(wanted.order_by(agencies.c.name)).mappings()
    return tuple(_agency(row) for row in rows)


def add(connection: Connection, agency: Agency) -> None:
    """Raises Refused IAM.0005 when the domain has an agency of this name."""
    made = {"domain_id": agency.domain_id, "name": agency.name, "created": agency.created}
    try:
        connection.execute(insert(agencies).values({"id": agency.id} | made | _values(agency)))
    except IntegrityError:
        raise Refused(
            "IAM.0005", f"agency.name is {agency.name!r}: the domain has one of that name already"
        ) from None


def save(connection: Connection, agency: Agency) -> None:
    """Store what can be changed; an agency keeps its name and its domain."""
    connection.execute(update(agencies).where(agencies.c.id == agency.id).values(_values(agency)))


def remove(connection: Connection, agency_id: str) -> None:
    """The agency; what was given to it goes with the row."""
    connection.execute(delete(agencies).where(agencies.c.id == agency_id))


def _values(agency: Agency) -> dict[str, object]:
    return {
        "trust_domain_id": agency.trust_domain_id,
        "description": agency.description,
        "expires": agency.expires,
    }


def _agency(row: RowMapping) -> Agency:
    return Agency(**row)
