"""Every operation there is, in the order of the documentation."""

from __future__ import annotations

from searchplane.api.css import (
    buckets,
    certificates,
    clusters,
    create,
    create_by_role,
    deleting,
    events,
    flavors,
    networks,
    operating,
    rebuilding,
    renaming,
    resizing,
    restarting,
    scaling,
    security,
    snapshot_lists,
    snapshot_policy,
    snapshots,
    tags,
    upgrading,
    verifying,
    volumes,
)
from searchplane.api.identity import OPERATIONS as IDENTITY
from searchplane.api.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *IDENTITY,
    *create.OPERATIONS,
    *create_by_role.OPERATIONS,
    *clusters.OPERATIONS,
    *deleting.OPERATIONS,
    *scaling.OPERATIONS,
    *resizing.OPERATIONS,
    *security.OPERATIONS,
    *restarting.OPERATIONS,
    *renaming.OPERATIONS,
    *networks.OPERATIONS,
    *tags.OPERATIONS,
    *snapshot_policy.OPERATIONS,
    *snapshots.OPERATIONS,
    *snapshot_lists.OPERATIONS,
    *verifying.OPERATIONS,
    *volumes.OPERATIONS,
    *operating.OPERATIONS,
    *rebuilding.OPERATIONS,
    *buckets.OPERATIONS,
    *upgrading.OPERATIONS,
    *events.OPERATIONS,
    *flavors.OPERATIONS,
    *certificates.OPERATIONS,
)
