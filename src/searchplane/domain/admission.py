"""Whether the host can carry what is asked for, counted in what nodes really take here.

Two bounds hold: all accepted nodes together fit in the host's memory, and those that do not run
yet fit in what is free now. A host that was not looked at lately admits nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from searchplane.domain.observed import HostCapacity
from searchplane.errors import Refused

SHORT = "CSS.0023"
USABLE = 0.95
"""The share of the host's memory that nodes may take together."""
FRESH = timedelta(seconds=60)
"""How old a look at the host may be; the loop looks every few seconds."""
SETTLED = timedelta(seconds=30)
"""How long after its start a process has taken its memory, so that it is not free any longer."""


@dataclass(frozen=True)
class Promised:
    """What accepted nodes take: `memory_mb` all of them, `coming_mb` those that are not settled.

    A node is settled when what is free was measured after it had taken its memory: it is ready, or
    its last launch came off and was `SETTLED` before. The store sums this up.
    """

    memory_mb: int = 0
    coming_mb: int = 0


def admit(
    need: int,
    promised: Promised,
    capacity: HostCapacity | None,
    disk_floor_mb: int,
    now: datetime,
) -> None:
    """Refuse (CSS.0023) with the figures if `need` MB more do not fit beside what is promised."""
    if capacity is None or now - capacity.observed > FRESH:
        raise Refused(SHORT, "the host's memory and disk are not known yet; try again in a moment")
    total = int(capacity.memory_total_mb * USABLE)
    if promised.memory_mb + need > total:
        raise Refused(
            SHORT,
            f"the nodes need {need} MB of memory; {total} MB is the most for all nodes here and "
            f"{promised.memory_mb} MB of it is promised already",
        )
    free = capacity.memory_available_mb - promised.coming_mb
    if need > free:
        raise Refused(SHORT, f"the nodes need {need} MB of memory; {max(free, 0)} MB is free")
    free_mb = capacity.disk_free_bytes // 2**20
    if free_mb < disk_floor_mb:
        raise Refused(
            SHORT, f"{free_mb} MB of disk is free; at least {disk_floor_mb} MB must stay free"
        )
