"""Wrong signatures lock a key for the place they came from; what is stored decides."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from searchplane.domain.lockout import MOST_FROM_EVERYWHERE, Attempts, Standing
from searchplane.iam import key_guard
from searchplane.iam.key_guard import MOST_WRONG, POLICY, KeyGuard, locked_by

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY, HERE = "AK", "192.0.2.1"
NOTHING = Standing()


def wrong(guard: KeyGuard, times: int, place: str = HERE, stored: Standing = NOTHING) -> Standing:
    """So many wrong ones, none of which locks; then one more, which does."""
    for _ in range(times):
        assert guard.wrong(KEY, place, stored, NOW) is None
    locked = guard.wrong(KEY, place, stored, NOW)
    assert locked is not None
    return locked


def test_one_more_than_is_borne_locks_the_place_for_five_minutes() -> None:
    locked = wrong(KeyGuard(), MOST_WRONG)
    assert locked.here.locked_until == NOW + timedelta(minutes=5)
    assert not locked.everywhere.is_locked(NOW)


def test_wrong_ones_at_the_same_time_are_all_counted_and_lock_once() -> None:
    guard, start = KeyGuard(), Barrier(MOST_WRONG + 1)

    def one() -> Standing | None:
        start.wait()
        return guard.wrong(KEY, HERE, NOTHING, NOW)

    with ThreadPoolExecutor(MOST_WRONG + 1) as threads:
        found = [each.result() for each in [threads.submit(one) for _ in range(MOST_WRONG + 1)]]
    assert len([one for one in found if one is not None]) == 1


def test_too_many_from_everywhere_lock_the_key_for_places_that_are_new() -> None:
    guard = KeyGuard()
    for number in range(MOST_FROM_EVERYWHERE - 1):
        assert guard.wrong(KEY, f"192.0.2.{number}", NOTHING, NOW) is None
    locked = wrong(guard, 0, "198.51.100.1")
    assert locked.everywhere.is_locked(NOW)
    assert not locked.here.is_locked(NOW)
    known = Standing(Attempts(last_success=NOW), locked.everywhere)
    assert known.is_heard(NOW, is_local=False)
    assert not locked.is_heard(NOW, is_local=False)


def test_of_a_lock_that_was_taken_back_nothing_is_left() -> None:
    guard = KeyGuard()
    wrong(guard, MOST_WRONG)
    wrong(guard, MOST_WRONG, stored=NOTHING)


def test_a_lock_of_another_process_is_not_prolonged_here() -> None:
    lock = Attempts(MOST_FROM_EVERYWHERE, NOW, NOW + timedelta(minutes=1))
    stored = Standing(Attempts(last_success=NOW), lock)
    guard = KeyGuard()
    guard.wrong(KEY, HERE, NOTHING, NOW)
    assert wrong(guard, MOST_WRONG - 1, stored=stored).everywhere == lock


def test_what_is_stored_with_a_lock_keeps_who_had_the_secret() -> None:
    before = Standing(Attempts(last_success=NOW), Attempts(last_success=NOW))
    stored = locked_by(wrong(KeyGuard(), MOST_WRONG), before)
    assert (stored.here.last_success, stored.everywhere.last_success) == (NOW, NOW)
    assert stored.here.is_locked(NOW)


def test_what_is_counted_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_guard, "COUNTED", 4)
    guard = KeyGuard()
    for number in range(20):
        guard.wrong(KEY, f"192.0.2.{number}", NOTHING, NOW)
    assert len(guard._counted) == 4
    assert POLICY.login_failed_times == MOST_WRONG + 1
