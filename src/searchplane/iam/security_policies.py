"""Who sees and sets what a domain asks of logins and passwords: its users see, its administrators
set. It holds for the next login and the next new password."""

from __future__ import annotations

from searchplane.domain.access import Actor
from searchplane.domain.security_policy import LoginPolicy, PasswordPolicy
from searchplane.domain.violation import refuse
from searchplane.iam.directory import reach_domain
from searchplane.store import security_policies
from searchplane.store.database import Database, Transaction
from searchplane.store.identity import bump


def login_policy(database: Database, actor: Actor, domain_id: str) -> LoginPolicy:
    with database.read() as connection:
        return security_policies.login_policy(connection, _seen(connection, actor, domain_id))


def password_policy(database: Database, actor: Actor, domain_id: str) -> PasswordPolicy:
    with database.read() as connection:
        return security_policies.password_policy(connection, _seen(connection, actor, domain_id))


def set_policy(
    database: Database, actor: Actor, domain_id: str, policy: LoginPolicy | PasswordPolicy
) -> None:
    """Raises Refused with every field that is outside its bounds."""
    with database.write() as connection:
        inside = reach_domain(connection, actor, domain_id)
        refuse(list(policy.violations()))
        security_policies.save(connection, inside, policy)
        bump(connection)


def _seen(connection: Transaction, actor: Actor, domain_id: str) -> str:
    if domain_id == actor.domain_id:
        return domain_id
    return reach_domain(connection, actor, domain_id)
