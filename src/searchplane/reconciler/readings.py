"""Work that goes on while passes come and go: reading all documents of an index.

It takes about a minute for each GB, and no pass waits for it: the reading is a task of its own, and
a pass that finds it done takes what came of it. Nothing of it is kept; after a restart only the
index that was being read is read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from searchplane.domain.ids import ClusterId
from searchplane.domain.scratch import IndexRead
from searchplane.errors import Permanent, Transient

AT_HAND = 0.5
"""Seconds that a pass waits: most indices are small."""

Read = Callable[[], Awaitable[IndexRead]]
Reading = asyncio.Task[IndexRead | Transient]


@dataclass
class Readings:
    """Indices that are being read now."""

    tasks: dict[tuple[ClusterId, str], Reading] = field(default_factory=dict)

    async def ask(self, cluster_id: ClusterId, name: str, read: Read) -> IndexRead | None:
        """What came of reading an index, once; None while it is read. Raises Transient."""
        key = (cluster_id, name)
        if key not in self.tasks:
            self.tasks[key] = asyncio.create_task(_outcome(name, read))
        task = self.tasks[key]
        await asyncio.wait({task}, timeout=AT_HAND)
        if not task.done():
            return None
        found = self.tasks.pop(key).result()
        if isinstance(found, Transient):
            raise found
        return found

    def forget(self, cluster_id: ClusterId) -> None:
        """Read no further in a cluster that is to go."""
        for key in [one for one in self.tasks if one[0] == cluster_id]:
            self.tasks.pop(key).cancel()


async def _outcome(name: str, read: Read) -> IndexRead | Transient:
    """What the engine refuses for good is found out; what it cannot do now is tried again."""
    try:
        return await read()
    except Transient as error:
        return error
    except Permanent as error:
        return IndexRead(name, error=str(error))
