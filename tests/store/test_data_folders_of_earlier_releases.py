"""A data folder of every earlier release can be opened: its login, clusters and secrets are there.

A new folder is made by `python -m tests.support.keep_data_folder` when a release is finished.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest
from tests.support.running import RunningService, running_service

KEPT = sorted((Path(__file__).parent.parent / "fixtures").glob("data-*"))


@pytest.mark.sqlite
@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)
def test_it_opens_with_everything_in_it(folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    (data / "keys").chmod(0o700)
    for file in (data / "admin.json", data / "searchplane.db", *(data / "keys").iterdir()):
        file.chmod(0o600)
    with running_service(data, {"SEARCHPLANE_DRIVER": "fake"}) as service:
        assert names(service) == {"kept-plain": "200", "kept-secured": "200"}
        assert domains(service) == ["local"]
        with service.project_client() as client:
            authorities = client.get("/cer/download")
        assert authorities.text.startswith("-----BEGIN CERTIFICATE-----")
        with service.project_client() as client:
            for one in client.get("/clusters").json()["clusters"]:
                client.delete(f"/clusters/{one['id']}").raise_for_status()
            while client.get("/clusters").json()["totalSize"]:
                pass  # every question is a request: the test's own time limit ends it


def domains(service: RunningService) -> list[str]:
    """After making one, which the service's administrators alone may, and deleting it again."""
    with httpx.Client(base_url=service.url, headers={"X-Auth-Token": service.token()}) as client:
        made = client.post("/v3/domains", json={"domain": {"name": "new", "enabled": False}})
        path = f"/v3/domains/{made.raise_for_status().json()['domain']['id']}"
        client.delete(path).raise_for_status()
        return [one["name"] for one in client.get("/v3/domains").json()["domains"]]


def names(service: RunningService) -> dict[str, str]:
    with service.project_client() as client:
        answer: httpx.Response = client.get("/clusters")
    return {one["name"]: one["status"] for one in answer.json()["clusters"]}


def test_there_is_a_folder_of_each_release() -> None:
    assert KEPT
