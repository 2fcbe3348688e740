"""A copy holds every row as of one moment, and can be put into the other kind of database."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.support.cluster_examples import NOW, cluster
from tests.support.copies import copied, everything, fill, ignore

from searchplane.domain.ids import DomainId, ProjectId
from searchplane.errors import Transient
from searchplane.store import clusters, events
from searchplane.store.copying import copy_out
from searchplane.store.database import Database
from searchplane.store.identity import Directory
from searchplane.store.schema import projects


def test_a_copy_holds_every_row(database: Database, tmp_path: Path) -> None:
    fill(database)
    with copied(database, tmp_path) as copy:
        assert everything(copy) == everything(database)


def test_a_copy_is_of_one_moment_and_holds_up_no_writer(database: Database, tmp_path: Path) -> None:
    """Each writer's transaction makes two events; a copy with an odd number would be torn."""
    fill(database)
    stop, written = threading.Event(), threading.Semaphore(0)

    def write() -> None:
        cluster_id = cluster().id
        while not stop.is_set():
            with database.write() as connection:
                events.add(connection, cluster_id, NOW, "form", "one")
                events.add(connection, cluster_id, NOW, "form", "two")
            written.release()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            written.acquire()
            folder = tmp_path / str(number)
            folder.mkdir()
            with copied(database, folder) as copy:
                assert len(everything(copy)["events"]) % 2 == 0
    finally:
        stop.set()
        writer.join()


def test_the_number_of_a_deleted_project_does_not_come_back(
    database: Database, tmp_path: Path
) -> None:
    def add(to: Database, name: str) -> int:
        with to.write() as connection:
            Directory(connection).add_project(ProjectId(name), name, DomainId("domain"), NOW)
            wanted = select(projects.c.number).where(projects.c.id == name)
            return int(connection.execute(wanted).scalar_one())

    deleted = add(database, "deleted")
    with database.write() as connection:
        connection.execute(projects.delete().where(projects.c.id == "deleted"))
    with copied(database, tmp_path) as copy:
        assert add(copy, "next") == deleted + 1


@pytest.mark.sqlite
def test_what_was_deleted_is_not_in_the_file(database: Database, tmp_path: Path) -> None:
    with database.write() as connection:
        clusters.add(connection, cluster())
        events.add(connection, cluster().id, NOW, "form", "a sentence nobody is to read")
    with database.write() as connection:
        clusters.forget(connection, cluster())
    with copied(database, tmp_path):
        assert b"a sentence nobody is to read" not in (tmp_path / "copy").read_bytes()


@pytest.mark.sqlite
def test_a_copy_that_cannot_be_written_is_a_sentence(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "copy"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE t (x)")
    with pytest.raises(Transient, match=r"cannot be copied to .*: output file already exists"):
        copy_out(database, file, ignore)
