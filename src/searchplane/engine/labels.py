"""What is written into a snapshot to be known by, as the engine keeps it (its `metadata`).

The engine keeps 1024 bytes. What may be long goes first, the description before the indices.

Who can write to a bucket can write a label, and what is read from one gets into names of
repositories, into records, logs and onto terminals. So a label is read only where each part of it
is what this service would have written; anything else is none of ours and left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from searchplane.domain.backup import FREQUENCIES
from searchplane.domain.engines import Datastore, Engine, Family
from searchplane.domain.ids import ClusterId, SnapshotId
from searchplane.domain.snapshot_texts import MAX_DESCRIPTION, MAX_EXPRESSION
from searchplane.domain.snapshots import Method
from searchplane.domain.snapshots_seen import Label
from searchplane.domain.violation import UNPRINTABLE

MOST_BYTES = 1023
MOST_KEPT = 90
"""Snapshots that a policy keeps (domain/backup.py)."""
_LONGEST_NAME = 64
_VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}")
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
    """Raises KeyError, TypeError or ValueError for what is not as it is written here."""
    datastore, datastore_version = _text(kept["datastore"], _LONGEST_NAME).split(" ")
    family, version = _text(kept["engine"], _LONGEST_NAME).split(" ")
    indices, description = kept.get("indices"), kept.get("description")
    return Label(
        snapshot_id=SnapshotId(_id(kept["id"])),
        cluster_id=ClusterId(_id(kept["cluster_id"])),
        cluster_name=_text(kept["cluster_name"], _LONGEST_NAME),
        method=Method(kept["method"]),
        datastore=Datastore(Family(datastore).value, _version(datastore_version)),
        engine=Engine(Family(family), _version(version)),
        created=_moment(kept["created"]),
        indices=None if indices is None else _text(indices, MAX_EXPRESSION),
        description=None if description is None else _text(description, MAX_DESCRIPTION),
        frequency=_frequency(kept.get("frequency")),
        keepday=_keepday(kept.get("keepday")),
    )


def _id(told: object) -> str:
    """As ids are spelt here; other spellings of the same one would be other clusters."""
    if not isinstance(told, str) or str(UUID(told)) != told:
        raise ValueError("an id is a UUID")
    return told


def _version(told: str) -> str:
    if not _VERSION.fullmatch(told):
        raise ValueError("a version is three numbers")
    return told


def _text(told: object, longest: int) -> str:
    if not isinstance(told, str) or len(told) > longest or UNPRINTABLE.search(told):
        raise ValueError("a text is printable and not longer than it is accepted")
    return told


def _moment(told: str) -> datetime:
    moment = datetime.fromisoformat(told)
    if moment.tzinfo is None:
        raise ValueError("a moment has an offset")
    return moment


def _frequency(told: object) -> str | None:
    if told is None:
        return None
    if not isinstance(told, str) or told not in FREQUENCIES:
        raise ValueError("it is none of a policy's frequencies")
    return told


def _keepday(told: object) -> int | None:
    if told is None:
        return None
    if type(told) is not int or not 1 <= told <= MOST_KEPT:
        raise ValueError("a policy keeps 1 to 90")
    return told
