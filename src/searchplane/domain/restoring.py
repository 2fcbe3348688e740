"""What is accepted of restoring a snapshot, and which indices that means (api/semantics.md, 4.6).

The indices are chosen here, from what the snapshot holds, with the names they are to get: every
pass then has the same in mind. A name with a leading dot is the system's, such as `.kibana_1`: it
is restored only where a part of the expression begins with a dot too. The index of the security
plugin is never restored (index_patterns.py).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from searchplane.domain.change import Change, begun, check_idle
from searchplane.domain.cluster import Action, ActionKind, Cluster
from searchplane.domain.ids import RestoreId
from searchplane.domain.index_patterns import SECURITY_INDEX, matching
from searchplane.domain.index_renaming import renamed
from searchplane.domain.snapshot_texts import expression_violations
from searchplane.domain.snapshots import (
    Renaming,
    Restore,
    RestoreFailure,
    RestoreStatus,
    Snapshot,
    SnapshotStatus,
    TargetIndex,
)
from searchplane.domain.upgrades import may_read, running
from searchplane.domain.violation import refuse, shown
from searchplane.domain.wording import named
from searchplane.errors import Permanent, Refused

DATA_STREAM = ".ds-"
"""What holds the documents of a user's data stream begins with it."""
_OF_STREAM = re.compile(r"\.ds-(.+)-[0-9]{6,}\Z")


@dataclass(frozen=True)
class Wish:
    """A restore as a user asks for it; `replaces` lets it write over indices of the same name."""

    indices: str
    rename: Renaming | None = None
    replaces: bool = False


def check_restorable(snapshot: Snapshot) -> None:
    """Refuse one that is being made (CSS.0029) or deleted (CSS.3016), or that failed (CSS.3026)."""
    if snapshot.is_leaving:
        raise Refused("CSS.3016", f"the snapshot {snapshot.name} is being deleted")
    if snapshot.status is SnapshotStatus.BUILDING:
        raise Refused("CSS.0029", f"the snapshot {snapshot.name} is still being made")
    if not snapshot.is_restorable:
        why = snapshot.reason or "no reason is known"
        raise Refused("CSS.3026", f"the snapshot {snapshot.name} has failed: {why}")


def targets(snapshot: Snapshot, wish: Wish) -> tuple[TargetIndex, ...]:
    """What is to be restored under which name; nothing only of a snapshot that holds nothing.

    Raises Refused CSS.5038 for an expression that is wrong, names what the snapshot does not hold,
    or gives two indices one name.
    """
    refuse([*expression_violations(wish.indices)])
    held = [index.name for index in snapshot.contents if index.name != SECURITY_INDEX]
    titles = _titles(held)
    found = _chosen(wish.indices, titles)
    parts = [part for part in wish.indices.split(",") if "*" not in part and part[0] != "-"]
    missing = [name for name in parts if name not in titles]
    if missing or (held and not found):
        which = shown(missing[0]) if missing else "such index"
        raise Refused(
            "CSS.5038",
            f"indices is {shown(wish.indices)}: the snapshot holds no {which}; it holds "
            f"{named(held) or 'no index'}",
        )
    names = found if wish.rename is None else renamed(found, wish.rename)
    _check_names(found, names)
    return tuple(TargetIndex(*pair) for pair in zip(found, names, strict=True))


def check_held(name: str, held: Collection[str] | None, wanted: Iterable[TargetIndex]) -> None:
    """Hold a restore against what its bucket says that the snapshot holds; None if it is not there.

    Raises Permanent, with the names, for what it does not hold.
    """
    if held is None:
        raise Permanent(f"the snapshot {name} is not in its bucket")
    missing = {one.source for one in wanted}.difference(held)
    if missing:
        raise Permanent(f"the snapshot {name} holds no {named(missing)}")


