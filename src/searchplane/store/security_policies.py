"""What a domain asks of logins and of passwords; nothing is stored until it is changed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from searchplane.domain.security_policy import LoginPolicy, PasswordPolicy
from searchplane.store.schema import domain_policies


def login_policy(connection: Connection, domain_id: str) -> LoginPolicy:
    return LoginPolicy(**_stored(connection, domain_id, "login"))


def password_policy(connection: Connection, domain_id: str) -> PasswordPolicy:
    return PasswordPolicy(**_stored(connection, domain_id, "password"))


def save(connection: Connection, domain_id: str, policy: LoginPolicy | PasswordPolicy) -> None:
    """Callers call `bump`."""
    kind = "login" if isinstance(policy, LoginPolicy) else "password"
    connection.execute(delete(domain_policies).filter_by(domain_id=domain_id, kind=kind))
    values = {"domain_id": domain_id, "kind": kind, "value_json": asdict(policy)}
    connection.execute(insert(domain_policies).values(values))


def _stored(connection: Connection, domain_id: str, kind: str) -> dict[str, Any]:
    found = select(domain_policies.c.value_json).filter_by(domain_id=domain_id, kind=kind)
    value: dict[str, Any] | None = connection.execute(found).scalar()
    return value or {}
