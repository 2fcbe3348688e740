"""A copy of the whole database as of one moment, while others work on it; and back.

The copy is a SQLite file whatever the database is, so what was saved from one kind can be put into
the other. A SQLite database is copied page by page inside one read (VACUUM INTO), so nobody who
writes meanwhile is held up or makes it begin again, and what was deleted is not in the copy. A
server's is read table by table in one transaction.

Numbers that are given out are copied with the rows: a project's decides the user of its nodes, so
the number of one that was deleted must not come back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import Column, Connection, Table, func, insert, select, text
from sqlalchemy.exc import DatabaseError

from searchplane.errors import Permanent, Transient
from searchplane.store.database import Database
from searchplane.store.migrate import make_empty, revision
from searchplane.store.schema import metadata

BATCH = 1000
"""Rows that are in memory at a time."""
STEPS = 100_000
"""Of SQLite's machine, between two looks at how far it is."""

Tell = Callable[[int, int], None]
"""Told how much is done, and how much there is in all."""


def copy_out(database: Database, file: Path, tell: Tell) -> None:
    """Copy the database into `file`, which is there and empty.

    Raises Transient when the database does not answer or the disk is full.
    """
    if database.is_shared:
        copy = Database(f"sqlite:///{file}")
        try:
            with database.read() as source, copy.write() as target:
                make_empty(target)
                copy_rows(source, target, tell)
        finally:
            copy.close()
    else:
        _copy_pages(str(database.engine.url.database), file, tell)


def copy_in(copy: Database, database: Database, tell: Tell) -> None:
    """Fill a server's empty database from a copy of this version's schema, all or nothing.

    Raises Permanent when it is not empty.
    """
    with copy.read() as source, database.write() as target:
        if revision(target) is not None:
            raise Permanent(
                "the database is a service's already; an empty one is right: createdb NAME"
            )
        make_empty(target)
        copy_rows(source, target, tell)


def damage_of(copy: Connection) -> str | None:
    """What is wrong with the file of a copy; None if it is sound."""
    try:
        found = copy.execute(text("PRAGMA quick_check(1)")).scalar_one()
    except DatabaseError as error:
        return str(error.orig)
    return None if found == "ok" else str(found)


def copy_rows(source: Connection, target: Connection, tell: Tell) -> None:
    """Copy every row of every table; `target` has the tables and nothing in them."""
    tables = metadata.sorted_tables
    total = sum(
        source.execute(select(func.count()).select_from(one)).scalar_one() for one in tables
    )
    done = 0
    for table in tables:
        rows = source.execute(select(table), execution_options={"yield_per": BATCH}).mappings()
        for batch in rows.partitions():
            target.execute(insert(table), [dict(row) for row in batch])
            done += len(batch)
            tell(done, total)
        if table.autoincrement_column is not None:
            _go_on_from(target, table, _last_number(source, table, table.autoincrement_column))


def _copy_pages(path: str, file: Path, tell: Tell) -> None:
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as source:
            (pages,) = source.execute("PRAGMA page_count").fetchone()
            (size,) = source.execute("PRAGMA page_size").fetchone()

            def look() -> int:
                tell(min(file.stat().st_size, pages * size), pages * size)
                return 0  # anything else would end it

            source.set_progress_handler(look, STEPS)
            source.execute("VACUUM INTO ?", (str(file),))
    except sqlite3.Error as error:
        raise Transient(f"the database cannot be copied to {file.parent}: {error}") from error


def _last_number(source: Connection, table: Table, column: Column[int]) -> int:
    """The highest that was ever given out, as far as the database remembers."""
    highest = source.execute(select(func.coalesce(func.max(column), 0))).scalar_one()
    if source.dialect.name == "sqlite":
        asked = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        given = source.execute(asked, {"name": table.name}).scalar_one_or_none()
    else:
        asked = text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:name, :column))")
        names = {"name": table.name, "column": column.name}
        given = source.execute(asked, names).scalar_one()
    return max(highest, given or 0)


def _go_on_from(target: Connection, table: Table, number: int) -> None:
    """Have the next row get a number above this one."""
    column = table.autoincrement_column
    if number == 0 or column is None:
        return
    if target.dialect.name == "postgresql":
        asked = text("SELECT setval(pg_get_serial_sequence(:name, :column), :number)")
        names = {"name": table.name, "column": column.name, "number": number}
        target.execute(asked, names)
    elif table.dialect_options["sqlite"]["autoincrement"]:
        row = {"name": table.name, "number": number}
        target.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), row)
        target.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :number)"), row)
