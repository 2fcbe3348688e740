"""The catalogue of node flavors and disk types.

Names, sizes and disk ranges are those of Huawei Cloud and Open Telekom Cloud. A flavor's id is
different for every engine version and node type there; here it is derived from these, so that it
is the same on every installation and no table of ids has to be kept.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from searchplane.domain.cluster import Role
from searchplane.domain.engines import DATASTORES, Datastore

_NAMESPACE = uuid.UUID("5c1f4f6e-5d0c-4ac8-a5a7-7f1e6c8f2b30")


@dataclass(frozen=True)
class Flavor:
    """`vcpu` cores, `ram_gb` nominal memory, and the disk sizes (GB) it may be ordered with."""

    name: str
    vcpu: int
    ram_gb: int
    min_disk_gb: int
    max_disk_gb: int

    @property
    def disk_range(self) -> str:
        return f"{self.min_disk_gb},{self.max_disk_gb}"


FLAVORS: dict[str, Flavor] = {
    flavor.name: flavor
    for flavor in (
        Flavor("ess.spec-2u16g", 2, 16, 40, 1280),
        Flavor("ess.spec-4u8g", 4, 8, 40, 1500),
        Flavor("ess.spec-4u16g", 4, 16, 40, 1600),
        Flavor("ess.spec-4u32g", 4, 32, 40, 2560),
        Flavor("ess.spec-8u16g", 8, 16, 80, 1600),
        Flavor("ess.spec-8u32g", 8, 32, 80, 3200),
        Flavor("ess.spec-8u64g", 8, 64, 80, 5120),
        Flavor("ess.spec-16u32g", 16, 32, 100, 3200),
        Flavor("ess.spec-16u64g", 16, 64, 100, 6400),
        Flavor("ess.spec-16u128g", 16, 128, 160, 10240),
        Flavor("ess.spec-32u64g", 32, 64, 100, 10240),
        Flavor("ess.spec-32u128g", 32, 128, 100, 10240),
        Flavor("css.medium.8", 1, 8, 40, 640),
        Flavor("css.large.4", 2, 8, 40, 800),
        Flavor("css.large.8", 2, 16, 40, 1280),
        Flavor("css.xlarge.2", 4, 8, 40, 800),
        Flavor("css.xlarge.4", 4, 16, 40, 1600),
        Flavor("css.xlarge.8", 4, 32, 40, 2560),
        Flavor("css.2xlarge.2", 8, 16, 80, 1600),
        Flavor("css.2xlarge.4", 8, 32, 80, 3200),
        Flavor("css.2xlarge.8", 8, 64, 80, 5120),
        Flavor("css.4xlarge.2", 16, 32, 100, 3200),
        Flavor("css.4xlarge.4", 16, 64, 100, 6400),
        Flavor("css.4xlarge.8", 16, 128, 160, 10240),
        Flavor("css.8xlarge.2", 32, 64, 320, 10240),
        Flavor("css.8xlarge.4", 32, 128, 160, 10240),
    )
}

DISK_TYPES = {"COMMON": "SATA", "HIGH": "SAS", "ULTRAHIGH": "SSD", "ESSD": "ESSD"}
"""API name -> the volume name that `disktypes` lists."""

DATASTORE_IDS = {
    "elasticsearch": "cf7e2c8f-096c-4fcf-b174-1ebe060679fb",
    "opensearch": "07ec9f86-ec2f-49e7-8913-373003aedf32",
}
"""The public ids of the two engines (api/semantics.md, section 7)."""

_KNOWN_VERSION_IDS = {
    Datastore("elasticsearch", "7.10.2"): "01f53413-0a58-4b0c-848a-f625846bae23",
    Datastore("opensearch", "2.19.0"): "11a9df5c-711f-496c-866d-a4521c179671",
}


@dataclass(frozen=True)
class Offer:
    """One flavor for one engine version and node type, as the catalogue lists it."""

    id: str
    datastore: Datastore
    role: Role
    flavor: Flavor


def version_id(datastore: Datastore) -> str:
    """The id of an engine version: the public one where it is known."""
    known = _KNOWN_VERSION_IDS.get(datastore)
    return known or _derived("version", datastore.type, datastore.version)


def flavor_id(datastore: Datastore, role: Role, name: str) -> str:
    """The id of a flavor for one engine version and node type."""
    return _derived("flavor", datastore.type, datastore.version, role.value, name)


def offers() -> tuple[Offer, ...]:
    """Everything that can be ordered."""
    return _OFFERS


def offer(wanted_id: str) -> Offer | None:
    """The offer with this id, if there is one."""
    return _BY_ID.get(wanted_id)


def _derived(*parts: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, "/".join(parts)))


_OFFERS = tuple(
    Offer(flavor_id(datastore, role, flavor.name), datastore, role, flavor)
    for datastore in DATASTORES
    for role in Role
    for flavor in FLAVORS.values()
)
_BY_ID = {one.id: one for one in _OFFERS}
