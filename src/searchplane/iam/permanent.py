"""Rules of permanent access keys: who makes, sees, changes and deletes whose.

Everybody their own; whoever may on the domain, others'. Whose key it is decides, not who made it:
a key can do what its user can, so a key of an administrator of the whole service is made by their
like. Temporary keys and agencies make none at all (domain/access.py).
"""

from __future__ import annotations

from datetime import datetime

from searchplane.domain.access import Actor, Asked
from searchplane.domain.ids import UserId
from searchplane.errors import Forbidden, Refused
from searchplane.iam.directory import (
    checked_id,
    demand,
    found,
    holds_cloud_admin,
    is_cloud_admin,
    reach,
)
from searchplane.iam.key_pair import AccessPair, new_pair
from searchplane.iam.roles import demand_power_over
from searchplane.iam.sealing import Seals
from searchplane.store.access_keys import AccessKey, KeyBook
from searchplane.store.database import Database, Transaction
from searchplane.store.identity import Directory, Reference, User

CREATE = "iam:credentials:createCredential"
LIST = "iam:credentials:listCredentials"
SHOW = "iam:credentials:getCredential"
UPDATE = "iam:credentials:updateCredential"
DELETE = "iam:credentials:deleteCredential"

MOST_KEYS = 2
"""Of one user: one at work and one to change to."""

TOO_MANY = "akSkNumExceed"
"""The public API's text; clients compare it."""

KIND = "access key"


class PermanentKeys:
    """The permanent access keys of all users; safe to share between threads."""

    def __init__(self, database: Database, seals: Seals) -> None:
        self._database = database
        self._seals = seals

    def create(
        self, actor: Actor, user_id: str | None, description: str, asked: Asked
    ) -> tuple[AccessKey, str]:
        """A new key and its secret, which is told to nobody again.

        Raises NotFound or Forbidden, or Refused when the user has two already.
        """
        with self._database.write() as transaction:
            user = _owner(transaction, actor, user_id, CREATE, asked)
            return self.add(transaction, user.id, description, new_pair(), asked.now)

    def add(
        self,
        transaction: Transaction,
        user_id: UserId,
        description: str,
        pair: AccessPair,
        now: datetime,
    ) -> tuple[AccessKey, str]:
        """Store a key without asking whether anybody may. Raises Refused as `create`."""
        book = KeyBook(transaction)
        if book.count(user_id) >= MOST_KEYS:
            raise Refused("IAM.0073", TOO_MANY)
        sealed = self._seals.seal(pair.secret)
        key = AccessKey(pair.access, user_id, sealed, True, description, now)
        book.add(key)
        return key, pair.secret

    def listed(self, actor: Actor, user_id: str | None, asked: Asked) -> tuple[AccessKey, ...]:
        """A user's keys, one's own when none is named."""
        with self._database.read() as transaction:
            user = _owner(transaction, actor, user_id, LIST, asked)
            return KeyBook(transaction).of_user(user.id)

    def show(self, actor: Actor, access: str, asked: Asked) -> AccessKey:
        with self._database.read() as transaction:
            return _reachable(transaction, actor, access, SHOW, asked)

    def change(
        self,
        actor: Actor,
        access: str,
        *,
        active: bool | None,
        description: str | None,
        asked: Asked,
    ) -> AccessKey:
        """What is None stays. A key that is made active is no longer locked either."""
        with self._database.write() as transaction:
            key = _reachable(transaction, actor, access, UPDATE, asked)
            book = KeyBook(transaction)
            book.change(
                access,
                active=key.active if active is None else active,
                description=key.description if description is None else description,
            )
            return found(book.find(access), KIND, access)

    def delete(self, actor: Actor, access: str, asked: Asked) -> None:
        with self._database.write() as transaction:
            key = _reachable(transaction, actor, access, DELETE, asked)
            KeyBook(transaction).remove(key.access)


def _owner(
    transaction: Transaction, actor: Actor, user_id: str | None, action: str, asked: Asked
) -> User:
    """The user a request is about, if the actor may deal with their keys."""
    wanted = checked_id("user", user_id or actor.user_id)
    user = found(Directory(transaction).find_user(Reference(id=wanted)), "user", wanted)
    if user.id != actor.user_id:
        reach(transaction, actor, user.domain.id, "user", wanted)
        _permit(transaction, actor, user, action, asked)
    return user


def _reachable(
    transaction: Transaction, actor: Actor, access: str, action: str, asked: Asked
) -> AccessKey:
    """A key, if the actor may deal with it; another domain's is not there at all."""
    wanted = checked_id(KIND, access)
    key = found(KeyBook(transaction).find(wanted), KIND, wanted)
    if key.user_id != actor.user_id:
        owner = found(Directory(transaction).find_user(Reference(id=key.user_id)), KIND, wanted)
        reach(transaction, actor, owner.domain.id, KIND, wanted)
        _permit(transaction, actor, owner, action, asked)
    return key


def _permit(transaction: Transaction, actor: Actor, owner: User, action: str, asked: Asked) -> None:
    demand(actor, action, asked)
    above = holds_cloud_admin(transaction, owner.id, owner.domain.id)
    if above and not is_cloud_admin(transaction, actor):
        raise Forbidden(
            "IAM.0002", "keys of an administrator of the service are dealt with by their like"
        )
    demand_power_over(transaction, actor, owner.id, owner.domain.id)
