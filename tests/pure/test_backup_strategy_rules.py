"""The rules of a backup strategy, each with its code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from searchplane.domain.backup import place_violations, policy_violations
from searchplane.domain.cluster import BackupStrategy, SnapshotSettings
from searchplane.domain.ids import ClusterId
from searchplane.domain.snapshots import repository_of
from searchplane.domain.violation import Violation

POLICY = BackupStrategy(period="16:00 GMT+08:00", prefix="snapshot", keepday=7)
PLACE = SnapshotSettings(bucket="backups")
CLUSTER_ID = "3c7f12a4-5b9e-4d03-9a51-0e6f7b8c9d21"

BROKEN: list[tuple[dict[str, Any], str, str]] = [
    ({"period": "16:30 GMT+08:00"}, "CSS.5018", "period is '16:30 GMT+08:00': a whole hour"),
    ({"period": "24:00 GMT"}, "CSS.5018", "period"),
    ({"period": "4:00 GMT"}, "CSS.5018", "period"),
    ({"period": "16:00"}, "CSS.5018", "period"),
    ({"period": "16:00 CET"}, "CSS.5018", "period"),
    ({"period": "16:00 GMT+08:00\n"}, "CSS.5018", "period"),
    ({"period": "16:00 GMT+15:00"}, "CSS.5178", "from GMT-14:00 to GMT+14:00"),
    ({"period": "16:00 GMT+14:30"}, "CSS.5178", "from GMT-14:00 to GMT+14:00"),
    ({"period": "16:00 GMT+08:10"}, "CSS.5178", "from GMT-14:00"),
    ({"frequency": "HOURLY"}, "CSS.5038", "one of HOUR, DAY, SUN"),
    ({"frequency": "day"}, "CSS.5038", "frequency is 'day'"),
    ({"prefix": ""}, "CSS.5044", "prefix is ''"),
    ({"prefix": "Snapshot"}, "CSS.5044", "lower-case"),
    ({"prefix": "1snap"}, "CSS.5044", "the first a letter"),
    ({"prefix": "s" * 33}, "CSS.5044", "1 to 32"),
    ({"keepday": 0}, "CSS.3011", "keepday is 0: 1 to 90 is right"),
    ({"keepday": 91}, "CSS.3011", "keepday is 91"),
    ({"base_path": "/abs"}, "CSS.5038", "basePath is '/abs'"),
    ({"base_path": "end."}, "CSS.5038", "basePath"),
    ({"base_path": ".start"}, "CSS.5038", "basePath"),
    ({"base_path": "a///b"}, "CSS.5038", "basePath"),
    ({"base_path": "a...b"}, "CSS.5038", "basePath"),
    ({"base_path": "a/../b"}, "CSS.5038", "no part is . or .."),
    ({"base_path": "a/./b"}, "CSS.5038", "no part is . or .."),
    ({"base_path": "a/b/.."}, "CSS.5038", "basePath"),
    ({"base_path": f"{'a' * 256}/b"}, "CSS.5038", "255 between two /"),
    ({"base_path": f"{CLUSTER_ID}/indices"}, "CSS.5038", "looks like a cluster's id"),
    ({"base_path": f"b/{CLUSTER_ID.upper()}"}, "CSS.5038", "looks like a cluster's id"),
    ({"base_path": "a\x9bb"}, "CSS.5038", "basePath"),
    ({"bucket": "..."}, "CSS.5038", "3 to 63"),
    ({"bucket": "a..b"}, "CSS.5038", "3 to 63"),
    ({"bucket": "../other"}, "CSS.5038", "bucket"),
    ({"base_path": "a*b"}, "CSS.5038", "basePath"),
    ({"base_path": "a" * 513}, "CSS.5038", "at most 512"),
    ({"bucket": ""}, "CSS.5038", "bucket is ''"),
    ({"bucket": "b" * 64}, "CSS.5038", "3 to 63"),
    ({"bucket": "a\0b"}, "CSS.5038", "bucket"),
    ({"agency": "a" * 65}, "CSS.5038", "agency"),
    ({"max_snapshot_rate": "fast"}, "CSS.5038", "maxSnapshotBytesPerSeconds"),
    ({"max_snapshot_rate": "10000mb"}, "CSS.5038", "such as 40mb, 0 or -1"),
    ({"max_restore_rate": "-2"}, "CSS.5038", "maxRestoreBytesPerSeconds is '-2'"),
]

ALLOWED: list[dict[str, Any]] = [
    {},
    {"period": "00:00 GMT+08:00"},
    {"period": "23:00 GMT-14:00"},
    {"period": "23:00 GMT+05:45"},
    {"period": "01:00 GMT"},
    *({"frequency": name} for name in ("HOUR", "DAY", "SUN", "SAT")),
    {"prefix": "s"},
    {"prefix": "s" + "-_9z" * 7 + "xyz"},
    {"keepday": 1},
    {"keepday": 90},
    {"base_path": "css_repository/es-test"},
    {"base_path": "a//b..c"},
    {"base_path": f"{'a' * 255}/{'a' * 255}/"},
    {"bucket": "b" * 63, "agency": "css_obs_agency"},
    *({"max_snapshot_rate": rate} for rate in ("40mb", "40MB", "9999p", "1b", "0")),
    {"max_restore_rate": "-1"},
]


def broken(changes: dict[str, Any]) -> list[Violation]:
    """What is wrong with a usual policy and place with these changes."""
    policy = {name: value for name, value in changes.items() if hasattr(POLICY, name)}
    place = {name: value for name, value in changes.items() if hasattr(PLACE, name)}
    assert policy.keys() | place.keys() == changes.keys()
    return [
        *policy_violations(replace(POLICY, **policy)),
        *place_violations(replace(PLACE, **place)),
    ]


@pytest.mark.parametrize(("changes", "code", "says"), BROKEN)
def test_a_broken_rule_is_named(changes: dict[str, Any], code: str, says: str) -> None:
    found = broken(changes)
    assert [one.code for one in found] == [code]
    assert says in str(found[0])
    assert str(found[0]).startswith("cluster.backupStrategy.")


@pytest.mark.parametrize("changes", ALLOWED)
def test_what_is_at_the_edge_is_allowed(changes: dict[str, Any]) -> None:
    assert not broken(changes)


@pytest.mark.parametrize("first", ["bucket", "bucket.", "bucket/a", "./bucket", "Bucket"])
@pytest.mark.parametrize("path", ["a/b", "a//b", "a/b/", "a/b//", "a/./b", "./a/b", "a/x/../b"])
def test_two_spellings_are_one_place_or_one_is_refused(first: str, path: str) -> None:
    """On the disk they would be one folder, whatever the record says."""
    changes = {"bucket": first, "base_path": path}
    location = repository_of(SnapshotSettings(first, base_path=path), ClusterId("id")).location
    assert broken(changes) or location == "bucket/a/b/id"


def test_a_field_is_named_as_the_request_has_it() -> None:
    (found,) = place_violations(replace(PLACE, bucket="B"), at="")
    assert str(found).startswith("bucket is 'B'")
