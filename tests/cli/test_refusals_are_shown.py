"""`cluster show` names the predicate that holds a change up, and its sentence."""

from __future__ import annotations

from typing import Any

from searchplane.cli.cluster import _operator


def test_the_predicate_and_its_sentence() -> None:
    answer: dict[str, Any] = {
        "refusedBy": "nothing_moves",
        "refusedBecause": "3 shards are being built",
        "paused": False,
        "skipped": ["others_are_members"],
    }
    assert _operator(answer) == [
        ("refused", "by nothing_moves: 3 shards are being built"),
        ("set aside", "others_are_members"),
    ]


def test_another_cloud_says_nothing_of_it() -> None:
    assert _operator({"id": "x"}) == []
