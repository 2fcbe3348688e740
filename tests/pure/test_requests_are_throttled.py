"""A burst of a minute's worth is let through, a steady excess is not, and memory has a bound."""

from __future__ import annotations

import pytest

from searchplane.api import throttle
from searchplane.api.throttle import Buckets, network_of
from searchplane.errors import Throttled


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def let_through(buckets: Buckets, key: str, tries: int) -> int:
    passed = 0
    for _ in range(tries):
        try:
            buckets.take(key)
            passed += 1
        except Throttled:
            pass
    return passed


@pytest.mark.parametrize("limit", [1, 7, 60, 1000])
def test_a_minutes_worth_passes_at_once_and_then_an_even_share(limit: int) -> None:
    clock = Clock()
    buckets = Buckets(limit, clock)
    assert let_through(buckets, "a", 2 * limit) == limit
    clock.now += 30
    assert let_through(buckets, "a", 2 * limit) == limit // 2
    clock.now += 120
    assert let_through(buckets, "a", 2 * limit) == limit


def test_who_is_refused_is_told_how_long() -> None:
    clock = Clock()
    buckets = Buckets(6, clock)
    let_through(buckets, "a", 6)
    with pytest.raises(Throttled, match="policy user over ratelimit,limit:6,time:1 minute") as told:
        buckets.take("a")
    assert (told.value.code, told.value.retry_after) == ("APIGW.0308", 10)
    clock.now += told.value.retry_after
    assert let_through(buckets, "a", 2) == 1


def test_to_be_refused_costs_nothing_more() -> None:
    clock = Clock()
    buckets = Buckets(6, clock)
    assert let_through(buckets, "a", 1000) == 6
    clock.now += 10
    assert let_through(buckets, "a", 1) == 1


def test_each_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(2, Clock())
    assert [let_through(buckets, key, 3) for key in ("a", "b")] == [2, 2]


def test_without_a_limit_nothing_is_counted() -> None:
    assert let_through(Buckets(None), "a", 1000) == 1000


def test_the_longest_unused_bucket_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MOST_KEYS", 2)
    buckets = Buckets(1, Clock())
    assert [let_through(buckets, key, 1) for key in ("a", "b", "a", "c")] == [1, 1, 0, 1]
    assert [let_through(buckets, key, 1) for key in ("a", "b")] == [0, 1]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_an_ipv6_host_is_its_network(address: str, network: str) -> None:
    assert network_of(address) == network
