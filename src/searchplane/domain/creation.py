"""Which clusters may be created: every rule of the public API, with its error code.

A `Draft` is what was asked for, of the right types but not yet checked. `accept` gives the
ClusterSpec or refuses; a refusal names every broken rule with its field and carries the code of
the first. Source of the rules: api/semantics.md, sections 1.1 to 1.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from searchplane.domain import backup
from searchplane.domain.cluster import (
    BackupStrategy,
    ClusterSpec,
    Network,
    NodeGroup,
    Role,
    Security,
    Tag,
    Volume,
)
from searchplane.domain.engines import Datastore, engine_for
from searchplane.domain.flavors import DISK_TYPES, FLAVORS
from searchplane.domain.passwords import password_violations
from searchplane.domain.violation import UNPRINTABLE, Violation, refuse
from searchplane.errors import Refused

MAX_NODES = 32
MAX_TAGS = 20
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{3,31}\Z")
_TAG_KEY = re.compile(r"[\w .:=+\-@]{1,128}\Z")
_TAG_VALUE = re.compile(r"[\w .:=+\-@/]{0,255}\Z")


@dataclass(frozen=True)
class Draft:
    """A create request, v1.0: one group of data nodes."""

    name: str
    datastore: Datastore
    count: int
    flavor: str
    volume: Volume
    network: Network
    availability_zone: str | None
    security: Security
    password: str | None
    backup: BackupStrategy | None
    tags: tuple[Tag, ...]
    description: str
    enterprise_project_id: str
    cmk_id: str | None
    disk_encrypted: str = "0"


def accept(draft: Draft, known_zones: tuple[str, ...]) -> ClusterSpec:
    """The spec of an acceptable draft; raises Refused with every broken rule."""
    refuse([*_violations(draft, known_zones)])
    return ClusterSpec(
        name=draft.name,
        datastore=draft.datastore,
        engine=engine_for(draft.datastore, secured=draft.security.authority),
        groups=(NodeGroup(Role.DATA, draft.count, draft.flavor, draft.volume),),
        network=draft.network,
        zones=_zones(draft.availability_zone, known_zones),
        security=draft.security,
        description=draft.description,
        backup=draft.backup,
        tags=draft.tags,
        enterprise_project_id=draft.enterprise_project_id,
        cmk_id=draft.cmk_id if draft.disk_encrypted == "1" else None,
    )


def _violations(draft: Draft, known_zones: tuple[str, ...]) -> Iterator[Violation]:
    yield from _name(draft)
    yield from _datastore(draft)
    yield from _nodes(draft)
    yield from _volume(draft)
    yield from _network(draft.network)
    yield from _availability(draft, known_zones)
    yield from _security(draft)
    if draft.backup is not None:
        yield from backup.violations(draft.backup)
    yield from _tags(draft.tags)
    yield from _encryption(draft)
    yield from _texts(draft)


def _name(draft: Draft) -> Iterator[Violation]:
    if not _NAME.match(draft.name):
        yield Violation(
            "CSS.5049",
            "cluster.name",
            draft.name,
            "4 to 32 letters, digits, - and _ are right, the first a letter",
        )


def _datastore(draft: Draft) -> Iterator[Violation]:
    try:
        engine_for(draft.datastore, secured=draft.security.authority)
    except Refused as error:
        yield Violation.said(error.code, f"cluster.{error.detail}")


def _nodes(draft: Draft) -> Iterator[Violation]:
    if not 1 <= draft.count <= MAX_NODES:
        yield Violation(
            "CSS.5047", "cluster.instanceNum", draft.count, f"1 to {MAX_NODES} is right"
        )
    if draft.flavor not in FLAVORS:
        yield Violation(
            "CSS.5007",
            "cluster.instance.flavorRef",
            draft.flavor,
            "the name of a flavor is right; GET flavors lists them, such as ess.spec-2u16g",
        )


def _volume(draft: Draft) -> Iterator[Violation]:
    volume, flavor = draft.volume, FLAVORS.get(draft.flavor)
    if volume.type not in DISK_TYPES:
        yield Violation(
            "CSS.5008",
            "cluster.instance.volume.volume_type",
            volume.type,
            f"one of {', '.join(DISK_TYPES)} is right",
        )
    size = "cluster.instance.volume.size"
    if flavor and not flavor.min_disk_gb <= volume.size_gb <= flavor.max_disk_gb:
        yield Violation(
            "CSS.5009",
            size,
            volume.size_gb,
            f"{flavor.min_disk_gb} to {flavor.max_disk_gb} GB is right for {flavor.name}",
        )
    elif volume.size_gb <= 0 or volume.size_gb % 20:
        yield Violation("CSS.5033", size, volume.size_gb, "a multiple of 20 GB is right")


def _network(network: Network) -> Iterator[Violation]:
    if network == Network("", "", ""):
        yield Violation(
            "CSS.5046", "cluster.instance.nics", None, "vpcId, netId and securityGroupId are needed"
        )
        return
    for code, name, value in (
        ("CSS.5021", "vpcId", network.vpc_id),
        ("CSS.5022", "netId", network.subnet_id),
        ("CSS.5023", "securityGroupId", network.security_group_id),
    ):
        if not value.strip() or len(value) > 64 or UNPRINTABLE.search(value):
            yield Violation(
                code, f"cluster.instance.nics.{name}", value, "an id of 1 to 64 characters is right"
            )


def _zones(availability_zone: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    if availability_zone is None:
        return known[:1]
    return tuple(zone.strip() for zone in availability_zone.split(","))


def _availability(draft: Draft, known: tuple[str, ...]) -> Iterator[Violation]:
    zones = _zones(draft.availability_zone, known)
    name = "cluster.instance.availability_zone"
    if set(zones) - set(known) or len(set(zones)) != len(zones):
        yield Violation(
            "CSS.5052",
            name,
            draft.availability_zone,
            f"different ones of {', '.join(known)} are right, separated by commas",
        )
    elif len(zones) > max(draft.count, 1):
        yield Violation(
            "CSS.5172",
            "cluster.instanceNum",
            draft.count,
            f"at least one node for each of the {len(zones)} availability zones is right",
        )


def _security(draft: Draft) -> Iterator[Violation]:
    if draft.security.https and not draft.security.authority:
        yield Violation(
            "CSS.5171", "cluster.httpsEnable", True, "true needs authorityEnable true as well"
        )
    if draft.security.authority:
        yield from password_violations("cluster.adminPwd", draft.password, user="admin")


def _tags(tags: tuple[Tag, ...]) -> Iterator[Violation]:
    if len(tags) > MAX_TAGS:
        yield Violation("CSS.5038", "cluster.tags", len(tags), f"at most {MAX_TAGS} are right")
    if len({tag.key for tag in tags}) != len(tags):
        yield Violation("CSS.5137", "cluster.tags", None, "each key once is right")
    for tag in tags:
        if not _TAG_KEY.match(tag.key) or tag.key != tag.key.strip() or tag.key.startswith("sys"):
            yield Violation(
                "CSS.5137",
                "cluster.tags.key",
                tag.key,
                "1 to 128 letters, digits, spaces and _ . : = + - @ are right, not starting "
                "with sys, without spaces at the ends",
            )
        if not _TAG_VALUE.match(tag.value):
            yield Violation(
                "CSS.5138",
                "cluster.tags.value",
                tag.value,
                "0 to 255 letters, digits, spaces and _ . : = + - @ / are right",
            )


def _encryption(draft: Draft) -> Iterator[Violation]:
    name = "cluster.diskEncryption"
    if draft.disk_encrypted not in ("0", "1"):
        yield Violation(
            "CSS.5038", f"{name}.systemEncrypted", draft.disk_encrypted, '"0" or "1" is right'
        )
    elif draft.disk_encrypted == "1" and not (draft.cmk_id or "").strip():
        yield Violation(
            "CSS.5038",
            f"{name}.systemCmkid",
            draft.cmk_id or "",
            'the id of a key is right when systemEncrypted is "1"',
        )


def _texts(draft: Draft) -> Iterator[Violation]:
    if len(draft.description) > 128 or UNPRINTABLE.search(draft.description):
        yield Violation(
            "CSS.5056", "cluster.desc", draft.description, "at most 128 printable characters"
        )
    for name, value in (
        ("cluster.enterprise_project_id", draft.enterprise_project_id),
        ("cluster.diskEncryption.systemCmkid", draft.cmk_id or ""),
    ):
        if len(value) > 36 or UNPRINTABLE.search(value):
            yield Violation("CSS.5056", name, value, "at most 36 printable characters")
