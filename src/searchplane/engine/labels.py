"""What is written into a snapshot to be known by, as the engine keeps it (its `metadata`).

The engine keeps 1024 bytes. What may be long goes first, the description before the indices.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from searchplane.domain.engines import Datastore, Engine, Family
from searchplane.domain.ids import ClusterId, SnapshotId
from searchplane.domain.snapshots import Method
from searchplane.domain.snapshots_seen import Label

MOST_BYTES = 1023
_LONGEST_FIRST = ("description", "indices")


def write_label(label: Label) -> dict[str, Any]:
    """The engine's metadata; None values are left out."""
    fields = {
        "id": label.snapshot_id,
        "cluster_id": label.cluster_id,
        "cluster_name": label.cluster_name,
        "method": label.method.value,
        "datastore": f"{label.datastore.type} {label.datastore.version}",
        "engine": f"{label.engine.family.value} {label.engine.version}",
        "created": label.created.isoformat(),
        "indices": label.indices,
        "description": label.description,
        "frequency": label.frequency,
        "keepday": label.keepday,
    }
    kept = {name: value for name, value in fields.items() if value is not None}
    for name in _LONGEST_FIRST:
        if len(json.dumps(kept, ensure_ascii=False).encode()) > MOST_BYTES:
            kept.pop(name, None)
    return kept


def read_label(metadata: object) -> Label | None:
    """The label; None where another than this service took the snapshot."""
    if not isinstance(metadata, Mapping):
        return None
    try:
        return _read(metadata)
    except (KeyError, TypeError, ValueError):
        return None


def _read(kept: Mapping[str, Any]) -> Label:
    datastore, version = kept["datastore"].split(" ")
    family, runs = kept["engine"].split(" ")
    keepday = kept.get("keepday")
    return Label(
        snapshot_id=SnapshotId(str(kept["id"])),
        cluster_id=ClusterId(str(kept["cluster_id"])),
        cluster_name=str(kept["cluster_name"]),
        method=Method(kept["method"]),
        datastore=Datastore(datastore, version),
        engine=Engine(Family(family), runs),
        created=datetime.fromisoformat(kept["created"]),
        indices=kept.get("indices"),
        description=kept.get("description"),
        frequency=kept.get("frequency"),
        keepday=None if keepday is None else int(keepday),
    )
