"""`searchplane audit`: the audit trail, read from the database."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from searchplane.cli.local import local_database
from searchplane.cli.tables import print_json, print_table
from searchplane.domain.audit import AuditLine, Outcome
from searchplane.settings import Settings
from searchplane.store import audit
from searchplane.store.audit import Entry, Wanted
from searchplane.store.audit_file import as_json as line_as_json
from searchplane.store.database import Database

POLL_SECONDS = 0.5
PAGE = 1000
HEAD = (
    "time",
    "outcome",
    "user",
    "operation",
    "resource",
    "project",
    "source",
    "credential",
    "status",
    "code",
    "request id",
)
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"([0-9]{1,6})([smhdw])\Z")


def run(
    settings: Settings,
    given: Mapping[str, str | None],
    limit: int,
    *,
    follow: bool,
    as_json: bool,
) -> None:
    """Print the newest `limit` lines that are wanted, oldest first; then more as they come."""
    wanted = _wanted(given, datetime.now(UTC))
    with local_database(settings) as database:
        with database.read() as connection:
            found = audit.newest(connection, wanted, limit)
        if not follow:
            _print_all(found, as_json=as_json)
            return
        _print_each(found, as_json=as_json)
        _follow(database, wanted, found[-1].id if found else 0, as_json=as_json)


def _follow(database: Database, wanted: Wanted, last_seen: int, *, as_json: bool) -> None:
    while True:
        with database.read() as connection:
            found = audit.after(connection, wanted, last_seen, PAGE)
        _print_each(found, as_json=as_json)
        if found:
            last_seen = found[-1].id
        else:
            time.sleep(POLL_SECONDS)


def _wanted(given: Mapping[str, str | None], now: datetime) -> Wanted:
    outcome = given["outcome"]
    return Wanted(
        since=_moment("since", given["since"], now),
        until=_moment("until", given["until"], now),
        user=given["user"],
        project=given["project"],
        operation=given["operation"],
        outcome=Outcome(outcome) if outcome is not None else None,
        resource=given["resource"],
    )


def _moment(name: str, text: str | None, now: datetime) -> datetime | None:
    """A time, UTC unless it says otherwise, or an age."""
    if text is None:
        return None
    age = _AGE.match(text)
    try:
        if age is not None:
            return now - timedelta(**{UNITS[age[2]]: int(age[1])})
        given = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise click.UsageError(
            f"--{name} is {text!r}: a time such as 2026-11-24 or 2026-11-24T12:00Z, or an age such "
            "as 90m, 12h or 7d is right"
        ) from None
    return given if given.tzinfo is not None else given.replace(tzinfo=UTC)


def _print_all(found: Sequence[Entry], *, as_json: bool) -> None:
    if as_json:
        print_json([_as_json(entry) for entry in found])
    else:
        print_table(HEAD, [_row(entry.line) for entry in found])


def _print_each(found: Sequence[Entry], *, as_json: bool) -> None:
    """One line each, as they come: there is no knowing how wide the next ones are."""
    for entry in found:
        click.echo(json.dumps(_as_json(entry)) if as_json else "  ".join(_row(entry.line)))


def _as_json(entry: Entry) -> dict[str, Any]:
    return {"id": entry.id, **line_as_json(entry.line)}


def _row(line: AuditLine) -> tuple[str, ...]:
    """As `HEAD`; what is not known is a dash, so that columns can be told apart."""
    who = line.who
    name = who.user_name or who.user_id
    cells = (
        line.at.astimezone(UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00"),
        line.outcome.value,
        f"{name}@{who.domain_name}" if name and who.domain_name else name,
        line.operation,
        line.resource,
        line.project_id,
        line.source,
        who.credential,
        str(line.status),
        line.code,
        line.request_id,
    )
    return tuple(cell or "-" for cell in cells)
