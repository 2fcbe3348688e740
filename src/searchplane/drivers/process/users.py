"""Which operating system user a project's nodes run as when the service runs as root.

One number per project, nothing in /etc/passwd: engines run only as a user who is not root, nodes
of two projects must not read each other's folders, and nodes of one project share its buckets.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from searchplane.errors import Permanent

FIRST = 52000
LAST = 59999


@dataclass(frozen=True)
class Owner:
    """User and group number of a node and of all its files."""

    uid: int
    gid: int


@dataclass(frozen=True)
class TenantUsers:
    """The user numbers set aside for projects, both ends included."""

    first: int = FIRST
    last: int = LAST

    def owner(self, tenant: int) -> Owner:
        """The user of project number `tenant`, counted from 0."""
        number = self.first + tenant
        if not self.first <= number <= self.last:
            raise Permanent(
                f"Project number {tenant} has no user: the range {self.first} to {self.last} "
                f"holds {self.last - self.first + 1} projects; widen it"
            )
        return Owner(number, number)


def users_if_root(first: int = FIRST, last: int = LAST) -> TenantUsers | None:
    """The range as root; None for anybody else, whose nodes all run as themselves."""
    return TenantUsers(first, last) if os.geteuid() == 0 else None
