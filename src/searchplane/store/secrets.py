"""A cluster's secrets: certificate authority, certificates, password hashes. Never logged.

They are stored sealed. Who replaces one looks at what is there in the same transaction, so that
two passes never hand out two authorities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from searchplane.domain.ids import ClusterId, ProjectId
from searchplane.store.schema import clusters, secrets
from searchplane.store.sealed import Seal

AUTHORITY_CERTIFICATE = "authority.certificate"
ADMIN_HASH = "admin.hash"


@dataclass(frozen=True)
class ClusterSecrets:
    """The secrets of all clusters; the caller decides what is one transaction."""

    seal: Seal

    def of_cluster(self, connection: Connection, cluster_id: ClusterId) -> dict[str, str]:
        """All secrets of a cluster, by name."""
        rows = connection.execute(
            select(secrets.c.name, secrets.c.value).where(secrets.c.cluster_id == cluster_id)
        )
        return {name: self.seal.unseal(value) for name, value in rows}

    def add_missing(
        self, connection: Connection, cluster_id: ClusterId, values: Mapping[str, str]
    ) -> None:
        """Store those of `values` that are not there yet."""
        there = set(
            connection.execute(
                select(secrets.c.name).where(secrets.c.cluster_id == cluster_id)
            ).scalars()
        )
        rows = [
            {"cluster_id": cluster_id, "name": name, "value": self.seal.seal(value)}
            for name, value in values.items()
            if name not in there
        ]
        if rows:
            connection.execute(insert(secrets), rows)

    def forget(self, connection: Connection, cluster_id: ClusterId, name: str) -> None:
        """Remove the certificate and the key of this name; nothing if there are none."""
        named = secrets.c.name.in_((f"{name}.certificate", f"{name}.key"))
        connection.execute(delete(secrets).where(secrets.c.cluster_id == cluster_id, named))

    def put(self, connection: Connection, cluster_id: ClusterId, values: Mapping[str, str]) -> None:
        """Store `values` in place of what is there under their names."""
        if not values:
            return
        mine = (secrets.c.cluster_id == cluster_id, secrets.c.name.in_(list(values)))
        connection.execute(delete(secrets).where(*mine))
        self.add_missing(connection, cluster_id, values)

    def authorities_of_project(
        self, connection: Connection, project_id: ProjectId
    ) -> list[tuple[ClusterId, str]]:
        """The certificates (PEM) of all cluster authorities of a project, newest cluster first."""
        rows = connection.execute(
            select(clusters.c.id, secrets.c.value)
            .join(secrets, secrets.c.cluster_id == clusters.c.id)
            .where(clusters.c.project_id == project_id, secrets.c.name == AUTHORITY_CERTIFICATE)
            .order_by(clusters.c.created.desc(), clusters.c.id)
        )
        return [(ClusterId(cluster_id), self.seal.unseal(value)) for cluster_id, value in rows]
