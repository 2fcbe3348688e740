"""Projects and domains: who sees them, who makes them, and when they may go."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.cluster_examples import cluster
from tests.support.directory import Administrator, code
from tests.support.logins import Login, NewUser

from searchplane.domain.ids import DomainId, ProjectId
from searchplane.iam.bootstrap import Credentials
from searchplane.store import clusters
from searchplane.store.database import Database
from searchplane.store.identity import Directory, Target, bump


def grant(database: Database, user: str, project: str, role: str) -> None:
    with database.write() as connection:
        Directory(connection).add_roles(user, Target.PROJECT, project, (role,))
        bump(connection)


async def test_a_project_is_created_listed_changed_and_deleted(
    admin: Administrator, credentials: Credentials
) -> None:
    fields = {"name": "local_shop", "description": "the shop"}
    made = (await admin.ask("POST", "/v3/projects", {"project": fields})).json()["project"]
    home = credentials.domain_id
    assert made | fields | {"domain_id": home, "parent_id": home, "enabled": True} == made
    path = f"/v3/projects/{made['id']}"
    assert (await admin.ask("GET", path)).json()["project"] == made
    assert await admin.names("/v3/projects") == ["local", "local_shop"]
    assert await admin.names(f"/v3/projects?name=local_shop&parent_id={home}") == ["local_shop"]
    changed = await admin.ask("PATCH", path, {"project": {"description": "closed"}})
    assert changed.json()["project"] == made | {"description": "closed"}
    assert (await admin.ask("DELETE", path)).status_code == 204
    assert code(await admin.ask("GET", path)) == (404, "IAM.0004")


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"name": "shop"}, "IAM.0073"),
        ({"name": "local_"}, "IAM.0073"),
        ({"name": "local"}, "IAM.0073"),
        ({"name": "local_" + "a" * 60}, "IAM.0073"),
        ({"name": "local_a", "enabled": 7}, "IAM.0073"),
        ({"name": "local_a", "parent_id": "0" * 32}, "IAM.0004"),
    ],
)
async def test_a_wrong_project_is_refused(
    admin: Administrator, fields: dict[str, Any], wanted: str
) -> None:
    assert code(await admin.ask("POST", "/v3/projects", {"project": fields}))[1] == wanted


async def test_one_name_is_one_project_of_a_domain(admin: Administrator) -> None:
    await admin.make("project", "local_a")
    again = await admin.ask("POST", "/v3/projects", {"project": {"name": "local_a"}})
    assert code(again) == (409, "IAM.0005")


async def test_users_see_the_projects_they_have_a_role_on(
    admin: Administrator, login: Login, new_user: NewUser, credentials: Credentials
) -> None:
    new_user("ann", project=("te_admin",))
    other = await admin.make("project", "local_other")
    hers = await login(name="ann")
    assert await admin.names("/v3/projects", token=hers) == ["local"]
    shown = await admin.ask("GET", f"/v3/projects/{credentials.project_id}", token=hers)
    assert shown.status_code == 200
    assert code(await admin.ask("GET", f"/v3/projects/{other}", token=hers)) == (403, "IAM.0002")
    for method, path, body in (
        ("POST", "/v3/projects", {"project": {"name": "local_x"}}),
        ("PATCH", f"/v3/projects/{other}", {"project": {"enabled": False}}),
        ("DELETE", f"/v3/projects/{other}", None),
        ("PUT", f"/v3-ext/projects/{other}", {"project": {"status": "suspended"}}),
    ):
        assert code(await admin.ask(method, path, body, token=hers)) == (403, "IAM.0002")


async def test_a_suspended_project_refuses_its_tokens_at_once(
    admin: Administrator, login: Login, new_user: NewUser, database: Database
) -> None:
    ann, project = new_user("ann"), await admin.make("project", "local_a")
    grant(database, ann.id, project, "readonly")
    hers = await login({"project": {"id": project}}, name="ann")
    for status, wanted in (("suspended", 401), ("normal", 200)):
        body = {"project": {"status": status}}
        assert (await admin.ask("PUT", f"/v3-ext/projects/{project}", body)).status_code == 204
        shown = (await admin.ask("GET", f"/v3-ext/projects/{project}")).json()["project"]
        assert (shown["status"], shown["name"]) == (status, "local_a")
        listed = await admin.ask("GET", f"/v1.0/{project}/clusters", token=hers)
        assert listed.status_code == wanted


async def test_a_project_with_clusters_is_not_deleted(
    admin: Administrator, database: Database
) -> None:
    project = ProjectId(await admin.make("project", "local_a"))
    with database.write() as connection:
        clusters.add(connection, cluster(project_id=project))
    refused = await admin.ask("DELETE", f"/v3/projects/{project}")
    assert code(refused) == (400, "IAM.0073")
    assert "has 1 clusters" in refused.text


async def test_a_deleted_project_leaves_no_role_behind(
    admin: Administrator, new_user: NewUser, database: Database
) -> None:
    ann, project = new_user("ann"), await admin.make("project", "local_a")
    grant(database, ann.id, project, "readonly")
    assert (await admin.ask("DELETE", f"/v3/projects/{project}")).status_code == 204
    with database.read() as connection:
        assert Directory(connection).roles_on(ann.id, Target.PROJECT, project) == ()


async def test_projects_of_another_domain_do_not_exist(
    admin: Administrator, login: Login, new_user: NewUser, credentials: Credentials
) -> None:
    new_user("sue", in_new_domain="other", domain=("secu_admin",))
    theirs = await login({"domain": {"name": "other"}}, name="sue", domain={"name": "other"})
    path = f"/v3/projects/{credentials.project_id}"
    for method, body in (
        ("GET", None),
        ("PATCH", {"project": {"enabled": False}}),
        ("DELETE", None),
    ):
        assert code(await admin.ask(method, path, body, token=theirs)) == (404, "IAM.0004")
    listed = f"/v3/projects?domain_id={credentials.domain_id}"
    assert await admin.names(listed, token=theirs) == []


async def test_a_domain_from_its_creation_to_its_end(
    admin: Administrator, login: Login, new_user: NewUser, database: Database
) -> None:
    domain = await admin.make("domain", "globex", description="next door")
    path = f"/v3/domains/{domain}"
    assert (await admin.ask("GET", path)).json()["domain"]["description"] == "next door"
    user = await admin.make("user", "sue", domain_id=domain, password="Fresh-Pear-27")
    project = await admin.make("project", "local_globex", domain_id=domain)
    grant(database, user, project, "readonly")
    scope = {"project": {"id": project}}
    theirs = await login(scope, name="sue", domain={"name": "globex"}, password="Fresh-Pear-27")
    assert code(await admin.ask("DELETE", path)) == (400, "IAM.0073")

    disabled = await admin.ask("PATCH", path, {"domain": {"enabled": False}})
    assert disabled.json()["domain"]["enabled"] is False
    refused = await admin.ask("GET", f"/v1.0/{project}/clusters", token=theirs)
    assert refused.status_code == 401
    assert (await admin.ask("DELETE", path)).status_code == 204
    assert code(await admin.ask("GET", f"/v3/users/{user}")) == (404, "IAM.0004")
    assert await admin.names("/v3/domains") == ["acme"]
    with database.read() as connection:
        assert Directory(connection).roles_on(user, Target.PROJECT, project) == ()


async def test_nobody_disables_or_deletes_their_own_domain(
    admin: Administrator, credentials: Credentials
) -> None:
    path = f"/v3/domains/{credentials.domain_id}"
    disabled = await admin.ask("PATCH", path, {"domain": {"enabled": False}})
    assert code(disabled) == (400, "IAM.0073")
    assert code(await admin.ask("DELETE", path)) == (400, "IAM.0073")


async def test_domains_are_for_the_services_administrator(
    admin: Administrator, login: Login, new_user: NewUser
) -> None:
    sue = new_user("sue", domain=("secu_admin",))
    new_user("joe", in_new_domain="other")
    hers = await login("domain", name="sue")
    assert await admin.names("/v3/domains", token=hers) == ["acme"]
    assert await admin.names("/v3/domains") == ["acme", "other"]
    own, unknown = f"/v3/domains/{sue.domain.id}", f"/v3/domains/{DomainId('0' * 32)}"
    for method, path, body, wanted in (
        ("GET", own, None, 200),
        ("GET", unknown, None, 404),
        ("POST", "/v3/domains", {"domain": {"name": "x"}}, 403),
        ("PATCH", own, {"domain": {"name": "x"}}, 403),
        ("PATCH", unknown, {"domain": {"name": "x"}}, 404),
        ("DELETE", own, None, 403),
    ):
        answer = await admin.ask(method, path, body, token=hers)
        assert answer.status_code == wanted, path


async def test_one_name_is_one_domain(admin: Administrator) -> None:
    again = await admin.ask("POST", "/v3/domains", {"domain": {"name": "acme"}})
    assert code(again) == (409, "IAM.0005")


async def test_services_endpoints_and_regions_come_from_the_catalogue(
    admin: Administrator, credentials: Credentials
) -> None:
    assert await admin.names("/v3/services?type=css") == ["css"]
    (service,) = (await admin.ask("GET", "/v3/services?name=css")).json()["services"]
    path = f"/v3/endpoints?service_id={service['id']}&interface=public"
    (endpoint,) = (await admin.ask("GET", path)).json()["endpoints"]
    assert endpoint["url"].endswith(f"/v1.0/{credentials.project_id}")
    (region,) = (await admin.ask("GET", "/v3/regions")).json()["regions"]
    assert region["id"] == endpoint["region_id"] == "local"
