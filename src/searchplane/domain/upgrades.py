"""Which engine may follow which, and what must hold before a live cluster is given another one
(api/semantics.md, section 4.10).

The engines' own rules of rolling upgrades: within OpenSearch upward, one major version at a time
and out of 1.x only from its last minor; from Elasticsearch 7.10.2 to OpenSearch 1.x. What a node
has opened once an older engine cannot open again, so there is no way back. The engine that runs
is compared, never the datastore: that may be Elasticsearch in name only.

It does not ask for two nodes of a type in each zone: nodes keep their data here, none has to take
over what another holds.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from searchplane.domain import status
from searchplane.domain.change import Change, begun, check_idle, to_restart, with_nodes
from searchplane.domain.cluster import Action, ActionKind, Cluster, Role
from searchplane.domain.departure import LEAST_WITHOUT_MASTERS
from searchplane.domain.engines import ENGINES, SECURED_ENGINE, Datastore, Engine, Family
from searchplane.domain.load import too_much
from searchplane.domain.safety import HOLDS_DATA
from searchplane.domain.tasks import Mode, new_task
from searchplane.domain.violation import Violation, refuse
from searchplane.errors import Refused

LEAST_OF_A_TYPE = 2
MOST_AT_ONCE = 20
"""Clusters of a project that may be upgraded at the same time."""
FULL_PERCENT = 80
GIGABYTE = 1 << 30
LAST_OF_MAJOR = {1: 3}
"""The minor version from which the next major one may follow."""

_NAMESPACE = uuid.UUID("4d8f27d0-90c0-4d47-9a45-0f6b4f7d1d35")


class UpgradeKind(StrEnum):
    """The public names of upgrades: to an image of the same version, of a later one, of the other
    engine."""

    SAME = "same"
    CROSS = "cross"
    CROSS_ENGINE = "cross-engine"


@dataclass(frozen=True)
class Image:
    """An engine as an upgrade offers it; the bigger `priority` is preferred."""

    id: str
    engine: Engine
    priority: int

    @property
    def name(self) -> str:
        return f"{self.engine.family.value}-{self.engine.version}"

    @property
    def datastore(self) -> Datastore:
        """What a cluster that runs it is shown as."""
        return Datastore(self.engine.family.value, self.engine.version)


IMAGES = tuple(
    Image(
        str(uuid.uuid5(_NAMESPACE, f"image/{engine.family.value}/{engine.version}")), engine, place
    )
    for place, engine in enumerate(ENGINES, 1)
)
"""Every engine there is, oldest first. Ids are the same in every installation."""


@dataclass(frozen=True)
class Wish:
    """What the user asks for. `agency` is echoed; `batch_size` nodes are restarted at the same time
    where that is as safe as one (safety.py)."""

    image_id: str
    kind: UpgradeKind
    checks_backup: bool
    agency: str
    batch_size: int = 1
    checks_load: bool = False


def image(image_id: str) -> Image | None:
    return next((one for one in IMAGES if one.id == image_id), None)


def may_follow(running: Engine, target: Engine) -> bool:
    """Whether nodes of `target` can take over, one by one, from those of `running`."""
    if target.family is not Family.OPENSEARCH:
        return False
    if running.family is Family.ELASTICSEARCH:
        return _major_minor(target)[0] == 1
    (major, minor), (next_major, _) = _major_minor(running), _major_minor(target)
    if major == next_major:
        return _numbers(target) > _numbers(running)
    return next_major == major + 1 and minor == LAST_OF_MAJOR.get(major)


def may_read(reader: Engine, writer: Engine) -> bool:
    """Whether `reader` can restore what `writer` has put into a snapshot.

    A snapshot may come from elsewhere, so engines that cannot be started here are compared too:
    the same or a later version of the next major one at most. OpenSearch 1.x counts as a later
    Elasticsearch 7.10, which it began as.
    """
    if reader.family is writer.family:
        next_major = _major_minor(writer)[0] + 1
        return _numbers(reader) >= _numbers(writer) and _major_minor(reader)[0] <= next_major
    return reader.family is Family.OPENSEARCH and (7, 0) <= _major_minor(writer) <= (7, 10)


def running(cluster: Cluster) -> Engine:
    """The oldest engine that a node runs: after an upgrade that was given up there are two."""
    return min(
        (node.engine or cluster.spec.engine for node in cluster.nodes),
        key=ENGINES.index,
        default=cluster.spec.engine,
    )


def targets(cluster: Cluster, kind: UpgradeKind) -> tuple[Image, ...]:
    """The images an upgrade of this kind may go to, the preferred first."""
    return tuple(
        one for one in reversed(IMAGES) if _kind(cluster, one) is kind and _is_open(cluster, one)
    )


def upgrade(
    cluster: Cluster, wish: Wish, task_id: str, now: datetime, *, is_backed_up: bool = False
) -> Change:
    """`POST image/upgrade`: nodes one after the other start again on another engine.

    `is_backed_up`: there is a snapshot of all indices. Raises Refused with every broken rule.
    """
    check_state(cluster)
    target = image(wish.image_id)
    if target is None or target not in targets(cluster, wish.kind):
        raise Refused("CSS.0001", _no_target(cluster, wish))
    load = too_much(cluster, now, "CSS.0078") if wish.checks_load else ()
    refuse(
        [*_violations(cluster, checks_backup=wish.checks_backup, is_backed_up=is_backed_up), *load]
    )
    action = Action(
        ActionKind.UPGRADING,
        now,
        id=task_id,
        becomes=target.datastore,
        batch_size=wish.batch_size,
    )
    before = with_nodes(cluster, lambda node: replace(node, engine=node.engine or running(cluster)))
    after = replace(before, spec=replace(cluster.spec, engine=target.engine))
    after = with_nodes(
        after, lambda node: to_restart(node) if node.engine != target.engine else node
    )
    task = new_task(
        after,
        Mode.UPGRADING,
        task_id,
        now,
        agency=wish.agency,
        image_id=target.id,
        batch_size=wish.batch_size,
    )
    said = f"upgrade from {running(cluster)} to {target.engine}, one node after the other"
    return Change(cluster, begun(after, action), said, task=task)


def check_state(cluster: Cluster) -> None:
    """Refuse what is busy as every change does, and with CSS.0078 what is not whole."""
    if cluster.action is not None:
        check_idle(cluster)
    if cluster.failure is not None or status.actions(cluster):
        raise Refused(
            "CSS.0078", f"the cluster is not whole: {cluster.sentence}; all its nodes must be there"
        )


def check_others(running: int) -> None:
    """Refuse with CSS.0078 while as many other upgrades run in the project as may."""
    if running >= MOST_AT_ONCE:
        raise Refused(
            "CSS.0078",
            f"{running} clusters of the project are being upgraded: at most {MOST_AT_ONCE} at the "
            "same time is right; wait until one is done",
        )


def enough_data_nodes(cluster: Cluster) -> Iterator[Violation]:
    """CSS.0074: with masters two nodes that hold data, without them three."""
    has_masters = any(node.role is Role.MASTER for node in cluster.nodes)
    least = LEAST_OF_A_TYPE if has_masters else LEAST_WITHOUT_MASTERS
    holders = sum(node.role in HOLDS_DATA for node in cluster.nodes)
    if holders < least:
        yield Violation.said(
            "CSS.0074",
            f"the cluster has {holders} nodes that hold data: at least {least} are needed, so "
            "that it serves while one is away",
        )


def backed_up(*, checks_backup: bool, is_backed_up: bool) -> Iterator[Violation]:
    """CSS.0083 where the user insists on a snapshot of everything and there is none."""
    if checks_backup and not is_backed_up:
        yield Violation.said(
            "CSS.0083",
            "indices_backup_check is true and there is no snapshot of all indices (*) that is "
            "COMPLETED; false goes on without one",
        )


def _violations(
    cluster: Cluster, *, checks_backup: bool, is_backed_up: bool
) -> Iterator[Violation]:
    yield from enough_data_nodes(cluster)
    for role, count in Counter(node.role for node in cluster.nodes).items():
        if role is Role.CLIENT and count < LEAST_OF_A_TYPE:
            yield Violation.said(
                "CSS.0074", f"{role.value}: {count} node; at least 2 are needed, as it is restarted"
            )
    yield from _too_many_copies(cluster)
    yield from _full(cluster)
    yield from backed_up(checks_backup=checks_backup, is_backed_up=is_backed_up)


def _too_many_copies(cluster: Cluster) -> Iterator[Violation]:
    """With all copies of a shard on other nodes than the one that is away there is room left."""
    holders = sum(node.role in HOLDS_DATA for node in cluster.nodes)
    if cluster.indices is not None and holders <= cluster.indices.most_replicas + 1:
        most = cluster.indices.most_replicas
        yield Violation.said(
            "CSS.0078",
            f"an index has {most} replicas, more than {most + 1} nodes must hold data for it and "
            f"{holders} do; lower its number_of_replicas",
        )


def _full(cluster: Cluster) -> Iterator[Violation]:
    """Disks as the loop saw them last; one it has not looked at says nothing."""
    for node in cluster.nodes:
        capacity = node.volume.size_gb * GIGABYTE
        if node.used_bytes is not None and node.used_bytes * 100 >= capacity * FULL_PERCENT:
            yield Violation.said(
                "CSS.0078",
                f"the disk of {node.name} is {node.used_bytes * 100 // capacity} % full: less "
                f"than {FULL_PERCENT} % is right",
            )


def _is_open(cluster: Cluster, one: Image) -> bool:
    """One that was begun and given up is finished first."""
    now, wanted = running(cluster), cluster.spec.engine
    if cluster.spec.security.authority and one.engine != SECURED_ENGINE:
        return False
    return may_follow(now, one.engine) and wanted in (now, one.engine)


def _kind(cluster: Cluster, one: Image) -> UpgradeKind:
    now = running(cluster)
    if one.engine == now:
        return UpgradeKind.SAME
    return UpgradeKind.CROSS if one.engine.family is now.family else UpgradeKind.CROSS_ENGINE


def _no_target(cluster: Cluster, wish: Wish) -> str:
    offered = ", ".join(f"{one.id} ({one.engine})" for one in targets(cluster, wish.kind))
    return (
        f"target_image_id is {wish.image_id[:64]!r}: {running(cluster)} runs, and of the images "
        f"for upgrade_type {wish.kind.value} {offered or 'there is none'} is right"
    )


def _numbers(engine: Engine) -> tuple[int, ...]:
    return tuple(map(int, engine.version.split(".")))


def _major_minor(engine: Engine) -> tuple[int, int]:
    major, minor, *_ = _numbers(engine)
    return major, minor
