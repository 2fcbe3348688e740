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

from searchplane.domain.snapshots import TargetIndex
from searchplane.engine.calls import Ask
from searchplane.engine.indices import for_each, look_at
from searchplane.engine.taking import snapshot_path


async def begin(
    ask: Ask, repository: str, name: str, targets: Sequence[TargetIndex], *, partial: bool
) -> None:
    await _make_room(ask, repository, name, targets)
    kept = frozenset(one.source for one in targets if one.source == one.name)
    streams = await _streams(ask, repository, name, kept)
    for rename, some in renamings(targets):
        body = {
            "indices": [*(one.source for one in some), *(() if rename else streams)],
            "include_global_state": False,
            "partial": partial,
            **rename,
        }
        path = f"{snapshot_path(repository, name)}/_restore?wait_for_completion=false"
        await ask("restoring", "POST", path, body)


async def _make_room(ask: Ask, repository: str, name: str, targets: Sequence[TargetIndex]) -> None:
    """Delete what is to be replaced and has another number of shards: engines do not restore over
    such an index."""
    over = {one.name: one for one in targets if one.before is not None}
    if not over:
        return
    path = f"{snapshot_path(repository, name)}/_status"
    status = (await ask("restoring", "GET", path))["snapshots"][0]["indices"]
    unlike = {
        known: index.identity
        for known, index in (await look_at(ask, over)).items()
        if index.identity == over[known].before
        and not index.is_open
        and _shards(status, over[known].source) not in (None, index.shards)
    }
    await for_each(ask, unlike, "DELETE", "")


def _shards(status: Mapping[str, Any], source: str) -> int | None:
    index = status.get(source)
    return None if index is None else int(index["shards_stats"]["total"])


async def _streams(ask: Ask, repository: str, name: str, kept: frozenset[str]) -> tuple[str, ...]:
    """The data streams of which every index is restored under its own name.

    Told the stream's name, the engine makes it again; otherwise they are indices and no stream.
    """
    path = f"{snapshot_path(repository, name)}?ignore_unavailable=true"
    found = (await ask("restoring", "GET", path)).get("snapshots") or [{}]
    return tuple(
        stream
        for stream in found[0].get("data_streams", ())
        if kept.issuperset(behind := _behind(stream, found[0]["indices"])) and behind
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
