"""Transactions: all or nothing, one writer at a time, and a sentence when the file is bad."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, update
from tests.support.cluster_examples import cluster

from searchplane.errors import Permanent
from searchplane.store import clusters
from searchplane.store.database import Database, private_sqlite
from searchplane.store.migrate import migrate
from searchplane.store.schema import clusters as table


def test_an_exception_rolls_back(database: Database) -> None:
    with pytest.raises(ValueError, match="after"), database.write() as connection:
        clusters.add(connection, cluster())
        raise ValueError("after the insert")
    with database.read() as connection:
        assert clusters.all_ids(connection) == []


def test_a_reader_sees_one_state_while_others_write(database: Database) -> None:
    with database.write() as connection:
        clusters.add(connection, cluster())
    with database.read() as reading:
        before = clusters.find(reading, cluster().id)
        with database.write() as connection:
            clusters.forget(connection, cluster())
        assert clusters.find(reading, cluster().id) == before


def test_writers_queue_and_none_is_lost(database: Database) -> None:
    with database.write() as connection:
        clusters.add(connection, cluster())

    def grow(_: int) -> None:
        with database.write() as connection:
            found = connection.execute(select(table.c.progress)).scalar_one()
            connection.execute(update(table).values(progress=found + 1))

    with ThreadPoolExecutor(8) as at_once:
        list(at_once.map(grow, range(100)))
    with database.read() as connection:
        assert connection.execute(select(table.c.progress)).scalar_one() == 100


@pytest.mark.sqlite
def test_nobody_else_may_read_the_database(database: Database, tmp_path: Path) -> None:
    """Not even one that was put back from a copy with another mode, as the fixture's is."""
    with database.write() as connection:
        clusters.add(connection, cluster())
        found = [*tmp_path.glob("searchplane.db*")]
        assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}


@pytest.mark.sqlite
def test_a_damaged_database_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "searchplane.db").write_bytes(b"this is no database" * 1000)
    database = Database(private_sqlite(tmp_path))
    try:
        with pytest.raises(Permanent, match="the database is damaged"):
            migrate(database)
    finally:
        database.close()
    assert (tmp_path / "searchplane.db").read_bytes().startswith(b"this is no database")


@pytest.mark.sqlite
def test_a_folder_in_place_of_the_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "searchplane.db").mkdir()
    with pytest.raises(Permanent, match=r"searchplane\.db cannot be opened: Is a directory"):
        private_sqlite(tmp_path)
