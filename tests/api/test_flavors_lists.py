"""The catalogue over HTTP, as the providers read it."""

from __future__ import annotations

import httpx
import pytest

from searchplane.domain.engines import DATASTORES
from searchplane.domain.flavors import DATASTORE_IDS, FLAVORS

ELASTICSEARCH_VERSION = "01f53413-0a58-4b0c-848a-f625846bae23"


async def test_both_paths_give_the_same_list(css: httpx.AsyncClient) -> None:
    first, second = await css.get("/es-flavors"), await css.get("/flavors")
    assert first.status_code == 200
    assert first.json() == second.json()


async def test_every_version_and_node_type_is_an_entry(css: httpx.AsyncClient) -> None:
    versions = (await css.get("/flavors")).json()["versions"]
    listed = [(one["type"], one["version"]) for one in versions]
    roles = ("ess", "ess-master", "ess-client", "ess-cold")
    assert len(listed) == len(DATASTORES) * len(roles)
    assert set(listed) == {(r, d.version) for r in roles for d in DATASTORES}


async def test_a_flavor_has_the_types_that_terraform_needs(css: httpx.AsyncClient) -> None:
    for version in (await css.get("/flavors")).json()["versions"]:
        assert [one["name"] for one in version["flavors"]] == [*FLAVORS]
        for one in version["flavors"]:
            assert set(one) == {
                *("cpu", "ram", "name", "region", "diskrange", "availableAZ", "flavor_id")
            }
            assert type(one["cpu"]) is int
            assert type(one["ram"]) is int
            low, high = one["diskrange"].split(",")
            assert int(low) < int(high)
            assert one["region"] == "local"
            assert one["availableAZ"] == "local-1,local-2,local-3"


async def test_a_flavor_is_shown_by_its_id(css: httpx.AsyncClient) -> None:
    listed = (await css.get("/flavors")).json()["versions"][0]["flavors"][0]
    shown = (await css.get(f"/flavors/{listed['flavor_id']}")).json()
    assert (shown["str_id"], shown["name"]) == (listed["flavor_id"], "ess.spec-2u16g")
    assert shown["condOperationStatus"] == "normal"
    assert shown["condOperationAz"].startswith("local-1(normal)")
    assert {one["name"]: one["value"] for one in shown["flavor_detail"]} == {
        "cpu": "2",
        "mem": "16",
        "diskrange": "40,1280",
    }


async def test_an_unknown_flavor_is_refused(css: httpx.AsyncClient) -> None:
    answer = await css.get("/flavors/none")
    assert (answer.status_code, answer.json()["errCode"]) == (400, "CSS.5007")
    assert "flavor_id is 'none'" in answer.json()["externalMessage"]


@pytest.mark.parametrize("name", DATASTORE_IDS)
async def test_a_datastores_flavors(css: httpx.AsyncClient, name: str) -> None:
    shown = (await css.get(f"/datastore/{DATASTORE_IDS[name]}/flavors")).json()
    assert (shown["id"], shown["dbname"]) == (DATASTORE_IDS[name], name)
    versions = [one["name"] for one in shown["versions"]]
    assert versions == [known.version for known in DATASTORES if known.type == name]
    one = shown["versions"][0]["flavors"][0]
    assert (one["typename"], one["localdisk"], one["edge"]) == ("ess", "false", False)


async def test_one_version_of_a_datastore(css: httpx.AsyncClient) -> None:
    path = f"/datastore/{DATASTORE_IDS['elasticsearch']}/flavors"
    query = f"datastore_version_id={ELASTICSEARCH_VERSION}"
    shown = (await css.get(f"{path}?{query}")).json()
    assert [one["id"] for one in shown["versions"]] == [ELASTICSEARCH_VERSION]
    assert (await css.get(f"{path}?datastore_version_id=none")).json()["versions"] == []


async def test_an_unknown_datastore_lists_those_there_are(css: httpx.AsyncClient) -> None:
    answer = await css.get("/datastore/none/flavors")
    assert (answer.status_code, answer.json()["errCode"]) == (400, "CSS.5036")
    assert all(known in answer.json()["externalMessage"] for known in DATASTORE_IDS.values())


async def test_disk_types_of_each_zone(css: httpx.AsyncClient) -> None:
    shown = (await css.get("/disktypes")).json()["diskTypes"]
    assert [one["availabilityZone"] for one in shown] == ["local-1", "local-2", "local-3"]
    assert all(one["volumeNames"] == ["SATA", "SAS", "SSD", "ESSD"] for one in shown)
