"""The rules of automatic snapshots and of where snapshots go (api/semantics.md, section 1.3).

They stand in several requests; `at` is what goes before a field's name in a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from searchplane.domain.cluster import BackupStrategy, SnapshotSettings
from searchplane.domain.ids import ProjectId
from searchplane.domain.snapshot_texts import expression_violations
from searchplane.domain.violation import UNPRINTABLE, Violation

DEFAULT_PERIOD = "00:00 GMT+08:00"
FREQUENCIES = ("HOUR", "DAY", "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_PERIOD = re.compile(r"([01][0-9]|2[0-3]):00 (GMT(?:[+-][0-9]{2}:[0-9]{2})?)\Z")
_ZONE = re.compile(r"GMT(?:[+-](?:(?:0[0-9]|1[0-3]):(?:00|30|45)|14:00))?\Z")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_PREFIX = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")
_RATE = re.compile(r"(?:[0-9]{1,4}(?:[kmgtp]b?|b)|0|-1)\Z", re.IGNORECASE)
_CLUSTER_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_PART_CHARACTERS = 255
_BAD_PATH = re.compile(r"""[\\:*?"<>|'{}\x00-\x1f]|//{2,}|\.{3,}""")


def default_bucket(project_id: ProjectId) -> str:
    """The bucket of a project for requests that name none."""
    return f"css-backup-{project_id}"


def rate_of(given: str | None) -> str | None:
    """The rate that is meant: a bare number, as a public example has one, is in MB."""
    return f"{given}mb" if given and given.isdecimal() and given.strip("0") else given


def policy_violations(
    strategy: BackupStrategy, at: str = "cluster.backupStrategy."
) -> Iterator[Violation]:
    """Every rule the policy breaks."""
    yield from _schedule(strategy, at)
    if not _PREFIX.match(strategy.prefix):
        yield Violation(
            "CSS.5044",
            f"{at}prefix",
            strategy.prefix,
            "1 to 32 lower-case letters, digits, - and _ are right, the first a letter",
        )
    if not 1 <= strategy.keepday <= 90:
        yield Violation("CSS.3011", f"{at}keepday", strategy.keepday, "1 to 90 is right")
    yield from expression_violations(strategy.indices, f"{at}indices")


def place_violations(
    settings: SnapshotSettings, at: str = "cluster.backupStrategy."
) -> Iterator[Violation]:
    """Every rule that is broken by where snapshots are to go and how fast."""
    if not _BUCKET.match(settings.bucket) or ".." in settings.bucket:
        yield Violation(
            "CSS.5038",
            f"{at}bucket",
            settings.bucket,
            "3 to 63 lower-case letters, digits, - and . are right, the first and last no - or .",
        )
    yield from _path(settings.base_path, at)
    for name, text in (("agency", settings.agency), ("snapshotCmkId", settings.cmk_id or "")):
        if len(text) > 64 or UNPRINTABLE.search(text):
            right = "at most 64 printable characters are right"
            yield Violation("CSS.5038", f"{at}{name}", text, right)
    for name, value in (
        ("maxSnapshotBytesPerSeconds", settings.max_snapshot_rate),
        ("maxRestoreBytesPerSeconds", settings.max_restore_rate),
    ):
        if value is not None and not _RATE.match(value):
            yield Violation("CSS.5038", f"{at}{name}", value, "such as 40mb, 0 or -1")


def _schedule(strategy: BackupStrategy, at: str) -> Iterator[Violation]:
    found = _PERIOD.match(strategy.period)
    if not found:
        yield Violation(
            "CSS.5018",
            f"{at}period",
            strategy.period,
            f"a whole hour such as {DEFAULT_PERIOD} is right",
        )
    elif not _ZONE.match(found.group(2)):
        yield Violation(
            "CSS.5178",
            f"{at}period",
            strategy.period,
            "a zone from GMT-14:00 to GMT+14:00 is right",
        )
    if strategy.frequency not in FREQUENCIES:
        yield Violation(
            "CSS.5038",
            f"{at}frequency",
            strategy.frequency,
            f"one of {', '.join(FREQUENCIES)} is right",
        )


def _path(path: str, at: str) -> Iterator[Violation]:
    """Empty parts mean nothing (snapshots.repository_of), so no two spellings of a place that are
    accepted are two places. A repository's folder has its cluster's id for a name: with one in the
    path a repository could lie within another's, whose engine removes what it does not know."""
    parts = path.split("/")
    if (
        len(path) > 512
        or path.startswith(("/", "."))
        or path.endswith(".")
        or not {".", ".."}.isdisjoint(parts)
        or any(len(part) > _PART_CHARACTERS or _CLUSTER_ID.match(part) for part in parts)
        or _BAD_PATH.search(path)
        or UNPRINTABLE.search(path)
    ):
        yield Violation(
            "CSS.5038",
            f"{at}basePath",
            path,
            "at most 512 characters are right, 255 between two /, without \\:*?\"<>|'{}, "
            "not starting with / or ., and no part is . or .. or looks like a cluster's id",
        )
