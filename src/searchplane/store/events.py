"""What the passes said, one line each time it changed; pruned by age and count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from searchplane.domain.ids import ClusterId
from searchplane.store.schema import events

KEEP_PER_CLUSTER = 500
KEEP_FOR = timedelta(days=30)
ACCEPTED = "accepted"
"""The phase of an event that a request made; passes have phases of their own."""


@dataclass(frozen=True)
class Event:
    """`id` grows; a reader asks for those after the last it has seen."""

    id: int
    at: datetime
    phase: str
    sentence: str


def add(
    connection: Connection, cluster_id: ClusterId, at: datetime, phase: str, sentence: str
) -> None:
    connection.execute(
        insert(events).values(cluster_id=cluster_id, at=at, phase=phase, sentence=sentence)
    )


def after(connection: Connection, cluster_id: ClusterId, last_seen: int, limit: int) -> list[Event]:
    """The next events of a cluster after the one with id `last_seen`, oldest first."""
    rows = connection.execute(
        select(events.c.id, events.c.at, events.c.phase, events.c.sentence)
        .where(events.c.cluster_id == cluster_id, events.c.id > last_seen)
        .order_by(events.c.id)
        .limit(limit)
    )
    return [Event(*row) for row in rows]


def last(connection: Connection, cluster_id: ClusterId) -> Event | None:
    """The newest event of a cluster."""
    row = connection.execute(
        select(events.c.id, events.c.at, events.c.phase, events.c.sentence)
        .where(events.c.cluster_id == cluster_id)
        .order_by(events.c.id.desc())
        .limit(1)
    ).first()
    return Event(*row) if row else None


def prune(connection: Connection, cluster_id: ClusterId, now: datetime) -> None:
    """Drop what is older than 30 days, and all but the newest 500."""
    newest = (
        select(events.c.id)
        .where(events.c.cluster_id == cluster_id)
        .order_by(events.c.id.desc())
        .offset(KEEP_PER_CLUSTER)
        .limit(1)
        .scalar_subquery()
    )
    mine = events.c.cluster_id == cluster_id
    connection.execute(delete(events).where(mine, events.c.at < now - KEEP_FOR))
    connection.execute(delete(events).where(mine, events.c.id <= newest))
