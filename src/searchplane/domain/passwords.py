"""What the admin password of a secured cluster must be (api/semantics.md, section 1.1).

A refusal never repeats the password.
"""

from __future__ import annotations

from collections.abc import Iterator

from searchplane.domain.violation import Violation

SPECIALS = "~!@#$%^&*()-_=+\\|[{}];:,<.>/?"
_COMMON = frozenset({"password", "admin", "qwerty", "huawei", "letmein", "welcome", "changeme"})


def password_violations(field: str, password: str | None, *, user: str) -> Iterator[Violation]:
    """Every rule `password` breaks."""
    if password is None:
        yield Violation(
            "CSS.0050", field, None, "it is missing; authorityEnable true needs a password"
        )
        return
    if not 8 <= len(password) <= 32:
        yield Violation("CSS.0050", field, None, "8 to 32 characters are right")
    if not _kinds(password):
        yield Violation(
            "CSS.0050",
            field,
            None,
            f"only letters, digits and {SPECIALS} are right, at least three of upper case, lower "
            f"case, digits and special characters",
        )
    if password.lower() in (user, user[::-1]):
        yield Violation("CSS.0066", field, None, "the user's name or its reverse is not right")
    elif _weak(password):
        yield Violation("CSS.2026", field, None, "it is one of the first that would be guessed")


def _kinds(password: str) -> bool:
    kinds = (
        any("a" <= char <= "z" for char in password),
        any("A" <= char <= "Z" for char in password),
        any("0" <= char <= "9" for char in password),
        any(char in SPECIALS for char in password),
    )
    known = all((char.isascii() and char.isalnum()) or char in SPECIALS for char in password)
    return known and sum(kinds) >= 3


def _weak(password: str) -> bool:
    """A well-known word with digits and signs around it, such as Password123!"""
    word = password.lower().strip(SPECIALS + "0123456789").replace("@", "a").replace("0", "o")
    return word in _COMMON
