"""What the fake driver knows, kept so that it survives the service being killed.

One small JSON file per node, DIR/fake/<cluster>/<node>.json, replaced by a rename at each change;
all of them are held in memory, so that a thousand clusters are observed without reading a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from searchplane.domain.ids import ClusterId, NodeId
from searchplane.drivers.base import NodeRef
from searchplane.errors import Transient

_SUFFIX = ".json"


class Phase(StrEnum):
    STOPPED = "stopped"
    RUNNING = "running"
    REMOVING = "removing"


@dataclass(frozen=True)
class FakeNode:
    """`files` is a digest of the configuration, `cluster_uuid` empty until a cluster has formed.

    `votes` and `holds_data` are by its role, `version` is that of its engine. `session` is another
    at each start. `repo` is where it may keep snapshots, empty without such a setting.
    """

    name: str
    address: str
    phase: Phase = Phase.STOPPED
    files: str = ""
    cluster_uuid: str = ""
    last_error: str | None = None
    votes: bool = True
    holds_data: bool = True
    version: str = ""
    session: str = ""
    repo: str = ""


class Memory:
    """All fake nodes of one data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._nodes: dict[ClusterId, dict[NodeId, FakeNode]] = {}
        self._clusters: dict[str, ClusterId] = {}
        if folder.exists():
            folder.chmod(0o700)
        for path in folder.glob(f"*/*{_SUFFIX}"):
            self._keep(NodeRef(ClusterId(path.parent.name), NodeId(path.stem)), _read(path))

    def get(self, ref: NodeRef) -> FakeNode | None:
        return self._nodes.get(ref.cluster_id, {}).get(ref.node_id)

    def put(self, ref: NodeRef, node: FakeNode) -> None:
        path = self._path(ref)
        temporary = path.with_suffix(".new")
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            path.parent.mkdir(exist_ok=True)
            temporary.write_text(json.dumps(asdict(node)), encoding="utf-8")
            temporary.replace(path)
        except OSError as error:
            raise Transient(f"{path} cannot be written: {error.strerror}") from error
        self._keep(ref, node)

    def drop(self, ref: NodeRef) -> None:
        node = self._nodes.get(ref.cluster_id, {}).pop(ref.node_id, None)
        if node is not None:
            self._clusters.pop(node.address, None)
        self._path(ref).unlink(missing_ok=True)
        if not self._nodes.get(ref.cluster_id):
            self._nodes.pop(ref.cluster_id, None)
            with suppress(OSError):  # never made
                self._path(ref).parent.rmdir()

    def cluster(self, cluster_id: ClusterId) -> dict[NodeId, FakeNode]:
        """The nodes of a cluster; empty for one that is not known."""
        return self._nodes.get(cluster_id, {})

    def cluster_at(self, address: str) -> ClusterId | None:
        return self._clusters.get(address)

    def refs(self) -> Iterator[NodeRef]:
        for cluster_id, nodes in self._nodes.items():
            for node_id in nodes:
                yield NodeRef(cluster_id, node_id)

    def folder(self, cluster_id: ClusterId) -> Path:
        """Where what belongs to the cluster as a whole is kept, too."""
        return self._folder / cluster_id

    def _keep(self, ref: NodeRef, node: FakeNode) -> None:
        before = self.get(ref)
        if before is not None:
            self._clusters.pop(before.address, None)
        self._nodes.setdefault(ref.cluster_id, {})[ref.node_id] = node
        self._clusters[node.address] = ref.cluster_id

    def _path(self, ref: NodeRef) -> Path:
        return self._folder / ref.cluster_id / f"{ref.node_id}{_SUFFIX}"


def _read(path: Path) -> FakeNode:
    fields = json.loads(path.read_text(encoding="utf-8"))
    return FakeNode(**{**fields, "phase": Phase(fields["phase"])})
