"""Roles are granted to users and groups on projects, domains and all projects, and taken back."""

from __future__ import annotations

import httpx
import pytest
from tests.support.grants import Tenant, add_project, tenant
from tests.support.logins import NewUser

from searchplane.store.database import Database

UNKNOWN = "0" * 32


@pytest.fixture
async def acme(client: httpx.AsyncClient, database: Database, new_user: NewUser) -> Tenant:
    return await tenant(client, database, new_user, "blue")


async def members(acme: Tenant, new_user: NewUser, name: str) -> str:
    """The id of a new group whose one member is the new user `name`."""
    user = new_user(name, beside=acme.admin)
    group = await acme.make("/v3/groups", "group", name=f"{name}s")
    assert (await acme.ask("PUT", f"/v3/groups/{group}/users/{user.id}")).status_code == 204
    return group


@pytest.mark.parametrize("kind", ["users", "groups"])
@pytest.mark.parametrize(("place", "role"), [("projects", "css_adm"), ("domains", "te_agency")])
async def test_a_role_is_granted_checked_listed_and_taken_back(
    acme: Tenant, new_user: NewUser, kind: str, place: str, role: str
) -> None:
    group = await members(acme, new_user, "ann")
    user = (await acme.ask("GET", "/v3/users?name=ann")).json()["users"][0]["id"]
    holder = {"users": user, "groups": group}[kind]
    where = {"projects": acme.project_id, "domains": acme.domain_id}[place]
    base = f"/v3/{place}/{where}/{kind}/{holder}/roles"
    assert (await acme.ask("HEAD", f"{base}/{role}")).status_code == 404
    for _ in range(2):
        assert (await acme.ask("PUT", f"{base}/{role}")).status_code == 204
    assert (await acme.ask("HEAD", f"{base}/{role}")).status_code == 204
    listed = await acme.ask("GET", base)
    assert [each["id"] for each in listed.json()["roles"]] == [role]
    scope = {place[:-1]: {"id": where}}
    ann = await acme.token_of("ann", scope)
    assert (await acme.ask("GET", "/v3/auth/projects", token=ann)).status_code == 200
    assert (await acme.ask("DELETE", f"{base}/{role}")).status_code == 204
    assert (await acme.ask("DELETE", f"{base}/{role}")).status_code == 404
    assert (await acme.ask("GET", base)).json()["roles"] == []
    assert (await acme.ask("GET", "/v3/auth/projects", token=ann)).status_code == 401
    assert (await acme.login("ann", scope)).status_code == 401


async def test_an_inherited_role_is_for_every_project_and_not_for_the_domain(
    acme: Tenant, database: Database, new_user: NewUser
) -> None:
    group = await members(acme, new_user, "ann")
    base = f"/v3/OS-INHERIT/domains/{acme.domain_id}/groups/{group}/roles"
    one = f"{base}/readonly/inherited_to_projects"
    assert (await acme.ask("PUT", one)).status_code == 204
    assert (await acme.ask("HEAD", one)).status_code == 204
    listed = (await acme.ask("GET", f"{base}/inherited_to_projects")).json()["roles"]
    assert [role["id"] for role in listed] == ["readonly"]
    later = add_project(database, acme.admin, "local_later")
    for project in (acme.project_id, later):
        token = await acme.token_of("ann", {"project": {"id": project}})
        assert await acme.code("GET", f"/v1.0/{project}/clusters", token=token) == (200, "")
    assert (await acme.login("ann", {"domain": {"id": acme.domain_id}})).status_code == 401
    assert (await acme.ask("DELETE", one)).status_code == 204
    assert await acme.code("GET", f"/v1.0/{later}/clusters", token=token) == (401, "APIGW.0301")


