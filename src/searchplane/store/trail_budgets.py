"""How many lines of the audit trail may be caused by those who change nothing.

Anybody can be refused without a credential as often as they like, and whoever has one can ask for
what they may not see. Strangers share one budget, as nothing tells them apart; each known caller
has one of their own, so that none can use up another's. What is over a budget is counted, and a
line says how many and whose: the trail stays complete in numbers, and nobody fills the disk.
"""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from dataclasses import replace
from datetime import UTC, datetime

from searchplane.domain.audit import LOCAL, AuditLine, Outcome, Who

STRANGERS_AT_ONCE = 1000
STRANGERS_PER_SECOND = 10.0
"""The budget of lines about requests without a credential: at once, and what comes back to it."""
CALLER_AT_ONCE = 200
CALLER_PER_SECOND = 1.0
"""The same of each known caller, for reads that were refused."""
MOST_CALLERS = 4096
"""Callers whose budgets are remembered; who was refused longest ago has a full one again."""
LOST = "auditLost"
"""The operation of a line that says how many were lost."""


class Budgets:
    """Budgets and counts by caller; its user sees to it that one takes at a time."""

    def __init__(self) -> None:
        self._strangers = _Budget(STRANGERS_AT_ONCE, STRANGERS_PER_SECOND)
        self._callers: OrderedDict[str, _Budget] = OrderedDict()
        self._lost: defaultdict[Who, int] = defaultdict(int)
        self.all_lost = 0

    def take(self, caller: str) -> bool:
        """Whether a line may be written about the user of this id; an empty one is a stranger.

        What may not is to be counted by `lose`.
        """
        if not caller:
            return self._strangers.take()
        budget = self._callers.get(caller)
        if budget is None:
            budget = self._callers[caller] = _Budget(CALLER_AT_ONCE, CALLER_PER_SECOND)
        self._callers.move_to_end(caller)
        if len(self._callers) > MOST_CALLERS:
            self._callers.popitem(last=False)
        return budget.take()

    def lose(self, line: AuditLine, caller: str) -> None:
        """Count a line that is not written."""
        self.all_lost += 1
        whose = replace(line.who, credential=Who().credential) if caller else Who()
        if whose not in self._lost and len(self._lost) > MOST_CALLERS:
            whose = Who()
        self._lost[whose] += 1

    @property
    def has_lost(self) -> bool:
        """Whether `told` has anything to say."""
        return bool(self._lost)

    def told(self) -> list[AuditLine]:
        """A line for each caller of whom some were lost since the last time."""
        lost, self._lost = self._lost, defaultdict(int)
        return [_line(who, count) for who, count in lost.items()]


class _Budget:
    """`most` at once, and `per_second` come back."""

    def __init__(self, most: int, per_second: float) -> None:
        self._most = most
        self._per_second = per_second
        self._left = float(most)
        self._seen = time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._left = min(self._most, self._left + (now - self._seen) * self._per_second)
        self._seen = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _line(who: Who, count: int) -> AuditLine:
    what = "reads that were refused" if who.user_id else "requests without a credential"
    return AuditLine(
        at=datetime.now(UTC),
        request_id="",
        outcome=Outcome.REFUSED,
        operation=LOST,
        action="",
        resource=f"{count} lines about {what}",
        project_id="",
        who=who,
        source=LOCAL,
        status=0,
    )
