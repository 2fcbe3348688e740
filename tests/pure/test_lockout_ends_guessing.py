"""When a login is not heard any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from searchplane.domain.lockout import (
    MOST_FROM_EVERYWHERE,
    TRUSTED_DAYS,
    Attempts,
    Standing,
    failed,
    succeeded,
)
from searchplane.domain.security_policy import LoginPolicy
from searchplane.iam.lockout import place

NOW = datetime(2026, 1, 3, 9, 5, tzinfo=UTC)
POLICY = LoginPolicy()
MINUTE = timedelta(minutes=1)


def after(failures: int, standing: Standing | None = None, apart: timedelta = MINUTE) -> Standing:
    """The standing after failures that ended a moment before NOW."""
    standing = standing or Standing()
    for number in range(failures, 0, -1):
        standing = failed(standing, POLICY, NOW - number * apart)
    return standing


def is_heard(standing: Standing, when: datetime = NOW, *, is_local: bool = False) -> bool:
    return standing.is_heard(when, is_local=is_local)


def test_as_many_failures_as_the_policy_says_lock() -> None:
    assert is_heard(after(4))
    assert not is_heard(after(5))


def test_the_lock_ends_when_it_was_said_to() -> None:
    locked = after(5)
    end = NOW - MINUTE + timedelta(minutes=POLICY.lockout_duration)
    assert not is_heard(locked, end - timedelta(microseconds=1))
    assert is_heard(locked, end)


def test_a_try_while_locked_does_not_prolong_the_lock() -> None:
    locked = after(5)
    assert failed(locked, POLICY, NOW + MINUTE).here == locked.here


def test_after_a_lock_counting_begins_anew() -> None:
    later = NOW + timedelta(minutes=POLICY.lockout_duration)
    assert failed(after(5), POLICY, later).here.failures == 1


def test_failures_outside_the_period_do_not_count() -> None:
    spread = after(5, apart=timedelta(minutes=4))
    assert is_heard(spread)
    assert spread.here.failures == 1


def test_a_success_sets_the_source_back_and_is_remembered() -> None:
    standing = succeeded(after(4), NOW)
    assert standing.here == Attempts(last_success=NOW)
    assert standing.everywhere.failures == 4


@pytest.mark.parametrize("times", [3, 10])
def test_a_domain_decides_how_many(times: int) -> None:
    policy = LoginPolicy(login_failed_times=times)
    standing = Standing()
    for _ in range(times - 1):
        standing = failed(standing, policy, NOW)
    assert is_heard(standing)
    assert not is_heard(failed(standing, policy, NOW))


def from_many_places() -> Attempts:
    """The account after too many failures, each from a new place."""
    everywhere = Attempts()
    for _ in range(MOST_FROM_EVERYWHERE):
        everywhere = failed(Standing(everywhere=everywhere), POLICY, NOW).everywhere
    return everywhere


def test_too_many_from_everywhere_lock_out_new_sources() -> None:
    assert not is_heard(Standing(everywhere=from_many_places()))


def test_nobody_outside_can_lock_a_user_out_of_where_they_work() -> None:
    known = Attempts(last_success=NOW - timedelta(days=TRUSTED_DAYS - 1))
    assert is_heard(Standing(known, from_many_places()))
    assert is_heard(Standing(everywhere=from_many_places()), is_local=True)


def test_a_source_is_not_trusted_for_ever() -> None:
    stale = Attempts(last_success=NOW - timedelta(days=TRUSTED_DAYS))
    assert not is_heard(Standing(stale, from_many_places()))


def test_a_trusted_source_can_still_not_guess() -> None:
    known = Standing(Attempts(last_success=NOW - timedelta(days=1)), from_many_places())
    assert not is_heard(after(5, known), is_local=True)


def test_who_stayed_away_too_long_is_forgotten_where_the_domain_says_so() -> None:
    away = Standing(everywhere=Attempts(last_success=NOW - timedelta(days=31)))
    assert away.is_forgotten(LoginPolicy(account_validity_period=30), NOW)
    assert not away.is_forgotten(LoginPolicy(account_validity_period=31), NOW)
    assert not away.is_forgotten(POLICY, NOW)
    assert not Standing().is_forgotten(LoginPolicy(account_validity_period=30), NOW)


@pytest.mark.parametrize(
    ("source", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::1"),
        ("", "nowhere"),
        ("x" * 100, "x" * 64),
    ],
)
def test_a_source_is_counted_as_what_one_client_has(source: str, counted: str) -> None:
    assert place(source) == counted
