"""Clusters, looks and drafts to vary in tables of cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from searchplane.domain.cluster import (
    Action,
    ActionKind,
    Cluster,
    ClusterSpec,
    Network,
    Node,
    NodeGroup,
    Role,
    Security,
    Volume,
)
from searchplane.domain.creation import Draft
from searchplane.domain.engines import DEFAULT_DATASTORE, ELASTICSEARCH_7_10_2
from searchplane.domain.ids import ClusterId, NodeId, ProjectId
from searchplane.domain.makeup import DraftGroup
from searchplane.domain.observed import (
    Distribution,
    EngineView,
    Health,
    NodeState,
    Observation,
    Ready,
    Running,
    Unknown,
)
from searchplane.errors import Refused

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ZONES = ("local-1", "local-2", "local-3")
UNSEEN = Unknown("the disk does not answer")


def group(
    kind: str = "ess",
    count: int = 3,
    *,
    flavor: str = "ess.spec-2u16g",
    volume: Volume | None = None,
    **places: str,
) -> DraftGroup:
    """A group of a create request; its disk is the usual one of data nodes if none is given."""
    disk = volume or Volume("COMMON", 100)
    return DraftGroup(kind, count, flavor, disk.type, disk.size_gb, **places)


def draft(**changes: Any) -> Draft:
    """The Getting Started's request, less its backup strategy.

    `count`, `flavor` and `volume` change its group of data nodes.
    """
    made = {name: changes.pop(name) for name in ("count", "flavor", "volume") if name in changes}
    usual = Draft(
        name="ES-Test",
        datastore=DEFAULT_DATASTORE,
        groups=(group(**made),),
        network=Network("vpc", "net", "group"),
        availability_zone=None,
        security=Security(),
        password=None,
        snapshots=None,
        backup=None,
        tags=(),
        description="",
        enterprise_project_id="0",
        cmk_id=None,
    )
    return replace(usual, **changes)


def refused(act: Callable[[], object]) -> Refused:
    """The refusal of an act that must be refused."""
    with pytest.raises(Refused) as caught:
        act()
    return caught.value


def spec(count: int = 3, **changes: Any) -> ClusterSpec:
    usual = ClusterSpec(
        name="ES-Test",
        datastore=DEFAULT_DATASTORE,
        engine=ELASTICSEARCH_7_10_2,
        groups=(NodeGroup(Role.DATA, count, "ess.spec-2u16g", Volume("COMMON", 100)),),
        network=Network("vpc", "net", "group"),
        zones=("local-1",),
    )
    return replace(usual, **changes)


def node(number: int = 1, **changes: Any) -> Node:
    """A placed node that was never started."""
    usual = Node(
        id=NodeId(f"node-{number}"),
        name=f"es-test-ess-esn-{number}-1",
        role=Role.DATA,
        zone="local-1",
        flavor="ess.spec-2u16g",
        volume=Volume("COMMON", 100),
        heap_mb=512,
        processors=2,
        address=f"127.20.0.{number}",
    )
    return replace(usual, **changes)


def cluster(count: int = 3, nodes: tuple[Node, ...] | None = None, **changes: Any) -> Cluster:
    """A cluster that was asked for a minute ago and is being created."""
    began = NOW - timedelta(seconds=60)
    usual = Cluster(
        id=ClusterId("cluster-1"),
        project_id=ProjectId("project-1"),
        tenant=1,
        spec=spec(count),
        nodes=nodes or tuple(node(number) for number in range(1, count + 1)),
        created=began,
        updated=began,
        action=Action(ActionKind.CREATING, began),
        unhealthy_since=began,
    )
    return replace(usual, **changes)


def live(count: int = 3, **changes: Any) -> Cluster:
    """A cluster that is whole and that nobody asked anything of."""
    members = tuple(node(number, ready=True) for number in range(1, count + 1))
    usual: dict[str, Any] = {"action": None, "bootstrapped": True, "unhealthy_since": None}
    return cluster(count, members, **(usual | changes))


def doomed(count: int = 3, **changes: Any) -> Cluster:
    """A cluster that is being deleted."""
    return live(count, action=Action(ActionKind.DELETING, NOW), **changes)


def view(*members: int, health: Health = Health.GREEN, **shards: int) -> EngineView:
    """What the master says when these nodes, by number, have joined."""
    names = frozenset(node(number).name for number in members)
    return EngineView("uuid", min(names, default=None), names, health, **shards)


def look(
    *states: NodeState,
    engine: EngineView | Unknown | None = None,
    distribution: Distribution | None = None,
    at: datetime = NOW,
) -> Observation:
    """One look; without `engine`, the nodes that run have joined and all is green."""
    running = [place for place, state in enumerate(states, 1) if isinstance(state, Running)]
    seen = view(*running) if running else Unknown("no node runs")
    return Observation(
        at=at,
        nodes={NodeId(f"node-{place}"): state for place, state in enumerate(states, 1)},
        engine=engine or seen,
        distribution=distribution or Ready(),
    )


def numbered(number: int, **changes: object) -> Cluster:
    """A cluster of three nodes whose ids, name and age are of this number."""
    made = cluster()
    nodes = tuple(
        replace(node, id=NodeId(f"node-{number}-{place}")) for place, node in enumerate(made.nodes)
    )
    usual = {
        "id": ClusterId(f"cluster-{number}"),
        "spec": spec(name=f"cluster-{number}"),
        "nodes": nodes,
        "created": NOW + timedelta(seconds=number),
    }
    return replace(made, **(usual | changes))
