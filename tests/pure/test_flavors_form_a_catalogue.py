"""The catalogue: flavors as the public cloud names them, with ids that never change."""

from __future__ import annotations

import uuid

import pytest

from searchplane.domain.cluster import Role
from searchplane.domain.engines import DATASTORES, Datastore
from searchplane.domain.flavors import FLAVORS, flavor_id, offer, offers, version_id

ELASTICSEARCH = Datastore("elasticsearch", "7.10.2")


@pytest.mark.parametrize(
    ("name", "vcpu", "ram", "disk"),
    [
        ("ess.spec-2u16g", 2, 16, "40,1280"),
        ("ess.spec-4u8g", 4, 8, "40,1500"),
        ("ess.spec-32u128g", 32, 128, "100,10240"),
        ("css.medium.8", 1, 8, "40,640"),
        ("css.8xlarge.2", 32, 64, "320,10240"),
    ],
)
def test_known_flavors(name: str, vcpu: int, ram: int, disk: str) -> None:
    flavor = FLAVORS[name]
    assert (flavor.vcpu, flavor.ram_gb, flavor.disk_range) == (vcpu, ram, disk)


def test_otc_names_tell_memory_per_core() -> None:
    for flavor in FLAVORS.values():
        if flavor.name.startswith("css."):
            assert flavor.ram_gb == flavor.vcpu * int(flavor.name.rpartition(".")[2])


def test_huawei_names_tell_cores_and_memory() -> None:
    for flavor in FLAVORS.values():
        if flavor.name.startswith("ess."):
            assert flavor.name == f"ess.spec-{flavor.vcpu}u{flavor.ram_gb}g"


def test_every_disk_range_holds_a_size_that_may_be_ordered() -> None:
    for flavor in FLAVORS.values():
        assert flavor.min_disk_gb % 20 == 0
        assert flavor.min_disk_gb < flavor.max_disk_gb


def test_every_version_and_role_offers_every_flavor_once() -> None:
    assert len(offers()) == len(DATASTORES) * len(Role) * len(FLAVORS)
    assert len({one.id for one in offers()}) == len(offers())


def test_an_offer_is_found_by_its_id() -> None:
    one = offers()[7]
    assert offer(one.id) == one
    assert offer("unknown") is None


def test_ids_are_uuids_and_stay_what_they_are() -> None:
    assert all(str(uuid.UUID(one.id)) == one.id for one in offers())
    known = flavor_id(ELASTICSEARCH, Role.DATA, "ess.spec-2u16g")
    assert known == "201c9939-3a65-5db5-9ed6-d60500632b59"


def test_public_version_ids_are_used_where_known() -> None:
    assert version_id(ELASTICSEARCH) == "01f53413-0a58-4b0c-848a-f625846bae23"
    assert len({version_id(datastore) for datastore in DATASTORES}) == len(DATASTORES)
