"""Wrong passwords over HTTP: locked, heard again, and nothing told to whoever guesses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import delete, event, func, select, update
from tests.support.logins import PASSWORD, NewUser, login_body

from searchplane.errors import NotFound, Unauthenticated
from searchplane.iam import lockout
from searchplane.iam.bootstrap import Credentials
from searchplane.iam.lockout import unlock
from searchplane.iam.service import Identity
from searchplane.store import login_attempts
from searchplane.store.database import Database
from searchplane.store.identity import Reference
from searchplane.store.schema import login_attempts as table
from searchplane.store.schema import users

OUTSIDE = "192.0.2.7"
OFFICE = "198.51.100.1"

Guess = Callable[..., bool]


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compared is not tested here, and hundreds of hashes would take their time."""
    monkeypatch.setattr(
        "searchplane.iam.passwords.verify",
        lambda stored, given: stored is not None and given == PASSWORD,
    )


@pytest.fixture
def guess(identity: Identity, credentials: Credentials) -> Guess:
    """`guess(password, source)` is whether a login of the first user succeeds."""
    admin = Reference(name=credentials.user, domain=Reference(id=credentials.domain_id))

    def ask(
        password: str = "wrong",  # noqa: S107
        source: str = OUTSIDE,
        *,
        who: Reference = admin,
        later: timedelta = timedelta(0),
    ) -> bool:
        try:
            identity.login(who, password, None, datetime.now(UTC) + later, source)
        except Unauthenticated:
            return False
        return True

    return ask


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    """What is asked of the database, in order."""
    seen: list[str] = []

    def see(_c: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", see)
    yield seen
    event.remove(database.engine, "before_cursor_execute", see)


def rows(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_five_wrong_passwords_lock_that_source_for_a_quarter_of_an_hour(guess: Guess) -> None:
    for _ in range(5):
        guess()
    assert not guess(PASSWORD)
    assert guess(PASSWORD, OFFICE)
    assert not guess(PASSWORD, later=timedelta(minutes=14))
    assert guess(PASSWORD, later=timedelta(minutes=16))


def test_a_right_password_in_between_sets_the_count_back(guess: Guess) -> None:
    for _ in range(4):
        guess()
    assert guess(PASSWORD)
    for _ in range(4):
        guess()
    assert guess(PASSWORD)


def test_guessing_from_everywhere_locks_out_whoever_is_new_and_nobody_else(guess: Guess) -> None:
    assert guess(PASSWORD, OFFICE)
    for number in range(60):
        guess(source=f"203.0.113.{number}")
    assert not guess(PASSWORD, "203.0.113.200")
    assert guess(PASSWORD, OFFICE)
    assert guess(PASSWORD, "127.0.0.1")
    assert guess(PASSWORD, "::1")


def test_a_password_proven_for_another_purpose_counts_too(
    guess: Guess, identity: Identity, credentials: Credentials
) -> None:
    admin = Reference(name=credentials.user, domain=Reference(id=credentials.domain_id))
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            identity.check_password(admin, "wrong", OUTSIDE, datetime.now(UTC))
    assert not guess(PASSWORD)


async def test_tries_at_the_same_time_are_all_counted(
    client: httpx.AsyncClient, credentials: Credentials
) -> None:
    wrong = [
        client.post("/v3/auth/tokens", json=login_body(credentials, password=f"no{number}"))
        for number in range(8)
    ]
    await asyncio.gather(*wrong)
    answer = await client.post("/v3/auth/tokens", json=login_body(credentials))
    assert answer.status_code == 401


async def test_locked_is_answered_like_wrong(
    client: httpx.AsyncClient, credentials: Credentials
) -> None:
    async def answer(**user: object) -> object:
        body = login_body(credentials, **user)
        answer = await client.post("/v3/auth/tokens", json=body)
        return answer.status_code, answer.json() | {"request_id": ""}

    wrong = [await answer(password="wrong") for _ in range(5)]
    assert [await answer(), await answer(name="nobody")] == wrong[:2]


def test_an_unknown_name_is_counted_and_costs_the_same_statements(
    guess: Guess, database: Database, credentials: Credentials, statements: list[str]
) -> None:
    home = Reference(id=credentials.domain_id)
    told = []
    for name in ("admin", "nobody"):
        for _ in range(7):
            statements.clear()
            guess(who=Reference(name=name, domain=home))
            told.append(list(statements))
    assert told[:7] == told[7:]


def test_disabled_costs_the_same_statements_as_wrong(
    guess: Guess,
    database: Database,
    new_user: NewUser,
    credentials: Credentials,
    statements: list[str],
) -> None:
    ann = new_user("ann")
    with database.write() as connection:
        connection.execute(update(users).where(users.c.id == ann.id).values(enabled=False))
    told = []
    for name, password in (("admin", "wrong"), ("ann", PASSWORD)) * 2:  # the first look is at both
        statements.clear()
        guess(password, who=Reference(name=name, domain=Reference(id=credentials.domain_id)))
        told.append(list(statements))
    assert told[2] == told[3]


def test_names_nobody_has_do_not_fill_the_table(guess: Guess, database: Database) -> None:
    for number in range(40):
        guess(who=Reference(name=f"n{number}", domain=Reference(name="nowhere")))
    accounts = {lockout.unknown_account(Reference(name=f"n{n}")) for n in range(20_000)}
    assert len(accounts) <= 4096
    assert rows(database) <= 80


def test_the_table_is_bounded_and_keeps_locks_longest(
    guess: Guess, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_attempts, "MOST_ROWS", 10)
    for _ in range(5):
        guess(source=OUTSIDE)
    for number in range(30):
        guess(source=f"203.0.113.{number}")
    assert rows(database) <= 10
    assert not guess(PASSWORD, OUTSIDE)


def test_old_failures_go(guess: Guess, database: Database) -> None:
    for number in range(5):
        guess(source=f"203.0.113.{number}")
    guess(source=OUTSIDE, later=timedelta(hours=3))
    assert rows(database) == 2


def test_the_operator_can_unlock(
    guess: Guess, database: Database, credentials: Credentials
) -> None:
    for _ in range(5):
        guess()
    assert unlock(database, credentials.user, credentials.domain) == 2
    assert guess(PASSWORD)
    with pytest.raises(NotFound, match="no user 'nobody'"):
        unlock(database, "nobody", credentials.domain)


def test_a_success_is_not_written_each_time(guess: Guess, database: Database) -> None:
    guess(PASSWORD)
    with database.write() as connection:
        connection.execute(update(table).values(touched=datetime(2026, 1, 1, tzinfo=UTC)))
    guess(PASSWORD)
    with database.write() as connection:
        seen = connection.execute(select(table.c.touched).distinct()).scalars().all()
        connection.execute(delete(table))
    assert seen == [datetime(2026, 1, 1, tzinfo=UTC)]


async def test_what_a_client_says_of_its_address_does_not_help_it(
    client: httpx.AsyncClient, credentials: Credentials
) -> None:
    for number in range(5):
        said = {"X-Forwarded-For": f"203.0.113.{number}"}
        wrong = login_body(credentials, password="wrong")
        await client.post("/v3/auth/tokens", json=wrong, headers=said)
    answer = await client.post("/v3/auth/tokens", json=login_body(credentials))
    assert answer.status_code == 401
