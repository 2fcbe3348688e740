"""When a login is not heard any more, right or wrong.

Failures are counted for an account from each source (address), and for the account from
everywhere. Too many from a source: that source is not heard for a while. Too many from everywhere:
only sources are heard that have logged in before, and the machine itself. So guessing ends soon,
and yet nobody outside can lock a user out of where they work.

What is not heard is not counted, so a lock ends when it was said to end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from searchplane.domain.security_policy import LoginPolicy

MOST_FROM_EVERYWHERE = 50
"""Failures within the policy's period, over all sources of an account."""

TRUSTED_DAYS = 90
"""How long a source counts as one that has logged in."""


@dataclass(frozen=True)
class Attempts:
    """Failures in a row since `first_failure`, and what came of them."""

    failures: int = 0
    first_failure: datetime | None = None
    locked_until: datetime | None = None
    last_success: datetime | None = None

    def is_locked(self, now: datetime) -> bool:
        return self.locked_until is not None and now < self.locked_until

    def is_trusted(self, now: datetime) -> bool:
        last = self.last_success
        return last is not None and now - last < timedelta(days=TRUSTED_DAYS)


@dataclass(frozen=True)
class Standing:
    """An account's attempts from the source that asks, and from everywhere."""

    here: Attempts = Attempts()
    everywhere: Attempts = Attempts()

    def is_heard(self, now: datetime, *, is_local: bool) -> bool:
        if self.here.is_locked(now):
            return False
        return is_local or self.here.is_trusted(now) or not self.everywhere.is_locked(now)

    def is_forgotten(self, policy: LoginPolicy, now: datetime) -> bool:
        """Whether the user stayed away longer than the domain allows."""
        days, last = policy.account_validity_period, self.everywhere.last_success
        return bool(days) and last is not None and now - last > timedelta(days=days)


def failed(before: Standing, policy: LoginPolicy, now: datetime) -> Standing:
    """The standing after a login that was heard and was wrong."""
    return Standing(
        _one_more(before.here, policy.login_failed_times, policy, now),
        _one_more(before.everywhere, MOST_FROM_EVERYWHERE, policy, now),
    )


def succeeded(before: Standing, now: datetime) -> Standing:
    """The standing after a login; what came from elsewhere goes on counting."""
    return Standing(Attempts(last_success=now), replace(before.everywhere, last_success=now))


def _one_more(before: Attempts, most: int, policy: LoginPolicy, now: datetime) -> Attempts:
    if before.is_locked(now):
        return before
    period = timedelta(minutes=policy.period_with_login_failures)
    first = before.first_failure
    goes_on = first is not None and now - first < period and before.locked_until is None
    failures = before.failures + 1 if goes_on else 1
    lock = now + timedelta(minutes=policy.lockout_duration)
    return replace(
        before,
        failures=failures,
        first_failure=first if goes_on else now,
        locked_until=lock if failures >= most else None,
    )
