"""A database keeps to the identity service that it began with.

The two know different projects: clusters made under one would be reachable by nobody under the
other, while their nodes go on.
"""

from __future__ import annotations

from searchplane.errors import Permanent
from searchplane.settings import IamMode
from searchplane.store.database import Database
from searchplane.store.foreign_projects import has_projects, has_users


def check_mode(database: Database, mode: IamMode) -> None:
    """Raises Permanent when the database was begun in the other mode."""
    with database.read() as connection:
        users, projects = has_users(connection), has_projects(connection)
    if mode is IamMode.KEYSTONE and users:
        raise Permanent(_sentence(mode, IamMode.LOCAL, "its users and projects are its own"))
    if mode is IamMode.LOCAL and projects and not users:
        raise Permanent(_sentence(mode, IamMode.KEYSTONE, "its projects are Keystone's"))


def _sentence(asked: IamMode, began: IamMode, why: str) -> str:
    return (
        f"SEARCHPLANE_IAM_MODE is {asked}, but this data was begun with {began} and {why}; a data "
        f"folder (and database) of its own, or SEARCHPLANE_IAM_MODE={began}, is right"
    )
