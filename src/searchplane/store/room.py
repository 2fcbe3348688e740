"""Whether there is room for what is asked for: by the project's quotas, and on the host."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from searchplane.domain.admission import admit
from searchplane.domain.ids import ProjectId
from searchplane.domain.quota import Amounts
from searchplane.settings import Settings
from searchplane.store import capacity, clusters, quotas


def check(
    connection: Connection,
    settings: Settings,
    project_id: ProjectId,
    now: datetime,
    *,
    asked: Amounts,
    memory_mb: int,
    disk_mb: int = 0,
) -> None:
    """Refuse what the project may not have, or what the host cannot carry (CSS.0023).

    `memory_mb` is what nodes will really take besides what is promised; the host is not looked at
    for a request that takes none. `disk_mb` is what will be written at once.
    """
    quotas.check(connection, project_id, asked, quotas.defaults(settings))
    if memory_mb:
        seen = capacity.latest(connection)
        promised = clusters.promised(connection, seen)
        admit(memory_mb, promised, seen, settings.disk_floor_mb + disk_mb, now)
