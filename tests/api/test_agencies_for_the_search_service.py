"""`agency/create` of the search API: a record that clients find again, which lets nobody in."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.support.logins import Login, NewUser, login_body

from searchplane.iam.bootstrap import Credentials
from searchplane.iam.service_agencies import SERVICE_DOMAIN
from searchplane.store.database import Database
from searchplane.store.identity import Directory, Reference

AGENCIES = "/v3.0/OS-AGENCY/agencies"


@pytest.fixture
def path(credentials: Credentials) -> str:
    return f"/v1.0/{credentials.project_id}/agency/create"


@pytest.fixture
def wanted(credentials: Credentials) -> dict[str, str]:
    return {
        "type": "obs",
        "domain_id": credentials.domain_id,
        "domain_name": credentials.domain,
    }


async def agencies(client: httpx.AsyncClient, login: Login) -> list[dict[str, Any]]:
    answer = await client.get(AGENCIES, headers={"X-Auth-Token": await login("domain")})
    found: list[dict[str, Any]] = answer.json()["agencies"]
    return found


async def test_each_purpose_has_one_that_trusts_a_domain_nobody_is_in(
    *,
    client: httpx.AsyncClient,
    headers: dict[str, str],
    login: Login,
    path: str,
    wanted: dict[str, str],
    database: Database,
) -> None:
    for purpose in ("obs", "vpc", "elb", "smn"):
        answer = await client.post(path, json=wanted | {"type": purpose}, headers=headers)
        assert (answer.status_code, answer.content) == (200, b"")
    made = await agencies(client, login)
    assert [one["name"] for one in made] == [
        f"css_{purpose}_agency" for purpose in ("elb", "obs", "smn", "vpc")
    ]
    assert {(one["trust_domain_name"], one["duration"]) for one in made} == {
        (SERVICE_DOMAIN, "FOREVER")
    }
    with database.read() as connection:
        trusted = Directory(connection).find_domain(Reference(name=SERVICE_DOMAIN))
    assert trusted is not None and not trusted.enabled


async def test_one_that_is_there_is_said(
    client: httpx.AsyncClient, headers: dict[str, str], path: str, wanted: dict[str, str]
) -> None:
    assert (await client.post(path, json=wanted, headers=headers)).status_code == 200
    answer = await client.post(path, json=wanted, headers=headers)
    assert (answer.status_code, answer.json()["errCode"]) == (400, "CSS.0080")
    assert "'css_obs_agency'" in answer.json()["externalMessage"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"domain_id": "f" * 32}, "CSS.0081"),
        ({"domain_name": "another"}, "CSS.0081"),
        ({"type": "ecs"}, "CSS.0001"),
        ({"domain_id": None}, "CSS.0001"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_made(
    *,
    client: httpx.AsyncClient,
    headers: dict[str, str],
    login: Login,
    path: str,
    wanted: dict[str, str],
    changed: dict[str, Any],
    code: str,
) -> None:
    answer = await client.post(path, json=wanted | changed, headers=headers)
    assert (answer.status_code, answer.json()["errCode"]) == (400, code)
    assert next(iter(changed)) in answer.json()["externalMessage"]
    assert await agencies(client, login) == []


async def test_a_domain_of_that_name_that_somebody_is_in_is_not_trusted(
    *,
    client: httpx.AsyncClient,
    headers: dict[str, str],
    path: str,
    wanted: dict[str, str],
    new_user: NewUser,
) -> None:
    new_user("mole", in_new_domain=SERVICE_DOMAIN)
    answer = await client.post(path, json=wanted, headers=headers)
    assert (answer.status_code, answer.json()["errCode"]) == (400, "CSS.0081")


async def test_who_runs_the_project_may_not_make_one(
    *,
    client: httpx.AsyncClient,
    credentials: Credentials,
    path: str,
    wanted: dict[str, str],
    new_user: NewUser,
) -> None:
    new_user("ann", project=("te_admin", "css_adm"))
    body = login_body(credentials, name="ann")
    token = (await client.post("/v3/auth/tokens", json=body)).headers["X-Subject-Token"]
    answer = await client.post(path, json=wanted, headers={"X-Auth-Token": token})
    assert answer.status_code == 403
