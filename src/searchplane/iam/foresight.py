"""What can be said of a credential before the body of its request has been read.

A large body is only read for somebody who is known. A token says all without it. A signature is
over the body too, so until that is there its form, its date and its key must do.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from searchplane.iam import signatures
from searchplane.iam.access_keys import SECURITY_TOKEN
from searchplane.iam.authenticator import Authenticator
from searchplane.iam.canonical import CONTENT_HEADER, UNSIGNED
from searchplane.iam.presented import Presented
from searchplane.iam.sessions import refuse
from searchplane.store.access_keys import KeyBook
from searchplane.store.database import Database

AUTHORIZATION = "authorization"
TOKEN = "x-auth-token"  # noqa: S105 - a header's name


def foresee(
    authenticator: Authenticator, database: Database, presented: Presented, now: datetime
) -> None:
    """Raises what `authenticate` would raise whatever the body is.

    Whoever passes must still be authenticated, with the body.
    """
    headers = dict(presented.headers)
    authorization = headers.pop(AUTHORIZATION, "")
    if signatures.is_signature(authorization):
        _foresee_signature(database, presented, now)
        if TOKEN not in headers:
            return
    authenticator.authenticate(replace(presented, headers=headers), now)


def _foresee_signature(database: Database, presented: Presented, now: datetime) -> None:
    headers = dict(presented.headers)
    if CONTENT_HEADER in headers:
        headers[CONTENT_HEADER] = UNSIGNED
    signed = signatures.read(replace(presented, headers=headers), now)
    if presented.headers.get(SECURITY_TOKEN, "").strip():
        return
    with database.read() as transaction:
        key = KeyBook(transaction).find(signed.access)
    if key is None or not key.active:
        refuse(f"ak {signed.access} not exist")
