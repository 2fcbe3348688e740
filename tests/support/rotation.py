"""What CI takes a part of: another part every day, the rest is left to the nightly mode.

Variants that cost real nodes, and steps to be killed at, are chosen by a seed, which is the date
unless SEARCHPLANE_CHAOS_SEED says another: that repeats a choice. What was chosen is in the names
of the tests, or printed where one fails. Every process of a run must choose alike, also over
midnight, so the first one puts the seed into its environment.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import pytest

T = TypeVar("T", bound=Callable[..., object])

VARIABLE = "SEARCHPLANE_CHAOS_SEED"
SEED = os.environ.setdefault(VARIABLE, datetime.now(UTC).date().isoformat())


def chance(purpose: object = "") -> random.Random:
    """Choices that depend on the seed, and on what they are for."""
    return random.Random(f"{SEED} {purpose}")  # noqa: S311 - a choice, not a secret


def in_rotation(purpose: str, variants: Sequence[Any], take: int = 1) -> list[Any]:
    """Values of a parametrized test of which CI takes so many; the others are nightly.

    Day by day each gets its turn; `purpose` is where they begin, so that not all that has two
    variants takes the first of them together.
    """
    chosen = _chosen(purpose, len(variants), take)
    return [
        one if number in chosen else pytest.param(one, marks=pytest.mark.nightly)
        for number, one in enumerate(variants)
    ]


def takes_turns(purpose: str, number: int, of: int) -> Callable[[T], T]:
    """Decorates the test with this number of so many, of which CI takes one a day."""

    def decorate(test: T) -> T:
        return test if number in _chosen(purpose, of, 1) else pytest.mark.nightly(test)

    return decorate


def _chosen(purpose: str, count: int, take: int) -> set[int]:
    first = _day() * take + random.Random(purpose).randrange(count)  # noqa: S311 - no secret
    return {number % count for number in range(first, first + take)}


def _day() -> int:
    """The number of the day that the seed is, or any where it is none."""
    try:
        return date.fromisoformat(SEED).toordinal()
    except ValueError:
        return chance().randrange(1_000_000)
