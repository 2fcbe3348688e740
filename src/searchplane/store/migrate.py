"""Brings a database to the schema this version works with.

The usual start finds the newest schema and imports nothing: Alembic takes a third of a second,
which `serve` does not have to spare. All migrations run in one transaction, so a crash or a full
disk half-way leaves the old schema. There is no way back to an older schema: that is what a
backup is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from searchplane.errors import Permanent
from searchplane.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0001"
"""The revision of the last migration; a test holds it against the migrations."""


def migrate(database: Database) -> None:
    """Bring the schema up to date; nothing happens when it is.

    Raises Permanent when the database was written by a newer version.
    """
    with database.read() as connection:
        if _revision(connection) == NEWEST:
            return
    with database.write() as connection:
        _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    found = _revision(connection)
    config = configuration()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise Permanent(
            f"the database has schema {found}; this version knows up to {NEWEST}. Install the "
            "version that wrote it, or restore a backup made before the upgrade"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def configuration() -> Config:
    """Alembic's configuration; there is no alembic.ini."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "searchplane.store:migrations")
    config.set_main_option("path_separator", "os")
    return config
