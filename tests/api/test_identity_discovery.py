"""Discovery, and what the holder of a token can reach."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import update
from tests.support.logins import Login, NewUser

from searchplane.iam.bootstrap import Credentials
from searchplane.settings import Settings
from searchplane.store.database import Database
from searchplane.store.schema import projects

BASE = "https://search.test/behind"


class TestBehindAProxy:
    """The links are the configured public URL's, whatever address the request came in by."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"public_url": BASE})

    @pytest.fixture
    def direct(self, client: httpx.AsyncClient) -> httpx.AsyncClient:
        client.base_url = httpx.URL("http://10.1.2.3:9480")
        return client

    async def test_the_root_lists_versions(self, direct: httpx.AsyncClient) -> None:
        answer = await direct.get("/")
        assert answer.status_code == 300
        [version] = answer.json()["versions"]["values"]
        assert version["id"] == "v3.6"
        assert version["status"] == "stable"
        assert version["links"] == [{"rel": "self", "href": f"{BASE}/v3/"}]

    @pytest.mark.parametrize("path", ["/v3", "/v3/"])
    async def test_the_version_shows_itself(self, direct: httpx.AsyncClient, path: str) -> None:
        answer = await direct.get(path)
        assert answer.status_code == 200
        version = answer.json()["version"]
        assert version["links"] == [{"rel": "self", "href": f"{BASE}/v3/"}]
        assert version["media-types"][0]["base"] == "application/json"

    async def test_the_catalogue_leads_there(
        self, direct: httpx.AsyncClient, headers: dict[str, str], credentials: Credentials
    ) -> None:
        entries = (await direct.get("/v3/auth/catalog", headers=headers)).json()["catalog"]
        urls = {entry["type"]: entry["endpoints"][0]["url"] for entry in entries}
        assert urls == {
            "css": f"{BASE}/v1.0/{credentials.project_id}",
            "identity": f"{BASE}/v3",
            "iam": f"{BASE}/v3",
        }


async def test_ids_in_the_catalogue_do_not_change(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    first, second = [
        (await client.get("/v3/auth/catalog", headers=headers)).json() for _ in range(2)
    ]
    assert first == second


async def test_identity_is_in_the_region_and_in_any(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    entries = (await client.get("/v3/auth/catalog", headers=headers)).json()["catalog"]
    [identity] = [entry for entry in entries if entry["type"] == "identity"]
    assert [endpoint["region"] for endpoint in identity["endpoints"]] == ["local", "*"]


@pytest.mark.parametrize("scope", ["project", "domain", None])
async def test_projects_can_be_listed_with_any_scope(
    client: httpx.AsyncClient, login: Login, credentials: Credentials, scope: str | None
) -> None:
    headers = {"X-Auth-Token": await login(scope)}
    answer = await client.get("/v3/auth/projects", headers=headers)
    [project] = answer.json()["projects"]
    assert project["id"] == credentials.project_id
    assert project["domain_id"] == project["parent_id"] == credentials.domain_id
    assert project["enabled"] is True
    assert project["is_domain"] is False


@pytest.mark.parametrize(("name", "count"), [("local", 1), ("other", 0), ("LOCAL", 0)])
async def test_a_project_is_found_by_its_name(
    client: httpx.AsyncClient, headers: dict[str, str], name: str, count: int
) -> None:
    answer = await client.get("/v3/projects", params={"name": name}, headers=headers)
    assert len(answer.json()["projects"]) == count


async def test_only_projects_with_a_role_are_seen(
    client: httpx.AsyncClient, login: Login, new_user: NewUser
) -> None:
    new_user("ann", domain=("readonly",))
    headers = {"X-Auth-Token": await login("domain", name="ann")}
    for path in ("/v3/auth/projects", "/v3/projects", "/v3/projects?name=local"):
        assert (await client.get(path, headers=headers)).json()["projects"] == []


async def test_a_guest_finds_the_project_in_its_domain_only(
    client: httpx.AsyncClient, login: Login, new_user: NewUser, credentials: Credentials
) -> None:
    new_user("eve", project=("readonly",), in_new_domain="other")
    headers = {"X-Auth-Token": await login(None, name="eve", domain={"name": "other"})}
    assert (await client.get("/v3/projects?name=local", headers=headers)).json()["projects"] == []
    query = {"name": "local", "domain_id": credentials.domain_id}
    found = (await client.get("/v3/projects", params=query, headers=headers)).json()["projects"]
    assert [project["id"] for project in found] == [credentials.project_id]


async def test_a_disabled_project_is_no_scope_to_choose(
    client: httpx.AsyncClient, login: Login, database: Database
) -> None:
    headers = {"X-Auth-Token": await login(None)}
    with database.write() as connection:
        connection.execute(update(projects).values(enabled=False))
    assert (await client.get("/v3/auth/projects", headers=headers)).json()["projects"] == []
    [shown] = (await client.get("/v3/projects", headers=headers)).json()["projects"]
    assert shown["enabled"] is False


@pytest.mark.parametrize(("query", "count"), [("", 1), ("?name=acme", 1), ("?name=other", 0)])
async def test_the_users_own_domain_is_listed(
    client: httpx.AsyncClient, login: Login, new_user: NewUser, query: str, count: int
) -> None:
    new_user("ann", project=("readonly",))
    headers = {"X-Auth-Token": await login(name="ann")}
    found = (await client.get("/v3/auth/domains" + query, headers=headers)).json()["domains"]
    assert len(found) == count


@pytest.mark.parametrize(
    "path", ["/v3/auth/catalog", "/v3/auth/projects", "/v3/auth/domains", "/v3/projects"]
)
async def test_they_need_a_token(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 401
    assert answer.json()["error"]["title"] == "Unauthorized"
