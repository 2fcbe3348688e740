"""`searchplane user unlock`: wrong passwords of a user are forgotten."""

from __future__ import annotations

import click

from searchplane.cli.local import local_database, operators_line
from searchplane.iam.lockout import unlock
from searchplane.settings import Settings
from searchplane.store import audit

UNLOCK = "userUnlock"
"""The operation of the line in the audit trail."""


def run(settings: Settings, name: str, domain: str | None) -> None:
    """Raises NotFound when there is no such user."""
    inside = domain or settings.domain
    with local_database(settings) as database:
        places = unlock(database, name, inside)
        with database.write() as connection:
            audit.append(connection, [operators_line(UNLOCK, name)])
    if places:
        click.echo(f"{name} is heard again")
    else:
        click.echo(f"{name} was not locked and had no failed logins")
