"""Migrations: they make what schema.py says, once, and not with a newer database."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from tests.support.definitions import definitions, revision

from searchplane.errors import Permanent
from searchplane.store.database import Database, private_sqlite
from searchplane.store.migrate import NEWEST, configuration, migrate, upgrade


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(private_sqlite(tmp_path))
    yield database
    database.close()


def test_migrations_make_the_tables_of_the_schema(database: Database, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    wanted = Database(private_sqlite(other))
    migrate(wanted)
    with database.write() as connection:
        upgrade(connection)
    assert definitions(database) == definitions(wanted)
    assert revision(database) == revision(wanted) == NEWEST
    wanted.close()


def test_the_newest_revision_is_the_last_migration() -> None:
    assert ScriptDirectory.from_config(configuration()).get_current_head() == NEWEST


@pytest.mark.parametrize("start", ["first", "later"])
def test_neither_start_imports_the_migration_tool(
    database: Database, tmp_path: Path, start: str
) -> None:
    if start == "later":
        migrate(database)
    code = (
        "import sys; from searchplane.store.database import Database; "
        "from searchplane.store.migrate import migrate; "
        "migrate(Database(sys.argv[1])); sys.exit('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, private_sqlite(tmp_path)], check=False)
    assert done.returncode == 0


def test_a_newer_database_is_left_alone(database: Database) -> None:
    migrate(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = definitions(database)
    with pytest.raises(Permanent, match="schema 9999; this version knows up to"):
        migrate(database)
    assert definitions(database) == before


def test_a_migration_that_is_cut_short_leaves_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", _fail)
        with pytest.raises(RuntimeError, match="cut short"), database.write() as connection:
            upgrade(connection)
    with database.read() as connection:
        assert inspect(connection).get_table_names() == []
    migrate(database)


def _fail(*_: object, **__: object) -> None:
    raise RuntimeError("cut short")
