"""What the API needs of whoever knows the users: from a request to the actor behind it.

The local identity service (service.py) and an external Keystone (external.py) both fulfil it;
app.py chooses by the setting `iam_mode`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from searchplane.domain.access import Actor
from searchplane.iam.presented import Presented


class Authenticator(Protocol):
    """Safe to share between threads."""

    def authenticate(self, presented: Presented, now: datetime) -> Actor:
        """The actor of a request, from its credential and nothing else a client sends.

        Raises Unauthenticated when there is no credential or it does not count, and Transient
        when that cannot be told at the moment: what is not known is never let in.
        """
