"""Tokens: they say what was put in, and only as they were made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet, MultiFernet
from hypothesis import given
from hypothesis import strategies as st

from searchplane.domain.ids import UserId
from searchplane.iam.issuing import MOST_BETWEEN
from searchplane.iam.key_ring import Keys
from searchplane.iam.tokens import MAX_LENGTH, Claims, Method, Tokens, new_audit_id
from searchplane.store.identity import TAG_DIGITS, Target

KEY = Fernet(Fernet.generate_key())
NOW = datetime(2026, 1, 3, 9, 5, 22, 701003, tzinfo=UTC)

ids = st.binary(min_size=16, max_size=16).map(bytes.hex)
times = st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))


class Fixed:
    """Keys that never change."""

    def __init__(self, *keys: Fernet) -> None:
        self._keys = Keys(1, MultiFernet(keys))

    def current(self) -> Keys:
        return self._keys

    looked_again = current


def tokens() -> Tokens:
    return Tokens(Fixed(KEY))


def claims(**changes: object) -> Claims:
    values = {
        "user_id": UserId(new_audit_id()),
        "methods": Method.PASSWORD,
        "issued": NOW,
        "expires": NOW + timedelta(hours=24),
        "audit_id": new_audit_id(),
    }
    return Claims(**(values | changes))


@given(
    st.builds(
        Claims,
        user_id=ids,
        methods=st.sampled_from([Method.PASSWORD, Method.TOKEN, Method.PASSWORD | Method.TOKEN]),
        issued=times,
        expires=times,
        audit_id=ids,
        chain_id=st.none() | ids.filter(lambda value: value != "0" * 32),
        target=st.sampled_from(list(Target)),
        target_id=ids,
        agency_id=st.none() | ids.filter(lambda value: value != "0" * 32),
        between=st.lists(ids.map(lambda value: value[:TAG_DIGITS]), max_size=64).map(tuple),
        access=st.none() | st.text("ABCZ019", min_size=20, max_size=20),
    )
)
def test_a_token_says_what_was_put_in(said: Claims) -> None:
    assert tokens().read(tokens().seal(said).value) == said


def test_a_token_without_scope_says_so() -> None:
    read = tokens().read(tokens().seal(claims()).value)
    assert read is not None
    assert (read.target, read.target_id) == (None, None)


def test_microseconds_are_kept() -> None:
    read = tokens().read(tokens().seal(claims()).value)
    assert read is not None
    assert read.issued.microsecond == 701003


def test_a_token_fits_any_header() -> None:
    assert len(tokens().seal(claims(target=Target.PROJECT, target_id=new_audit_id())).value) == 204


def test_the_longest_chain_is_read() -> None:
    longest = claims(
        target=Target.PROJECT,
        target_id=new_audit_id(),
        chain_id=new_audit_id(),
        agency_id=new_audit_id(),
        between=("a" * TAG_DIGITS,) * MOST_BETWEEN,
        access="A" * 20,
    )
    value = tokens().seal(longest).value
    assert len(value) <= MAX_LENGTH
    assert tokens().read(value) == longest


def test_any_changed_character_makes_it_no_token() -> None:
    value = tokens().seal(claims()).value
    reader = tokens()
    for position, character in enumerate(value):
        other = "A" if character != "A" else "B"
        assert reader.read(value[:position] + other + value[position + 1 :]) is None


@pytest.mark.parametrize("extra", ["=", "==", "\n", "!", " ", "A", "é"])
def test_a_token_has_one_spelling(extra: str) -> None:
    value = tokens().seal(claims()).value
    assert tokens().read(value + extra) is None
    assert tokens().read(extra + value) is None
    assert tokens().read(value[:50] + extra + value[50:]) is None


@given(st.text(max_size=MAX_LENGTH * 2))
def test_other_text_is_no_token(text: str) -> None:
    assert tokens().read(text) is None


def test_a_token_of_another_key_is_no_token() -> None:
    other = Tokens(Fixed(Fernet(Fernet.generate_key())))
    assert tokens().read(other.seal(claims()).value) is None


def test_something_else_sealed_with_the_key_is_no_token() -> None:
    sealed = KEY.encrypt(b"not a token").decode().rstrip("=")
    assert tokens().read(sealed) is None


def test_the_text_of_a_token_does_not_show() -> None:
    token = tokens().seal(claims())
    assert token.value not in repr(token)


def test_method_names_are_in_the_order_of_use() -> None:
    assert claims(methods=Method.TOKEN | Method.PASSWORD).method_names() == ["password", "token"]
