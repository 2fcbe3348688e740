"""A server that goes away and comes back, and what is said meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from tests.support.cluster_examples import NOW
from tests.support.postgres import Server, server

from searchplane.domain.ids import DomainId
from searchplane.errors import Permanent, Refused, Transient
from searchplane.store import database as database_module
from searchplane.store.database import Database
from searchplane.store.identity import Directory, Domain, Reference

SESSION = text("SELECT pg_backend_pid()")
ONE = text("SELECT 1")


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A server that may be stopped."""
    with server() as started:
        yield started


def session_of(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(SESSION).scalar_one()


def test_after_a_restart_nobody_notices(own: Server) -> None:
    database = Database(own.url())
    before = session_of(database)
    own.stop()
    own.start()
    assert session_of(database) != before
    with database.write() as connection:
        assert connection.execute(ONE).scalar_one() == 1
    database.close()


def test_while_the_server_is_away_the_answer_is_a_sentence(own: Server) -> None:
    database = Database(own.url())
    session_of(database)
    own.stop()
    try:
        for use in (database.read, database.write):
            with pytest.raises(Transient, match="the database does not answer") as told, use():
                pass
            assert own.password not in str(told.value)
            assert "\n" not in str(told.value)
    finally:
        own.start()
    assert session_of(database) > 0
    database.close()


def test_a_transaction_that_loses_its_session_is_transient_and_rolled_back(
    postgres: Server, database: Database
) -> None:
    home = Domain(DomainId("lost"), "lost", enabled=True)
    with (
        pytest.raises(Transient, match="the database does not answer: terminating connection"),
        database.write() as connection,
    ):
        Directory(connection).add_domain(home, NOW)
        postgres.run(f"SELECT pg_terminate_backend({connection.execute(SESSION).scalar_one()})")
        connection.execute(ONE)
    with database.read() as connection:
        assert Directory(connection).find_domain(Reference(id="lost")) is None


def test_a_statement_that_takes_too_long_is_given_up(database: Database) -> None:
    with pytest.raises(Transient, match="statement timeout"), database.read() as connection:
        connection.execute(text("SET LOCAL statement_timeout = '20ms'"))
        connection.execute(text("SELECT pg_sleep(10)"))
    assert session_of(database) > 0


def test_a_writer_that_holds_up_all_others_is_not_waited_for_without_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "WRITER_SECONDS", 0.05)
    done = threading.Event()

    def hold() -> None:
        with database.write():
            held.set()
            done.wait(30)

    held = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    try:
        with pytest.raises(Transient, match="other changes have taken"), database.write():
            pass
    finally:
        done.set()
        holder.join()


@pytest.mark.parametrize("value", ["a\0b", "x" * 65])
def test_a_value_that_cannot_be_stored_is_refused(database: Database, value: str) -> None:
    home = Domain(DomainId("odd"), value, enabled=True)
    with (
        pytest.raises(Refused, match="a value cannot be stored") as told,
        database.write() as connection,
    ):
        Directory(connection).add_domain(home, NOW)
    assert told.value.code == "CSS.0001"


@pytest.mark.parametrize(
    "wrong", ["postgresql://u:secret@127.0.0.1:x/name", "postgresql://u:secret@127.0.0.1/n?no=1"]
)
def test_a_url_that_cannot_be_used_is_told_without_its_password(wrong: str) -> None:
    with pytest.raises(Permanent, match="the database's URL cannot be") as told:
        session_of(Database(wrong))
    assert "secret" not in str(told.value)


def test_a_wrong_password_is_told_without_it(postgres: Server) -> None:
    database = Database(postgres.url().replace(postgres.password, "verysecret"))
    with pytest.raises(Transient, match="password authentication failed") as told:
        session_of(database)
    assert "verysecret" not in str(told.value)
    database.close()


def test_values_are_not_in_the_errors_that_are_logged(database: Database) -> None:
    with pytest.raises(Exception, match="uq_") as told, database.write() as connection:
        for number in (1, 2):
            home = Domain(DomainId(f"one-{number}"), "private name", enabled=True)
            Directory(connection).add_domain(home, NOW)
    assert "one-2" not in str(told.value)
