"""The first user's access key, which admin.json tells.

It is the one secret key that is shown more than once: admin.json is a file for its owner alone, in
the folder that holds everything else. Data folders of releases without keys get one at their next
start. It is stored before the file is written, under a description that it is known by; a crash in
between leaves a key whose secret is taken from the database the next time, and not a second one.
Whoever deletes the key wanted it gone: admin.json names it all the same, and no other is made.
"""

from __future__ import annotations

import logging
from datetime import datetime

from searchplane.iam.key_pair import AccessPair, new_pair
from searchplane.iam.permanent import MOST_KEYS, PermanentKeys
from searchplane.iam.sealing import Seals
from searchplane.store.access_keys import KeyBook
from searchplane.store.database import Database
from searchplane.store.identity import Directory, Reference

log = logging.getLogger(__name__)

DESCRIPTION = "the first user's, told by admin.json"


def later_first_key(
    database: Database, seals: Seals, user: Reference, now: datetime
) -> AccessPair | None:
    """The key of a user whose admin.json has none yet; None when there can be none."""
    with database.write() as transaction:
        found = Directory(transaction).find_user(user)
        if found is None:
            return None
        keys = KeyBook(transaction).of_user(found.id)
        for key in keys:
            if key.description == DESCRIPTION:
                return AccessPair(key.access, seals.unseal(key.sealed))
        if len(keys) >= MOST_KEYS:
            log.warning("admin.json gets no access key: the user has %s already", len(keys))
            return None
        pair = new_pair()
        PermanentKeys(database, seals).add(transaction, found.id, DESCRIPTION, pair, now)
        return pair