async def test_who_leaves_the_group_or_whose_group_goes_has_lost_its_role(
    acme: Tenant, new_user: NewUser
) -> None:
    clusters = f"/v1.0/{acme.project_id}/clusters"
    for name, end in (("ann", "/users/{user}"), ("bob", "")):
        group = await members(acme, new_user, name)
        user = (await acme.ask("GET", f"/v3/users?name={name}")).json()["users"][0]["id"]
        grant = f"/v3/projects/{acme.project_id}/groups/{group}/roles/css_adm"
        await acme.ask("PUT", grant)
        token = await acme.token_of(name)
        assert await acme.code("GET", clusters, token=token) == (200, "")
        await acme.ask("DELETE", f"/v3/groups/{group}{end.format(user=user)}")
        assert await acme.code("GET", clusters, token=token) == (401, "APIGW.0301")


@pytest.mark.parametrize(
    ("place", "role", "says"),
    [
        ("projects", "secu_admin", "on the domain only"),
        ("projects", "te_agency", "on the domain only"),
        ("domains", "css_adm", "on projects only"),
        ("inherited", "secu_admin", "on the domain only"),
    ],
)
async def test_a_role_is_granted_where_its_type_says(
    acme: Tenant, new_user: NewUser, place: str, role: str, says: str
) -> None:
    group = await members(acme, new_user, "ann")
    path = {
        "projects": f"/v3/projects/{acme.project_id}/groups/{group}/roles/{role}",
        "domains": f"/v3/domains/{acme.domain_id}/groups/{group}/roles/{role}",
        "inherited": f"/v3/OS-INHERIT/domains/{acme.domain_id}/groups/{group}/roles/{role}"
        "/inherited_to_projects",
    }[place]
    answer = await acme.ask("PUT", path)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "IAM.0073")
    assert says in answer.text


async def test_assignments_are_listed_in_both_shapes(acme: Tenant, new_user: NewUser) -> None:
    group = await members(acme, new_user, "ann")
    on_project = f"/v3/projects/{acme.project_id}/groups/{group}/roles/css_adm"
    inherited = (
        f"/v3/OS-INHERIT/domains/{acme.domain_id}/groups/{group}/roles/readonly"
        "/inherited_to_projects"
    )
    for path in (on_project, inherited):
        await acme.ask("PUT", path)
    known = (await acme.ask("GET", f"/v3/role_assignments?group.id={group}")).json()
    assert sorted(each["links"]["assignment"] for each in known["role_assignments"]) == sorted(
        f"http://127.0.0.1:9480{path}" for path in (on_project, inherited)
    )
    scopes = [each["scope"] for each in known["role_assignments"]]
    assert {"domain": {"id": acme.domain_id}, "OS-INHERIT:inherited_to": "projects"} in scopes
    for query, role in (
        (f"scope.project.id={acme.project_id}", "css_adm"),
        (f"scope.domain.id={acme.domain_id}&group.id={group}", "readonly"),
        ("role.id=secu_admin", "secu_admin"),
        (f"user.id={acme.admin.id}", "secu_admin"),
    ):
        found = (await acme.ask("GET", f"/v3/role_assignments?{query}")).json()
        assert [each["role"]["id"] for each in found["role_assignments"]] == [role], query

    path = f"/v3.0/OS-PERMISSION/role-assignments?domain_id={acme.domain_id}"
    everything = (await acme.ask("GET", path)).json()
    assert everything["total_num"] == 3
    for query, role in (
        (f"subject.group_id={group}&is_inherited=true", "readonly"),
        (f"scope.project_id={acme.project_id}", "css_adm"),
        ("subject=user", "secu_admin"),
        (f"subject.group_id={group}&page=1&per_page=1&scope=project", "css_adm"),
    ):
        found = (await acme.ask("GET", f"{path}&{query}")).json()
        assert [each["role"]["id"] for each in found["role_assignments"]] == [role], query


async def test_the_last_administrator_stays(acme: Tenant) -> None:
    grant = f"/v3/domains/{acme.domain_id}/users/{acme.admin.id}/roles/secu_admin"
    assert await acme.code("DELETE", grant) == (400, "1107")
    assert (await acme.ask("HEAD", grant)).status_code == 204
