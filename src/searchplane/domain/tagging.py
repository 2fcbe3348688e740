"""What tags a cluster may have, and how they change (api/semantics.md, section 4.9).

A key that is given again gets the new value. The wider limits of the tag operations hold for
creation as well: what may be set later may be asked for at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from searchplane.domain.change import Change
from searchplane.domain.cluster import ActionKind, Cluster, Tag
from searchplane.domain.violation import Violation, refuse
from searchplane.errors import Refused

MAX_TAGS = 20
_KEY = re.compile(r"[\w .:=+\-@]{1,128}\Z")
_VALUE = re.compile(r"[\w .:=+\-@/]{0,255}\Z")


def violations(tags: Sequence[Tag], field: str = "cluster.tags") -> Iterator[Violation]:
    """Every rule that tags given in one request break."""
    if len(tags) > MAX_TAGS:
        yield Violation("CSS.5038", field, len(tags), f"at most {MAX_TAGS} are right")
    if len({tag.key for tag in tags}) != len(tags):
        yield Violation("CSS.5137", field, None, "each key once is right")
    for tag in tags:
        yield from _wrong_key(tag.key, f"{field}.key")
        if not _VALUE.match(tag.value):
            yield Violation(
                "CSS.5138",
                f"{field}.value",
                tag.value,
                "0 to 255 letters, digits, spaces and _ . : = + - @ / are right",
            )


def add_tags(cluster: Cluster, tags: Sequence[Tag], now: datetime, field: str = "tags") -> Change:
    """These tags besides those the cluster has; a key it has gets the new value."""
    _check_alive(cluster)
    if not tags:
        raise Refused("CSS.5141", f"{field} is empty: at least one tag is right")
    refuse([*violations(tags, field)])
    kept = {tag.key: tag for tag in (*cluster.spec.tags, *tags)}
    if len(kept) > MAX_TAGS:
        raise Refused(
            "CSS.5038",
            f"{field}: the cluster would have {len(kept)} tags; at most {MAX_TAGS} are right",
        )
    return _tagged(cluster, kept.values(), now, f"tag it with {_names(tag.key for tag in tags)}")


def remove_tags(cluster: Cluster, keys: Sequence[str], now: datetime) -> Change:
    """The tags without these; Refused CSS.5141 for one that is not there."""
    _check_alive(cluster)
    there = {tag.key for tag in cluster.spec.tags}
    missing = [key for key in keys if key not in there]
    if missing or not keys:
        shown = missing[0][:64] if missing else ""
        raise Refused("CSS.5141", f"the tag {shown!r} is not there: keys of its tags are right")
    left = [tag for tag in cluster.spec.tags if tag.key not in keys]
    return _tagged(cluster, left, now, f"remove the tags {_names(keys)}")


def _check_alive(cluster: Cluster) -> None:
    """Tags may change whatever else is being done, until the cluster is being deleted."""
    if cluster.is_being(ActionKind.DELETING):
        raise Refused("CSS.5090", "the cluster is being deleted")


def _tagged(cluster: Cluster, tags: Iterable[Tag], now: datetime, said: str) -> Change:
    after = replace(cluster, spec=replace(cluster.spec, tags=tuple(tags)), updated=now)
    return Change(cluster, after, said)


def _names(keys: Iterable[str]) -> str:
    return ", ".join(keys)


def _wrong_key(key: str, field: str) -> Iterator[Violation]:
    if not _KEY.match(key) or key != key.strip() or key.startswith("sys"):
        yield Violation(
            "CSS.5137",
            field,
            key,
            "1 to 128 letters, digits, spaces and _ . : = + - @ are right, not starting "
            "with sys, without spaces at the ends",
        )
