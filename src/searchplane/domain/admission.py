"""Whether the host can carry what is asked for, counted in what nodes really take here.

Two bounds hold: all accepted nodes together fit in the host's memory, and those that do not run
yet fit in what is free now. An unobserved host admits nothing.
"""

from __future__ import annotations

from searchplane.domain.cluster import Node
from searchplane.domain.layout import memory_needed_mb
from searchplane.domain.observed import HostCapacity
from searchplane.errors import Refused

SHORT = "CSS.0023"
USABLE = 0.95
"""The share of the host's memory that nodes may take together."""


def admit(
    wanted: tuple[Node, ...],
    accepted: tuple[Node, ...],
    capacity: HostCapacity | None,
    disk_floor_mb: int,
) -> None:
    """Refuse (CSS.0023) with the figures if `wanted` does not fit beside `accepted`."""
    if capacity is None:
        raise Refused(SHORT, "the host's memory and disk are not known yet; try again in a moment")
    need = memory_needed_mb(wanted)
    total = int(capacity.memory_total_mb * USABLE)
    taken = memory_needed_mb(accepted)
    if taken + need > total:
        raise Refused(
            SHORT,
            f"the nodes need {need} MB of memory; {total} MB is the most for all nodes here and "
            f"{taken} MB of it is promised already",
        )
    starting = memory_needed_mb(tuple(node for node in accepted if not node.ready))
    free = capacity.memory_available_mb - starting
    if need > free:
        raise Refused(SHORT, f"the nodes need {need} MB of memory; {max(free, 0)} MB is free")
    free_mb = capacity.disk_free_bytes // 2**20
    if free_mb < disk_floor_mb:
        raise Refused(
            SHORT, f"{free_mb} MB of disk is free; at least {disk_floor_mb} MB must stay free"
        )
