"""Lines of the audit trail to vary in tests."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from tests.support.cluster_examples import NOW

from searchplane.domain.audit import AuditLine, Outcome, Who
from searchplane.store import audit
from searchplane.store.audit import Entry, Wanted
from searchplane.store.database import Database
from searchplane.store.schema import audit as table

ANN = Who("user-ann", "ann", "domain", "local", "token")


def line(operation: str = "CreateCluster", **changes: Any) -> AuditLine:
    """Ann was allowed to make a cluster."""
    usual: dict[str, Any] = {
        "at": NOW,
        "request_id": "1" * 32,
        "outcome": Outcome.ALLOWED,
        "operation": operation,
        "action": "css:cluster:create",
        "resource": "cluster-1",
        "project_id": "project-1",
        "who": ANN,
        "source": "192.0.2.1",
        "status": 200,
        "code": "",
    }
    return AuditLine(**(usual | changes))


def stored(database: Database, wanted: Wanted | None = None) -> list[Entry]:
    """What the trail of a database holds, oldest first."""
    with database.read() as connection:
        return audit.newest(connection, wanted or Wanted(), 100_000)


def told(database: Database, request_id: str) -> list[AuditLine]:
    """What the trail tells of one request."""
    with database.read() as connection:
        ids = connection.execute(select(table.c.id).where(table.c.request_id == request_id))
        wanted = ids.scalars().all()
        found = [audit.after(connection, Wanted(), one - 1, 1)[0] for one in wanted]
    return [entry.line for entry in found]


def operations(database: Database) -> list[str]:
    return [entry.line.operation for entry in stored(database)]
