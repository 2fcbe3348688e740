"""Patterns of policies: only `*` is special, and a long one costs next to nothing."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from searchplane.domain.conditions import like

MOST_SECONDS = 1.0
"""Of processor time; compiled, the patterns below take many times as long."""


@pytest.mark.parametrize("text", ["a[b]?", "a[b]?x?", "[b]?"])
def test_brackets_and_question_marks_are_themselves(text: str) -> None:
    assert like(text, text) and like(text, "*[b]?*")
    assert not like(text.replace("?", "x").replace("[b]", "b"), text)


@given(text=st.text("ab\n", max_size=12), pattern=st.text("ab*", max_size=8))
def test_a_star_is_any_text(text: str, pattern: str) -> None:
    assert like(text, pattern) is fnmatchcase(text, pattern)


def test_new_long_patterns_cost_little() -> None:
    began = time.process_time()
    for number in range(100):
        assert not like("a" * 4000, f"{'*a' * 2900}{number}")
    assert time.process_time() - began < MOST_SECONDS
