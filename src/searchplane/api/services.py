"""What handlers work with; built once by app.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from searchplane.api.throttle import Throttle
from searchplane.domain.ids import ClusterId
from searchplane.domain.layout import HostLimits
from searchplane.iam.authenticator import Authenticator
from searchplane.iam.service import Identity
from searchplane.observability.metrics import Metrics
from searchplane.settings import Settings
from searchplane.store.cluster_pages import ClusterPages
from searchplane.store.database import Database
from searchplane.store.secrets import ClusterSecrets
from searchplane.store.trail import Trail


@dataclass(frozen=True)
class Services:
    """`wake` tells the loop that a cluster's wanted state changed; it returns at once.

    `is_tended` tells whether the loop runs.

    `authenticator` tells who is asking: `identity`, or an external Keystone; `identity` is then
    not served.

    `hash_engine_password` gives the only form of a cluster's admin password that is stored.
    """

    settings: Settings
    database: Database
    authenticator: Authenticator
    identity: Identity
    secrets: ClusterSecrets
    cluster_pages: ClusterPages
    limits: HostLimits
    metrics: Metrics
    audit: Trail
    wake: Callable[[ClusterId], None]
    is_tended: Callable[[], bool]
    hash_engine_password: Callable[[str], str]
    throttle: Throttle = field(default_factory=Throttle)
