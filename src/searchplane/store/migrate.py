"""Brings a database to the schema this version works with.

The usual start finds the newest schema, the first start makes it; neither imports Alembic, which
takes a third of a second that `serve` does not have to spare. All migrations run in one
transaction, so a crash or a full disk half-way leaves the old schema. Processes that start at once
queue as writers do, and the second finds the work done. There is no way back to an older schema:
that is what a backup is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    inspect,
    select,
    text,
)

from searchplane.errors import Permanent
from searchplane.store.database import Database
from searchplane.store.schema import identity_version, metadata

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0008"
"""The revision of the last migration; a test holds it against the migrations."""


_MARK = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Where Alembic keeps the revision."""


def migrate(database: Database) -> None:
    """Bring the schema up to date; nothing happens when it is.

    Raises Permanent when the database was written by a newer version.
    """
    if is_current(database):
        return
    with database.write() as connection:
        if revision(connection) == NEWEST:
            return  # another process came first
        if inspect(connection).get_table_names():
            _prepare(connection)
            upgrade(connection)
        else:
            _make(connection)


def is_current(database: Database) -> bool:
    """Whether the schema is the one this version works with."""
    with database.read() as connection:
        return revision(connection) == NEWEST


def _prepare(connection: Connection) -> None:
    """On a server: work on much data may last longer than any request, and text must fit in."""
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise Permanent(
            f"the database stores text as {encoding}; UTF8 is right: createdb --template template0 "
            "--encoding UTF8 NAME"
        )
    connection.execute(text("SET LOCAL statement_timeout = 0"))


def _make(connection: Connection) -> None:
    """A new database as the migrations would make it."""
    make_empty(connection)
    connection.execute(insert(identity_version).values(id=1, version=1))


def make_empty(connection: Connection) -> None:
    """The schema as it is today, and not a row; for who fills it from a copy."""
    _prepare(connection)
    metadata.create_all(connection)
    _MARK.create(connection)
    connection.execute(insert(_MARK).values(version_num=NEWEST))


def revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(select(_MARK.c.version_num)).scalar()


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, from whatever is there."""
    from alembic import command

    found = revision(connection)
    if found is not None and not is_known(found):
        raise Permanent(
            f"the database has schema {found}; this version knows up to {NEWEST}. Install the "
            "version that wrote it, or restore a backup made before the upgrade"
        )
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def is_known(revision: str) -> bool:
    """Whether this version can bring a database of that revision up to date."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(configuration())
    return revision in {script.revision for script in scripts.walk_revisions()}


def configuration() -> Config:
    """Alembic's configuration; there is no alembic.ini."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "searchplane.store:migrations")
    config.set_main_option("path_separator", "os")
    return config
