"""Whether a cluster has snapshots, where they go, and which are taken by themselves
(api/semantics.md, section 4.6).

The policy is answered whether or not anything is on: clients read it at every refresh. Everything
else needs snapshots to be on (CSS.0004). The policy stands in three requests: v1.0 `policy` and
`setting` turn it on and off by `enable`, v2.0 has a path for each.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from searchplane.api.css.changing import (
    STATE,
    ChangeQuery,
    DryRunReply,
    RuleInside,
    change,
    change_inside,
    nothing,
)
from searchplane.api.css.clusters import CLUSTER, find_cluster
from searchplane.api.fields import Boolean, Integer, Reply, Request, Text, TextOrNumber
from searchplane.api.operation import Answer, Call, Operation
from searchplane.domain.backup import DEFAULT_PERIOD, rate_of
from searchplane.domain.change import Change
from searchplane.domain.cluster import BackupStrategy, Cluster, SnapshotSettings
from searchplane.domain.snapshot_settings import (
    end_policy,
    set_policy,
    settle,
    settle_by_default,
    turn_off,
    with_policy,
    without_policy,
)
from searchplane.domain.snapshot_texts import expression_of
from searchplane.errors import Refused
from searchplane.store import restores, snapshots
from searchplane.store.database import Transaction


class PolicyReply(Reply):
    """`enable` is "true" or "false"; without a policy `keepday` is 0 and its other parts null."""

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


class PolicyBody(Request):
    """The parts of a policy; which of them are needed depends on what is asked for."""

    prefix: Text | None = None
    period: Annotated[
        Text | None, Field(description='Whole hour with zone, such as "00:00 GMT+08:00".')
    ] = None
    keepday: Annotated[Integer | None, Field(description="Automatic snapshots kept, 1 to 90.")] = (
        None
    )
    frequency: Annotated[Text | None, Field(description="HOUR, DAY, or SUN to SAT.")] = None
    indices: Annotated[Text | None, Field(description="Such as logs-*,items; all without.")] = None
    delete_auto: Annotated[
        Boolean, Field(description="With enable false: delete the automatic snapshots.")
    ] = False


class PolicyRequest(PolicyBody):
    enable: Boolean


class SettingRequest(PolicyBody):
    bucket: Text
    agency: Text
    base_path: Text | None = None
    max_snapshot_bytes_per_seconds: TextOrNumber | None = None
    max_restore_bytes_per_seconds: TextOrNumber | None = None
    snapshot_cmk_id: Text | None = None
    enable: Annotated[
        Boolean | None, Field(description="Whether there is a policy; without, it stays as it is.")
    ] = None


class OpenPolicyRequest(Request):
    prefix: Text
    keepday: Integer
    period: Text | None = None
    frequency: Text | None = None
    indices: Text | None = None


def show_policy(call: Call) -> Answer:
    spec = find_cluster(call).spec
    return Answer(_shown(spec.backup, spec.snapshots))


def settle_automatically(call: Call) -> Answer:
    return change(call, lambda one: settle_by_default(one, call.now), nothing)


def settle_as_asked(call: Call) -> Answer:
    body: SettingRequest = call.body
    settings = SnapshotSettings(
        bucket=body.bucket,
        base_path=body.base_path or "",
        agency=body.agency,
        max_snapshot_rate=rate_of(body.max_snapshot_bytes_per_seconds),
        max_restore_rate=rate_of(body.max_restore_bytes_per_seconds),
        cmk_id=body.snapshot_cmk_id,
    )
    policy = _policy(body) if body.enable else None

    def rule(cluster: Cluster, connection: Transaction) -> Change:
        kept = snapshots.of_cluster(connection, cluster.project_id, cluster.id)
        settled = settle(cluster, settings, kept, call.now)
        if policy is not None:
            return with_policy(settled, policy, kept, call.now)
        if body.enable is False:
            held = restores.held_of(connection, cluster.project_id, cluster.id)
            deletes = body.delete_auto
            return without_policy(settled, kept, call.now, deletes=deletes, held=held)
        return settled

    return change_inside(call, rule, nothing)


def stop(call: Call) -> Answer:
    def rule(cluster: Cluster, connection: Transaction) -> Change:
        kept = snapshots.of_cluster(connection, cluster.project_id, cluster.id)
        held = restores.held_of(connection, cluster.project_id, cluster.id)
        return turn_off(cluster, kept, call.now, held=held)

    return change_inside(call, rule, nothing)


def change_policy(call: Call) -> Answer:
    body: PolicyRequest = call.body
    if not body.enable:
        return change_inside(call, _end(call, deletes=body.delete_auto), nothing)
    policy = _policy(body)
    return change_inside(call, _begin(call, policy), nothing)


def open_policy(call: Call) -> Answer:
    body: OpenPolicyRequest = call.body
    policy = _policy(body)
    return change_inside(call, _begin(call, policy), nothing)


def close_policy(call: Call) -> Answer:
    return change_inside(call, _end(call, deletes=False), nothing)


def _begin(call: Call, policy: BackupStrategy) -> RuleInside:
    def rule(cluster: Cluster, connection: Transaction) -> Change:
        kept = snapshots.of_cluster(connection, cluster.project_id, cluster.id)
        return set_policy(cluster, policy, kept, call.now)

    return rule


def _end(call: Call, *, deletes: bool) -> RuleInside:
    def rule(cluster: Cluster, connection: Transaction) -> Change:
        kept = snapshots.of_cluster(connection, cluster.project_id, cluster.id)
        held = restores.held_of(connection, cluster.project_id, cluster.id)
        return end_policy(cluster, kept, call.now, deletes=deletes, held=held)

    return rule


def _policy(body: PolicyBody | OpenPolicyRequest) -> BackupStrategy:
    """Raises Refused CSS.0001 for parts that are missing."""
    if body.prefix is None or body.keepday is None:
        raise Refused("CSS.0001", "prefix and keepday: both are needed where enable is true")
    return BackupStrategy(
        period=body.period or DEFAULT_PERIOD,
        prefix=body.prefix,
        keepday=body.keepday,
        frequency=body.frequency or "DAY",
        indices=expression_of(body.indices),
    )


def _shown(strategy: BackupStrategy | None, settings: SnapshotSettings | None) -> PolicyReply:
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
        snapshot_cmk_id=settings.cmk_id if settings else None,
        max_snapshot=settings.max_snapshot_rate if settings else None,
        max_restore=settings.max_restore_rate if settings else None,
    )


_POLICY = ("CSS.3011", "CSS.5018", "CSS.5038", "CSS.5044", "CSS.5178")
_ENDING = ("CSS.0012", "CSS.0015", "CSS.5090")

OPERATIONS = [
    Operation(
        id="StartAutoSetting",
        method="POST",
        paths=(f"{CLUSTER}/index_snapshot/auto_setting",),
        handler=settle_automatically,
        summary="Turn snapshots on, in the project's own bucket.",
        action="css:snapshot:enableAtomaticSnapsot",
        query=ChangeQuery,
        preview=DryRunReply,
        errors=(*STATE, "CSS.5038"),
    ),
    Operation(
        id="UpdateSnapshotSetting",
        method="POST",
        paths=(f"{CLUSTER}/index_snapshot/setting",),
        handler=settle_as_asked,
        summary="Turn snapshots on and say where they go, how fast, and which are automatic.",
        action="css:snapshot:setSnapshotContiguration",
        query=ChangeQuery,
        preview=DryRunReply,
        body=SettingRequest,
        errors=(*STATE, *_POLICY),
    ),
    Operation(
        id="StopSnapshot",
        method="DELETE",
        paths=(f"{CLUSTER}/index_snapshots",),
        handler=stop,
        summary="Turn snapshots off; those there are stay.",
        action="css:snapshot:disableSnapshotFuction",
        query=ChangeQuery,
        preview=DryRunReply,
        errors=_ENDING,
    ),
    Operation(
        id="ShowAutoCreatePolicy",
        method="GET",
        paths=(f"{CLUSTER}/index_snapshot/policy",),
        handler=show_policy,
        summary="The policy of automatic snapshots.",
        action="css:snapshot:getSnapshotPolicy",
        answer=PolicyReply,
        errors=("CSS.0015",),
    ),
    Operation(
        id="CreateAutoCreatePolicy",
        method="POST",
        paths=(f"{CLUSTER}/index_snapshot/policy",),
        handler=change_policy,
        summary="Have snapshots taken by themselves, or not any longer.",
        action="css:snapshot:setSnapshotPolicy",
        query=ChangeQuery,
        preview=DryRunReply,
        body=PolicyRequest,
        errors=(*STATE, "CSS.0004", *_POLICY),
    ),
    Operation(
        id="StartAutoCreateSnapshots",
        method="POST",
        paths=("/v2.0/{project_id}/clusters/{cluster_id}/snapshots/policy/open",),
        handler=open_policy,
        summary="Have snapshots taken by themselves.",
        action="css:snapshot:setSnapshotPolicy",
        query=ChangeQuery,
        preview=DryRunReply,
        body=OpenPolicyRequest,
        errors=(*STATE, "CSS.0004", *_POLICY),
    ),
    Operation(
        id="StopAutoCreateSnapshots",
        method="PUT",
        paths=("/v2.0/{project_id}/clusters/{cluster_id}/snapshots/policy/close",),
        handler=close_policy,
        summary="Take no more snapshots by themselves; those there are stay.",
        action="css:snapshot:setSnapshotPolicy",
        query=ChangeQuery,
        preview=DryRunReply,
        errors=(*_ENDING, "CSS.0004"),
    ),
]
