"""What handlers work with; built once by app.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from searchplane.domain.ids import ClusterId
from searchplane.iam.service import Identity
from searchplane.settings import Settings
from searchplane.store.database import Database


@dataclass(frozen=True)
class Services:
    """`wake` tells the loop that a cluster's wanted state changed; it returns at once."""

    settings: Settings
    database: Database
    identity: Identity
    wake: Callable[[ClusterId], None]
