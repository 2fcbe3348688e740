"""Permanent access keys over HTTP: two a user, the secret once, one's own or as administrator."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import text
from tests.support.logins import PASSWORD, Login, NewUser
from tests.support.signing import signed_headers

from searchplane.iam.bootstrap import Credentials
from searchplane.store.database import Database

PATH = "/v3.0/OS-CREDENTIAL/credentials"
HOST = "http://127.0.0.1:9480"


class Keys:
    """Requests about keys, in somebody's name."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self._http = http
        self._headers = {"X-Auth-Token": token}

    async def ask(self, method: str, path: str = "", credential: Any = None) -> httpx.Response:
        body = {"credential": credential} if credential is not None else None
        return await self._http.request(method, PATH + path, json=body, headers=self._headers)

    async def create(self, **fields: Any) -> dict[str, str]:
        answer = await self.ask("POST", credential=fields)
        assert answer.status_code == 201, answer.text
        made: dict[str, str] = answer.json()["credential"]
        return made


@pytest.fixture
async def ann(client: httpx.AsyncClient, login: Login, new_user: NewUser) -> Keys:
    """A user without a role beyond reading one project."""
    new_user("ann", project=("readonly",))
    return Keys(client, await login(name="ann", password=PASSWORD))


@pytest.fixture
async def admin(client: httpx.AsyncClient, login: Login) -> Keys:
    return Keys(client, await login("domain"))


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_code"]


async def test_the_secret_is_shown_once_and_the_key_signs(
    client: httpx.AsyncClient, database: Database, ann: Keys
) -> None:
    made = await ann.create(description="laptop")
    assert set(made) == {"access", "secret", "user_id", "status", "create_time", "description"}
    assert (len(made["access"]), len(made["secret"])) == (20, 40)
    assert made["access"] == made["access"].upper()
    assert (made["status"], made["description"]) == ("active", "laptop")
    url = f"{HOST}/v3/projects"
    headers = signed_headers("GET", url, made["access"], made["secret"])
    assert (await client.get(url, headers=headers)).status_code == 200

    for answer in (await ann.ask("GET"), await ann.ask("GET", f"/{made['access']}")):
        assert answer.status_code == 200
        assert made["secret"] not in answer.text
    shown = (await ann.ask("GET", f"/{made['access']}")).json()["credential"]
    assert shown["last_use_time"].endswith("Z")
    listed = (await ann.ask("GET")).json()["credentials"]
    assert listed == [shown]
    with database.read() as transaction:
        stored = str(transaction.execute(text("SELECT * FROM access_keys")).all())
    assert made["secret"] not in stored


async def test_a_user_has_two_keys_at_most(ann: Keys) -> None:
    first, _second = await ann.create(), await ann.create()
    third = await ann.ask("POST", credential={})
    assert third.status_code == 400
    assert third.json()["error"] == {
        "message": "akSkNumExceed",
        "code": 400,
        "title": "Bad Request",
    }
    assert (await ann.ask("DELETE", f"/{first['access']}")).status_code == 204
    await ann.create()


async def test_a_key_is_made_inactive_described_and_deleted(
    client: httpx.AsyncClient, ann: Keys
) -> None:
    made = await ann.create(description="old")
    one = f"/{made['access']}"
    url = f"{HOST}/v3/projects"

    async def signs() -> int:
        headers = signed_headers("GET", url, made["access"], made["secret"])
        return (await client.get(url, headers=headers)).status_code

    changed = (await ann.ask("PUT", one, {"status": "inactive"})).json()["credential"]
    assert (changed["status"], changed["description"]) == ("inactive", "old")
    assert await signs() == 401
    changed = (await ann.ask("PUT", one, {"status": "active", "description": "new"})).json()
    assert changed["credential"]["description"] == "new"
    assert await signs() == 200
    wrong = await ann.ask("PUT", one, {"status": "Sleeping"})
    assert wrong.status_code == 400
    assert "Sleeping" in wrong.text
    assert (await ann.ask("DELETE", one)).status_code == 204
    assert await signs() == 401
    assert refusal(await ann.ask("GET", one)) == (404, "IAM.0004")


async def test_an_administrator_of_the_domain_manages_others_keys(
    ann: Keys, admin: Keys, new_user: NewUser
) -> None:
    bob = new_user("bob").id
    made = await admin.create(user_id=bob)
    assert made["user_id"] == bob
    assert [
        one["access"] for one in (await admin.ask("GET", f"?user_id={bob}")).json()["credentials"]
    ] == [made["access"]]
    assert refusal(await ann.ask("POST", credential={"user_id": bob})) == (403, "IAM.0002")
    assert refusal(await ann.ask("GET", f"?user_id={bob}")) == (403, "IAM.0002")
    for method in ("GET", "DELETE"):
        assert refusal(await ann.ask(method, f"/{made['access']}")) == (403, "IAM.0002")
    denied = await ann.ask("PUT", f"/{made['access']}", {"status": "inactive"})
    assert refusal(denied) == (403, "IAM.0002")
    assert (await admin.ask("DELETE", f"/{made['access']}")).status_code == 204


async def test_keys_of_another_domain_are_not_there(
    client: httpx.AsyncClient, login: Login, ann: Keys, new_user: NewUser
) -> None:
    made = await ann.create()
    new_user("chief", in_new_domain="theirs", domain=("secu_admin",))
    token = await login({"domain": {"name": "theirs"}}, name="chief", domain={"name": "theirs"})
    theirs = Keys(client, token)
    for method in ("GET", "DELETE"):
        assert refusal(await theirs.ask(method, f"/{made['access']}")) == (404, "IAM.0004")
    for user in (made["user_id"], "0" * 32):
        foreign = await theirs.ask("POST", credential={"user_id": user})
        assert refusal(foreign) == (404, "IAM.0004")


async def test_keys_of_who_administers_the_service_are_made_by_their_like(
    client: httpx.AsyncClient,
    login: Login,
    admin: Keys,
    new_user: NewUser,
    credentials: Credentials,
) -> None:
    """Else whoever administers the first domain could become the administrator of all."""
    new_user("chief", domain=("secu_admin",))
    chief = Keys(client, await login("domain", name="chief"))
    listed = (await admin.ask("GET")).json()["credentials"]
    assert listed[0]["access"] == credentials.access_key
    above = listed[0]["user_id"]
    assert refusal(await chief.ask("POST", credential={"user_id": above})) == (403, "IAM.0002")
    denied = await chief.ask("PUT", f"/{credentials.access_key}", {"status": "inactive"})
    assert refusal(denied) == (403, "IAM.0002")
