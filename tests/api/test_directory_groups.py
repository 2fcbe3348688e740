"""Groups: made, changed and deleted, their members, and what leaving one takes away."""

from __future__ import annotations

import pytest
from tests.support.directory import Administrator, code
from tests.support.logins import Login, NewUser

from searchplane.iam.bootstrap import Credentials
from searchplane.store.database import Database
from searchplane.store.identity import bump
from searchplane.store.roles import Grant, Holder, Reach, RoleBook

UNKNOWN = "0" * 32


def grant(database: Database, group: str, reach: Reach, reach_id: str, role: str) -> None:
    with database.write() as connection:
        RoleBook(connection).grant(Grant(Holder.GROUP, group, reach, reach_id, role))
        bump(connection)


async def test_a_group_is_created_listed_changed_and_deleted(
    admin: Administrator, credentials: Credentials
) -> None:
    fields = {"name": "readers", "description": "who reads"}
    made = (await admin.ask("POST", "/v3/groups", {"group": fields})).json()["group"]
    assert made | fields | {"domain_id": credentials.domain_id} == made
    path = f"/v3/groups/{made['id']}"
    assert (await admin.ask("GET", path)).json()["group"] == made
    assert await admin.names("/v3/groups?name=readers") == ["readers"]
    changed = await admin.ask("PATCH", path, {"group": {"name": "writers"}})
    assert changed.json()["group"] == made | {"name": "writers"}
    assert (await admin.ask("DELETE", path)).status_code == 204
    assert code(await admin.ask("GET", path)) == (404, "IAM.0004")


async def test_one_name_is_one_group_of_a_domain(admin: Administrator) -> None:
    await admin.make("group", "readers")
    writers = await admin.make("group", "writers")
    again = await admin.ask("POST", "/v3/groups", {"group": {"name": "readers"}})
    assert code(again) == (409, "IAM.0005")
    renamed = await admin.ask("PATCH", f"/v3/groups/{writers}", {"group": {"name": "readers"}})
    assert code(renamed) == (409, "IAM.0005")
    nameless = await admin.ask("POST", "/v3/groups", {"group": {"name": " "}})
    assert code(nameless) == (400, "IAM.0073")


async def test_members_come_and_go(admin: Administrator) -> None:
    group, ann = await admin.make("group", "readers"), await admin.make("user", "ann")
    path = f"/v3/groups/{group}/users/{ann}"
    assert (await admin.ask("HEAD", path)).status_code == 404
    for _ in range(2):
        assert (await admin.ask("PUT", path)).status_code == 204
    assert (await admin.ask("HEAD", path)).status_code == 204
    assert await admin.names(f"/v3/groups/{group}/users") == ["ann"]
    assert await admin.names(f"/v3/users/{ann}/groups") == ["readers"]
    assert (await admin.ask("DELETE", path)).status_code == 204
    assert code(await admin.ask("DELETE", path)) == (404, "IAM.0004")
    assert await admin.names(f"/v3/groups/{group}/users") == []


@pytest.mark.parametrize("leave", ["membership", "group"])
async def test_who_leaves_a_group_loses_its_roles_at_once(
    admin: Administrator,
    *,
    database: Database,
    credentials: Credentials,
    login: Login,
    new_user: NewUser,
    leave: str,
) -> None:
    ann, group = new_user("ann"), await admin.make("group", "readers")
    await admin.ask("PUT", f"/v3/groups/{group}/users/{ann.id}")
    grant(database, group, Reach.PROJECT, credentials.project_id, "readonly")
    hers = await login(name="ann")
    path = f"/v1.0/{credentials.project_id}/clusters"
    assert (await admin.ask("GET", path, token=hers)).status_code == 200
    gone = f"/v3/groups/{group}" + (f"/users/{ann.id}" if leave == "membership" else "")
    assert (await admin.ask("DELETE", gone)).status_code == 204
    assert (await admin.ask("GET", path, token=hers)).status_code == 401


async def test_the_last_administrator_by_a_group_stays(
    admin: Administrator, database: Database, new_user: NewUser
) -> None:
    sue = new_user("sue", in_new_domain="other")
    group = await admin.make("group", "admins", domain_id=sue.domain.id)
    await admin.ask("PUT", f"/v3/groups/{group}/users/{sue.id}")
    grant(database, group, Reach.DOMAIN, sue.domain.id, "secu_admin")
    for path in (
        f"/v3/groups/{group}",
        f"/v3/groups/{group}/users/{sue.id}",
        f"/v3/users/{sue.id}",
    ):
        assert code(await admin.ask("DELETE", path)) == (400, "1107")
    assert await admin.names(f"/v3/groups/{group}/users") == ["sue"]


async def test_groups_of_another_domain_do_not_exist(
    admin: Administrator, login: Login, new_user: NewUser
) -> None:
    sue = new_user("sue", in_new_domain="other", domain=("secu_admin",))
    group = await admin.make("group", "readers")
    theirs = await login({"domain": {"name": "other"}}, name="sue", domain={"name": "other"})
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/users", None),
        ("PATCH", "", {"group": {"name": "x"}}),
        ("DELETE", "", None),
        ("PUT", f"/users/{sue.id}", None),
    ):
        answer = await admin.ask(method, f"/v3/groups/{group}{path}", body, token=theirs)
        assert code(answer) == (404, "IAM.0004"), path
    assert await admin.names("/v3/groups", token=theirs) == []
    stranger = await admin.ask("PUT", f"/v3/groups/{group}/users/{sue.id}")
    assert code(stranger) == (404, "IAM.0004")


async def test_a_role_on_a_project_does_not_reach_groups(
    admin: Administrator, login: Login, new_user: NewUser
) -> None:
    ann, group = new_user("ann", project=("te_admin",)), await admin.make("group", "admins")
    hers = await login(name="ann")
    for method, path in (
        ("GET", "/v3/groups"),
        ("PUT", f"/v3/groups/{group}/users/{ann.id}"),
        ("DELETE", f"/v3/groups/{UNKNOWN}"),
    ):
        assert code(await admin.ask(method, path, token=hers)) == (403, "IAM.0002")


async def test_grants_are_listed_with_names_when_asked_for(
    admin: Administrator, database: Database, credentials: Credentials
) -> None:
    group = await admin.make("group", "readers")
    grant(database, group, Reach.PROJECT, credentials.project_id, "readonly")
    path = f"/v3/role_assignments?group.id={group}"
    home = {"id": credentials.domain_id, "name": "acme"}
    (plain,) = (await admin.ask("GET", path)).json()["role_assignments"]
    assert plain["group"] == {"id": group}
    for how in ("include_names", "include_names=True"):
        (named,) = (await admin.ask("GET", f"{path}&{how}")).json()["role_assignments"]
        assert named["group"] == {"id": group, "name": "readers", "domain": home}
        assert named["role"] == {"id": "readonly", "name": "readonly"}
        project = {"id": credentials.project_id, "name": "local", "domain": home}
        assert named["scope"] == {"project": project}
    (off,) = (await admin.ask("GET", f"{path}&include_names=false")).json()["role_assignments"]
    assert off == plain
