"""The rules of a backup strategy (api/semantics.md, section 1.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from searchplane.domain.cluster import BackupStrategy
from searchplane.domain.violation import UNPRINTABLE, Violation

DEFAULT_PERIOD = "00:00 GMT+08:00"
FREQUENCIES = ("HOUR", "DAY", "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_PERIOD = re.compile(r"([01][0-9]|2[0-3]):00 (GMT(?:[+-][0-9]{2}:[0-9]{2})?)\Z")
_ZONE = re.compile(r"GMT(?:[+-](?:(?:0[0-9]|1[0-3]):(?:00|30|45)|14:00))?\Z")
_PREFIX = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")
_RATE = re.compile(r"(?:[0-9]{1,4}(?:[kmgtp]b?|b)|0|-1)\Z", re.IGNORECASE)
_BAD_PATH = re.compile(r"""[\\:*?"<>|'{}\x00-\x1f]|//{2,}|\.{3,}""")


def violations(strategy: BackupStrategy) -> Iterator[Violation]:
    """Every rule the strategy breaks."""
    yield from _schedule(strategy)
    if not _PREFIX.match(strategy.prefix):
        yield Violation(
            "CSS.5044",
            "cluster.backupStrategy.prefix",
            strategy.prefix,
            "1 to 32 lower-case letters, digits, - and _ are right, the first a letter",
        )
    if not 1 <= strategy.keepday <= 90:
        yield Violation(
            "CSS.3011", "cluster.backupStrategy.keepday", strategy.keepday, "1 to 90 is right"
        )
    yield from _place(strategy)


def _schedule(strategy: BackupStrategy) -> Iterator[Violation]:
    field = "cluster.backupStrategy.period"
    found = _PERIOD.match(strategy.period)
    if not found:
        yield Violation(
            "CSS.5018", field, strategy.period, f"a whole hour such as {DEFAULT_PERIOD} is right"
        )
    elif not _ZONE.match(found.group(2)):
        yield Violation(
            "CSS.5178", field, strategy.period, "a zone from GMT-14:00 to GMT+14:00 is right"
        )
    if strategy.frequency not in FREQUENCIES:
        yield Violation(
            "CSS.5038",
            "cluster.backupStrategy.frequency",
            strategy.frequency,
            f"one of {', '.join(FREQUENCIES)} is right",
        )


def _place(strategy: BackupStrategy) -> Iterator[Violation]:
    path = strategy.base_path
    if path is not None and (
        len(path) > 512
        or path.startswith(("/", "."))
        or path.endswith(".")
        or ".." in path.split("/")
        or _BAD_PATH.search(path)
        or UNPRINTABLE.search(path)
    ):
        yield Violation(
            "CSS.5038",
            "cluster.backupStrategy.basePath",
            path,
            "at most 512 characters are right, without \\:*?\"<>|'{}, not starting with / or ., "
            "and no part is ..",
        )
    for name, value in (("bucket", strategy.bucket), ("agency", strategy.agency)):
        climbs = value is not None and ".." in value.split("/")
        if value is not None and (climbs or not 1 <= len(value) <= 64 or UNPRINTABLE.search(value)):
            yield Violation(
                "CSS.5038",
                f"cluster.backupStrategy.{name}",
                value,
                "1 to 64 printable characters are right, and no part is ..",
            )
    for name, value in (
        ("maxSnapshotBytesPerSeconds", strategy.max_snapshot_bytes_per_second),
        ("maxRestoreBytesPerSeconds", strategy.max_restore_bytes_per_second),
    ):
        if value is not None and not _RATE.match(value):
            yield Violation(
                "CSS.5038", f"cluster.backupStrategy.{name}", value, "such as 40mb, 0 or -1"
            )
