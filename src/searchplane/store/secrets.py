"""A cluster's secrets: certificate authority, certificates, password hashes. Never logged.

Values are written once and not replaced: a second pass that makes the same secret again gets the
first one back, so that two passes never hand out two authorities.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, insert, select

from searchplane.domain.ids import ClusterId, ProjectId
from searchplane.store.schema import clusters, secrets

AUTHORITY_CERTIFICATE = "authority.certificate"
ADMIN_HASH = "admin.hash"


def of_cluster(connection: Connection, cluster_id: ClusterId) -> dict[str, str]:
    """All secrets of a cluster, by name."""
    rows = connection.execute(
        select(secrets.c.name, secrets.c.value).where(secrets.c.cluster_id == cluster_id)
    )
    return {name: value for name, value in rows}  # noqa: C416 - rows are not plain tuples


def add_missing(connection: Connection, cluster_id: ClusterId, values: Mapping[str, str]) -> None:
    """Store those of `values` that are not there yet."""
    there = of_cluster(connection, cluster_id)
    rows = [
        {"cluster_id": cluster_id, "name": name, "value": value}
        for name, value in values.items()
        if name not in there
    ]
    if rows:
        connection.execute(insert(secrets), rows)


def authorities_of_project(
    connection: Connection, project_id: ProjectId
) -> list[tuple[ClusterId, str]]:
    """The certificates (PEM) of all cluster authorities of a project, newest cluster first."""
    rows = connection.execute(
        select(clusters.c.id, secrets.c.value)
        .join(secrets, secrets.c.cluster_id == clusters.c.id)
        .where(clusters.c.project_id == project_id, secrets.c.name == AUTHORITY_CERTIFICATE)
        .order_by(clusters.c.created.desc(), clusters.c.id)
    )
    return [(ClusterId(cluster_id), value) for cluster_id, value in rows]