def restore(
    cluster: Cluster,
    snapshot: Snapshot,
    wish: Wish,
    chosen: tuple[TargetIndex, ...],
    *,
    restore_id: RestoreId,
    now: datetime,
) -> Change:
    """`POST index_snapshot/{id}/restore` into this cluster.

    Raises Refused CSS.3004 while a snapshot is taken or restored there, CSS.5140 if its engine
    cannot read the snapshot.
    """
    check_restorable(snapshot)
    check_idle(cluster, backing_up="CSS.3004")
    if not may_read(running(cluster), snapshot.engine):
        raise Refused(
            "CSS.5140",
            f"target_cluster runs {running(cluster)} and the snapshot was taken by "
            f"{snapshot.engine}: the same or a later version can read it",
        )
    record = Restore(restore_id, snapshot.id, cluster.id, chosen, wish.replaces, now, wish.rename)
    if not chosen:
        return _nothing(cluster, snapshot, record)
    action = Action(ActionKind.RESTORING, now, id=restore_id)
    marked = replace(snapshot, restore_status=RestoreStatus.RESTORING, updated=now)
    said = f"restore {named(one.name for one in chosen)} of {_title(snapshot)}"
    return Change(
        cluster,
        begun(cluster, action),
        said,
        warnings=_warnings(wish),
        snapshots=(marked,),
        restore=record,
    )


def given_up(record: Restore, now: datetime) -> Restore:
    """The record of a restore whose target is deleted meanwhile."""
    reason = "its target was deleted meanwhile"
    return replace(
        record,
        ended=now,
        updated=now,
        succeeded=False,
        reason=reason,
        failure=RestoreFailure.GIVEN_UP,
    )


def _nothing(cluster: Cluster, snapshot: Snapshot, record: Restore) -> Change:
    """It is over as soon as it is accepted."""
    over = replace(record, ended=record.started, succeeded=True)
    marked = replace(snapshot, restore_status=RestoreStatus.SUCCESS, updated=record.started)
    said = f"restore {_title(snapshot)}, which holds no index"
    return Change(cluster, cluster, said, snapshots=(marked,), restore=over)


def _titles(held: list[str]) -> Mapping[str, set[str]]:
    """What indices are called, and which: a data stream's name is that of all it consists of."""
    titles: dict[str, set[str]] = defaultdict(set)
    for name in held:
        titles[name].add(name)
        if of_stream := _OF_STREAM.match(name):
            titles[of_stream.group(1)].add(name)
    return titles


def _chosen(expression: str, titles: Mapping[str, set[str]]) -> list[str]:
    """The names that are meant, in order; parts are read from left to right."""
    found: set[str] = set()
    for part in expression.split(","):
        bare = part.removeprefix("-")
        meant = set().union(*(titles[one] for one in matching(_within_reach(bare, titles), bare)))
        found = found | meant if bare == part else found - meant
    return sorted(found)


def _within_reach(part: str, titles: Iterable[str]) -> list[str]:
    """A part that does not begin with a dot reaches no index of the system."""
    return [name for name in titles if part.startswith(".") or not _is_system(name)]


def _is_system(name: str) -> bool:
    return name.startswith(".") and not name.startswith(DATA_STREAM)


def _check_names(before: list[str], after: list[str]) -> None:
    """No two indices get one name, and none gets one of the system that it did not have."""
    twice = [name for name, count in Counter(after).items() if count > 1]
    if twice:
        sources = [old for old, new in zip(before, after, strict=True) if new == twice[0]]
        raise Refused(
            "CSS.5038",
            f"rename_replacement gives {named(sources)} one name, {shown(twice[0])}: a name for "
            "each is right",
        )
    for old, new in zip(before, after, strict=True):
        if new.startswith(".") and new != old:
            raise Refused(
                "CSS.5038",
                f"rename_replacement makes {shown(new)} of {shown(old)}, a name of the system's: "
                "one without a leading dot is right",
            )


def _warnings(wish: Wish) -> tuple[str, ...]:
    if wish.replaces:
        return (
            "indices of these names that the cluster has are written over, and cannot be searched "
            "meanwhile",
        )
    return ("if the cluster has an index of one of these names, nothing is restored",)


def _title(snapshot: Snapshot) -> str:
    return f"the snapshot {snapshot.name} of {snapshot.cluster_name}"
