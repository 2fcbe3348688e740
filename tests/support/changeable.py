"""Clusters that may be changed, for the matrix of operations: what each change needs, and no more.

Most changes find the same cluster, one after the other; a change that leaves it unlike what others
need has one of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from tests.support.live_service import until
from tests.support.running import by_role

from searchplane.api.css.changing import ChangeQuery
from searchplane.api.operation import Operation
from searchplane.domain.cluster import Role
from searchplane.domain.engines import Datastore
from searchplane.domain.flavors import flavor_id

STORE = Datastore("opensearch", "2.17.1")
OTHER_FLAVOR = flavor_id(STORE, Role.DATA, "ess.spec-4u16g")
CLIENT_FLAVOR = flavor_id(STORE, Role.CLIENT, "ess.spec-2u16g")

CHANGES: dict[str, Callable[[], Any]] = {
    "UpdateExtendCluster": lambda: {"grow": {"modifySize": 1}},
    "UpdateExtendInstanceStorage": lambda: {
        "grow": [{"type": "ess", "nodesize": 1, "disksize": 20}]
    },
    "AddIndependentNode": lambda: {"type": {"flavor_ref": CLIENT_FLAVOR, "node_size": 1}},
    "UpdateShrinkCluster": lambda: {"shrink": [{"type": "ess", "reducedNodeNum": 1}]},
    "UpdateShrinkNodes": lambda: {"shrinkNodes": ["x"]},
    "UpdateFlavor": lambda: {"newFlavorId": OTHER_FLAVOR, "needCheckReplica": False},
    "UpdateFlavorByType": lambda: {"new_flavor_id": "HIGH", "operation_type": "volume"},
    "RestartClusterV2": lambda: {"type": "role", "value": "ess"},
    "RollingRestart": lambda: {"type": "role", "value": "all"},
    "UpgradeCore": lambda: {
        "target_image_id": "x",
        "upgrade_type": "cross",
        "indices_backup_check": False,
        "agency": "a",
    },
    "UpdateAzByInstanceType": lambda: {
        "source_az": "local-1",
        "target_az": "local-2",
        "migrate_type": "az_migrate",
        "agency": "a",
        "indices_backup_check": False,
    },
    "ResetPassword": lambda: {"newpassword": "Fresh-Plum-28"},
    "ChangeMode": lambda: {"authority_enable": True, "https_enable": "false"},
    "RebuildCluster": lambda: {"snapshotId": None},
    "SkipPredicate": lambda: {"predicate": "nothing_moves"},
    "UpdateClusterName": lambda: {"display_name": "renamed.once", "desc": "x"},
    "ChangeSecurityGroup": lambda: {"security_group_ids": "group"},
    "ChangeClusterSubnet": lambda: {"subnet_id": "other"},
    "CreateClustersTags": lambda: {"tag": {"key": "tag", "value": "x"}},
    "UpdateBatchClustersTags": lambda: {
        "action": "create",
        "tags": [{"key": "a", "value": "b"}, {"key": "tag", "value": "x"}],
    },
    "UpdateSnapshotSetting": lambda: {"bucket": "snapshots", "agency": "a", "enable": "false"},
    "CreateAutoCreatePolicy": lambda: {"enable": "true", "prefix": "auto", "keepday": "7"},
    "StartAutoCreateSnapshots": lambda: {"prefix": "auto", "keepday": 7, "frequency": "SUN"},
    "CreateSnapshot": lambda: {"name": "by-hand", "indices": "*,-logs-*"},
    "RestoreSnapshot": lambda: {
        "targetCluster": "x",
        "rename_pattern": "(.+)",
        "renameReplacement": "old-$1",
    },
}
"""The body of a change, by the operation's id; ids in it are put in by `with_ids`."""

SECURED = frozenset({"ResetPassword", "ChangeMode"})
"""Changes that only a cluster in security mode can have."""
USERS = {"authorityEnable": True, "httpsEnable": True, "adminPwd": "Fresh-Pear-27"}

SNAPSHOTS = frozenset(
    {
        "UpdateSnapshotSetting",
        "StopSnapshot",
        "CreateSnapshot",
        "RestoreSnapshot",
        "DeleteSnapshot",
    }
)
"""Changes of what a cluster has in its bucket."""

NEED_A_BUCKET = frozenset(
    {
        "CreateAutoCreatePolicy",
        "StartAutoCreateSnapshots",
        "StopAutoCreateSnapshots",
        "CreateSnapshot",
    }
)
"""Changes that are refused while snapshots are off."""

OWN = (
    frozenset({"AddIndependentNode", "PauseCluster", "UpgradeCore", "UpdateAzByInstanceType"})
    | SECURED
    | SNAPSHOTS
)
"""Changes after which a cluster is not what other changes need."""


def is_change_of_cluster(operation: Operation) -> bool:
    return operation.query is not None and issubclass(operation.query, ChangeQuery)


def with_ids(operation: Operation, body: Any, ids: dict[str, str]) -> Any:
    """The body with the ids of what is there."""
    if operation.id == "UpdateShrinkNodes" and ids:
        return body | {"shrinkNodes": [ids["instance_id"]]}
    if operation.id == "UpgradeCore" and ids:
        return body | {"target_image_id": ids["image_id"]}
    if operation.id == "RestoreSnapshot" and ids:
        return body | {"targetCluster": ids["cluster_id"]}
    return body


class Changeable:
    """Makes clusters and hands them out when they are idle."""

    def __init__(self, css: httpx.AsyncClient, creates: str) -> None:
        self._css = css
        self._creates = creates
        self._shared: str | None = None

    async def ids_for(self, operation: Operation, name: str) -> dict[str, str]:
        """The values that a right request for this change has in its path and body."""
        if operation.id in OWN:
            made = await self._create(name, secured=operation.id in SECURED)
        else:
            made = self._shared = self._shared or await self._create("changeable")
        shown = await self._idle(made)
        ids = {"cluster_id": made, "instance_id": shown["instances"][-1]["id"]}
        if operation.id == "AddIndependentNode":
            return ids | {"type": "ess-client"}
        if operation.id == "UpgradeCore":
            answer = await self._css.get(f"/clusters/{made}/target/cross/images")
            return ids | {"image_id": answer.json()["imageInfoList"][0]["id"]}
        if operation.id in NEED_A_BUCKET:
            await self._css.post(f"/clusters/{made}/index_snapshot/auto_setting")
            return ids
        if operation.id == "DeleteClustersTags":
            body = {"tag": {"key": "to go", "value": "x"}}
            await self._css.post(f"/css-cluster/{made}/tags", json=body)
            return ids | {"key": "to go"}
        return ids

    async def _create(self, name: str, *, secured: bool = False) -> str:
        body = by_role(name, ess=5)
        body["cluster"]["datastore"] = {"type": STORE.type, "version": STORE.version}
        if secured:
            body["cluster"] |= USERS
            body["cluster"]["datastore"]["version"] = "2.19.1"
        answer = await self._css.post(self._creates, json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["cluster"]["id"])

    async def _idle(self, cluster_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = {}

        async def is_idle() -> bool:
            shown.update((await self._css.get(f"/clusters/{cluster_id}")).json())
            return shown["status"] == "200" and shown["actions"] == []

        await until(is_idle, "the cluster is still being changed")
        return shown
