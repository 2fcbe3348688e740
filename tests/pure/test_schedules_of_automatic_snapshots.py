"""When automatic snapshots are due: a year of each schedule in virtual time, and any passes at all.

What is right is told by a calendar here: every quarter of an hour is looked at on the wall clock
of the policy's offset. The module itself only calculates.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from itertools import cycle, product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from searchplane.domain.backup import FREQUENCIES, policy_violations
from searchplane.domain.cluster import BackupStrategy
from searchplane.domain.schedule import Due, automatic_name, due, next_due

QUARTER = timedelta(minutes=15)
DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
LEAP_YEAR = datetime(2028, 1, 1, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")
"""Of the machine: with none, and with different daylight-saving rules; the last one's day ends
where that of others begins."""
PERIODS = (
    "00:00 GMT+08:00",
    "16:00 GMT+08:00",
    "23:00 GMT-11:00",
    "02:00 GMT+05:45",
    "00:00 GMT+14:00",
    "03:00 GMT",
)


@pytest.fixture
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The zone of the machine."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def policy(period: str = "16:00 GMT+08:00", frequency: str = "DAY") -> BackupStrategy:
    return BackupStrategy(period, prefix="snapshot", keepday=7, frequency=frequency)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@cache
def offset_of(period: str) -> tzinfo:
    written = period.partition("GMT")[2] or "+00:00"
    return datetime.fromisoformat(f"2026-01-01T00:00{written}").tzinfo or UTC


def is_due(wanted: BackupStrategy, moment: datetime) -> bool:
    """By the calendar, and the clock on the wall of the policy's offset."""
    local = moment.astimezone(offset_of(wanted.period))
    if local.minute or local.second:
        return False
    if wanted.frequency == "HOUR":
        return True
    is_day = wanted.frequency in ("DAY", DAYS[local.weekday()])
    return is_day and f"{local:%H:%M}" == wanted.period[:5]


