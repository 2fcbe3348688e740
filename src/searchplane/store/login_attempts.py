"""Logins that failed, and where logins came from, by account and source; an access key is an
account of its own.

The row of an account whose source is empty is about the account from everywhere. The table is
bounded: rows go when they are old, and the oldest go when there are too many, those that lock
somebody last.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, update

from searchplane.domain.lockout import Attempts, Standing
from searchplane.store.schema import login_attempts

EVERYWHERE = ""
MOST_ROWS = 20_000
KEPT_FAILURES = timedelta(hours=2)
"""Longer than any period and lock a policy can have."""
KEPT_SUCCESSES = timedelta(days=250)
"""Longer than any account_validity_period."""

_table = login_attempts
_COLUMNS = (
    _table.c.failures,
    _table.c.first_failure,
    _table.c.locked_until,
    _table.c.last_success,
)
STANDING = select(_table.c.source, *_COLUMNS).where(
    _table.c.account == bindparam("account"),
    or_(_table.c.source == bindparam("source"), _table.c.source == EVERYWHERE),
)


def standing(connection: Connection, account: str, source: str) -> Standing:
    rows = connection.execute(STANDING, {"account": account, "source": source})
    found = {row.source: Attempts(*row[1:]) for row in rows}
    return Standing(found.get(source, Attempts()), found.get(EVERYWHERE, Attempts()))


def save(connection: Connection, account: str, source: str, after: Standing, now: datetime) -> None:
    """Store both rows; part of the transaction that read them."""
    for place, attempts in ((source, after.here), (EVERYWHERE, after.everywhere)):
        key = (_table.c.account == account, _table.c.source == place)
        values = asdict(attempts) | {"touched": now}
        if not connection.execute(update(_table).where(*key).values(values)).rowcount:
            _make_room(connection, now)
            row = {"account": account, "source": place} | values
            connection.execute(insert(_table).values(row))


def forgive(connection: Connection, account: str) -> int:
    """Forget the failures of an account; how many places were locked or counted."""
    counted = or_(_table.c.failures > 0, _table.c.locked_until.is_not(None))
    nothing = {"failures": 0, "first_failure": None, "locked_until": None}
    statement = update(_table).where(_table.c.account == account, counted).values(nothing)
    return connection.execute(statement).rowcount


def _make_room(connection: Connection, now: datetime) -> None:
    never = _table.c.last_success.is_(None)
    old = or_(
        and_(never, _table.c.touched < now - KEPT_FAILURES),
        _table.c.touched < now - KEPT_SUCCESSES,
    )
    connection.execute(delete(_table).where(old))
    count = connection.execute(select(func.count()).select_from(_table)).scalar_one()
    if count >= MOST_ROWS:
        _drop_oldest(connection, count - MOST_ROWS + 1)


def _drop_oldest(connection: Connection, how_many: int) -> None:
    dispensable_first = (
        _table.c.locked_until.is_not(None),
        _table.c.last_success.is_not(None),
        _table.c.touched,
    )
    oldest = select(_table.c.account, _table.c.source).order_by(*dispensable_first)
    for row in connection.execute(oldest.limit(how_many)).all():
        one = (_table.c.account == row.account, _table.c.source == row.source)
        connection.execute(delete(_table).where(*one))
