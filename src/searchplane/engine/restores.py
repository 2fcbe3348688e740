"""Having indices restored from a snapshot, by REST.

The engine is given a rename as one pattern for all indices. What is to be called what was chosen
before, so the indices are told in groups, each with a pattern that can give nothing else.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from searchplane.domain.restoring import check_held
from searchplane.domain.snapshots import TargetIndex
from searchplane.engine.calls import Ask, Declined
from searchplane.engine.indices import for_each, look_at
from searchplane.engine.taking import snapshot_path

_RESTORING = "restoring"
_SHARDS = re.compile(r"cannot restore .*\[\d+\] shards")
"""The engine's refusal to restore over an index that has another number of shards."""


async def begin(
    ask: Ask, repository: str, name: str, targets: Sequence[TargetIndex], *, partial: bool
) -> None:
    """Nothing is changed before the engine itself finds no fault with the order but one: an index
    that is to be replaced and has another number of shards, which it does not restore over. Only
    then is that deleted, and the order given again.

    Raises Permanent for what is not in the snapshot.
    """
    held = await _held(ask, repository, name)
    check_held(name, held.get("indices"), targets)
    streams = _streams(held, frozenset(one.source for one in targets if one.source == one.name))
    path = f"{snapshot_path(repository, name)}/_restore?wait_for_completion=false"
    for rename, some in renamings(targets):
        body = {
            "indices": [*(one.source for one in some), *(() if rename else streams)],
            "include_global_state": False,
            # An alias of the original would mean its copy as well.
            "include_aliases": not rename,
            "partial": partial,
            **rename,
        }
        try:
            await ask(_RESTORING, "POST", path, body)
        except Declined as error:
            unlike = _SHARDS.search(str(error)) and await _unlike(ask, repository, name, some)
            if not unlike:
                raise
            await for_each(ask, unlike, "DELETE", "")
            await ask(_RESTORING, "POST", path, body)


async def _held(ask: Ask, repository: str, name: str) -> Mapping[str, Any]:
    """What the engine says of the snapshot; nothing where it is not there."""
    path = f"{snapshot_path(repository, name)}?ignore_unavailable=true"
    found: Sequence[Mapping[str, Any]] = (await ask(_RESTORING, "GET", path))["snapshots"]
    return found[0] if found else {}


async def _unlike(
    ask: Ask, repository: str, name: str, targets: Sequence[TargetIndex]
) -> Mapping[str, str]:
    """The closed indices that are to be replaced and have another number of shards, by name."""
    over = {one.name: one for one in targets if one.before is not None}
    if not over:
        return {}
    path = f"{snapshot_path(repository, name)}/_status"
    status = (await ask(_RESTORING, "GET", path))["snapshots"][0]["indices"]
    return {
        known: index.identity
        for known, index in (await look_at(ask, over)).items()
        if index.identity == over[known].before
        and not index.is_open
        and _shards(status, over[known].source) not in (None, index.shards)
    }


def _shards(status: Mapping[str, Any], source: str) -> int | None:
    index = status.get(source)
    return None if index is None else int(index["shards_stats"]["total"])


def _streams(held: Mapping[str, Any], kept: frozenset[str]) -> tuple[str, ...]:
    """The data streams of which every index is restored under its own name.

    Told the stream's name, the engine makes it again; otherwise they are indices and no stream.
    """
    return tuple(
        stream
        for stream in held.get("data_streams", ())
        if kept.issuperset(behind := _behind(stream, held["indices"])) and behind
    )


def _behind(stream: str, indices: Sequence[str]) -> frozenset[str]:
    name = re.compile(rf"\.ds-{re.escape(stream)}-[0-9]{{6,}}")
    return frozenset(index for index in indices if name.fullmatch(index))


def renamings(targets: Sequence[TargetIndex]) -> Iterator[tuple[dict[str, str], list[TargetIndex]]]:
    """Those that one pattern renames, with what the engine is told of it."""
    groups: dict[tuple[str, str], list[TargetIndex]] = defaultdict(list)
    for one in targets:
        groups[_rename(one.source, one.name)].append(one)
    for (pattern, replacement), some in groups.items():
        yield (
            {"rename_pattern": pattern, "rename_replacement": replacement} if pattern else {},
            some,
        )


def _rename(source: str, name: str) -> tuple[str, str]:
    """A Java pattern for the whole of `source`, and what makes `name` of it; empty if the same.

    The longest beginning or end that both have in common stands for anything, so that many
    indices that are renamed alike share a pattern.
    """
    if source == name:
        return "", ""
    head = _in_common(source, name)
    tail = _in_common(source[::-1], name[::-1])
    if head >= tail:
        return f"^(.*)\\Q{source[head:]}\\E$", f"$1{_literal(name[head:])}"
    old, new = source[: len(source) - tail], name[: len(name) - tail]
    return f"^\\Q{old}\\E(.*)$", f"{_literal(new)}$1"


def _in_common(one: str, other: str) -> int:
    """With how many characters both begin."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("$", "\\$")
