"""Roles are listed; custom policies are made, changed and deleted, and count at once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.support.grants import Tenant, tenant
from tests.support.logins import NewUser

from searchplane.store.database import Database

ROLES = "/v3/roles"
CUSTOM = "/v3.0/OS-ROLE/roles"
READING = {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["css:*:list*"]}]}


@pytest.fixture
async def acme(client: httpx.AsyncClient, database: Database, new_user: NewUser) -> Tenant:
    return await tenant(client, database, new_user, "blue")


def wanted(**changed: Any) -> dict[str, Any]:
    fields = {"display_name": "readers", "type": "XA", "description": "x", "policy": READING}
    return {"role": fields | changed}


async def test_the_system_roles_have_the_public_clouds_names(acme: Tenant) -> None:
    found = (await acme.ask("GET", ROLES)).json()["roles"]
    assert {role["name"]: role["display_name"] for role in found} == {
        "te_admin": "Tenant Administrator",
        "readonly": "Tenant Guest",
        "secu_admin": "Security Administrator",
        "te_agency": "Agent Operator",
        "css_adm": "CSS Administrator",
        "system_all_153": "CSS FullAccess",
        "system_all_154": "CSS ReadOnlyAccess",
    }
    (full,) = (await acme.ask("GET", f"{ROLES}?display_name=CSS%20FullAccess")).json()["roles"]
    assert (full["flag"], full["type"], full["catalog"]) == ("fine_grained", "XA", "CSS")
    assert full["domain_id"] is None
    assert "css:*:*" in full["policy"]["Statement"][0]["Action"]
    assert (await acme.ask("GET", f"{ROLES}/{full['id']}")).json()["role"] == full
    (old,) = (await acme.ask("GET", f"{ROLES}?name=css_adm")).json()["roles"]
    assert "flag" not in old
    assert {"catalog": "BASE", "display_name": "Tenant Guest"} in old["policy"]["Depends"]


@pytest.mark.parametrize("query", ["catalog=CSS&type=XA", "catalog=CSS"])
async def test_roles_are_filtered(acme: Tenant, query: str) -> None:
    found = (await acme.ask("GET", f"{ROLES}?{query}")).json()
    names = [role["name"] for role in found["roles"]]
    assert names == ["css_adm", "system_all_153", "system_all_154"]
    page = (await acme.ask("GET", f"{ROLES}?{query}&page=2&per_page=2")).json()
    assert [role["name"] for role in page["roles"]] == ["system_all_154"]
    assert page["total_number"] == 3


async def test_a_custom_policy_is_made_shown_changed_and_deleted(acme: Tenant) -> None:
    made = await acme.ask("POST", CUSTOM, wanted())
    assert made.status_code == 201
    role = made.json()["role"]
    assert role["policy"] == READING
    assert (role["type"], role["domain_id"]) == ("XA", acme.domain_id)
    assert role["name"] == f"custom_{role['id']}"
    one = f"{CUSTOM}/{role['id']}"
    assert (await acme.ask("GET", one)).json()["role"] == role
    assert (await acme.ask("GET", CUSTOM)).json()["roles"] == [role]
    assert role["id"] in [each["id"] for each in (await acme.ask("GET", ROLES)).json()["roles"]]
    only = (await acme.ask("GET", f"{ROLES}?domain_id={acme.domain_id}")).json()["roles"]
    assert [each["id"] for each in only] == [role["id"]]

    changed = await acme.ask("PATCH", one, {"role": {"description": "new", "type": "AX"}})
    assert changed.json()["role"] == role | {"description": "new", "type": "AX"}
    assert (await acme.ask("DELETE", one)).status_code == 200
    assert await acme.code("GET", one) == (404, "IAM.0004")
    assert await acme.code("DELETE", one) == (404, "IAM.0004")


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({"policy": {"Version": "5"}}, (400, "IAM.1024")),
        ({"policy": None}, (400, "IAM.1020")),
        ({"display_name": " "}, (400, "IAM.1001")),
        ({"display_name": "a" * 65}, (400, "IAM.1002")),
        ({"display_name": "a<b"}, (400, "IAM.1003")),
        ({"display_name": "tenant guest"}, (409, "IAM.0005")),
        ({"type": "AA"}, (400, "IAM.1009")),
        ({"description": "a" * 256}, (400, "IAM.1018")),
        ({"display_name": None}, (400, "IAM.0073")),
    ],
)
async def test_what_is_wrong_is_refused(
    acme: Tenant, changed: dict[str, Any], answer: tuple[int, str]
) -> None:
    assert await acme.code("POST", CUSTOM, wanted(**changed)) == answer
    assert (await acme.ask("GET", CUSTOM)).json()["roles"] == []


async def test_errors_of_extensions_have_the_pair_alone(acme: Tenant) -> None:
    answer = await acme.ask("POST", CUSTOM, wanted(type="AA"))
    assert sorted(answer.json()) == ["error_code", "error_msg", "request_id"]
    answer = await acme.ask("GET", "/v3.0/OS-NOTHING")
    assert sorted(answer.json()) == ["error_code", "error_msg", "request_id"]
    answer = await acme.ask("GET", f"{ROLES}/unknown")
    assert answer.json()["error"]["code"] == 404


async def test_two_policies_of_one_name_are_refused(acme: Tenant) -> None:
    await acme.policy("one", "css:*:get*")
    other = await acme.policy("other", "css:*:get*")
    assert await acme.code("POST", CUSTOM, wanted(display_name="one")) == (409, "IAM.0005")
    renamed = {"role": {"display_name": "one"}}
    assert await acme.code("PATCH", f"{CUSTOM}/{other}", renamed) == (409, "IAM.0005")


async def test_a_policy_counts_changes_and_ends_at_the_next_request(
    acme: Tenant, new_user: NewUser
) -> None:
    user = new_user("ann", beside=acme.admin)
    policy = await acme.policy("lists", "css:cluster:list")
    grant = f"/v3/projects/{acme.project_id}/users/{user.id}/roles/{policy}"
    assert (await acme.ask("PUT", grant)).status_code == 204
    ann = await acme.token_of("ann")
    clusters = f"/v1.0/{acme.project_id}/clusters"
    assert await acme.code("GET", clusters, token=ann) == (200, "")
    assert await acme.code("GET", f"{clusters}/x", token=ann) == (403, "CSS.0051")

    denied = READING | {"Statement": [{"Effect": "Deny", "Action": ["css:*:*"]}]}
    changed = {"role": {"policy": denied}}
    assert (await acme.ask("PATCH", f"{CUSTOM}/{policy}", changed)).status_code == 200
    assert await acme.code("GET", clusters, token=ann) == (403, "CSS.0051")

    assert (await acme.ask("DELETE", f"{CUSTOM}/{policy}")).status_code == 200
    assert await acme.code("GET", clusters, token=ann) == (401, "APIGW.0301")


async def test_a_condition_looks_at_the_request(acme: Tenant, new_user: NewUser) -> None:
    user = new_user("ann", beside=acme.admin)
    near = {"Condition": {"IpAddress": {"g:SourceIp": ["127.0.0.0/8"]}}}
    far = {"Condition": {"IpAddress": {"g:SourceIp": ["10.0.0.0/8"]}}}
    clusters = f"/v1.0/{acme.project_id}/clusters"
    for name, rule, answer in (("far", far, (403, "CSS.0051")), ("near", near, (200, ""))):
        policy = await acme.policy(name, "css:*:*", **rule)
        grant = f"/v3/projects/{acme.project_id}/users/{user.id}/roles/{policy}"
        assert (await acme.ask("PUT", grant)).status_code == 204
        assert await acme.code("GET", clusters, token=await acme.token_of("ann")) == answer
