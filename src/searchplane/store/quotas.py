"""What projects may have at most, and what they have.

A project without a row of its own for a resource has the default of the settings. Whoever checks
does so in the transaction that takes more: writers come one after another (database.py), so two
requests cannot both take what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from searchplane.domain import quota
from searchplane.domain.ids import ProjectId
from searchplane.domain.quota import Amounts, Limits, Resource, nodes_amount, total
from searchplane.settings import Settings
from searchplane.store.schema import clusters, nodes, quotas

NO_LIMITS = Limits()
UNLIMITED = -1
"""Stored for a project that has no limit where the settings have one."""

_CLUSTERS = select(func.count()).where(clusters.c.project_id == bindparam("project_id"))
_NODES = (
    select(nodes.c.flavor, func.count(), func.sum(nodes.c.volume_size_gb))
    .join_from(nodes, clusters)
    .where(clusters.c.project_id == bindparam("project_id"))
    .group_by(nodes.c.flavor)
)
_LIMITS = select(quotas.c.resource, quotas.c.most).where(
    quotas.c.project_id == bindparam("project_id")
)


def defaults(settings: Settings) -> Limits:
    """What a project may have for which nothing else is set."""
    return Limits(*(getattr(settings, f"quota_{one}") for one in Resource))


def used(connection: Connection, project_id: ProjectId) -> Amounts:
    """What the project has, clusters that are being deleted included."""
    wanted = {"project_id": project_id}
    count = connection.execute(_CLUSTERS, wanted).scalar_one()
    rows = connection.execute(_NODES, wanted)
    return total(Amounts(clusters=count), (nodes_amount(*row) for row in rows))


def limits(connection: Connection, project_id: ProjectId, defaults: Limits) -> Limits:
    """What the project may have: its own limits, and `defaults` where it has none."""
    own = own_limits(connection, project_id)
    return replace(defaults, **{one.value: most for one, most in own.items()})


def own_limits(connection: Connection, project_id: ProjectId) -> dict[Resource, int | None]:
    """What was set for the project itself; None is no limit."""
    rows = connection.execute(_LIMITS, {"project_id": project_id})
    return {Resource(name): None if most == UNLIMITED else most for name, most in rows}


def check(connection: Connection, project_id: ProjectId, asked: Amounts, defaults: Limits) -> None:
    """Raises Refused when the project may not have `asked` besides what it has."""
    most = limits(connection, project_id, defaults)
    if most != NO_LIMITS:
        quota.check(asked, used(connection, project_id), most)


def put(
    connection: Connection, project_id: ProjectId, changes: Mapping[Resource, int | None]
) -> None:
    """Set limits of the project itself; None is no limit."""
    drop(connection, project_id, *changes)
    if changes:
        connection.execute(
            insert(quotas),
            [
                {
                    "project_id": project_id,
                    "resource": one.value,
                    "most": UNLIMITED if most is None else most,
                }
                for one, most in changes.items()
            ],
        )


def drop(connection: Connection, project_id: ProjectId, *resources: Resource) -> None:
    """Let the project have the default of these again."""
    connection.execute(
        delete(quotas).where(quotas.c.project_id == project_id, quotas.c.resource.in_(resources))
    )
