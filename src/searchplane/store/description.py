"""What a database is, for those who run it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from searchplane.store.database import Database
from searchplane.store.migrate import NEWEST, revision


@dataclass(frozen=True)
class Description:
    """`server` is its product and version; `schema` is None before the first start.

    `is_safe`: what is committed outlasts a crash. `is_writable`: it is no standby.
    """

    server: str
    schema: str | None
    encoding: str
    is_safe: bool = True
    is_writable: bool = True

    @property
    def is_current(self) -> bool:
        return self.schema in (None, NEWEST)


def describe(database: Database) -> Description:
    """Raises Transient or Permanent as every use of the database does."""
    with database.read() as connection:
        schema = revision(connection)
        if not database.is_shared:
            version = _one(connection, "SELECT sqlite_version()")
            return Description(f"SQLite {version}", schema, _one(connection, "PRAGMA encoding"))
        return Description(
            server=f"PostgreSQL {_one(connection, 'SHOW server_version')}",
            schema=schema,
            encoding=_one(connection, "SHOW server_encoding"),
            is_safe="off" not in (_one(connection, f"SHOW {name}") for name in _DURABLE),
            is_writable=_one(connection, "SELECT pg_is_in_recovery()::text") == "false",
        )


_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


def _one(connection: Connection, statement: str) -> str:
    return str(connection.execute(text(statement)).scalar_one())
