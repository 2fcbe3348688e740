"""What a database is made of, in words that can be compared."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Inspector, inspect, text

from searchplane.store.database import Database


def revision(database: Database) -> str:
    with database.read() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()


def definitions(database: Database) -> dict[str, list[str]]:
    """What each table is made of; the order in which a migration added it does not matter."""
    with database.read() as connection:
        found = inspect(connection)
        return {table: sorted(_definition(found, table)) for table in found.get_table_names()}


def _definition(found: Inspector, table: str) -> Iterator[str]:
    for column in found.get_columns(table):
        yield f"{column['name']} {column['type']} {column['nullable']} {column['default']}"
    yield f"primary {found.get_pk_constraint(table)}"
    for kind in (found.get_unique_constraints, found.get_foreign_keys, found.get_indexes):
        yield from (f"{kind.__name__} {sorted(one.items(), key=str)}" for one in kind(table))
    if found.dialect.name == "sqlite":
        sql = found.bind.execute(
            text("SELECT sql FROM sqlite_master WHERE name = :table"), {"table": table}
        )
        yield f"numbers are used once: {'AUTOINCREMENT' in sql.scalar_one()}"
