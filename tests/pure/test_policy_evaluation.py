"""What follows from policies: denials win, doubt lets nobody in, patterns mean what they say."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from searchplane.domain.access import Actor, Asked, DomainScope, ProjectScope, allows
from searchplane.domain.conditions import OPERATORS, Condition, holds
from searchplane.domain.ids import DomainId, ProjectId, UserId
from searchplane.domain.policy import Circumstances, Policy, permits
from searchplane.domain.policy_documents import read_document, stored_document

CLUSTER = "css:local:d1:cluster:c1"
VALUES = {
    "g:CurrentTime": "2026-06-01T12:00:00+00:00",
    "g:MFAPresent": "false",
    "g:ProjectName": "local",
    "g:SourceIp": "10.1.2.3",
    "g:UserId": "u1",
    "g:UserName": "ann",
}


def policy(*statements: dict[str, Any]) -> Policy:
    return read_document({"Version": "1.1", "Statement": list(statements)})


def allow(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions)} | more


def deny(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": list(actions)} | more


def decided(
    action: str, *statements: dict[str, Any], resource: str = CLUSTER, **given: str
) -> bool:
    seen = Circumstances(VALUES | given, resource)
    return permits((policy(*statements),), action, lambda: seen)


@pytest.mark.parametrize(
    ("pattern", "action", "fits"),
    [
        ("css:cluster:create", "css:cluster:create", True),
        ("css:Cluster:CREATE", "css:cluster:create", True),
        ("css:cluster:create", "css:CLUSTER:Create", True),
        ("css:*:*", "css:cluster:create", True),
        ("*:*:*", "iam:users:listUsers", True),
        ("css:*:get*", "css:snapshot:getSnapshotPolicy", True),
        ("css:*:get*", "css:snapshot:forget", False),
        ("css:clu*er:li*t", "css:cluster:list", True),
        ("css:*:*", "cssx:cluster:create", False),
        ("c*:cluster:create", "css:cluster:create", True),
        ("css:cluster:create", "css:cluster:createX", False),
        ("css:*:*", "css:a:b:c", False),
        ("*:*:*", "css", False),
    ],
)
def test_patterns(pattern: str, action: str, fits: bool) -> None:
    assert decided(action, allow(pattern)) is fits


def test_the_service_is_compared_with_its_case() -> None:
    assert not decided("CSS:cluster:list", allow("css:cluster:list"))


def test_nothing_that_allows_means_no() -> None:
    assert not decided("css:cluster:list", allow("css:cluster:get"))
    assert not permits((), "css:cluster:list", lambda: Circumstances({}, ""))


def test_a_denial_wins_in_whatever_order_and_policy() -> None:
    yes, no = allow("css:*:*"), deny("css:cluster:delete")
    assert not decided("css:cluster:delete", yes, no)
    assert not decided("css:cluster:delete", no, yes)
    seen = Circumstances(VALUES, CLUSTER)
    assert not permits((policy(no), policy(yes)), "css:cluster:delete", lambda: seen)
    assert permits((policy(no), policy(yes)), "css:cluster:create", lambda: seen)


def test_all_but_some_actions() -> None:
    but = {"Effect": "Allow", "NotAction": ["iam:*:*", "css:cluster:delete"]}
    assert decided("css:cluster:create", but)
    assert not decided("css:cluster:delete", but)
    assert not decided("iam:users:listUsers", but)


def test_circumstances_are_not_looked_at_without_need() -> None:
    def never() -> Circumstances:
        raise AssertionError("asked for")

    assert permits((policy(allow("css:*:*")),), "css:cluster:list", never)
    only_there = allow("css:*:*", Resource=["css:*:*:cluster:c1"])
    assert not permits((policy(only_there, deny("css:*:*")),), "css:cluster:list", never)


@pytest.mark.parametrize(
    ("resource", "asked", "allowed"),
    [
        ("css:*:*:cluster:c1", CLUSTER, True),
        ("css:*:*:cluster:c1", "css:local:d1:cluster:c2", False),
        ("css:*:*:cluster:c*", "css:local:d1:cluster:c2", True),
        ("CSS:*:*:Cluster:c1", CLUSTER, True),
        ("css:eu-de:*:cluster:*", CLUSTER, False),
        ("css:*:d2:cluster:*", CLUSTER, False),
        ("css:*:*:cluster:*", "css:local:d1:cluster:", True),
        ("css:*:*:cluster:c1", "css:local:d1:cluster:", False),
        ("*", CLUSTER, True),
    ],
)
def test_resources(resource: str, asked: str, allowed: bool) -> None:
    statement = allow("css:*:*", Resource=[resource])
    assert decided("css:cluster:get", statement, resource=asked) is allowed


def test_an_agency_is_named_in_the_older_form_too() -> None:
    statement = allow("iam:tokens:assume", Resource={"uri": ["/iam/agencies/a1"]})
    assert decided("iam:tokens:assume", statement, resource="iam:local:d1:agency:a1")
    assert not decided("iam:tokens:assume", statement, resource="iam:local:d1:agency:a2")


@pytest.mark.parametrize(
    ("operator", "key", "values", "met"),
    [
        ("StringEquals", "g:UserName", ["bob", "ann"], True),
        ("StringEquals", "g:UserName", ["ANN"], False),
        ("StringEqualsIgnoreCase", "g:UserName", ["ANN"], True),
        ("StringNotEquals", "g:UserName", ["bob"], True),
        ("StringNotEquals", "g:UserName", ["bob", "ann"], False),
        ("StringNotEqualsIgnoreCase", "g:UserName", ["ANN"], False),
        ("StringLike", "g:UserName", ["a*"], True),
        ("StringLike", "g:UserName", ["a?n"], False),
        ("StringLike", "g:UserName", ["[a]nn"], False),
        ("StringNotLike", "g:UserName", ["a*"], False),
        ("StringStartWith", "g:ProjectName", ["loc"], True),
        ("StringNotStartWith", "g:ProjectName", ["loc"], False),
        ("StringEndWith", "g:ProjectName", ["cal"], True),
        ("DateLessThan", "g:CurrentTime", ["2026-06-01T12:00:00Z"], False),
        ("DateLessThanEquals", "g:CurrentTime", ["2026-06-01T12:00:00Z"], True),
        ("DateGreaterThan", "g:CurrentTime", ["2026-06-01T13:59:59+02:00"], True),
        ("DateGreaterThanEquals", "g:CurrentTime", ["2026-06-01T12:00:01Z"], False),
        ("IpAddress", "g:SourceIp", ["10.0.0.0/8"], True),
        ("IpAddress", "g:SourceIp", ["10.1.2.4", "::1"], False),
        ("NotIpAddress", "g:SourceIp", ["10.0.0.0/8"], False),
        ("NotIpAddress", "g:SourceIp", ["192.168.0.0/16"], True),
        ("Bool", "g:MFAPresent", ["true"], False),
        ("Bool", "g:MFAPresent", ["FALSE"], True),
    ],
)
def test_conditions(operator: str, key: str, values: list[str], met: bool) -> None:
    when = {"Condition": {operator: {key: values}}}
    assert decided("css:cluster:get", allow("css:*:*", **when)) is met
    assert decided("css:cluster:get", allow("css:*:*"), deny("css:*:*", **when)) is not met


def test_every_condition_must_be_met() -> None:
    both = {"StringEquals": {"g:UserName": ["ann"]}, "IpAddress": {"g:SourceIp": ["10.0.0.0/8"]}}
    assert decided("css:cluster:get", allow("css:*:*", Condition=both))
    away = {"g:SourceIp": "11.0.0.1"}
    assert not decided("css:cluster:get", allow("css:*:*", Condition=both), **away)


def test_an_address_of_ipv4_over_a_socket_of_ipv6_is_of_ipv4() -> None:
    inside = allow("css:*:*", Condition={"IpAddress": {"g:SourceIp": ["10.0.0.0/8"]}})
    assert decided("css:cluster:get", inside, **{"g:SourceIp": "::ffff:10.1.2.3"})


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_what_cannot_be_told_lets_nobody_in(operator: str) -> None:
    for condition in (
        {operator: {"g:NoSuchKey": ["x"]}},
        {f"Odd{operator}": {"g:UserName": ["x"]}},
        {operator: {"g:DomainName": ["ann"]}},  # not among the values of this request
    ):
        stored = {"Effect": "Allow", "Action": ["css:*:*"], "Condition": condition}
        for effect, plain in (("Allow", None), ("Deny", allow("css:*:*"))):
            statements = [stored | {"Effect": effect}, *([plain] if plain else [])]
            found = stored_document({"Version": "1.1", "Statement": statements})
            seen = Circumstances(VALUES, CLUSTER)
            assert not permits((found,), "css:cluster:get", lambda seen=seen: seen), condition


def test_a_source_that_is_no_address_cannot_be_told() -> None:
    assert (
        holds(Condition("NotIpAddress", "g:SourceIp", ("10.0.0.0/8",)), {"g:SourceIp": ""}) is None
    )


def test_an_effect_that_is_not_known_denies() -> None:
    odd = {"Effect": "Perhaps", "Action": ["css:cluster:get"]}
    found = stored_document({"Version": "1.1", "Statement": [odd, allow("css:*:*")]})
    assert not permits((found,), "css:cluster:get", lambda: Circumstances({}, ""))


def test_a_pattern_of_many_stars_is_read_in_no_time() -> None:
    began = time.perf_counter()
    statement = allow("css:" + "*a" * 50 + ":" + "*b" * 10)
    assert not decided(f"css:{'a' * 2000}:x", statement)
    assert time.perf_counter() - began < 1


def test_an_actor_is_known_to_conditions_and_resources() -> None:
    rule = policy(
        allow(
            "css:cluster:*",
            Resource=["css:local:d1:cluster:c1"],
            Condition={
                "StringEquals": {
                    "g:UserId": ["u1"],
                    "g:UserName": ["ann"],
                    "g:DomainId": ["d1"],
                    "g:DomainName": ["acme"],
                    "g:ProjectName": ["local"],
                    "g:ServiceName": ["css"],
                },
                "DateLessThan": {"g:CurrentTime": ["2027-01-01T00:00:00Z"]},
                "IpAddress": {"g:SourceIp": ["10.0.0.0/8"]},
                "Bool": {"g:MFAPresent": ["false"]},
            },
        )
    )
    scope = ProjectScope(ProjectId("p1"), "local", 1)
    ann = Actor(UserId("u1"), "ann", DomainId("d1"), "acme", scope, ("x",), (rule,))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    parameters = {"project_id": "p1", "cluster_id": "c1"}
    asked = Asked(now, "10.0.0.1", "local", parameters)
    assert allows(ann, "css:cluster:get", asked)
    assert not allows(ann, "css:cluster:get", Asked(now, "11.0.0.1", "local", parameters))
    assert not allows(ann, "css:cluster:get", Asked(now, "10.0.0.1", "local", {"cluster_id": "c2"}))
    at_large = Actor(
        UserId("u1"),
        "ann",
        DomainId("d1"),
        "acme",
        DomainScope(DomainId("d1"), "acme"),
        (),
        (rule,),
    )
    assert not allows(at_large, "css:cluster:get", asked)