def moments(wanted: BackupStrategy, after: datetime, until: datetime) -> list[datetime]:
    """All after `after`, which is a whole quarter, and not after `until`."""
    quarters = (after + number * QUARTER for number in range(1, (until - after) // QUARTER + 1))
    return [one for one in quarters if is_due(wanted, one)]


@pytest.mark.parametrize(
    ("frequency", "zone"),
    sorted({*product(["DAY"], ZONES), *zip(FREQUENCIES, cycle(ZONES), strict=False)}),
    indirect=["zone"],
)
def test_a_leap_year_of_each_schedule_has_every_moment_once(frequency: str, zone: str) -> None:
    wanted = policy(PERIODS[ZONES.index(zone)], frequency)
    began = time.process_time()
    taken, since, now = [], LEAP_YEAR, LEAP_YEAR
    while now < LEAP_YEAR + timedelta(days=366):
        found = due(wanted, since, now)
        if found is not None:
            assert found.missed == 0
            since = found.at
            taken.append(found.at)
        now = min(now + timedelta(minutes=197), next_due(wanted, now))
    assert time.process_time() - began < 1.0
    assert taken == moments(wanted, LEAP_YEAR, LEAP_YEAR + timedelta(days=366, seconds=-1))
    assert len(taken) in {"HOUR": (8783, 8784), "DAY": (365, 366)}.get(frequency, (52, 53))


@pytest.mark.parametrize(
    ("period", "frequency", "comes"),
    [
        ("00:00 GMT+08:00", "MON", "2026-11-22 16:00"),  # there it is Monday, here Sunday
        ("00:00 GMT+08:00", "SUN", "2026-11-28 16:00"),
        ("23:00 GMT-11:00", "SAT", "2026-11-29 10:00"),
        ("00:00 GMT+14:00", "TUE", "2026-11-23 10:00"),
        ("01:00 GMT", "WED", "2026-11-25 01:00"),
        ("00:00 GMT+08:00", "DAY", "2026-11-22 16:00"),
        ("02:00 GMT+05:45", "DAY", "2026-11-22 20:15"),
        ("00:00 GMT+05:45", "HOUR", "2026-11-22 12:15"),
        ("00:00 GMT+08:00", "HOUR", "2026-11-22 13:00"),
    ],
)
def test_a_day_begins_where_the_policy_is(period: str, frequency: str, comes: str) -> None:
    sunday_noon = utc("2026-11-22 12:00")
    assert next_due(policy(period, frequency), sunday_noon) == utc(comes)
    assert due(policy(period, frequency), sunday_noon, utc(comes)) == Due(utc(comes))
    a_moment_before = utc(comes) - timedelta(microseconds=1)
    assert due(policy(period, frequency), sunday_noon, a_moment_before) is None


def test_a_leap_day_is_a_day() -> None:
    first = utc("2028-02-28 09:00")
    assert next_due(policy(), first) == utc("2028-02-29 08:00")
    assert next_due(policy(frequency="TUE"), first) == utc("2028-02-29 08:00")


def test_what_was_missed_is_made_up_once_and_told() -> None:
    last, back = utc("2026-11-20 08:00"), utc("2026-11-24 07:59")
    found = due(policy(), last, back)
    assert found == Due(utc("2026-11-23 08:00"), missed=2)
    assert due(policy(), found.at, back) is None
    assert due(policy(), found.at, utc("2026-11-24 08:00")) == Due(utc("2026-11-24 08:00"))


def test_a_clock_that_is_set_back_takes_none_twice() -> None:
    taken = utc("2026-11-24 08:00")
    assert due(policy(), taken, taken - timedelta(seconds=30)) is None
    assert due(policy(), taken, taken + timedelta(hours=23)) is None


def test_what_a_wrong_clock_recorded_stops_no_schedule_for_ever() -> None:
    wrong, now = utc("2099-01-01 00:00"), utc("2026-11-24 09:00")
    assert due(policy(), wrong, now) == Due(utc("2026-11-24 08:00"))


def test_the_name_holds_the_moment_in_milliseconds() -> None:
    assert automatic_name(policy(), utc("2026-11-24 08:00")) == "snapshot-1795507200000"
    assert automatic_name(policy(), utc("2026-11-24 08:00:01.500")) == "snapshot-1795507201500"


def test_a_period_that_no_rule_would_have_let_in_is_no_moment() -> None:
    with pytest.raises(ValueError, match="16:00 CET"):
        next_due(policy("16:00 CET"), LEAP_YEAR)


policies = st.builds(
    policy,
    st.builds(
        "{:02d}:00 GMT{}{:02d}:{:02d}".format,
        st.integers(0, 23),
        st.sampled_from("+-"),
        st.integers(0, 13),
        st.sampled_from((0, 30, 45)),
    ),
    st.sampled_from(FREQUENCIES),
)
gaps = st.one_of(
    st.timedeltas(timedelta(seconds=-5), timedelta(seconds=30)),  # passes, and a clock set right
    st.timedeltas(timedelta(0), timedelta(hours=3)),
    st.timedeltas(timedelta(0), timedelta(days=9)),  # an outage
)


@given(policies, st.integers(0, 4 * 24 * 366), st.lists(gaps, max_size=8))
@example(policy(), 0, [timedelta(days=9)] * 4)
def test_every_moment_is_dealt_with_once_whenever_passes_come(
    wanted: BackupStrategy, quarter: int, waits: list[timedelta]
) -> None:
    assert not list(policy_violations(wanted))
    start = since = now = latest = LEAP_YEAR + quarter * QUARTER
    taken, missed = [], 0
    for wait in waits:
        now += wait
        latest = max(now, latest)
        found = due(wanted, since, now)
        if found is not None:
            assert found.at <= now
            since, missed = found.at, missed + found.missed
            taken.append(found.at)
    expected = moments(wanted, start, latest)
    assert len(taken) == len(set(taken))
    assert set(taken) <= set(expected)
    assert len(taken) + missed == len(expected)
    assert taken[-1:] == expected[-1:]
