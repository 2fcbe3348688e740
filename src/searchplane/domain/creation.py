"""Which clusters may be created: every rule of the public API, with its error code.

A `Draft` is what was asked for, of the right types but not yet checked. `accept` gives the
ClusterSpec or refuses; a refusal names every broken rule with its field and carries the code of
the first. Rules of parts are in files of their own: makeup.py (nodes), tagging.py, backup.py,
exposure.py, passwords.py. Source of the rules: api/semantics.md, sections 1.1 to 1.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from searchplane.domain import backup, exposure, makeup, tagging
from searchplane.domain.cluster import (
    BackupStrategy,
    ClusterSpec,
    Network,
    Security,
    SnapshotSettings,
    Tag,
)
from searchplane.domain.engines import DEFAULT_DATASTORE, Datastore, engine_for
from searchplane.domain.exposure import NOWHERE, Exposure
from searchplane.domain.makeup import DraftGroup
from searchplane.domain.passwords import password_violations
from searchplane.domain.texts import (
    description_violations,
    id_violations,
    name_violations,
    text_violations,
)
from searchplane.domain.violation import Violation, refuse
from searchplane.errors import Refused

MAX_ZONES = 3
MAX_FOREIGN_ID = 36
"""Of enterprise projects and keys."""


@dataclass(frozen=True)
class Draft:
    """A create request. `at` is where it has the network and the zones.

    `dotted` allows a dot in the name, as the newer form of the request does.
    """

    name: str
    datastore: Datastore | None
    groups: tuple[DraftGroup, ...]
    network: Network
    availability_zone: str | None
    security: Security
    password: str | None
    snapshots: SnapshotSettings | None
    backup: BackupStrategy | None
    tags: tuple[Tag, ...]
    description: str
    enterprise_project_id: str
    cmk_id: str | None
    disk_encrypted: str = "0"
    exposure: Exposure = NOWHERE
    at: str = "cluster.instance"
    dotted: bool = False


def accept(draft: Draft, known_zones: tuple[str, ...]) -> ClusterSpec:
    """The spec of an acceptable draft; raises Refused with every broken rule."""
    refuse([*_violations(draft, known_zones)])
    datastore = draft.datastore or DEFAULT_DATASTORE
    return ClusterSpec(
        name=draft.name,
        datastore=datastore,
        engine=engine_for(datastore, secured=draft.security.authority),
        groups=makeup.to_groups(draft.groups),
        network=draft.network,
        zones=_zones(draft.availability_zone, known_zones),
        security=draft.security,
        description=draft.description,
        snapshots=draft.snapshots,
        backup=draft.backup,
        tags=draft.tags,
        enterprise_project_id=draft.enterprise_project_id,
        cmk_id=draft.cmk_id if draft.disk_encrypted == "1" else None,
        exposure=draft.exposure,
    )


def _violations(draft: Draft, known_zones: tuple[str, ...]) -> Iterator[Violation]:
    yield from name_violations(draft.name, "cluster.name", dotted=draft.dotted)
    yield from _datastore(draft)
    yield from makeup.violations(draft.groups)
    yield from _network(draft.network, f"{draft.at}.nics")
    yield from _availability(draft, known_zones)
    yield from _security(draft)
    yield from exposure.violations(
        draft.exposure, https=draft.security.https, authority=draft.security.authority
    )
    if draft.backup is not None:
        yield from backup.policy_violations(draft.backup)
    if draft.snapshots is not None:
        yield from backup.place_violations(draft.snapshots)
    yield from tagging.violations(draft.tags)
    yield from _encryption(draft)
    yield from _texts(draft)


def _datastore(draft: Draft) -> Iterator[Violation]:
    if draft.datastore is None:
        yield Violation("CSS.5004", "cluster.datastore", None, "type and version are needed")
        return
    try:
        engine_for(draft.datastore, secured=draft.security.authority)
    except Refused as error:
        yield Violation.said(error.code, f"cluster.{error.detail}")


def _network(network: Network, field: str) -> Iterator[Violation]:
    if network == Network("", "", ""):
        yield Violation("CSS.5046", field, None, "vpcId, netId and securityGroupId are needed")
        return
    yield from id_violations("CSS.5021", network.vpc_id, f"{field}.vpcId")
    yield from id_violations("CSS.5022", network.subnet_id, f"{field}.netId")
    yield from id_violations("CSS.5023", network.security_group_id, f"{field}.securityGroupId")


def _zones(availability_zone: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    if availability_zone is None:
        return known[:1]
    return tuple(zone.strip() for zone in availability_zone.split(","))


def _availability(draft: Draft, known: tuple[str, ...]) -> Iterator[Violation]:
    zones = _zones(draft.availability_zone, known)
    if set(zones) - set(known) or len(set(zones)) != len(zones) or len(zones) > MAX_ZONES:
        yield Violation(
            "CSS.5052",
            f"{draft.at}.availability_zone",
            draft.availability_zone,
            f"at most {MAX_ZONES} different ones of {', '.join(known)} are right, separated by "
            "commas",
        )
    else:
        yield from makeup.too_few_for(len(zones), draft.groups)


def _security(draft: Draft) -> Iterator[Violation]:
    if draft.security.https and not draft.security.authority:
        yield Violation(
            "CSS.5171", "cluster.httpsEnable", True, "true needs authorityEnable true as well"
        )
    if draft.security.authority:
        yield from password_violations("cluster.adminPwd", draft.password, user="admin")


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
    yield from description_violations(draft.description, "cluster.desc")
    project, key = draft.enterprise_project_id, draft.cmk_id or ""
    yield from text_violations(project, "cluster.enterprise_project_id", MAX_FOREIGN_ID)
    yield from text_violations(key, "cluster.diskEncryption.systemCmkid", MAX_FOREIGN_ID)
