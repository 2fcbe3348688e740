"""What the loop last saw of the host; handlers read it, they never look themselves."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select

from searchplane.domain.observed import HostCapacity
from searchplane.store.schema import capacity

LOCAL = "local"
"""The only host of the process driver."""


def record(connection: Connection, seen: HostCapacity) -> None:
    connection.execute(delete(capacity).where(capacity.c.host == LOCAL))
    connection.execute(insert(capacity).values(host=LOCAL, **asdict(seen)))


def latest(connection: Connection) -> HostCapacity | None:
    """None until the loop has looked for the first time."""
    row = connection.execute(select(capacity).where(capacity.c.host == LOCAL)).mappings().first()
    if row is None:
        return None
    return HostCapacity(**{name: row[name] for name in HostCapacity.__dataclass_fields__})
