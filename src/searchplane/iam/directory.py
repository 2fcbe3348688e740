"""Which domain a request may be about, and what every change of the directory keeps true.

That an actor may do something is decided from their roles on a domain (domain/access.py); here it
is made sure that what they do it with lies in that domain. What lies in another one is answered
like what does not exist, except to an administrator of the whole service: whoever has the role
`cloud_admin` on their own domain besides. The first start gives it to the first user, and no
request can give it to anybody.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from searchplane.domain.access import Actor, Asked, allows
from searchplane.domain.ids import DomainId, UserId
from searchplane.errors import Forbidden, NotFound, Refused
from searchplane.store import users
from searchplane.store.database import Transaction
from searchplane.store.identity import Directory, Reference, Target

CLOUD_ADMIN = "cloud_admin"

Record = TypeVar("Record")

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}\Z")


def new_id() -> str:
    """32 hexadecimal digits, as all ids of identity."""
    return secrets.token_hex(16)


def found(record: Record | None, kind: str, wanted: str) -> Record:
    """The record, or NotFound in the words everything missing or foreign is told with."""
    if record is None:
        raise missing(kind, wanted)
    return record


def missing(kind: str, wanted: str) -> NotFound:
    return NotFound("IAM.0004", f"there is no {kind} with the id {wanted!r:.80}")


def checked_id(kind: str, wanted: str) -> str:
    """The id as it may be looked up; what cannot be one is not found."""
    if not _ID.match(wanted):
        raise missing(kind, wanted)
    return wanted


def reach(connection: Transaction, actor: Actor, domain_id: str, kind: str, wanted: str) -> None:
    """Raise NotFound unless the domain is the actor's to manage.

    `kind` and `wanted` say what was looked for. That the actor may do it there is decided before.
    """
    if domain_id != actor.managed_domain and not is_cloud_admin(connection, actor):
        raise missing(kind, wanted)


def reach_domain(connection: Transaction, actor: Actor, domain_id: str | None) -> DomainId:
    """The domain a request is about, the actor's when it names none. Raises NotFound."""
    if domain_id is None:
        return actor.managed_domain
    wanted = Reference(id=checked_id("domain", domain_id))
    domain = found(Directory(connection).find_domain(wanted), "domain", domain_id)
    reach(connection, actor, domain.id, "domain", domain_id)
    return domain.id


def demand(actor: Actor, action: str, asked: Asked) -> None:
    """Refuse unless a role of the actor allows the action; for what is not always the own."""
    if not allows(actor, action, asked):
        raise Forbidden("IAM.0002", f"no role of the user on the domain allows {action}")


def is_cloud_admin(connection: Transaction, actor: Actor) -> bool:
    """Whether the actor administers the service, all domains together."""
    return not actor.delegated and holds_cloud_admin(connection, actor.user_id, actor.domain_id)


def holds_cloud_admin(connection: Transaction, user_id: UserId, domain_id: str) -> bool:
    return CLOUD_ADMIN in Directory(connection).roles_on(user_id, Target.DOMAIN, domain_id)


def demand_cloud_admin(connection: Transaction, actor: Actor) -> None:
    if not is_cloud_admin(connection, actor):
        raise Forbidden("IAM.0002", f"domains are changed by whoever has the role {CLOUD_ADMIN}")


@contextmanager
def administered(connection: Transaction, domain_id: str) -> Iterator[None]:
    """Around a change that may take the last administrator from a domain that has one.

    Raises Refused 1107, which rolls the change back.
    """
    had_one = users.is_administered(connection, domain_id)
    yield
    if had_one and not users.is_administered(connection, domain_id):
        raise Refused(
            "1107",
            f"nobody would be left who can administer the domain; give {users.ADMINISTRATOR} on "
            "it to another enabled user first",
        )
