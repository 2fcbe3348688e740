"""Whether there is room for what a request takes: by the project's quotas, and on the host."""

from __future__ import annotations

from searchplane.api.operation import Call
from searchplane.domain.ids import ProjectId
from searchplane.domain.quota import Amounts
from searchplane.store import room
from searchplane.store.database import Transaction


def check_room(
    call: Call,
    connection: Transaction,
    project_id: ProjectId,
    *,
    asked: Amounts,
    memory_mb: int,
) -> None:
    """Refuse what the project may not have, or what the host cannot carry (CSS.0023).

    `memory_mb` is what the nodes will really take besides what is promised; the host is not
    looked at for a request that takes none.
    """
    settings = call.services.settings
    room.check(connection, settings, project_id, call.now, asked=asked, memory_mb=memory_mb)
