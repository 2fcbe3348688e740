"""The service's database for a command of the operator, and the line that tells what it changed."""

from __future__ import annotations

import os
import pwd
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from searchplane.domain.audit import LOCAL, OPERATOR, AuditLine, Outcome, Who
from searchplane.errors import Permanent
from searchplane.settings import Settings
from searchplane.store.database import Database, open_database
from searchplane.store.migrate import is_current
from searchplane.store.sqlite import FILE


@contextmanager
def local_database(settings: Settings) -> Iterator[Database]:
    """The database as it is: nothing is made and nothing is migrated.

    Raises Permanent when there is none, or it is not of this version.
    """
    if settings.database_url is None and not (settings.data / FILE).exists():
        raise Permanent(
            f"{settings.data} is not a service's data folder; --data DIR names the right one"
        )
    database = open_database(settings)
    try:
        if not is_current(database):
            raise Permanent(
                "the database is of another version of searchplane; the service's own start brings "
                "an older one up to date"
            )
        yield database
    finally:
        database.close()


def operators_line(operation: str, resource: str, project_id: str = "") -> AuditLine:
    """What goes into the audit trail, in the same transaction as the change itself."""
    return AuditLine(
        at=datetime.now(UTC),
        request_id=secrets.token_hex(16),
        outcome=Outcome.ALLOWED,
        operation=operation,
        action="",
        resource=resource,
        project_id=project_id,
        who=Who(user_name=system_user(), credential=OPERATOR),
        source=LOCAL,
        status=200,
    )


def system_user() -> str:
    """The name of whoever runs the command; in a container they may have none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
