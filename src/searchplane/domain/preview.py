"""What a change would do, told before it is asked for: the same order the passes would take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from searchplane.domain.change import Change
from searchplane.domain.cluster import Fate, Node, Pace
from searchplane.domain.safety import RESTART_ORDER
from searchplane.domain.snapshots import TargetIndex

MOST_NAMES = 50
"""Indices that are told one by one."""


@dataclass(frozen=True)
class Preview:
    """Names of nodes, in order. `interrupts`: for a time the cluster cannot be searched."""

    steps: tuple[str, ...]
    restarts: tuple[str, ...]
    moves: tuple[str, ...]
    starts: tuple[str, ...]
    removes: tuple[str, ...]
    interrupts: bool


def preview(change: Change) -> Preview:
    if change.begins is None:
        return Preview((change.said,), (), (), (), (), interrupts=False)
    restarts = sorted(change.restarting, key=lambda node: RESTART_ORDER.index(node.role))
    action = change.after.action
    drains = action is None or action.drains
    at_once = action is not None and action.pace is Pace.AT_ONCE
    return Preview(
        steps=tuple(_steps(change, restarts, drains=drains, at_once=at_once)),
        restarts=_names(restarts),
        moves=_names(change.going) if drains else (),
        starts=_names(change.new_nodes),
        removes=tuple(node.name for node in change.going if node.fate is Fate.LEAVE),
        interrupts=at_once and bool(restarts),
    )


def _steps(change: Change, restarts: list[Node], *, drains: bool, at_once: bool) -> Iterator[str]:
    if change.new_nodes:
        yield f"start {', '.join(_names(change.new_nodes))} and wait until they have joined"
    if drains and change.going:
        yield f"move the shards of {', '.join(_names(change.going))} to other nodes"
    for node in change.going:
        yield f"take the vote of {node.name} if it has one, stop it and remove its storage"
        if node.fate is Fate.REPLACE:
            yield f"start {node.name} again, empty, and wait until its shards are back"
    yield from _of_snapshots(change)
    if at_once and restarts:
        yield from _together(change, restarts)
    else:
        for node in restarts:
            yield f"restart {node.name} and wait until its shards are back"
        if len(restarts) > 1:
            yield "among nodes of one type the elected master comes last"


def _of_snapshots(change: Change) -> Iterator[str]:
    if change.takes is not None:
        yield change.said
    if change.restore is not None:
        yield f"restore from the bucket: {_renamed(change.restore.targets)}"


def _renamed(targets: tuple[TargetIndex, ...]) -> str:
    shown = [
        one.source if one.source == one.name else f"{one.source} as {one.name}"
        for one in targets[:MOST_NAMES]
    ]
    rest = len(targets) - MOST_NAMES
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def _together(change: Change, restarts: list[Node]) -> Iterator[str]:
    """For each engine on the way."""
    before, after = change.before.spec.engine, change.after
    hops = after.action.hops if after.action else ()
    for engine in (after.spec.engine, *hops):
        on = f" on {engine}" if engine != before else ""
        yield f"stop {', '.join(_names(restarts))}, then start them again together{on}"


def _names(nodes: list[Node] | tuple[Node, ...]) -> tuple[str, ...]:
    return tuple(node.name for node in nodes)
