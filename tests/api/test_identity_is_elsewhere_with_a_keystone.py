"""With an external Keystone the identity API is refused with its address, and no user is made."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from tests.support.keystone_stub import PROJECT, Stub, stub
from tests.support.live_service import PASSWORD
from tests.support.logins import presented

from searchplane.api.identity import discovery
from searchplane.api.identity.elsewhere import described, served
from searchplane.api.routes import OPERATIONS
from searchplane.app import Service, open_service
from searchplane.errors import Permanent
from searchplane.settings import DriverKind, IamMode, Settings

ELSEWHERE = [
    one
    for one in OPERATIONS
    if one not in discovery.OPERATIONS and not (one.action or "").startswith("css:")
]


@pytest.fixture(scope="module")
def server() -> Iterator[Stub]:
    with stub() as one:
        yield one


def settings_of(data: Path, **changes: Any) -> Settings:
    given = {
        "iam_mode": IamMode.KEYSTONE,
        "keystone_user": "service",
        "keystone_password": SecretStr("secret"),
        "keystone_url": "http://127.0.0.1:9/",
    }
    return Settings(data=data, driver=DriverKind.FAKE, **given | changes)


@pytest.fixture(scope="module")
def service(server: Stub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = settings_of(tmp_path_factory.mktemp("data"), keystone_url=server.url)
    with open_service(settings) as opened:
        yield opened


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    app = service.api()
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9480") as http:
        yield http
    app.close()


def test_nothing_but_the_search_service_and_discovery_is_served() -> None:
    settings = settings_of(Path("/none"))
    here = {one.id for one in described(OPERATIONS, settings)}
    assert here.isdisjoint(one.id for one in ELSEWHERE)
    beside = {one.id for one in ELSEWHERE if not one.paths[0].startswith("/v3")}
    assert beside == {"CreateAgency"}, "agencies are Keystone's matter too"
    assert len(served(OPERATIONS, settings)) == len(OPERATIONS)


@pytest.mark.parametrize("headers", [{}, {"X-Auth-Token": "user-token"}])
async def test_each_refusal_names_keystone(
    client: httpx.AsyncClient, server: Stub, headers: dict[str, str]
) -> None:
    for operation in ELSEWHERE:
        path = re.sub(r"\{[a-z_]+\}", "x", operation.paths[0])
        answer = await client.request(operation.method, path, headers=headers)
        assert answer.status_code == 404, operation.id
        if operation.method != "HEAD":
            assert answer.json()["error_code"] == "APIGW.0101"
            assert server.url in answer.text


async def test_discovery_leads_to_keystone(client: httpx.AsyncClient, server: Stub) -> None:
    (link,) = (await client.get("/v3")).json()["version"]["links"]
    assert link["href"] == f"{server.url}/"
    (version,) = (await client.get("/")).json()["versions"]["values"]
    assert version["links"] == [link]


async def test_a_token_of_keystone_reaches_the_search_service(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/v1.0/{PROJECT}/clusters", headers={"X-Auth-Token": "user-token"})
    assert answer.status_code == 200, answer.text


async def test_a_missing_token_is_challenged(client: httpx.AsyncClient, server: Stub) -> None:
    answer = await client.get(f"/v1.0/{PROJECT}/clusters")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == f'Keystone uri="{server.url}"'


async def test_signatures_are_refused(client: httpx.AsyncClient) -> None:
    for name in ("Authorization", "authorization"):
        headers = {"X-Auth-Token": "user-token", name: "SDK-HMAC-SHA256 Access=A"}
        answer = await client.get(f"/v1.0/{PROJECT}/clusters", headers=headers)
        assert answer.status_code == 401
        assert "access keys" in answer.json()["error_msg"]


def test_no_local_user_is_made(service: Service) -> None:
    assert not (service.settings.data / "admin.json").exists()
    assert not (service.settings.data / "clouds.yaml").exists()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"keystone_url": None}, "SEARCHPLANE_KEYSTONE_URL is not set"),
    (
        {"keystone_url": None, "keystone_user": None, "keystone_password": None},
        "SEARCHPLANE_KEYSTONE_URL, SEARCHPLANE_KEYSTONE_USER and "
        "SEARCHPLANE_KEYSTONE_PASSWORD are not set",
    ),
    ({"keystone_password": SecretStr("")}, "SEARCHPLANE_KEYSTONE_PASSWORD is not set"),
    ({"keystone_roles": {"admin": "boss"}}, "gives 'admin' the role 'boss'; one of css_adm"),
    ({"keystone_roles": {"admin": "secu_admin"}}, "gives 'admin' the role 'secu_admin'"),
    ({"keystone_ca": Path("/none")}, "which cannot be used (No such file or directory)"),
]


@pytest.mark.parametrize(("changes", "sentence"), WRONG)
def test_a_wrong_setting_is_one_sentence_at_the_start(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    with (
        pytest.raises(Permanent, match=re.escape(sentence)) as refused,
        open_service(settings_of(tmp_path, **changes)),
    ):
        pass
    assert "\n" not in str(refused.value)


def test_a_folder_of_local_users_is_not_given_to_keystone(tmp_path: Path) -> None:
    local = Settings(data=tmp_path, driver=DriverKind.FAKE, admin_password=SecretStr(PASSWORD))
    with open_service(local):
        pass
    with (
        pytest.raises(Permanent, match="was begun with local"),
        open_service(settings_of(tmp_path)),
    ):
        pass


def test_a_folder_of_keystone_s_projects_is_not_given_to_local_users(
    server: Stub, tmp_path: Path
) -> None:
    with open_service(settings_of(tmp_path, keystone_url=server.url)) as opened:
        opened.services.authenticator.authenticate(presented("user-token"), datetime.now(UTC))
    local = Settings(data=tmp_path, driver=DriverKind.FAKE, admin_password=SecretStr(PASSWORD))
    with pytest.raises(Permanent, match="was begun with keystone"), open_service(local):
        pass
