"""The number that grows with every change of an identity table, read as cheaply as there is.

What a token stands for is looked up once and remembered (iam/remembered.py); before it is used
again this number is read, so that a change by any process is seen at the next call. It is read on
every request: on SQLite straight from the file (own_connections.py), which costs 5 microseconds of
processor time.

A change and its `bump` (store/identity.py) are one transaction. Whoever remembers something reads
the number first and looks second: a change in between is then seen as one that came after.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError

from searchplane.errors import Permanent, Transient
from searchplane.store.database import Database, Transaction
from searchplane.store.own_connections import OwnConnections
from searchplane.store.schema import identity_version

STATEMENT = "SELECT version FROM identity_version"

_SELECT = select(identity_version.c.version)

ReadVersion = Callable[[], int]


def version_reader(database: Database) -> ReadVersion:
    """A function that reads the number; safe to call from any thread until the database closes.

    It raises Transient when the database does not answer.
    """
    if database.is_shared:
        return _through_the_pool(database.engine)
    own = OwnConnections(database.engine)
    return lambda: number(own.first(STATEMENT))


def version_in(transaction: Transaction) -> int:
    """The number as the transaction sees it: what else it sees is as of that number."""
    return number(transaction.execute(_SELECT).first())


def _through_the_pool(engine: Engine) -> ReadVersion:
    one_statement = engine.execution_options(isolation_level="AUTOCOMMIT")

    def version() -> int:
        try:
            with one_statement.connect() as connection:
                row = connection.exec_driver_sql(STATEMENT).first()
        except DatabaseError as error:
            raise Transient(f"the database does not answer: {error.orig}") from error
        return number(row)

    return version


def number(row: Sequence[Any] | None) -> int:
    if row is None:
        raise Permanent("the database's identity_version has no row; restore it from a backup")
    return int(row[0])
