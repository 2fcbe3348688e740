"""Password hashes: argon2id, with one price for every answer.

A check costs the same whether or not the user exists: for an unknown user a hash that nobody's
password has is checked. The parameters are the OWASP minimum for argon2id, not the larger ones of
RFC 9106: a login storm must leave memory and processors for the searches of the same machine.
For the same reason a check is computed in threads that yield to all others; how many there are
at work at once is bounded by those who ask (api/workers.py).
"""

from __future__ import annotations

import base64
import os
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from searchplane.errors import Permanent

MAX_LENGTH = 4096
"""Characters of a password; longer ones are refused before they are hashed."""

TIME_COST = 2
MEMORY_KIB = 19 * 1024
SALT_BYTES = 16
HASH_BYTES = 32

NICENESS = 5
"""A third of the share of others: whoever checks a token goes first, and logins go on."""
MOST_AT_ONCE = 32

_HASHER = PasswordHasher(
    time_cost=TIME_COST,
    memory_cost=MEMORY_KIB,
    parallelism=1,
    hash_len=HASH_BYTES,
    salt_len=SALT_BYTES,
)


def _yield_to_others() -> None:
    """Of this thread alone: Linux gives each thread a niceness of its own."""
    thread = threading.get_native_id()
    usual = os.getpriority(os.PRIO_PROCESS, thread)  # the service itself may be told to yield
    os.setpriority(os.PRIO_PROCESS, thread, usual + NICENESS)


@dataclass
class Spent:
    """What checks of passwords have cost this process so far."""

    checks: int = 0
    seconds: float = 0.0
    """Of processor time."""


SPENT = Spent()
_counting = threading.Lock()

_YIELDING = ThreadPoolExecutor(MOST_AT_ONCE, "hashing", initializer=_yield_to_others)


def hash_password(password: str) -> str:
    """What is stored of a password."""
    if not 0 < len(password) <= MAX_LENGTH:
        raise Permanent(f"the password has {len(password)} characters; 1 to {MAX_LENGTH} are right")
    return _HASHER.hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Whether `password` is the one `stored` was made of; None stands for an unknown user.

    Takes the same time for a right, a wrong and an unknown one.
    """
    if len(password) > MAX_LENGTH:
        return False
    try:
        hashing = _YIELDING.submit(_check, stored or _NOBODYS, password)
        return hashing.result() and stored is not None
    except VerificationError:
        return False
    except InvalidHashError:
        raise Permanent("a user's stored password hash is not an argon2id hash") from None


def _check(stored: str, password: str) -> bool:
    began = time.thread_time()
    try:
        return _HASHER.verify(stored, password)
    finally:
        with _counting:
            SPENT.checks += 1
            SPENT.seconds += time.thread_time() - began


def _nobodys_hash() -> str:
    """A hash with the parameters of all others; being random bytes, it has no password."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode()
        for size in (SALT_BYTES, HASH_BYTES)
    )
    return f"$argon2id$v=19$m={MEMORY_KIB},t={TIME_COST},p=1${salt}${digest}"


_NOBODYS = _nobodys_hash()
