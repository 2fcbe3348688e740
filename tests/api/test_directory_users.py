"""Users: made, shown, changed and deleted by their domain's administrators, and their passwords."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.support.directory import Administrator, code
from tests.support.logins import PASSWORD, Login, NewUser

from searchplane.iam.bootstrap import Credentials

FRESH = "Fresh-Pear-27"


async def test_a_user_is_created_listed_changed_and_deleted(
    admin: Administrator, credentials: Credentials
) -> None:
    made = await admin.ask(
        "POST",
        "/v3/users",
        {"user": {"name": "ann", "password": FRESH, "description": "x", "email": "a@b.c"}},
    )
    user = made.json()["user"]
    assert made.status_code == 201
    assert FRESH not in made.text
    assert (user["name"], user["domain_id"]) == ("ann", credentials.domain_id)
    assert user["links"]["self"].endswith(f"/v3/users/{user['id']}")

    listed = (await admin.ask("GET", "/v3/users?name=ann")).json()["users"]
    assert listed == [user]

    changed = await admin.ask(
        "PATCH", f"/v3/users/{user['id']}", {"user": {"name": "anne", "enabled": "false"}}
    )
    assert changed.json()["user"] == user | {"name": "anne", "enabled": False}
    assert (await admin.ask("GET", "/v3/users?enabled=false")).json()["users"] == [
        changed.json()["user"]
    ]

    gone = await admin.ask("DELETE", f"/v3/users/{user['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert code(await admin.ask("GET", f"/v3/users/{user['id']}")) == (404, "IAM.0004")


async def test_the_public_clouds_own_shape_has_a_telephone_number(admin: Administrator) -> None:
    fields = {"name": "ann", "areacode": "0049", "phone": "1234567"}
    made = (await admin.ask("POST", "/v3.0/OS-USER/users", {"user": fields})).json()["user"]
    assert made | fields == made
    path = f"/v3.0/OS-USER/users/{made['id']}"
    changed = await admin.ask("PUT", path, {"user": {"email": "a@b.c"}})
    assert changed.status_code == 200
    shown = (await admin.ask("GET", path)).json()["user"]
    assert (shown["phone"], shown["email"], shown["access_mode"]) == ("1234567", "a@b.c", "default")


async def test_one_name_is_one_user_of_a_domain(admin: Administrator, new_user: NewUser) -> None:
    new_user("ann", in_new_domain="other")
    await admin.make("user", "ann")
    second = await admin.ask("POST", "/v3/users", {"user": {"name": "ann"}})
    assert code(second) == (409, "IAM.0005")
    bob = await admin.make("user", "bob")
    renamed = await admin.ask("PATCH", f"/v3/users/{bob}", {"user": {"name": "ann"}})
    assert code(renamed) == (409, "IAM.0005")


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"name": ""}, "IAM.0073"),
        ({"name": " ann"}, "IAM.0073"),
        ({"name": "a\tb"}, "IAM.0073"),
        ({"name": "a" * 65}, "IAM.0073"),
        ({"name": "ann", "enabled": "perhaps"}, "IAM.0073"),
        ({"name": "ann", "description": "a" * 256}, "IAM.0073"),
        ({"name": "ann", "phone": "call me"}, "IAM.0073"),
        ({"name": "ann", "password": "short1"}, "1118"),
        ({"name": "ann", "password": "onlyletters"}, "1118"),
        ({"name": "Annabella1", "password": "1allebannA"}, "1118"),
        ({"name": "ann", "domain_id": "0" * 32}, "IAM.0004"),
    ],
)
async def test_a_wrong_user_is_refused_with_its_field(
    admin: Administrator, fields: dict[str, Any], wanted: str
) -> None:
    refused = await admin.ask("POST", "/v3/users", {"user": fields})
    assert code(refused)[1] == wanted
    secret = fields.get("password")
    assert secret is None or secret not in refused.text


async def test_long_lists_come_in_parts(admin: Administrator) -> None:
    names = sorted([*[f"user-{number}" for number in range(5)], "admin"])
    for name in names[1:]:
        await admin.make("user", name)
    for first in ("/v3/users?per_page=2", "/v3/users?limit=2"):
        found, url = [], first
        while url:
            answer = (await admin.ask("GET", url)).json()
            assert len(answer["users"]) <= 2
            found += [user["name"] for user in answer["users"]]
            url = answer["links"]["next"]
        assert found == names
    second = (await admin.ask("GET", "/v3/users?page=2&per_page=2")).json()
    assert second["links"]["previous"].endswith("/v3/users?page=1&per_page=2")
    assert code(await admin.ask("GET", "/v3/users?marker=unknown"))[0] == 400


async def test_users_see_themselves_and_nobody_else(
    admin: Administrator, login: Login, new_user: NewUser
) -> None:
    ann = new_user("ann", project=("te_admin",))
    bob = new_user("bob", project=("readonly",))
    hers = await login(name="ann")
    for path in ("", "/groups", "/projects"):
        assert (await admin.ask("GET", f"/v3/users/{ann.id}{path}", token=hers)).is_success
        refused = await admin.ask("GET", f"/v3/users/{bob.id}{path}", token=hers)
        assert code(refused) == (403, "IAM.0002")
    for method, path, body in (
        ("GET", "/v3/users", None),
        ("POST", "/v3/users", {"user": {"name": "eve"}}),
        ("PATCH", f"/v3/users/{ann.id}", {"user": {"enabled": True}}),
        ("DELETE", f"/v3/users/{bob.id}", None),
    ):
        assert code(await admin.ask(method, path, body, token=hers)) == (403, "IAM.0002")


async def test_users_of_another_domain_do_not_exist(
    admin: Administrator, login: Login, new_user: NewUser, credentials: Credentials
) -> None:
    new_user("sue", in_new_domain="other", domain=("secu_admin",))
    ann = new_user("ann", project=("readonly",))
    theirs = await login({"domain": {"name": "other"}}, name="sue", domain={"name": "other"})
    for method, path, body in (
        ("GET", f"/v3/users/{ann.id}", None),
        ("GET", f"/v3/users/{ann.id}/groups", None),
        ("GET", f"/v3/users/{ann.id}/projects", None),
        ("PATCH", f"/v3/users/{ann.id}", {"user": {"enabled": False}}),
        ("PATCH", f"/v3/users/{ann.id}", {"user": {"password": FRESH}}),
        ("DELETE", f"/v3/users/{ann.id}", None),
        ("GET", f"/v3/users?domain_id={credentials.domain_id}", None),
        ("POST", "/v3/users", {"user": {"name": "x", "domain_id": credentials.domain_id}}),
    ):
        answer = await admin.ask(method, path, body, token=theirs)
        assert code(answer) == (404, "IAM.0004"), path
    listed = (await admin.ask("GET", "/v3/users", token=theirs)).json()["users"]
    assert [user["name"] for user in listed] == ["sue"]


async def test_the_services_administrator_reaches_every_domain(
    admin: Administrator, new_user: NewUser
) -> None:
    sue = new_user("sue", in_new_domain="other", domain=("secu_admin",))
    shown = await admin.ask("GET", f"/v3/users?domain_id={sue.domain.id}")
    assert [user["id"] for user in shown.json()["users"]] == [sue.id]
    made = await admin.ask(
        "POST", "/v3/users", {"user": {"name": "ann", "domain_id": sue.domain.id}}
    )
    assert made.json()["user"]["domain_id"] == sue.domain.id


async def test_the_services_administrator_is_changed_by_their_like_alone(
    admin: Administrator, login: Login, new_user: NewUser
) -> None:
    new_user("ann", domain=("secu_admin",))
    hers = await login("domain", name="ann")
    (found,) = (await admin.ask("GET", "/v3/users?name=admin")).json()["users"]
    path = f"/v3/users/{found['id']}"
    for method, body in (("PATCH", {"user": {"password": FRESH}}), ("DELETE", None)):
        assert code(await admin.ask(method, path, body, token=hers)) == (403, "IAM.0002")


async def test_the_last_administrator_stays(admin: Administrator, new_user: NewUser) -> None:
    sue = new_user("sue", in_new_domain="other", domain=("secu_admin",))
    path = f"/v3/users/{sue.id}"
    for method, body in (("PATCH", {"user": {"enabled": False}}), ("DELETE", None)):
        assert code(await admin.ask(method, path, body)) == (400, "1107")
    assert (await admin.ask("GET", path)).json()["user"]["enabled"] is True
    new_user("joe", beside=sue, domain=("secu_admin",))
    assert (await admin.ask("DELETE", path)).status_code == 204


async def test_a_disabled_user_is_out_at_once_and_their_old_tokens_stay_so(
    admin: Administrator, login: Login, new_user: NewUser
) -> None:
    ann = new_user("ann", project=("readonly",))
    hers = await login(name="ann")
    assert (await admin.ask("GET", "/v3/auth/projects", token=hers)).is_success
    for enabled in (False, True):
        fields = {"user": {"enabled": enabled}}
        assert (await admin.ask("PATCH", f"/v3/users/{ann.id}", fields)).is_success
        refused = await admin.ask("GET", "/v3/auth/projects", token=hers)
        assert refused.status_code == 401
    assert await login(name="ann")


async def test_a_deleted_users_token_is_refused_at_once(
    admin: Administrator, login: Login, new_user: NewUser
) -> None:
    ann = new_user("ann", project=("readonly",))
    hers = await login(name="ann")
    assert (await admin.ask("DELETE", f"/v3/users/{ann.id}")).status_code == 204
    assert (await admin.ask("GET", "/v3/auth/projects", token=hers)).status_code == 401


async def test_users_change_their_password_and_log_in_anew(
    admin: Administrator, login: Login, new_user: NewUser
) -> None:
    ann = new_user("ann", project=("readonly",))
    hers = await login(name="ann")
    path = f"/v3/users/{ann.id}/password"
    body = {"user": {"original_password": PASSWORD, "password": FRESH}}
    changed = await admin.ask("POST", path, body, token=hers)
    assert (changed.status_code, changed.content) == (204, b"")
    assert (await admin.ask("GET", "/v3/auth/projects", token=hers)).status_code == 401
    assert await login(name="ann", password=FRESH)


async def test_a_wrong_change_of_password_changes_nothing(
    admin: Administrator, login: Login, new_user: NewUser
) -> None:
    ann, bob = new_user("ann", project=("readonly",)), new_user("bob")
    hers = await login(name="ann")
    for user, original, new, wanted in (
        (ann, "not hers", FRESH, (400, "1103")),
        (ann, PASSWORD, "short1", (400, "1118")),
        (ann, PASSWORD, PASSWORD, (400, "1108")),
        (bob, PASSWORD, FRESH, (403, "IAM.0002")),
    ):
        body = {"user": {"original_password": original, "password": new}}
        refused = await admin.ask("POST", f"/v3/users/{user.id}/password", body, token=hers)
        assert code(refused) == wanted
        assert original not in refused.text
        assert new not in refused.text
    assert (await admin.ask("GET", "/v3/auth/projects", token=hers)).is_success


async def test_a_password_set_by_an_administrator_ends_the_users_tokens(
    admin: Administrator, login: Login, new_user: NewUser
) -> None:
    ann = new_user("ann", project=("readonly",))
    hers = await login(name="ann")
    path = f"/v3/users/{ann.id}"
    same = await admin.ask("PATCH", path, {"user": {"password": PASSWORD}})
    assert code(same) == (400, "1108")
    assert (await admin.ask("PATCH", path, {"user": {"password": FRESH}})).is_success
    assert (await admin.ask("GET", "/v3/auth/projects", token=hers)).status_code == 401
    assert await login(name="ann", password=FRESH)


async def test_nobody_logs_in_as_a_user_without_a_password(
    admin: Administrator, client: httpx.AsyncClient, credentials: Credentials
) -> None:
    ann = await admin.make("user", "ann")
    for password in ("", "None"):
        user = {"id": ann, "password": password}
        identity = {"methods": ["password"], "password": {"user": user}}
        answer = await client.post("/v3/auth/tokens", json={"auth": {"identity": identity}})
        assert answer.status_code == 401
