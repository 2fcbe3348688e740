"""Migrations on PostgreSQL: the same schema by both ways, and any number of starts at once."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import inspect, text
from tests.support.definitions import definitions, revision
from tests.support.postgres import Server

from searchplane.errors import Permanent
from searchplane.store.database import Database
from searchplane.store.migrate import NEWEST, migrate, upgrade

MIGRATE = (
    "import sys; from searchplane.store.database import Database; "
    "from searchplane.store.migrate import migrate; migrate(Database(sys.argv[1]))"
)


def test_migrations_make_the_tables_of_the_schema(empty: Database, postgres: Server) -> None:
    with postgres.database() as other:
        wanted = Database(other)
        migrate(wanted)
        with empty.write() as connection:
            upgrade(connection)
        assert definitions(empty) == definitions(wanted)
        assert revision(empty) == revision(wanted) == NEWEST
        wanted.close()


def test_processes_that_start_at_once_all_come_up(url: str, empty: Database) -> None:
    def start(_: int) -> str:
        command = [sys.executable, "-c", MIGRATE, url]
        return subprocess.run(command, capture_output=True, check=False, text=True).stderr

    with ThreadPoolExecutor(3) as at_once:
        assert list(at_once.map(start, range(3))) == ["", "", ""]
    assert revision(empty) == NEWEST


def test_a_migration_that_is_cut_short_leaves_nothing(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("cut short")

    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", fail)
        with pytest.raises(RuntimeError, match="cut short"), empty.write() as connection:
            upgrade(connection)
    with empty.read() as connection:
        assert inspect(connection).get_table_names() == []


def test_a_database_that_holds_no_unicode_is_refused(postgres: Server) -> None:
    postgres.run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    database = Database(postgres.url("latin"))
    try:
        with pytest.raises(Permanent, match="stores text as LATIN1; UTF8 is right"):
            migrate(database)
    finally:
        database.close()
        postgres.run("DROP DATABASE latin")


def test_a_user_without_the_right_to_make_tables_is_told(postgres: Server, url: str) -> None:
    postgres.run("CREATE ROLE powerless LOGIN PASSWORD 'powerless'")
    database = Database(url.replace(f"searchplane:{postgres.password}", "powerless:powerless"))
    try:
        with pytest.raises(Permanent, match="may not do what is needed: permission denied"):
            migrate(database)
        with database.read() as connection:
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
    finally:
        database.close()
        postgres.run("DROP ROLE powerless")
