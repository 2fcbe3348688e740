"""Snapshots of one cluster of a data folder, asked for by the API and looked at on the disk."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.chaos.accepting import accept_change, records
from tests.chaos.real_nodes import INDEX

from searchplane.app import Service
from searchplane.domain.cluster import Cluster
from searchplane.domain.snapshots import Snapshot, SnapshotStatus
from searchplane.domain.snapshots_seen import OWN_REPOSITORY
from searchplane.errors import Transient
from searchplane.reconciler.compose import addresses_of, target_of
from searchplane.store import clusters, restores, snapshots
from searchplane.store.database import Database, private_sqlite

COPY = "copy-of-"


def are_settled(service: Service) -> bool:
    """Whether nothing is left to do with snapshots, and list and bucket are alike."""
    database = service.ports.database
    with database.read() as connection:
        (cluster_id,) = clusters.all_ids(connection)
        cluster = clusters.find(connection, cluster_id)
        assert cluster is not None
        kept = service.ports.secrets.of_cluster(connection, cluster_id)
        has_work = snapshots.work_of(connection, cluster_id) or restores.running_into(
            connection, cluster_id
        )
        rows = snapshots.of_cluster(connection, cluster.project_id, cluster_id)
    if has_work or cluster.action is not None:
        return False
    target = target_of(cluster, kept, addresses_of(cluster))
    try:
        seen = asyncio.run(service.ports.snapshots.look(target, OWN_REPOSITORY)).snapshots
    except Transient:  # its node is not there, whatever the record says still
        return False
    return {row.name for row in rows if row.is_restorable} == set(seen)


@dataclass(frozen=True)
class Backups:
    """What is asked of the folder's only cluster; nothing tends it meanwhile."""

    data: Path

    @property
    def cluster(self) -> Cluster:
        (found,) = records(self.data)
        return found

    @property
    def endpoint(self) -> str:
        return f"http://{self.cluster.nodes[0].address}:9200"

    def ask(self, method: str, path: str, body: object = None) -> Any:
        cluster = self.cluster
        url = f"/v1.0/{cluster.project_id}/clusters/{cluster.id}/{path}"
        return accept_change(self.data, method, url, body)

    def turn_on_slowly(self) -> None:
        """With a rate at which a snapshot can be met at work."""
        body = {
            "bucket": f"css-backup-{self.cluster.project_id}",
            "agency": "css",
            "max_snapshot_bytes_per_seconds": "100kb",
            "max_restore_bytes_per_seconds": "100kb",
        }
        self.ask("POST", "index_snapshot/setting", body)

    def take(self, name: str) -> None:
        self.ask("POST", "index_snapshot", {"name": name})

    def restore(self, name: str, *, over: bool = False) -> None:
        renamed = {"rename_pattern": "(.+)", "rename_replacement": f"{COPY}$1"}
        wanted = {"replace_exist_indices": True} if over else renamed
        body = {"target_cluster": self.cluster.id, "indices": INDEX, **wanted}
        self.ask("POST", f"index_snapshot/{self.row(name).id}/restore", body)

    def delete(self, name: str) -> None:
        self.ask("DELETE", f"index_snapshot/{self.row(name).id}")

    def rows(self) -> dict[str, Snapshot]:
        cluster, database = self.cluster, Database(private_sqlite(self.data))
        try:
            with database.read() as connection:
                found = snapshots.of_cluster(connection, cluster.project_id, cluster.id)
        finally:
            database.close()
        return {one.name: one for one in found}

    def row(self, name: str) -> Snapshot:
        return self.rows()[name]

    def restorable(self) -> set[str]:
        return {name for name, row in self.rows().items() if row.is_restorable}

    def in_the_engine(self) -> dict[str, str]:
        """The state of every snapshot that the engine finds in the repository, by name."""
        answer = httpx.get(f"{self.endpoint}/_snapshot/{OWN_REPOSITORY}/_all", timeout=60)
        found = answer.raise_for_status().json()["snapshots"]
        return {one["snapshot"]: one["state"] for one in found}

    def on_the_disk(self) -> set[str]:
        """Engine ids of everything that lies in the bucket, be it a half snapshot."""
        folder = self.data / "buckets"
        return {path.stem for path in folder.resolve().rglob("snap-*.dat")}

    def listed_on_the_disk(self) -> set[str]:
        answer = httpx.get(f"{self.endpoint}/_snapshot/{OWN_REPOSITORY}/_all", timeout=60)
        return {f"snap-{one['uuid']}" for one in answer.raise_for_status().json()["snapshots"]}

    def are_alike(self) -> None:
        """What is listed lies in the bucket whole, and nothing else does."""
        assert self.restorable() == set(self.in_the_engine())
        assert self.on_the_disk() <= self.listed_on_the_disk()
        waiting = [row for row in self.rows().values() if row.status is SnapshotStatus.BUILDING]
        assert waiting == []

    def indices(self) -> set[str]:
        answer = httpx.get(f"{self.endpoint}/_cat/indices?format=json&expand_wildcards=all")
        return {one["index"] for one in answer.raise_for_status().json()}
