"""Wrong signatures in a row, and what follows from them.

The public API locks an access key for five minutes after more than five wrong signatures in a row.
A secret key has 238 bits, so the lock keeps nobody from guessing it; but clients know it, and it
stops a client that was set up wrongly from hammering. It must not become a way to lock others out:
whoever knows a key's public half could keep it locked for ever. So it works as the lock of
passwords does (domain/lockout.py): an address with too many wrong ones is not heard; too many from
everywhere, and only addresses are heard that had the secret before, and the machine itself.

Counted is in this process, without a write for each wrong signature; a lock is stored
(store/login_attempts.py), so that all processes and the next start know it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime

from searchplane.domain.lockout import Attempts, Standing, failed
from searchplane.domain.security_policy import LoginPolicy
from searchplane.store.login_attempts import EVERYWHERE

MOST_WRONG = 5
"""Wrong signatures in a row that are borne; the public API's number, as are the lock's minutes."""

POLICY = LoginPolicy(
    login_failed_times=MOST_WRONG + 1, period_with_login_failures=15, lockout_duration=5
)

COUNTED = 4096
"""Pairs of key and place that are remembered; those that were wrong longest ago go first."""


class KeyGuard:
    """Safe to share between threads. A place is an address as it is counted (lockout.py)."""

    def __init__(self) -> None:
        self._counted: OrderedDict[tuple[str, str], Attempts] = OrderedDict()
        self._lock = threading.Lock()

    def right(self, access: str, place: str) -> None:
        """A signature was right; what came from elsewhere goes on counting."""
        if self._counted:
            with self._lock:
                self._counted.pop((access, place), None)

    def wrong(self, access: str, place: str, stored: Standing, now: datetime) -> Standing | None:
        """A signature that was heard was wrong; the standing to store when that locks, else None.

        Safe to call with a standing that was read before others were wrong.
        """
        with self._lock:
            before = Standing(
                self._attempts(access, place, stored.here, now),
                self._attempts(access, EVERYWHERE, stored.everywhere, now),
            )
            after = failed(before, POLICY, now)
            self._keep((access, place), after.here)
            self._keep((access, EVERYWHERE), after.everywhere)
        return after if _locked(after, now) != _locked(before, now) else None

    def _attempts(self, access: str, place: str, stored: Attempts, now: datetime) -> Attempts:
        """What is known of a place; of a lock what is stored, so one that was taken back ends."""
        counted = self._counted.get((access, place), stored)
        return counted if counted.is_locked(now) == stored.is_locked(now) else stored

    def _keep(self, pair: tuple[str, str], attempts: Attempts) -> None:
        self._counted[pair] = attempts
        self._counted.move_to_end(pair)
        if len(self._counted) > COUNTED:
            self._counted.popitem(last=False)


def locked_by(counted: Standing, stored: Standing) -> Standing:
    """What is stored for a lock: the failures counted here, the successes known to all."""
    return Standing(
        replace(counted.here, last_success=stored.here.last_success),
        replace(counted.everywhere, last_success=stored.everywhere.last_success),
    )


def _locked(standing: Standing, now: datetime) -> tuple[bool, bool]:
    return standing.here.is_locked(now), standing.everywhere.is_locked(now)
