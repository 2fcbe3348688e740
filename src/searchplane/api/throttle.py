"""How many requests a project may make in a minute, and how many a stranger.

Each key has a bucket that fills evenly and holds a minute's worth, so a burst is let through and a
steady excess is not. A bucket is one number, the time at which it is full again. It is in the
memory of this process: two processes let twice as many through. Nothing is counted unless a
setting says so.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network

from searchplane.domain.access import Actor
from searchplane.errors import Throttled
from searchplane.settings import Settings

WINDOW_SECONDS = 60.0
MOST_KEYS = 20_000
"""Buckets that are remembered; the one longest unused is forgotten first."""
ROUNDING = 1e-6
"""Part of a request that sums of fractions may be off by."""
IPV6_NETWORK = 64
"""What one household or host is given; single addresses in it cost nothing."""


class Buckets:
    """Safe to share between threads."""

    def __init__(self, limit: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._full_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, key: str) -> None:
        """Count a request. Raises Throttled with the seconds until the next is let through."""
        if self._limit is None:
            return
        share = WINDOW_SECONDS / self._limit
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.pop(key, now), now)
            wait = full_at + share - now - WINDOW_SECONDS
            refused = wait > share * ROUNDING
            self._full_at[key] = full_at if refused else full_at + share
            if len(self._full_at) > MOST_KEYS:
                del self._full_at[next(iter(self._full_at))]
        if refused:
            raise Throttled(
                "APIGW.0308",
                f"policy user over ratelimit,limit:{self._limit},time:1 minute",
                retry_after=math.ceil(wait),
            )


@dataclass(frozen=True)
class Throttle:
    """The buckets of projects and those of strangers; without settings nothing is counted."""

    projects: Buckets = field(default_factory=lambda: Buckets(None))
    strangers: Buckets = field(default_factory=lambda: Buckets(None))

    @classmethod
    def of(cls, settings: Settings) -> Throttle:
        return cls(Buckets(settings.requests_per_minute), Buckets(settings.anonymous_per_minute))

    def count_actor(self, actor: Actor) -> None:
        """Count a request for the project or domain that its credential is for."""
        self.projects.take(actor.scope.id if actor.scope is not None else actor.domain_id)

    def count_stranger(self, source: str) -> None:
        """Count a request that has no credential, by the address it is from."""
        self.strangers.take(network_of(source))


def network_of(source: str) -> str:
    """Whom an address stands for: itself, or the network that an IPv6 host is given."""
    try:
        address = ip_address(source)
    except ValueError:
        return source
    if not isinstance(address, IPv6Address):
        return source
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, IPV6_NETWORK), strict=False))
