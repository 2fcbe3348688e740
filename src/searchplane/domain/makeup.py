"""Which groups of nodes a new cluster may have (api/semantics.md, section 1.1).

A `DraftGroup` is one as it was asked for, of the right types but not yet checked. The older form
of the request has one group of data nodes, the newer one a list with a group for each type.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from searchplane.domain.cluster import NodeGroup, Role, Volume
from searchplane.domain.flavors import DISK_TYPES, FLAVORS, Flavor
from searchplane.domain.growth import FIXED_DISK, FIXED_DISK_GB, MASTERS, most_nodes
from searchplane.domain.violation import Violation

ROLES = "cluster.roles"
USUAL_DISK_GB = 100


@dataclass(frozen=True)
class DraftGroup:
    """`at` is where the request has it, `counted` where its number of nodes.

    `disk_type` is None where no disk was asked for, `disk_gb` where the usual size is wanted.
    """

    type: str
    count: int
    flavor: str
    disk_type: str | None
    disk_gb: int | None
    at: str = "cluster.instance"
    counted: str = "cluster.instanceNum"


def to_groups(drafts: Sequence[DraftGroup]) -> tuple[NodeGroup, ...]:
    """The groups of drafts that break no rule."""
    return tuple(
        NodeGroup(Role(one.type), one.count, one.flavor, Volume(one.disk_type or "", _size_gb(one)))
        for one in drafts
    )


def violations(drafts: Sequence[DraftGroup]) -> Iterator[Violation]:
    """Every rule that the groups break."""
    kinds = Counter(one.type for one in drafts)
    if not kinds[Role.DATA]:
        yield Violation("CSS.5167", ROLES, None, f"a group of type {Role.DATA} is needed")
    for kind, times in kinds.items():
        if times > 1:
            yield Violation("CSS.5039", f"{ROLES}.type", kind, "each type once is right")
    for one in drafts:
        yield from _group(one, has_masters=kinds[Role.MASTER] > 0)


def too_few_for(zones: int, drafts: Sequence[DraftGroup]) -> Iterator[Violation]:
    """Each availability zone needs a node of each type."""
    for one in drafts:
        if zones > max(one.count, 1):
            yield Violation(
                "CSS.5172",
                one.counted,
                one.count,
                f"at least one node for each of the {zones} availability zones is right",
            )


def _group(one: DraftGroup, *, has_masters: bool) -> Iterator[Violation]:
    if one.type not in list(Role):
        types = ", ".join(Role)
        yield Violation("CSS.0076", f"{one.at}.type", one.type, f"one of {types} is right")
        return
    role = Role(one.type)
    yield from _count(one, role, has_masters=has_masters)
    if one.flavor not in FLAVORS:
        yield Violation(
            "CSS.5007",
            f"{one.at}.flavorRef",
            one.flavor,
            "the name of a flavor is right; GET flavors lists them, such as ess.spec-2u16g",
        )
    yield from _volume(one, role, FLAVORS.get(one.flavor))


def _count(one: DraftGroup, role: Role, *, has_masters: bool) -> Iterator[Violation]:
    most = most_nodes(role, (Role.MASTER,) if has_masters else ())
    if role is Role.MASTER and one.count not in MASTERS:
        yield Violation("CSS.5134", one.counted, one.count, "3, 5, 7 or 9 is right")
    elif not 1 <= one.count <= most:
        yield Violation("CSS.5047", one.counted, one.count, f"1 to {most} is right")


def _volume(one: DraftGroup, role: Role, flavor: Flavor | None) -> Iterator[Violation]:
    field = f"{one.at}.volume"
    if one.disk_type is None:
        yield Violation("CSS.5068", field, None, "volume_type and size are needed")
        return
    if one.disk_type not in DISK_TYPES:
        types = ", ".join(DISK_TYPES)
        yield Violation(
            "CSS.5008", f"{field}.volume_type", one.disk_type, f"one of {types} is right"
        )
    yield from _size(one, role, flavor)


def _size(one: DraftGroup, role: Role, flavor: Flavor | None) -> Iterator[Violation]:
    field, size = f"{one.at}.volume.size", _size_gb(one)
    if role in FIXED_DISK:
        if size != FIXED_DISK_GB:
            right = f"{FIXED_DISK_GB} GB is right for every {role.value} node"
            yield Violation("CSS.5009", field, size, right)
    elif flavor and not flavor.min_disk_gb <= size <= flavor.max_disk_gb:
        yield Violation(
            "CSS.5009",
            field,
            size,
            f"{flavor.min_disk_gb} to {flavor.max_disk_gb} GB is right for {flavor.name}",
        )
    elif size <= 0 or size % 20:
        yield Violation("CSS.5033", field, size, "a multiple of 20 GB is right")


def _size_gb(one: DraftGroup) -> int:
    """What was asked for, or the usual size of the type and flavor."""
    if one.disk_gb is not None:
        return one.disk_gb
    if one.type in list(FIXED_DISK):
        return FIXED_DISK_GB
    flavor = FLAVORS.get(one.flavor)
    return max(USUAL_DISK_GB, flavor.min_disk_gb) if flavor else USUAL_DISK_GB
