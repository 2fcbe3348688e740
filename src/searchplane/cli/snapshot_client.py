"""Snapshots over HTTP: the public operations, and this service's list of all of a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from searchplane.cli.client import Api
from searchplane.errors import NotFound, Permanent


@dataclass(frozen=True)
class SnapshotShown:
    """A snapshot as the API showed it; `json` is its answer unchanged."""

    json: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.json["id"])

    @property
    def name(self) -> str:
        return str(self.json["name"])

    @property
    def cluster_id(self) -> str:
        return str(self.json["clusterId"])

    @property
    def status(self) -> str:
        return str(self.json["status"])

    @property
    def reason(self) -> str:
        return str(self.json.get("reason") or "no reason is known")

    @property
    def is_leaving(self) -> bool:
        return bool(self.json["deleting"])

    @property
    def verified(self) -> Mapping[str, Any] | None:
        return self.json.get("verified")

    @property
    def verified_in(self) -> str | None:
        """The id of the scratch cluster, while there is one."""
        return self.json.get("verifiedIn")


PART = 1000
"""Snapshots that one request asks for at most."""


class SnapshotApi(Api):
    """One user's snapshots in one project."""

    def snapshots(self, most: int, **wanted: str) -> tuple[int, list[SnapshotShown]]:
        """How many the project has, those of clusters that are gone too, and the newest of them.

        `wanted` may name a `cluster` or a `snapshot` by its id or name: only those count.
        """
        found: list[SnapshotShown] = []
        total = most
        while len(found) < min(total, most):
            part = min(PART, most - len(found))
            answer = self._ask("GET", "/snapshots", start=len(found) + 1, limit=part, **wanted)
            total = int(answer["totalSize"])
            found += [SnapshotShown(one) for one in answer["snapshots"]]
            if not answer["snapshots"]:
                break
        return total, found

    def snapshot(self, snapshot_id: str) -> SnapshotShown | None:
        _, found = self.snapshots(PART, snapshot=snapshot_id)
        return next((one for one in found if one.id == snapshot_id), None)

    def find_snapshot(self, id_or_name: str) -> SnapshotShown:
        """The snapshot with this id, else the only one with this name."""
        _, named = self.snapshots(PART, snapshot=id_or_name)
        found = [one for one in named if one.id == id_or_name] or named
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(f"{one.id} of {one.json['clusterName']}" for one in found)
            raise Permanent(f"{len(found)} snapshots are called {id_or_name!r}; give an id: {ids}")
        raise NotFound("CSS.0016", f"no snapshot of this project has the id or name {id_or_name!r}")

    def take(self, cluster_id: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask for a snapshot; its id and name."""
        path = f"/clusters/{cluster_id}/index_snapshot"
        answer: Mapping[str, Any] = self._ask("POST", path, json=body)["backup"]
        return answer

    def restore(self, one: SnapshotShown, body: Mapping[str, Any]) -> None:
        self._ask("POST", f"{_path(one)}/restore", json=body)

    def verify(self, one: SnapshotShown) -> Mapping[str, Any]:
        """Ask for a verification; the scratch cluster it goes on in."""
        answer: Mapping[str, Any] = self._ask("POST", f"{_path(one)}/verify")["verification"]
        return answer

    def remove(self, one: SnapshotShown) -> None:
        self._ask("DELETE", _path(one))


def _path(one: SnapshotShown) -> str:
    return f"/clusters/{one.cluster_id}/index_snapshot/{one.id}"
