"""Rules of domains. The public cloud makes them when an account is opened; here whoever
administers the service does, in the shapes of Keystone.

As in Keystone a domain is deleted in two steps: disabled, which ends every token of its users and
projects and can be taken back, then deleted with all that is in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from searchplane.domain.access import Actor
from searchplane.domain.ids import DomainId
from searchplane.domain.naming import description_violations, name_violations
from searchplane.domain.violation import refuse
from searchplane.errors import Refused
from searchplane.iam.directory import (
    checked_id,
    demand_cloud_admin,
    found,
    is_cloud_admin,
    missing,
    new_id,
)
from searchplane.store import domains, projects
from searchplane.store.database import Database, Transaction
from searchplane.store.domains import DomainRecord
from searchplane.store.identity import bump
from searchplane.store.listing import Listed, Part


@dataclass(frozen=True)
class DomainChange:
    """What is None stays as it is."""

    name: str | None = None
    enabled: bool | None = None
    description: str | None = None

    def of(self, domain: DomainRecord) -> DomainRecord:
        fields = ("name", "enabled", "description")
        given = {name: getattr(self, name) for name in fields}
        changed = {name: value for name, value in given.items() if value is not None}
        return replace(domain, **changed)


def listed(
    database: Database,
    actor: Actor,
    held: frozenset[str],
    *,
    name: str | None,
    enabled: bool | None,
    part: Part,
) -> Listed[DomainRecord]:
    """All domains for who administers the service, else the actor's own and those with a role."""
    with database.read() as connection:
        ids = None if is_cloud_admin(connection, actor) else held
        return domains.that_fit(connection, ids=ids, name=name, enabled=enabled, part=part)


def show(database: Database, actor: Actor, held: frozenset[str], domain_id: str) -> DomainRecord:
    with database.read() as connection:
        domain = _existing(connection, domain_id)
        if domain.id not in held and not is_cloud_admin(connection, actor):
            raise missing("domain", domain_id)
        return domain


def create(
    database: Database, actor: Actor, *, name: str, description: str, enabled: bool, now: datetime
) -> DomainRecord:
    with database.write() as connection:
        demand_cloud_admin(connection, actor)
        domain = DomainRecord(DomainId(new_id()), name, enabled, description)
        _check(domain)
        domains.add(connection, domain, now)
        bump(connection)
    return domain


def change(database: Database, actor: Actor, domain_id: str, wanted: DomainChange) -> DomainRecord:
    with database.write() as connection:
        before = _changeable(connection, actor, domain_id)
        after = wanted.of(before)
        if not after.enabled and before.id == actor.domain_id:
            raise Refused("IAM.0073", "domain.enabled is False: nobody disables their own domain")
        _check(after)
        domains.save(connection, after)
        bump(connection)
    return after


def delete(database: Database, actor: Actor, domain_id: str) -> None:
    """Delete a disabled domain with its users, groups, policies, agencies and projects."""
    with database.write() as connection:
        domain = _changeable(connection, actor, domain_id)
        if domain.enabled:
            raise Refused(
                "IAM.0073", f"the domain {domain.name!r} is enabled; disable it before deleting it"
            )
        left = projects.clusters_in(connection, projects.all_of(domain.id))
        if left:
            raise Refused(
                "IAM.0073",
                f"the projects of the domain {domain.name!r} have {left} clusters; delete them "
                "and wait until they are gone",
            )
        domains.remove(connection, domain.id)
        bump(connection)


def _existing(connection: Transaction, domain_id: str) -> DomainRecord:
    return found(domains.find(connection, checked_id("domain", domain_id)), "domain", domain_id)


def _changeable(connection: Transaction, actor: Actor, domain_id: str) -> DomainRecord:
    if domain_id != actor.domain_id and not is_cloud_admin(connection, actor):
        raise missing("domain", domain_id)
    demand_cloud_admin(connection, actor)
    return _existing(connection, domain_id)


def _check(domain: DomainRecord) -> None:
    refuse(
        [
            *name_violations("domain.name", domain.name),
            *description_violations("domain.description", domain.description),
        ]
    )
