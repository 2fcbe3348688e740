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
from searchplane.store import projects
from searchplane.store.database import Database, Transaction, open_database
from searchplane.store.identity import Directory, Project, Reference
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


def find_project(connection: Transaction, id_or_name: str) -> Project:
    """The project with this id, or the only one with this name."""
    known = projects.find(connection, id_or_name)
    named = projects.in_domain(connection, None, name=id_or_name).items
    if known is None and len(named) > 1:
        ids = ", ".join(one.id for one in named)
        raise Permanent(f"several domains have a project {id_or_name!r}; its id is one of {ids}")
    found = known or next(iter(named), None)
    project = (
        Directory(connection).find_project(Reference(id=found.id)) if found is not None else None
    )
    if project is None:
        raise Permanent(f"no project has the id or name {id_or_name!r}")
    return project


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
