"""Nobody makes themselves more than they are, and nobody reaches into another domain.

Each test is one path that has been, or could be, a way up: through policies, grants, groups,
passwords, keys, agencies, and roles on a project.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.support.grants import Tenant, tenant
from tests.support.logins import NewUser

from searchplane.domain.policy_documents import read_document
from searchplane.domain.roles import SYSTEM_ROLES, gives_identity
from searchplane.store.database import Database
from searchplane.store.identity import User

UNKNOWN = "0" * 32
MISSING = (404, "IAM.0004")
FORBIDDEN = (403, "IAM.0002")


@pytest.fixture
async def blue(client: httpx.AsyncClient, database: Database, new_user: NewUser) -> Tenant:
    return await tenant(client, database, new_user, "blue")


@pytest.fixture
async def red(blue: Tenant, database: Database, new_user: NewUser) -> Tenant:
    return await tenant(blue.http, database, new_user, "red")


async def holder(
    blue: Tenant, new_user: NewUser, name: str, *actions: str
) -> tuple[User, str, str]:
    """A user whose one role on the domain is a policy with these actions: with token and policy."""
    user = new_user(name, beside=blue.admin)
    policy = await blue.policy(f"of {name}", *actions, kind="AX")
    grant = f"/v3/domains/{blue.domain_id}/users/{user.id}/roles/{policy}"
    assert (await blue.ask("PUT", grant)).status_code == 204
    return user, await blue.domain_token(name), policy


async def test_granters_cannot_grant_what_changes_identity(blue: Tenant, new_user: NewUser) -> None:
    user, token, own = await holder(blue, new_user, "ann", "iam:permissions:*", "iam:roles:*")
    mighty = await blue.policy("mighty", "*:*:*", kind="AX")
    assuming = await blue.policy("assuming", "iam:tokens:*", kind="AX")
    base = f"/v3/domains/{blue.domain_id}/users/{user.id}/roles"
    for role in ("secu_admin", "te_agency", mighty, assuming, own):
        assert await blue.code("PUT", f"{base}/{role}", token=token) == FORBIDDEN, role
    on_project = f"/v3/projects/{blue.project_id}/users/{user.id}/roles/css_adm"
    assert (await blue.ask("PUT", on_project, token=token)).status_code == 204
    boss = f"/v3/domains/{blue.domain_id}/users/{blue.admin.id}/roles/secu_admin"
    assert await blue.code("DELETE", boss, token=token) == FORBIDDEN


async def test_who_writes_policies_cannot_widen_their_own(blue: Tenant, new_user: NewUser) -> None:
    _, token, own = await holder(blue, new_user, "ann", "iam:roles:*")
    everything = {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["*:*:*"]}]}
    change = {"role": {"policy": everything}}
    assert await blue.code("PATCH", f"/v3.0/OS-ROLE/roles/{own}", change, token=token) == FORBIDDEN
    harmless = await blue.policy("harmless", "css:*:list*", kind="AX")
    one = f"/v3.0/OS-ROLE/roles/{harmless}"
    assert await blue.code("PATCH", one, change, token=token) == FORBIDDEN
    all_but = {"Effect": "Allow", "NotAction": ["css:cluster:delete"]}
    change = {"role": {"policy": {"Version": "1.1", "Statement": [all_but]}}}
    assert await blue.code("PATCH", one, change, token=token) == FORBIDDEN
    made = {"role": {"display_name": "x", "type": "AX", "policy": everything}}
    assert await blue.code("POST", "/v3.0/OS-ROLE/roles", made, token=token) == FORBIDDEN
    reading = {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["css:*:get*"]}]}
    assert (await blue.ask("PATCH", one, {"role": {"policy": reading}}, token)).status_code == 200


@pytest.mark.parametrize(
    ("statement", "gives"),
    [
        ({"Action": ["css:*:*"]}, False),
        ({"Action": ["iam:*:get*", "iam:users:listUsers"]}, False),
        ({"Action": ["iam:users:*"]}, True),
        ({"Action": ["*:users:updateUser"]}, True),
        ({"Action": ["i*:*:*"]}, True),
        ({"Action": ["iam:*:g*"]}, True),
        ({"NotAction": ["css:*:*"]}, True),
        ({"NotAction": ["iam:users:*"]}, True),
        ({"NotAction": ["iam:*:*", "css:cluster:delete"]}, False),
        ({"Action": ["iam:*:*"], "Effect": "Deny"}, False),
        ({"Action": ["iam:*:*"], "Condition": {"Bool": {"g:MFAPresent": ["true"]}}}, True),
    ],
)
def test_what_counts_as_changing_identity(statement: dict[str, Any], gives: bool) -> None:
    document = {"Version": "1.1", "Statement": [{"Effect": "Allow"} | statement]}
    assert gives_identity(read_document(document)) is gives


def test_which_system_roles_change_identity() -> None:
    found = {name for name, role in SYSTEM_ROLES.items() if gives_identity(role.policy)}
    assert found == {"secu_admin", "te_agency"}


async def test_who_fills_groups_cannot_join_the_administrators(
    blue: Tenant, new_user: NewUser
) -> None:
    user, token, _ = await holder(blue, new_user, "ann", "iam:permissions:*", "iam:groups:*")
    group = await blue.make("/v3/groups", "group", name="administrators")
    await blue.ask("PUT", f"/v3/domains/{blue.domain_id}/groups/{group}/roles/secu_admin")
    joining = f"/v3/groups/{group}/users/{user.id}"
    assert await blue.code("PUT", joining, token=token) == FORBIDDEN
    harmless = await blue.make("/v3/groups", "group", name="readers")
    joined = await blue.ask("PUT", f"/v3/groups/{harmless}/users/{user.id}", token=token)
    assert joined.status_code == 204
    raising = f"/v3/domains/{blue.domain_id}/groups/{harmless}/roles/secu_admin"
    assert await blue.code("PUT", raising, token=token) == FORBIDDEN


async def test_who_changes_users_cannot_take_over_an_administrator(
    blue: Tenant, new_user: NewUser
) -> None:
    _, token, _ = await holder(blue, new_user, "ann", "iam:users:*", "iam:credentials:*")
    boss = f"/v3/users/{blue.admin.id}"
    for change in ({"password": "Fresh-Pear-27"}, {"enabled": False}, {"name": "x"}):
        assert await blue.code("PATCH", boss, {"user": change}, token=token) == FORBIDDEN
    detailed = f"/v3.0/OS-USER/users/{blue.admin.id}"
    change = {"user": {"password": "Fresh-Pear-27"}}
    assert await blue.code("PUT", detailed, change, token=token) == FORBIDDEN
    assert await blue.code("DELETE", boss, token=token) == FORBIDDEN
    key = {"credential": {"user_id": blue.admin.id}}
    keys = "/v3.0/OS-CREDENTIAL/credentials"
    assert await blue.code("POST", keys, key, token=token) == FORBIDDEN
    kept = (await blue.ask("POST", keys, key)).json()["credential"]["access"]
    assert await blue.code("GET", f"{keys}?user_id={blue.admin.id}", token=token) == FORBIDDEN
    for method, body in (("PUT", {"credential": {"status": "inactive"}}), ("DELETE", None)):
        assert await blue.code(method, f"{keys}/{kept}", body, token=token) == FORBIDDEN
    bob = new_user("bob", beside=blue.admin)
    change = {"user": {"password": "Fresh-Pear-27"}}
    assert (await blue.ask("PATCH", f"/v3/users/{bob.id}", change, token)).status_code == 200


async def test_who_changes_agencies_cannot_hand_one_over(
    blue: Tenant, red: Tenant, new_user: NewUser
) -> None:
    _, token, _ = await holder(blue, new_user, "ann", "iam:agencies:*", "iam:permissions:*")
    path = "/v3.0/OS-AGENCY/agencies"
    agency = await blue.make(path, "agency", name="help", trust_domain_name="acme")
    change = {"agency": {"trust_domain_name": "red"}}
    assert await blue.code("PUT", f"{path}/{agency}", change, token=token) == FORBIDDEN
    same = {"agency": {"trust_domain_name": "acme", "description": "x"}}
    assert (await blue.ask("PUT", f"{path}/{agency}", same, token)).status_code == 200
    grant = f"/v3.0/OS-AGENCY/domains/{blue.domain_id}/agencies/{agency}/roles/secu_admin"
    assert await blue.code("PUT", grant, token=token) == FORBIDDEN


async def test_everything_in_a_project_is_nothing_in_the_domain(
    blue: Tenant, new_user: NewUser
) -> None:
    ann = new_user("ann", beside=blue.admin)
    mighty = await blue.policy("mighty", "*:*:*")
    for role in ("te_admin", mighty):
        grant = f"/v3/projects/{blue.project_id}/users/{ann.id}/roles/{role}"
        assert (await blue.ask("PUT", grant)).status_code == 204
    token = await blue.token_of("ann")
    own = f"/v3/domains/{blue.domain_id}/users/{ann.id}/roles/secu_admin"
    assert await blue.code("GET", f"/v1.0/{blue.project_id}/clusters", token=token) == (200, "")
    for method, path, body in (
        ("GET", "/v3/users", None),
        ("POST", "/v3/users", {"user": {"name": "mole"}}),
        ("PUT", own, None),
        ("GET", "/v3/role_assignments", None),
        ("PATCH", f"/v3/users/{blue.admin.id}", {"user": {"password": "Fresh-Pear-27"}}),
    ):
        assert await blue.code(method, path, body, token=token) == FORBIDDEN, path


async def test_a_tenant_administrator_changes_no_identity(blue: Tenant, new_user: NewUser) -> None:
    ann = new_user("ann", beside=blue.admin, domain=("te_admin",))
    token = await blue.domain_token("ann")
    own = f"/v3/domains/{blue.domain_id}/users/{ann.id}/roles/secu_admin"
    assert await blue.code("PUT", own, token=token) == FORBIDDEN
    assert await blue.code("GET", "/v3/users", token=token) == (200, "")


async def test_another_domain_s_objects_do_not_exist(
    blue: Tenant, red: Tenant, new_user: NewUser
) -> None:
    mole = new_user("mole", beside=red.admin)
    group = await blue.make("/v3/groups", "group", name="readers")
    agency = await blue.make(
        "/v3.0/OS-AGENCY/agencies", "agency", name="help", trust_domain_name="red"
    )
    policy = await blue.policy("reads", "css:*:get*")
    theirs = await red.policy("reads", "css:*:get*")
    paths = [
        f"/v3/domains/{blue.domain_id}/users/{mole.id}/roles/te_admin",
        f"/v3/projects/{blue.project_id}/users/{mole.id}/roles/css_adm",
        f"/v3/domains/{blue.domain_id}/groups/{group}/roles/te_admin",
        f"/v3/projects/{blue.project_id}/groups/{group}/roles/css_adm",
        f"/v3/OS-INHERIT/domains/{blue.domain_id}/groups/{group}/roles/readonly"
        "/inherited_to_projects",
        f"/v3/projects/{red.project_id}/groups/{group}/roles/css_adm",
        f"/v3/projects/{red.project_id}/users/{blue.admin.id}/roles/css_adm",
        f"/v3/projects/{red.project_id}/users/{mole.id}/roles/{policy}",
        f"/v3/projects/{red.project_id}/users/{mole.id}/roles/cloud_admin",
        f"/v3/domains/{red.domain_id}/users/{mole.id}/roles/cloud_admin",
        f"/v3.0/OS-AGENCY/projects/{blue.project_id}/agencies/{agency}/roles/css_adm",
        f"/v3.0/OS-AGENCY/projects/{red.project_id}/agencies/{agency}/roles/css_adm",
    ]
    for path in paths:
        for method in ("PUT", "DELETE"):
            assert await red.code(method, path) == MISSING, path
        assert (await red.ask("HEAD", path)).status_code == 404, path
    for path in (f"/v3.0/OS-ROLE/roles/{policy}", f"/v3/roles/{policy}"):
        assert await red.code("GET", path) == MISSING
    one = f"/v3.0/OS-ROLE/roles/{policy}"
    assert await red.code("PATCH", one, {"role": {"description": "x"}}) == MISSING
    assert await red.code("DELETE", one) == MISSING
    for path in (
        f"/v3/roles?domain_id={blue.domain_id}",
        f"/v3.0/OS-PERMISSION/role-assignments?domain_id={blue.domain_id}",
        f"/v3.0/OS-AGENCY/agencies?domain_id={blue.domain_id}",
        f"/v3.0/OS-AGENCY/agencies/{agency}",
    ):
        assert await red.code("GET", path) == MISSING, path
    for path in ("/v3/roles", "/v3.0/OS-ROLE/roles", "/v3/role_assignments"):
        answer = await red.ask("GET", path)
        assert blue.admin.id not in answer.text
        assert f'"{policy}"' not in answer.text
    assert theirs in (await red.ask("GET", "/v3.0/OS-ROLE/roles")).text


async def test_what_is_foreign_is_answered_like_what_is_not_there(
    blue: Tenant, red: Tenant
) -> None:
    group = await blue.make("/v3/groups", "group", name="readers")
    own = await red.make("/v3/groups", "group", name="readers")
    for foreign, unknown in (
        (
            f"/v3/projects/{blue.project_id}/groups/{own}/roles/css_adm",
            f"/v3/projects/{UNKNOWN}/groups/{own}/roles/css_adm",
        ),
        (
            f"/v3/projects/{red.project_id}/groups/{group}/roles/css_adm",
            f"/v3/projects/{red.project_id}/groups/{UNKNOWN}/roles/css_adm",
        ),
    ):
        told = [
            (await red.ask("PUT", path)).json()["error"]["message"] for path in (foreign, unknown)
        ]
        ids = [blue.project_id, group, UNKNOWN]
        for text in ids:
            told = [one.replace(text, "ID") for one in told]
        assert told[0] == told[1]


async def test_roles_at_home_do_not_count_abroad(blue: Tenant, red: Tenant) -> None:
    scope = {"domain": {"id": blue.domain_id}}
    assert (await red.login(red.admin.name, scope)).status_code == 401
    scope = {"project": {"id": blue.project_id}}
    assert (await red.login(red.admin.name, scope)).status_code == 401


async def test_tokens_of_another_domain_are_nobody_s_to_look_at(blue: Tenant, red: Tenant) -> None:
    headers = {"X-Auth-Token": red.token, "X-Subject-Token": blue.token}
    for method in ("GET", "DELETE"):
        answer = await blue.http.request(method, "/v3/auth/tokens", headers=headers)
        assert answer.status_code == 403
    assert await blue.code("GET", "/v3/users") == (200, "")


async def test_a_role_taken_from_a_group_is_gone_from_its_members_tokens(
    blue: Tenant, new_user: NewUser
) -> None:
    ann = new_user("ann", beside=blue.admin)
    group = await blue.make("/v3/groups", "group", name="readers")
    grant = f"/v3/projects/{blue.project_id}/groups/{group}/roles/css_adm"
    for path in (f"/v3/groups/{group}/users/{ann.id}", grant):
        assert (await blue.ask("PUT", path)).status_code == 204
    token = await blue.token_of("ann")
    clusters = f"/v1.0/{blue.project_id}/clusters"
    assert await blue.code("GET", clusters, token=token) == (200, "")
    assert (await blue.ask("DELETE", grant)).status_code == 204
    assert await blue.code("GET", clusters, token=token) == (401, "APIGW.0301")
    assert (await blue.login("ann")).status_code == 401
