"""What a domain (account) asks of its logins and passwords: fields, bounds, defaults.

Names, bounds and defaults are the public API's (OS-SECURITYPOLICY). What is not enforced here has
one right value, so that nobody relies on a rule that does not hold: passwords do not expire, and
of earlier passwords only the current one is known. The session timeout is for consoles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from searchplane.domain.violation import Violation

WRONG = "IAM.0073"
WEAK = "1118"
"""The public API's code for a password that breaks the rules."""

MAX_PASSWORD_LENGTH = 128
KINDS = "upper case, lower case, digits and other characters"

Bounds = dict[str, tuple[int, int]]

_LOGIN_BOUNDS: Bounds = {
    "account_validity_period": (0, 240),
    "lockout_duration": (15, 30),
    "login_failed_times": (3, 10),
    "period_with_login_failures": (15, 60),
    "session_timeout": (15, 1440),
}
_PASSWORD_BOUNDS: Bounds = {
    "maximum_consecutive_identical_chars": (0, 32),
    "minimum_password_age": (0, 1440),
    "minimum_password_length": (6, 32),
    "number_of_recent_passwords_disallowed": (0, 1),
    "password_validity_period": (0, 0),
    "password_char_combination": (2, 4),
}


@dataclass(frozen=True)
class LoginPolicy:
    """Times in minutes, but `account_validity_period` in days: 0 never, else a user who has not
    logged in that long may not any more. `login_failed_times` failures within
    `period_with_login_failures` lock for `lockout_duration`."""

    account_validity_period: int = 0
    custom_info_for_login: str = ""
    lockout_duration: int = 15
    login_failed_times: int = 5
    period_with_login_failures: int = 15
    session_timeout: int = 60
    show_recent_login_info: bool = False

    def violations(self) -> Iterator[Violation]:
        yield from _outside(self, "login_policy", _LOGIN_BOUNDS)
        if len(self.custom_info_for_login) > 64:
            given = self.custom_info_for_login
            yield Violation(
                WRONG,
                "login_policy.custom_info_for_login",
                given,
                "at most 64 characters are right",
            )


@dataclass(frozen=True)
class PasswordPolicy:
    """`minimum_password_age` is in minutes; 0 switches a rule off."""

    maximum_consecutive_identical_chars: int = 0
    minimum_password_age: int = 0
    minimum_password_length: int = 8
    number_of_recent_passwords_disallowed: int = 1
    password_char_combination: int = 2
    password_not_username_or_invert: bool = True
    password_validity_period: int = 0

    def violations(self) -> Iterator[Violation]:
        yield from _outside(self, "password_policy", _PASSWORD_BOUNDS)

    @property
    def requirements(self) -> str:
        """The rules in a sentence."""
        return (
            f"{self.minimum_password_length} to {MAX_PASSWORD_LENGTH} characters with at least "
            f"{self.password_char_combination} of {KINDS}"
        )

    def broken_by(self, password: str, *, user: str) -> Iterator[Violation]:
        """Every rule the password of the user breaks; it is never repeated."""
        long_enough = self.minimum_password_length <= len(password) <= MAX_PASSWORD_LENGTH
        if not long_enough or _kinds(password) < self.password_char_combination:
            yield _weak(f"{self.requirements} are right")
        most = self.maximum_consecutive_identical_chars
        if most and _longest_run(password) > most:
            yield _weak(f"a character more than {most} times in a row is not right")
        names = (user.lower(), user[::-1].lower())
        if self.password_not_username_or_invert and password.lower() in names:
            yield _weak("the user's name or its reverse is not right")

    def is_too_early(self, changed: datetime | None, now: datetime) -> bool:
        """Whether a user who changed their password then may not yet change it again."""
        age = timedelta(minutes=self.minimum_password_age)
        return changed is not None and now - changed < age


def _outside(
    policy: LoginPolicy | PasswordPolicy, name: str, bounds: Bounds
) -> Iterator[Violation]:
    values = asdict(policy)
    for field, (least, most) in bounds.items():
        if not least <= values[field] <= most:
            right = f"{least} to {most} is right" if least < most else f"only {least} is right here"
            yield Violation(WRONG, f"{name}.{field}", values[field], right)


def _weak(right: str) -> Violation:
    return Violation(WEAK, "password", None, right)


def _kinds(password: str) -> int:
    kinds = (
        any("a" <= char <= "z" for char in password),
        any("A" <= char <= "Z" for char in password),
        any("0" <= char <= "9" for char in password),
        any(not (char.isascii() and char.isalnum()) for char in password),
    )
    return sum(kinds)


def _longest_run(password: str) -> int:
    longest, run, last = 0, 0, ""
    for char in password:
        run = run + 1 if char == last else 1
        longest, last = max(longest, run), char
    return longest
