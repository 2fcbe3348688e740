"""Users and HTTPS are turned on and off on real nodes; documents stay, passwords are what they
should be, and nothing of the security mode is left behind when it is off."""

from __future__ import annotations

import base64
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.chaos.real_nodes import Watched, waited_for
from tests.support.running import getting_started, running_service

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(3600)]

CHANGE_SECONDS = 1500.0
"""Three engines one after the other, on a machine that may have other things to do."""
FIRST, SECOND, THIRD = "Fresh-Pear-27", "Fresh-Plum-28", "Fresh-Fig-29"
DOCUMENT = {"title": "carried over"}


def change(cluster: Watched, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask for a change and wait until it is done."""
    answer = cluster.css.post(f"/clusters/{cluster.cluster_id}/{path}", json=body)
    assert answer.status_code == 200, answer.text

    def is_done() -> bool:
        shown = cluster.shown()
        assert shown["status"] != "303", shown
        return shown["status"] == "200" and not shown["actions"]

    waited_for(is_done, path, CHANGE_SECONDS)
    return cluster.shown()


def mode(*, authority: bool, https: bool, password: str | None = None) -> dict[str, Any]:
    body = {"authority_enable": authority, "https_enable": https}
    return body if password is None else body | {"admin_pwd": password}


def asked(
    cluster: Watched, path: str, password: str | None = None, *, https: bool = True
) -> httpx.Response:
    """What the node answers a user."""
    encoded = cluster.css.get(f"/clusters/{cluster.cluster_id}/sslCert").json().get("certBase64")
    trusted = ssl.create_default_context(
        cadata=base64.b64decode(encoded).decode() if encoded else None
    )
    endpoint = cluster.shown()["endpoint"]
    user = ("admin", password) if password else None
    root = f"{'https' if https else 'http'}://{endpoint}"
    return httpx.get(f"{root}{path}", auth=user, verify=trusted, timeout=60, trust_env=False)


@pytest.mark.nightly
def test_elasticsearch_gets_users_and_loses_them(data: Path) -> None:
    with running_service(data, {}) as service, service.project_client() as css:
        made = css.post("/clusters", json=getting_started("Modes", nodes=1))
        assert made.status_code == 200, made.text
        cluster = Watched(service, css, made.json()["cluster"]["id"])
        waited_for(lambda: cluster.shown()["status"] == "200", "created", CHANGE_SECONDS)
        root = f"http://{cluster.shown()['endpoint']}"
        written = httpx.put(f"{root}/books/_doc/1?refresh=true", json=DOCUMENT, timeout=60)
        assert written.status_code == 201, written.text

        change(cluster, "mode/change", mode(authority=True, https=True, password=FIRST))
        assert asked(cluster, "/books/_doc/1", FIRST).json()["_source"] == DOCUMENT
        assert asked(cluster, "/", FIRST).json()["version"]["number"] == "7.10.2"
        assert asked(cluster, "/").status_code == 401

        change(cluster, "password/reset", {"newpassword": SECOND})
        assert asked(cluster, "/", FIRST).status_code == 401
        assert asked(cluster, "/", SECOND).status_code == 200

        change(cluster, "mode/change", mode(authority=True, https=False))
        assert asked(cluster, "/books/_doc/1", SECOND, https=False).json()["_source"] == DOCUMENT
        assert asked(cluster, "/", https=False).status_code == 401

        shown = change(cluster, "mode/change", mode(authority=False, https=False))
        assert shown["datastore"]["subVersion"] == "opensearch-2.19.1"
        assert asked(cluster, "/books/_doc/1", https=False).json()["_source"] == DOCUMENT
        assert asked(cluster, "/.opendistro_security", https=False).status_code == 404

        change(cluster, "mode/change", mode(authority=True, https=True, password=THIRD))
        assert asked(cluster, "/books/_doc/1", THIRD).json()["_source"] == DOCUMENT
        assert asked(cluster, "/", SECOND).status_code == 401
