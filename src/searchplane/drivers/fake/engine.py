"""An engine that exists only on paper: members, an elected master, shards that move, votes.

It keeps what matters to those who change clusters: a copy of a shard lies on one node and is gone
with the node's storage; a copy that is missing is made anew on another data node, and one on an
excluded node is moved away, a step at each look; a copy that was away while others were there is
worth nothing, as if something were written all the time; a master needs more than half of the
votes.
`lost` names indices of which a shard has no copy any longer: that must never be.

It is kept in a file beside the fake nodes, so that it survives the service being killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter

from searchplane.domain.ids import NodeId
from searchplane.domain.observed import EngineView, Health, ShardsView, Unknown
from searchplane.drivers.fake.indices import Paper
from searchplane.drivers.fake.memory import FakeNode


@dataclass(frozen=True)
class FakeShard:
    """`copies` are the nodes that hold its data, `coming` those that are being filled.

    `awaits_restore` until a restore has brought what it is to hold; it has no copy then.
    """

    index: str
    replicas: int
    copies: tuple[NodeId, ...]
    coming: tuple[NodeId, ...] = ()
    awaits_restore: bool = False


@dataclass(frozen=True)
class FakeEngine:
    """What is kept of one cluster's engine; `admin_hash` since the password was set anew.

    `paper` is what it knows of documents and snapshots.
    """

    shards: tuple[FakeShard, ...] = ()
    excluded: tuple[str, ...] = ()
    voting_excluded: tuple[str, ...] = ()
    admin_hash: str | None = None
    paper: Paper = field(default_factory=Paper)


_ENGINE = TypeAdapter(FakeEngine)


Nodes = Mapping[NodeId, FakeNode]


@dataclass(frozen=True)
class Members:
    """The running nodes of a cluster that have joined, and all there are."""

    known: Nodes
    joined: Nodes = field(default_factory=dict)

    def names(self) -> frozenset[str]:
        return frozenset(node.name for node in self.joined.values())


def look(engine: FakeEngine, members: Members, cluster_uuid: str) -> EngineView | Unknown:
    """What the elected master says now."""
    voting = voters(engine, members.known)
    present = voting & members.names()
    if not members.joined or 2 * len(present) <= len(voting):
        return Unknown(f"{len(present)} of {len(voting)} votes are there; no master is elected")
    active = [_active(shard, members) for shard in engine.shards]
    missing = sum(
        max(0, 1 + shard.replicas - len(copies))
        for shard, copies in zip(engine.shards, active, strict=True)
    )
    return EngineView(
        cluster_uuid=cluster_uuid,
        master=min(present),
        members=members.names(),
        health=_health(active, missing),
        initializing=sum(len(shard.coming) for shard in engine.shards),
        unassigned=missing,
        shards=_placement(engine, members, voting),
        versions={node.name: node.version for node in members.joined.values()},
    )


def settle(engine: FakeEngine, members: Members) -> FakeEngine:
    """One step of placing: what was coming has come, then what is missing or misplaced comes."""
    return replace(engine, shards=tuple(_settle(shard, engine, members) for shard in engine.shards))


def without(engine: FakeEngine, node_id: NodeId) -> FakeEngine:
    """After a node's storage was removed."""
    return replace(
        engine,
        shards=tuple(
            replace(
                shard,
                copies=tuple(one for one in shard.copies if one != node_id),
                coming=tuple(one for one in shard.coming if one != node_id),
            )
            for shard in engine.shards
        ),
    )


def lost(engine: FakeEngine) -> tuple[str, ...]:
    """Indices of which a shard is nowhere any longer, those aside that a restore is to fill."""
    gone = (shard for shard in engine.shards if not shard.copies and not shard.awaits_restore)
    return tuple(sorted({shard.index for shard in gone}))


def read_engine(path: Path) -> FakeEngine:
    """What was kept; a new engine if nothing was."""
    try:
        return _ENGINE.validate_json(path.read_bytes())
    except FileNotFoundError:
        return FakeEngine()


def write_engine(path: Path, engine: FakeEngine) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_bytes(_ENGINE.dump_json(engine))
    temporary.replace(path)


def voters(engine: FakeEngine, known: Nodes) -> frozenset[str]:
    """Names whose votes count, be they there or not."""
    eligible = {node.name for node in known.values() if node.votes and node.cluster_uuid}
    return frozenset(eligible - set(engine.voting_excluded))


def _active(shard: FakeShard, members: Members) -> tuple[NodeId, ...]:
    return tuple(one for one in shard.copies if one in members.joined)


def _health(active: list[tuple[NodeId, ...]], missing: int) -> Health:
    if not all(active):
        return Health.RED
    return Health.YELLOW if missing else Health.GREEN


def _placement(engine: FakeEngine, members: Members, voting: frozenset[str]) -> ShardsView:
    copies: dict[str, int] = {}
    lonely: dict[str, set[str]] = {}
    missing: set[str] = set()
    for shard in engine.shards:
        active = _active(shard, members)
        for node_id in (*active, *shard.coming):
            if node_id in members.joined:
                name = members.joined[node_id].name
                copies[name] = copies.get(name, 0) + 1
        if len(active) == 1:
            lonely.setdefault(members.joined[active[0]].name, set()).add(shard.index)
        if not active:
            missing.add(shard.index)
    return ShardsView(
        copies=copies,
        lonely={name: tuple(sorted(indices)) for name, indices in lonely.items()},
        replicas=max((shard.replicas for shard in engine.shards), default=0),
        bare=tuple(sorted({shard.index for shard in engine.shards if not shard.replicas})),
        excluded=frozenset(engine.excluded),
        voting_excluded=frozenset(engine.voting_excluded),
        voters=voting & members.names(),
        missing=tuple(sorted(missing)),
        votes=len(voting),
        holders=frozenset(
            frozenset(members.joined[one].name for one in _active(shard, members))
            for shard in engine.shards
        ),
    )


def _settle(shard: FakeShard, engine: FakeEngine, members: Members) -> FakeShard:
    active = _active(shard, members)
    if not active:
        return replace(shard, coming=())  # nobody to copy from
    copies = active + tuple(one for one in shard.coming if one in members.joined)
    good = [one for one in copies if not _is_excluded(one, engine, members)]
    wanted = 1 + shard.replicas
    if len(good) >= wanted:
        return replace(shard, copies=tuple(good[:wanted]), coming=())
    free = [
        node_id
        for node_id, node in sorted(members.joined.items())
        if node.holds_data
        and node_id not in copies
        and not _is_excluded(node_id, engine, members)
        and age(node.version) >= age(members.joined[active[0]].version)
    ]
    return replace(shard, copies=copies, coming=tuple(free[: wanted - len(good)]))


def _is_excluded(node_id: NodeId, engine: FakeEngine, members: Members) -> bool:
    return members.joined[node_id].address in engine.excluded


def age(version: str) -> tuple[int, ...]:
    """Grows with the engine's version: no copy goes from a newer engine to an older one.

    Elasticsearch 7 is older than all of OpenSearch.
    """
    numbers = tuple(map(int, version.split("."))) if version else ()
    return (0, *numbers) if numbers[:1] == (7,) else numbers
