"""When automatic snapshots are due: arithmetic on moments, by the policy's own offset from GMT.

The public API has fixed offsets only, no named zones, so a period is always of the same length:
every moment of a policy lies a whole number of periods from one that is known (a Monday in 2001).
No calendar is asked and no zone of the machine either, so a clock change there moves nothing.
Source: api/semantics.md, section 1.3.

A snapshot that was missed, because the service was down or the cluster was at work, is made up
once: of all moments that went by, only the newest counts. Every moment is taken, or skipped, or
given up exactly once, by recording it in `Cluster.backed_up`.

Not done here: looking at a clock (`now` is an argument), and deciding whether a cluster can have a
snapshot now (snapshot_plan.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from searchplane.domain.cluster import BackupStrategy, Cluster

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
A_MONDAY = datetime(2001, 1, 1)
"""Without a zone: the offset is the policy's."""
_PERIOD = re.compile(r"(\d\d):(\d\d) GMT(?:([+-])(\d\d):(\d\d))?\Z")


@dataclass(frozen=True)
class Due:
    """`at` is the newest moment that has come; `missed` counts those before it that will not be
    made up."""

    at: datetime
    missed: int = 0


def due(policy: BackupStrategy, since: datetime, now: datetime) -> Due | None:
    """What is to be made up now; None where no moment lies after `since` and not after `now`.

    `since` is the newest moment that was dealt with, or that from which the policy holds. One that
    is further ahead than a period was recorded by a wrong clock, and stops no schedule for ever.
    """
    length = period_length(policy)
    newest = _newest(policy, now)
    if since > now + length:
        return Due(newest)
    if newest <= since:
        return None
    return Due(newest, missed=(newest - _newest(policy, since)) // length - 1)


def next_due(policy: BackupStrategy, after: datetime) -> datetime:
    """The first moment after `after`."""
    return _newest(policy, after) + period_length(policy)


def dealt_with(cluster: Cluster) -> datetime:
    """The `since` of a cluster: before it was made, or its policy set, nothing was missed."""
    return cluster.backed_up or cluster.created


def automatic_name(policy: BackupStrategy, at: datetime) -> str:
    """Of the snapshot of one moment: the same whenever it is asked for."""
    milliseconds = (at - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
    return f"{policy.prefix}-{milliseconds}"


def period_length(policy: BackupStrategy) -> timedelta:
    if policy.frequency == "HOUR":
        return HOUR
    return DAY if policy.frequency == "DAY" else WEEK


def _newest(policy: BackupStrategy, now: datetime) -> datetime:
    """The newest moment that is not after `now`, in UTC."""
    known, length = _known(policy), period_length(policy)
    return known + (now - known) // length * length


@lru_cache(maxsize=4096)
def _known(policy: BackupStrategy) -> datetime:
    """One moment of the policy; of an hourly one, the hours begin as they do in its zone.

    It is asked for at every look at a cluster.
    """
    hour, minute, offset = _parsed(policy.period)
    weekday = policy.frequency
    days = WEEKDAYS.index(weekday) if weekday in WEEKDAYS else 0
    local = A_MONDAY + timedelta(days=days, hours=hour, minutes=minute)
    return local.replace(tzinfo=timezone(offset)).astimezone(UTC)


def _parsed(period: str) -> tuple[int, int, timedelta]:
    """Hour, minute and offset of `HH:mm GMT+hh:mm`; without a sign the offset is none."""
    found = _PERIOD.match(period)
    if found is None:
        raise ValueError(f"period is {period!r}: HH:mm GMT+hh:mm is right")
    hour, minute, sign, hours, minutes = found.groups(default="0")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return int(hour), int(minute), -offset if sign == "-" else offset
