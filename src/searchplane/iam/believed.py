"""What another identity service said of tokens, for as long as it is believed.

A token is known by its hash alone. Time is monotonic for the age of a belief, so that a clock that
is set back makes none longer, and the request's own for the token's end.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from searchplane.domain.access import Actor

MOST_BELIEVED = 4096

Clock = Callable[[], float]


@dataclass(frozen=True)
class _Belief:
    actor: Actor
    expires: datetime
    until: float


class Believed:
    """Actors by the hash of their token, the newest `MOST_BELIEVED`, for `seconds` each."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._found: OrderedDict[bytes, _Belief] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes, now: datetime) -> Actor | None:
        with self._lock:
            belief = self._found.get(key)
            if belief is None:
                return None
            if belief.until > self._clock() and belief.expires > now:
                return belief.actor
            del self._found[key]
        return None

    def put(self, key: bytes, actor: Actor, expires: datetime, asked: float) -> None:
        """`asked` is when Keystone was asked: what changed meanwhile counts as changed after."""
        belief = _Belief(actor, expires, asked + self._seconds)
        if belief.until <= self._clock():
            return
        with self._lock:
            self._found[key] = belief
            self._found.move_to_end(key)
            if len(self._found) > MOST_BELIEVED:
                self._found.popitem(last=False)
