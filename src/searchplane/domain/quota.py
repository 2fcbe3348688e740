"""How much a project may have at once, in the nominal figures of its flavors and volumes.

What a node really takes here is another matter, and admission's (admission.py): a quota is what a
tenant was promised and is charged for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from searchplane.domain.cluster import ClusterSpec, Node
from searchplane.domain.flavors import FLAVORS
from searchplane.domain.violation import Violation, refuse


class Resource(StrEnum):
    """What there is a quota of; memory and disk are in GB."""

    CLUSTERS = "clusters"
    NODES = "nodes"
    VCPU = "vcpu"
    MEMORY = "memory_gb"
    DISKS = "disks"
    DISK = "disk_gb"


CODES = {
    Resource.CLUSTERS: "CSS.1112",
    Resource.NODES: "CSS.0053",
    Resource.VCPU: "CSS.0052",
    Resource.MEMORY: "CSS.0054",
    Resource.DISKS: "CSS.0055",
    Resource.DISK: "CSS.0060",
}
"""The public API's code for each that is used up."""

WORDS = {
    Resource.CLUSTERS: "clusters",
    Resource.NODES: "nodes",
    Resource.VCPU: "vCPU",
    Resource.MEMORY: "GB of memory",
    Resource.DISKS: "disks",
    Resource.DISK: "GB of disk",
}


@dataclass(frozen=True)
class Amounts:
    """So much of each resource; the fields are named as `Resource` has them."""

    clusters: int = 0
    nodes: int = 0
    vcpu: int = 0
    memory_gb: int = 0
    disks: int = 0
    disk_gb: int = 0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(*(self.of(one) + other.of(one) for one in Resource))

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(*(self.of(one) - other.of(one) for one in Resource))

    def of(self, resource: Resource) -> int:
        return int(getattr(self, resource.value))


@dataclass(frozen=True)
class Limits:
    """The most of each resource; None is no limit."""

    clusters: int | None = None
    nodes: int | None = None
    vcpu: int | None = None
    memory_gb: int | None = None
    disks: int | None = None
    disk_gb: int | None = None

    def of(self, resource: Resource) -> int | None:
        most: int | None = getattr(self, resource.value)
        return most


def nodes_amount(flavor: str, count: int, disk_gb: int) -> Amounts:
    """`count` nodes of a flavor whose disks have `disk_gb` together; each has one disk."""
    found = FLAVORS[flavor]
    return Amounts(
        nodes=count,
        vcpu=count * found.vcpu,
        memory_gb=count * found.ram_gb,
        disks=count,
        disk_gb=disk_gb,
    )


def asked_by(spec: ClusterSpec) -> Amounts:
    """What a new cluster takes."""
    groups = (
        nodes_amount(group.flavor, group.count, group.count * group.volume.size_gb)
        for group in spec.groups
    )
    return total(Amounts(clusters=1), groups)


def asked_besides(before: Iterable[Node], after: Iterable[Node]) -> Amounts:
    """What a change takes besides what the cluster has; less than 0 of what it gives up.

    A node that is to go is among `after` as long as it is there, and counts as long.
    """
    return total(Amounts(), map(_amount, after)) - total(Amounts(), map(_amount, before))


def _amount(node: Node) -> Amounts:
    return nodes_amount(node.flavor, 1, node.volume.size_gb)


def total(first: Amounts, others: Iterable[Amounts]) -> Amounts:
    return sum(others, start=first)


def check(asked: Amounts, used: Amounts, limits: Limits) -> None:
    """Raises Refused naming every quota that does not suffice, with the code of the first."""
    refuse([found for one in Resource if (found := _broken(one, asked, used, limits)) is not None])


def _broken(one: Resource, asked: Amounts, used: Amounts, limits: Limits) -> Violation | None:
    most, more, now = limits.of(one), asked.of(one), used.of(one)
    if most is None or more <= 0 or now + more <= most:
        return None
    sentence = f"{WORDS[one]}: {more} asked for; {now} of {most} are in use by the project"
    return Violation.said(CODES[one], sentence)
