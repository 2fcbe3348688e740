"""The authorities' certificates, without which no client can verify a secured cluster."""

from __future__ import annotations

import base64

import httpx
import pytest
from cryptography import x509
from tests.support.live_service import Live, gone, wait_for
from tests.support.running import getting_started

SECURED = {"authorityEnable": True, "httpsEnable": True, "adminPwd": "Fresh-Pear-27"}


async def create(css: httpx.AsyncClient, name: str, *, secured: bool) -> str:
    body = getting_started(name, nodes=1)
    body["cluster"] |= SECURED if secured else {}
    answer = await css.post("/clusters", json=body)
    assert answer.status_code == 200, answer.text
    cluster_id = answer.json()["cluster"]["id"]
    await wait_for(css, cluster_id, status="200")
    return cluster_id


def authorities(pem: bytes) -> list[x509.Certificate]:
    assert b"PRIVATE KEY" not in pem
    return x509.load_pem_x509_certificates(pem)


@pytest.fixture(scope="module")
def project(live: Live) -> tuple[str, str]:
    """A project of this module's own, and a token for it."""
    project_id = live.add_project("local_certificates")
    live.add_user("cora", project_id, "te_admin")
    return project_id, live.token("cora", project_id)


async def test_a_project_without_secured_clusters_has_none(
    live: Live, project: tuple[str, str]
) -> None:
    async with live.client(project[1], project[0]) as css:
        plain = await create(css, "plain", secured=False)
        for path in ("/cer/download", "/../dev/cluster/sslCert"):
            answer = await css.get(path)
            assert (answer.status_code, answer.json()["errCode"]) == (404, "CSS.0016")
        answer = await css.get(f"/clusters/{plain}/sslCert")
        assert (answer.status_code, answer.json()["errCode"]) == (400, "CSS.5090")
        assert "not in security mode" in answer.json()["externalMessage"]


async def test_every_path_gives_the_authority(live: Live, project: tuple[str, str]) -> None:
    async with live.client(project[1], project[0]) as css:
        cluster_id = await create(css, "secured", secured=True)
        download = await css.get("/cer/download")
        assert download.status_code == 200
        assert download.headers["Content-Type"] == "application/octet-stream"
        assert "CloudSearchService.cer" in download.headers["Content-Disposition"]
        (authority,) = authorities(download.content)
        for path in (f"/clusters/{cluster_id}/sslCert", "/../dev/cluster/sslCert"):
            answer = await css.get(path)
            assert set(answer.json()) == {"certBase64"}
            assert authorities(base64.b64decode(answer.json()["certBase64"])) == [authority]


async def test_one_file_has_the_authorities_of_all_clusters_newest_first(
    live: Live, project: tuple[str, str]
) -> None:
    async with live.client(project[1], project[0]) as css:
        newest = await create(css, "secured-2", secured=True)
        found = authorities((await css.get("/cer/download")).content)
        answer = await css.get(f"/clusters/{newest}/sslCert")
        assert len(found) == 2
        assert authorities(base64.b64decode(answer.json()["certBase64"])) == found[:1]
        await css.delete(f"/clusters/{newest}")
        await gone(css, newest)
        assert authorities((await css.get("/cer/download")).content) == found[1:]


async def test_another_project_gets_none_of_them(live: Live, css: httpx.AsyncClient) -> None:
    assert (await css.get("/cer/download")).status_code == 404
