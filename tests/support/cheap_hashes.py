"""Password hashes that cost next to nothing, for tests that are not about what a hash costs.

A hash of the service is dear on purpose, and nearly every test of the API logs somebody in: a
third of their time would be hashing. The forms of the hashes stay, argon2id and bcrypt, so what
is stored and compared is what a service stores and compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from argon2 import PasswordHasher

from searchplane.engine.security import admin_password_hash
from searchplane.iam import passwords

CHEAP = (1, 8)
"""Rounds and KiB: the least that argon2 takes."""

BCRYPT_ROUNDS = 4
"""The least that bcrypt takes."""

USUAL = (passwords.TIME_COST, passwords.MEMORY_KIB)
"""The price in a service."""


@contextmanager
def cheap_hashes() -> Iterator[None]:
    """Until the end of the block, hashes that this process makes cost microseconds."""
    with pytest.MonkeyPatch.context() as patch:
        use_hashes_of(patch, *CHEAP)
        cheap = partial(admin_password_hash, rounds=BCRYPT_ROUNDS)
        patch.setattr("searchplane.engine.security.admin_password_hash", cheap)
        yield


def use_hashes_of(patch: pytest.MonkeyPatch, time_cost: int, memory_kib: int) -> None:
    """Users' passwords are hashed at this price; one that is made for nobody too."""
    hasher = PasswordHasher(
        time_cost=time_cost,
        memory_cost=memory_kib,
        parallelism=1,
        hash_len=passwords.HASH_BYTES,
        salt_len=passwords.SALT_BYTES,
    )
    patch.setattr(passwords, "_HASHER", hasher)
    patch.setattr(passwords, "TIME_COST", time_cost)
    patch.setattr(passwords, "MEMORY_KIB", memory_kib)
    patch.setattr(passwords, "_NOBODYS", passwords._nobodys_hash())
