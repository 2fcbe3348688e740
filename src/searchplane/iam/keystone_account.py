"""Which Keystone, and the account with which it is asked: the settings, checked at the start."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from searchplane.domain.roles import SYSTEM_ROLES, Role
from searchplane.errors import Permanent
from searchplane.settings import Settings


@dataclass(frozen=True)
class Account:
    """As text it is "Keystone at URL". `trust` is None for the system's certificates."""

    url: str
    user: str
    password: str = field(repr=False)
    user_domain: str
    project: str
    project_domain: str
    timeout_seconds: float
    trust: ssl.SSLContext | None = field(repr=False, default=None)

    def __str__(self) -> str:
        return f"Keystone at {self.url}"

    def login_body(self) -> dict[str, Any]:
        user = {
            "name": self.user,
            "password": self.password,
            "domain": {"name": self.user_domain},
        }
        project = {"name": self.project, "domain": {"name": self.project_domain}}
        identity = {"methods": ["password"], "password": {"user": user}}
        return {"auth": {"identity": identity, "scope": {"project": project}}}


def account(settings: Settings) -> Account:
    """Raises Permanent, one sentence with everything that is missing."""
    url, user, password = (
        settings.keystone_url,
        settings.keystone_user,
        settings.keystone_password,
    )
    if not url or not user or password is None or not password.get_secret_value():
        given = {"URL": url, "USER": user, "PASSWORD": password and password.get_secret_value()}
        missing = [f"SEARCHPLANE_KEYSTONE_{name}" for name, value in given.items() if not value]
        raise Permanent(f"SEARCHPLANE_IAM_MODE is keystone, but {_and(missing)} not set")
    return Account(
        url=url,
        user=user,
        password=password.get_secret_value(),
        user_domain=settings.keystone_user_domain,
        project=settings.keystone_project,
        project_domain=settings.keystone_project_domain,
        timeout_seconds=settings.keystone_timeout_seconds,
        trust=_trust(settings.keystone_ca),
    )


def role_map(settings: Settings) -> Mapping[str, Role]:
    """Our roles by Keystone's names, in lower case: Keystone compares names without case.

    Raises Permanent when a role of ours does not exist or cannot be held on a project.
    """
    usable = {name: role for name, role in SYSTEM_ROLES.items() if role.type.fits_projects()}
    for theirs, ours in settings.keystone_roles.items():
        if ours not in usable:
            raise Permanent(
                f"SEARCHPLANE_KEYSTONE_ROLES gives {theirs!r} the role {ours!r}; one of "
                f"{', '.join(sorted(usable))} is right"
            )
    return {theirs.lower(): usable[ours] for theirs, ours in settings.keystone_roles.items()}


def _trust(ca: Path | None) -> ssl.SSLContext | None:
    if ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(ca))
    except OSError as error:  # ssl.SSLError is one: the file holds no certificate
        reason = error.strerror or str(error)
        raise Permanent(
            f"SEARCHPLANE_KEYSTONE_CA is {str(ca)!r}, which cannot be used ({reason}); a file of "
            "certificates in PEM is right"
        ) from error


def _and(names: list[str]) -> str:
    """The names as the subject of a sentence, with its verb."""
    if len(names) == 1:
        return f"{names[0]} is"
    return f"{', '.join(names[:-1])} and {names[-1]} are"
