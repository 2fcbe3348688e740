"""What is accepted of attaching a folder of elsewhere as a bucket, and of letting go of it.

An attached bucket is read and never written: it is where snapshots are restored from that another
service has taken, or this one before its data was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import PurePosixPath

from searchplane.domain.backup import place_violations
from searchplane.domain.cluster import SnapshotSettings
from searchplane.domain.ids import ProjectId
from searchplane.domain.snapshots import Bucket
from searchplane.domain.violation import refuse
from searchplane.errors import Refused


def attach(
    there: Sequence[Bucket], project_id: ProjectId, name: str, path: str, now: datetime
) -> Bucket:
    """The bucket as it is recorded, beside those that the project has; the same again is nothing
    new.

    Raises Refused CSS.5038 for a name that is wrong or that another bucket of the project has, and
    for a folder that is, holds or lies in one that is attached already: what is in it would be in
    two buckets.
    """
    refuse([*place_violations(SnapshotSettings(name), at="")])
    known = next((one for one in there if one.name == name), None)
    if known is not None and known.path != path:
        lies = f"lies in {known.path}" if known.read_only else "is written by its clusters"
        raise Refused(
            "CSS.5038", f"bucket is {name!r}: the project has one that {lies}; another is right"
        )
    for one in there:
        if one.name != name and one.path is not None and _overlap(one.path, path):
            raise Refused(
                "CSS.5038",
                f"folder is {path}: the bucket {one.name}, which is attached already, lies in "
                f"{one.path}; a folder beside it is right",
            )
    return known or Bucket(project_id, name, now, path)


def check_detachable(known: Bucket | None, name: str, held: Iterable[str]) -> Bucket:
    """The attached bucket. `held` says what somebody wants of snapshots in it (store/restores.py).

    Raises Refused CSS.5038 when there is none, CSS.5090 while a snapshot in it is restored or about
    to be.
    """
    if known is None or not known.read_only:
        raise Refused("CSS.5038", f"bucket is {name!r}: the project has none of it attached")
    for said in held:
        raise Refused("CSS.5090", f"a snapshot in bucket {name} {said}: wait for its end")
    return known


def _overlap(one: str, other: str) -> bool:
    first, second = PurePosixPath(one), PurePosixPath(other)
    return first.is_relative_to(second) or second.is_relative_to(first)
