"""Passwords: right ones pass, wrong and unknown ones cost the same."""

from __future__ import annotations

import os
import statistics
import threading
import time

import pytest

from searchplane.errors import Permanent
from searchplane.iam.passwords import MAX_LENGTH, NICENESS, hash_password, verify


def test_a_password_is_told_from_others() -> None:
    stored = hash_password("Grüße ✓")
    assert verify(stored, "Grüße ✓")
    assert not verify(stored, "grüße ✓")


def test_the_hash_is_argon2id_and_salted() -> None:
    first, second = hash_password("same"), hash_password("same")
    assert first.startswith("$argon2id$")
    assert first != second


def test_nobody_has_the_password_of_an_unknown_user() -> None:
    assert not verify(None, "")
    assert not verify(None, "anything")


@pytest.mark.parametrize("length", [0, MAX_LENGTH + 1])
def test_a_password_of_no_or_too_much_text_is_not_hashed(length: int) -> None:
    with pytest.raises(Permanent, match=str(length)):
        hash_password("x" * length)


def test_the_longest_password_works_and_a_longer_one_does_not() -> None:
    stored = hash_password("x" * MAX_LENGTH)
    assert verify(stored, "x" * MAX_LENGTH)
    assert not verify(stored, "x" * (MAX_LENGTH + 1))


def test_what_comes_after_seventy_two_bytes_counts_too() -> None:
    """Keystone's bcrypt looks no further."""
    stored = hash_password("x" * 72 + "one")
    assert not verify(stored, "x" * 72 + "two")


def test_an_unknown_user_costs_what_a_wrong_password_costs() -> None:
    stored = hash_password("right")
    # Processor time of this thread: neighbours on the machine do not count.
    known = statistics.median(_cost(stored) for _ in range(7))
    unknown = statistics.median(_cost(None) for _ in range(7))
    assert 0.6 < unknown / known < 1.6


def _cost(stored: str | None) -> float:
    start = time.thread_time()
    assert not verify(stored, "wrong")
    return time.thread_time() - start


def test_a_check_yields_to_the_threads_that_answer() -> None:
    verify(None, "x")
    hashing = [thread for thread in threading.enumerate() if thread.name.startswith("hashing")]
    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert hashing
    for thread in hashing:
        assert os.getpriority(os.PRIO_PROCESS, thread.native_id or 0) == min(mine + NICENESS, 19)
