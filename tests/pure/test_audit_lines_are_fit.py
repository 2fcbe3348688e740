"""A line of the audit trail can be stored and shown, whatever a client sent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.audit_examples import line

from searchplane.domain.access import Actor, Assumed, DomainScope, ProjectScope
from searchplane.domain.audit import (
    LENGTHS,
    AuditLine,
    Outcome,
    Who,
    clean,
    outcome_of,
    project_of,
    who_is,
)
from searchplane.domain.ids import DomainId, ProjectId, UserId
from searchplane.store.audit_file import as_json
from searchplane.store.schema import audit

ANN = Actor(
    user_id=UserId("u1"),
    user_name="ann",
    domain_id=DomainId("d1"),
    domain_name="local",
    scope=ProjectScope(ProjectId("p1"), "local", 1),
    roles=("te_admin",),
    credential="token",
)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.ALLOWED),
        (204, Outcome.ALLOWED),
        (400, Outcome.REFUSED),
        (401, Outcome.REFUSED),
        (499, Outcome.REFUSED),
        (500, Outcome.FAILED),
        (503, Outcome.FAILED),
    ],
)
def test_the_answer_decides_the_outcome(status: int, outcome: Outcome) -> None:
    assert outcome_of(status) is outcome


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ann", "ann"),
        ("", ""),
        ("two words, ümläut", "two words, ümläut"),
        ("a\nb\x00c\x1b[31m", "a?b?c?[31m"),
        ("\ud800", "?"),
        ("x" * 20, "x" * 20),
        ("x" * 21, "x" * 19 + "…"),
        ("\n" * 21, "?" * 19 + "…"),
    ],
)
def test_texts_are_printable_and_short(text: str, shown: str) -> None:
    assert clean(text, 20) == shown


def test_every_text_of_a_line_is_made_fit() -> None:
    wild = "é\x00\ud800" * 1000
    texts = {name for name in LENGTHS if name in AuditLine.__dataclass_fields__}
    who = Who(*[wild] * 5)
    made = replace(line(), who=who, **dict.fromkeys(texts, wild))
    for name, most in LENGTHS.items():
        text = getattr(made if name in texts else who, name)
        assert len(text) == most
        assert text.isprintable()


def test_the_table_has_room_for_every_text() -> None:
    columns = {each.name: getattr(each.type, "length", None) for each in audit.columns}
    assert {name: columns[name] for name in LENGTHS} == LENGTHS


def test_an_actor_is_named_with_the_credential() -> None:
    assert who_is(ANN) == Who("u1", "ann", "d1", "local", "token")
    assert who_is(replace(ANN, credential="AKIDEXAMPLE")).credential == "AKIDEXAMPLE"


def test_who_acts_through_an_agency_is_named_and_the_agency_too() -> None:
    bob = Assumed(UserId("u2"), "bob", DomainId("d2"), "trusted")
    agent = replace(ANN, user_name="local/operators", assumed_by=bob)
    assert who_is(agent) == Who("u2", "bob", "d2", "trusted", "token as local/operators")


def test_the_project_is_that_of_the_scope() -> None:
    assert project_of(ANN) == "p1"
    assert project_of(replace(ANN, scope=DomainScope(DomainId("d1"), "local"))) == ""
    assert project_of(replace(ANN, scope=None)) == ""
    assert project_of(None) == ""


def test_a_program_reads_every_field() -> None:
    shown = as_json(line())
    assert shown["at"] == "2026-11-24T12:00:00.000Z"
    assert set(shown) == set(audit.columns.keys()) - {"id"}
