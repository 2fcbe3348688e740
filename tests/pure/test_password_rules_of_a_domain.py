"""What a domain's password policy calls weak."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from searchplane.domain.security_policy import LoginPolicy, PasswordPolicy

NOW = datetime(2026, 1, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "password", "broken"),
    [
        (PasswordPolicy(), "abcdefg1", 0),
        (PasswordPolicy(), "abcdef1", 1),
        (PasswordPolicy(), "abcdefgh", 1),
        (PasswordPolicy(), "abcdefg ", 0),
        (PasswordPolicy(), "a1" * 65, 1),
        (PasswordPolicy(password_char_combination=4), "Abcdefg1", 1),
        (PasswordPolicy(password_char_combination=4), "Abcdef1!", 0),
        (PasswordPolicy(maximum_consecutive_identical_chars=2), "aaabcdefg1", 1),
        (PasswordPolicy(maximum_consecutive_identical_chars=3), "aaabcdefg1", 0),
        (PasswordPolicy(), "Marie-Curie", 1),
        (PasswordPolicy(), "eiruc-eiram", 1),
        (PasswordPolicy(password_not_username_or_invert=False), "Marie-Curie", 0),
    ],
)
def test_each_rule(policy: PasswordPolicy, password: str, broken: int) -> None:
    found = list(policy.broken_by(password, user="marie-curie"))
    assert len(found) == broken
    assert all(password not in str(one) for one in found)


def test_a_password_is_kept_for_its_least_age() -> None:
    policy = PasswordPolicy(minimum_password_age=10)
    assert policy.is_too_early(NOW - timedelta(minutes=9), NOW)
    assert not policy.is_too_early(NOW - timedelta(minutes=10), NOW)
    assert not policy.is_too_early(None, NOW)
    assert not PasswordPolicy().is_too_early(NOW, NOW)


def test_the_defaults_are_within_their_bounds() -> None:
    assert list(LoginPolicy().violations()) == []
    assert list(PasswordPolicy().violations()) == []
