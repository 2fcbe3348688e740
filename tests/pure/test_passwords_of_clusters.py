"""What a secured cluster's admin password must be."""

from __future__ import annotations

import pytest

from searchplane.domain.passwords import SPECIALS, password_violations


def codes(password: str | None, user: str = "admin") -> set[str]:
    return {one.code for one in password_violations("cluster.adminPwd", password, user=user)}


@pytest.mark.parametrize(
    ("password", "code"),
    [
        (None, "CSS.0050"),
        ("", "CSS.0050"),
        ("Abc-123", "CSS.0050"),
        ("Abc-1234" * 4 + "x", "CSS.0050"),
        ("abcdefgh", "CSS.0050"),
        ("abcdefg1", "CSS.0050"),
        ("Abcdefgh", "CSS.0050"),
        ("Abcdefg1é", "CSS.0050"),
        ("Abcdefg1 ", "CSS.0050"),
        ("Abcdefg1\0", "CSS.0050"),
        ("Abcdefg1'", "CSS.0050"),
        ("Password123!", "CSS.2026"),
        ("P@ssw0rd-1", "CSS.2026"),
        ("Admin@1234", "CSS.2026"),
        ("Huawei12#$", "CSS.2026"),
    ],
)
def test_a_bad_password_is_refused(password: str | None, code: str) -> None:
    assert code in codes(password)


@pytest.mark.parametrize("password", ["Operator-7", "7-rotarepO"])
def test_the_users_name_and_its_reverse_are_refused(password: str) -> None:
    assert codes(password, user="operator-7") == {"CSS.0066"}


@pytest.mark.parametrize(
    "password",
    ["Abcdef-1", "abcdef-1", "ABCDEF-1", "Abcdefg1", "Fresh-Pear-27", "Aa1" + SPECIALS[:29]],
)
def test_three_kinds_of_characters_are_enough(password: str) -> None:
    assert codes(password) == set()


@pytest.mark.parametrize("special", SPECIALS)
def test_every_documented_special_character_counts(special: str) -> None:
    assert codes(f"abcdef1{special}") == set()


def test_no_message_repeats_the_password() -> None:
    for password in ("Short-1", "Password123!", "nodigitshere"):
        found = password_violations("cluster.adminPwd", password, user="admin")
        assert not any(password in str(one) for one in found)
