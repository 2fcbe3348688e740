"""How a cluster is backed up by itself, as it was asked for (api/semantics.md, section 4.6).

It is answered whether or not automatic snapshots are on: clients read it at every refresh.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from searchplane.api.css.clusters import find_cluster
from searchplane.api.fields import Reply
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.cluster import BackupStrategy, SnapshotSettings


class PolicyReply(Reply):
    """`enable` is "true" or "false"; while it is off there is nothing but that and a number."""

    enable: Annotated[str, Field(pattern="^(true|false)$")]
    keepday: int
    period: str | None
    frequency: str | None
    prefix: str | None
    bucket: str | None
    base_path: Annotated[str | None, Field(alias="basePath")]
    agency: str | None
    indices: str | None
    snapshot_cmk_id: Annotated[str | None, Field(alias="snapshotCmkId")]
    max_snapshot: Annotated[str | None, Field(alias="maxSnapshotBytesPerSeconds")]
    max_restore: Annotated[str | None, Field(alias="maxRestoreBytesPerSeconds")]


def show_policy(call: Call) -> Answer:
    spec = find_cluster(call).spec
    return Answer(_policy(spec.backup, spec.snapshots))


def _policy(strategy: BackupStrategy | None, settings: SnapshotSettings | None) -> PolicyReply:
    return PolicyReply(
        enable="false" if strategy is None else "true",
        keepday=strategy.keepday if strategy else 0,
        period=strategy.period if strategy else None,
        frequency=strategy.frequency if strategy else None,
        prefix=strategy.prefix if strategy else None,
        bucket=settings.bucket if settings else None,
        base_path=settings.base_path if settings else None,
        agency=settings.agency if settings else None,
        indices=strategy.indices if strategy else None,
        snapshot_cmk_id=None,
        max_snapshot=settings.max_snapshot_rate if settings else None,
        max_restore=settings.max_restore_rate if settings else None,
    )


OPERATIONS = [
    Operation(
        id="ShowAutoCreatePolicy",
        method="GET",
        paths=("/v1.0/{project_id}/clusters/{cluster_id}/index_snapshot/policy",),
        handler=show_policy,
        summary="The policy of automatic snapshots.",
        action="css:snapshot:getSnapshotPolicy",
        answer=PolicyReply,
        errors=("CSS.0015",),
    )
]
