"""Agencies: one domain lets another's users act in it, exactly as far and as long as it says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from tests.support.grants import Tenant, tenant
from tests.support.logins import NewUser

from searchplane.domain.ids import UserId
from searchplane.store.database import Database
from searchplane.store.identity import bump
from searchplane.store.schema import domains, users

AGENCIES = "/v3.0/OS-AGENCY/agencies"
UNKNOWN = "0" * 32


class Pair:
    """`blue` trusts `green`; `ann` of green has the role Agent Operator."""

    def __init__(self, blue: Tenant, green: Tenant, agency: str, ann: UserId) -> None:
        self.blue, self.green, self.agency, self.ann = blue, green, agency, ann

    def grant(self, kind: str, role: str) -> str:
        where = {"projects": self.blue.project_id, "domains": self.blue.domain_id}[kind]
        return f"/v3.0/OS-AGENCY/{kind}/{where}/agencies/{self.agency}/roles/{role}"

    async def assume(
        self, token: str, name: str = "help", scope: Any = "project", **wanted: str
    ) -> httpx.Response:
        known = {"domain_name": self.blue.admin.domain.name, "agency_name": name}
        scopes = {
            "project": {"project": {"id": self.blue.project_id}},
            "domain": {"domain": {"id": self.blue.domain_id}},
        }
        auth: dict[str, Any] = {
            "identity": {"methods": ["assume_role"], "assume_role": wanted or known}
        }
        if scope:
            auth["scope"] = scopes.get(scope, scope) if isinstance(scope, str) else scope
        headers = {"X-Auth-Token": token}
        return await self.blue.http.post("/v3/auth/tokens", json={"auth": auth}, headers=headers)

    async def assumed(self, scope: Any = "project") -> str:
        """A token of ann's that acts through the agency."""
        answer = await self.assume(await self.green.domain_token("ann"), scope=scope)
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]

    @property
    def clusters(self) -> str:
        return f"/v1.0/{self.blue.project_id}/clusters"


@pytest.fixture
async def blue(client: httpx.AsyncClient, database: Database, new_user: NewUser) -> Tenant:
    return await tenant(client, database, new_user, "blue")


@pytest.fixture
async def pair(blue: Tenant, database: Database, new_user: NewUser) -> Pair:
    green = await tenant(blue.http, database, new_user, "green")
    agency = await blue.make(AGENCIES, "agency", name="help", trust_domain_name="green")
    ann = new_user("ann", beside=green.admin, domain=("te_agency",))
    made = Pair(blue, green, agency, ann.id)
    assert (await blue.ask("PUT", made.grant("projects", "css_adm"))).status_code == 204
    return made


async def test_an_agency_is_made_shown_changed_and_deleted(pair: Pair) -> None:
    wanted = {"name": "more", "trust_domain_name": "green", "duration": "ONEDAY"}
    made = (await pair.blue.ask("POST", AGENCIES, {"agency": wanted})).json()["agency"]
    assert (made["duration"], made["trust_domain_id"]) == ("24", pair.green.domain_id)
    assert made["expire_time"] > made["create_time"]
    one = f"{AGENCIES}/{made['id']}"
    assert (await pair.blue.ask("GET", one)).json()["agency"] == made
    listed = (await pair.blue.ask("GET", f"{AGENCIES}?name=more")).json()["agencies"]
    assert listed == [made]
    both = (await pair.blue.ask("GET", f"{AGENCIES}?trust_domain_id={pair.green.domain_id}")).json()
    assert len(both["agencies"]) == 2
    changed = {"agency": {"description": "x", "duration": "FOREVER"}}
    shown = (await pair.blue.ask("PUT", one, changed)).json()["agency"]
    assert (shown["description"], shown["duration"], shown["expire_time"]) == ("x", "FOREVER", None)
    assert (await pair.blue.ask("DELETE", one)).status_code == 204
    assert await pair.blue.code("GET", one) == (404, "IAM.0004")


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({"name": "help"}, (409, "IAM.0005")),
        ({"name": " x"}, (400, "IAM.0073")),
        ({"trust_domain_name": "blue"}, (400, "IAM.0073")),
        ({"trust_domain_name": "nowhere"}, (404, "IAM.0004")),
        ({"trust_domain_name": None}, (400, "IAM.0072")),
        ({"duration": "0"}, (400, "IAM.0073")),
        ({"duration": "99999"}, (400, "IAM.0073")),
        ({"duration": "soon"}, (400, "IAM.0073")),
        ({"domain_id": UNKNOWN}, (404, "IAM.0004")),
    ],
)
async def test_what_is_wrong_is_refused(
    pair: Pair, changed: dict[str, Any], answer: tuple[int, str]
) -> None:
    wanted = {"name": "more", "trust_domain_name": "green"} | changed
    assert await pair.blue.code("POST", AGENCIES, {"agency": wanted}) == answer


async def test_roles_are_granted_to_an_agency_and_taken_back(pair: Pair) -> None:
    inherited = (
        f"/v3.0/OS-INHERIT/domains/{pair.blue.domain_id}/agencies/{pair.agency}"
        "/roles/readonly/inherited_to_projects"
    )
    for path in (pair.grant("domains", "te_admin"), inherited):
        assert (await pair.blue.ask("HEAD", path)).status_code == 404
        assert (await pair.blue.ask("PUT", path)).status_code == 204
        assert (await pair.blue.ask("HEAD", path)).status_code == 204
    listed = await pair.blue.ask("GET", pair.grant("domains", "").rstrip("/"))
    assert [role["id"] for role in listed.json()["roles"]] == ["te_admin"]
    query = f"/v3.0/OS-PERMISSION/role-assignments?subject.agency_id={pair.agency}"
    assert (await pair.blue.ask("GET", query)).json()["total_num"] == 3
    for path in (pair.grant("domains", "te_admin"), inherited):
        assert (await pair.blue.ask("DELETE", path)).status_code == 204


async def test_the_token_says_who_acts_for_whom(pair: Pair) -> None:
    answer = await pair.assume(await pair.green.domain_token("ann"))
    token, told = answer.headers["X-Subject-Token"], answer.json()["token"]
    assert told["methods"] == ["assume_role"]
    assert told["user"]["id"] == pair.agency
    assert told["user"]["name"] == "blue/help"
    assert told["user"]["domain"]["id"] == pair.blue.domain_id
    assert told["assumed_by"]["user"]["id"] == pair.ann
    assert told["assumed_by"]["user"]["domain"]["name"] == "green"
    assert told["project"]["id"] == pair.blue.project_id
    assert [role["name"] for role in told["roles"]] == ["css_adm"]
    both = {"X-Auth-Token": token, "X-Subject-Token": token}
    again = await pair.blue.http.get("/v3/auth/tokens", headers=both)
    assert again.json()["token"]["assumed_by"] == told["assumed_by"]
    assert await pair.blue.code("GET", pair.clusters, token=token) == (200, "")
    own = (await pair.blue.ask("GET", "/v3/auth/projects", token=token)).json()["projects"]
    assert [project["id"] for project in own] == [pair.blue.project_id]


@pytest.mark.parametrize("method", ["assume_role", "hw_assume_role"])
async def test_the_older_spelling_and_ids_are_read(pair: Pair, method: str) -> None:
    wanted = {"domain_id": pair.blue.domain_id, "xrole_name": "help"}
    auth = {
        "identity": {"methods": [method], method: wanted},
        "scope": {"project": {"name": "local_of_it"}},
    }
    headers = {"X-Auth-Token": await pair.green.domain_token("ann")}
    answer = await pair.blue.http.post("/v3/auth/tokens", json={"auth": auth}, headers=headers)
    assert answer.json()["token"]["project"]["id"] == pair.blue.project_id


async def test_only_operators_of_the_trusted_domain_are_let_in(
    pair: Pair, database: Database, new_user: NewUser
) -> None:
    new_user("bob", beside=pair.green.admin, domain=("te_admin",))
    red = await tenant(pair.blue.http, database, new_user, "red")
    new_user("rita", beside=red.admin, domain=("te_agency",))
    bob = await pair.assume(await pair.green.domain_token("bob"))
    assert (bob.status_code, bob.json()["error_code"]) == (403, "IAM.0002")
    rita, ann = await red.domain_token("rita"), await pair.green.domain_token("ann")
    refused = [
        await pair.assume(rita),
        await pair.assume(rita, name="nothing"),
        await pair.assume(ann, name="nothing"),
        await pair.assume(ann, domain_name="nowhere", agency_name="help"),
        await pair.assume(ann, domain_name="green", agency_name="help"),
    ]
    assert {(one.status_code, one.json()["error_code"]) for one in refused} == {(404, "IAM.0004")}
    for token in ("", "nonsense"):
        nobody = await pair.assume(token)
        assert (nobody.status_code, nobody.json()["error_code"]) == (401, "APIGW.0301")


@pytest.mark.parametrize("kind", ["of the other", "a foreign project", "the own domain", "domain"])
async def test_a_scope_without_a_role_of_the_agency_is_refused(pair: Pair, kind: str) -> None:
    scopes: dict[str, Any] = {
        "of the other": {"project": {"id": pair.green.project_id}},
        "a foreign project": {"project": {"id": UNKNOWN}},
        "the own domain": {"domain": {"id": pair.green.domain_id}},
        "domain": {"domain": {"id": pair.blue.domain_id}},
    }
    answer = await pair.assume(await pair.green.domain_token("ann"), scope=scopes[kind])
    assert answer.status_code == 401
    assert "X-Subject-Token" not in answer.headers


async def test_an_agency_is_no_way_to_change_identity(pair: Pair, new_user: NewUser) -> None:
    await pair.blue.ask("PUT", pair.grant("domains", "secu_admin"))
    token = await pair.assumed("domain")
    victim = new_user("victim", beside=pair.blue.admin)
    blue = pair.blue.domain_id
    assert await pair.blue.code("GET", "/v3/users", token=token) == (200, "")
    changes: list[tuple[str, str, Any]] = [
        ("POST", "/v3/users", {"user": {"name": "mole", "password": "Fresh-Pear-27"}}),
        ("PATCH", f"/v3/users/{victim.id}", {"user": {"password": "Fresh-Pear-27"}}),
        ("DELETE", f"/v3/users/{victim.id}", None),
        ("POST", "/v3/groups", {"group": {"name": "moles"}}),
        ("PUT", f"/v3/domains/{blue}/users/{victim.id}/roles/secu_admin", None),
        ("PUT", pair.grant("projects", "te_admin"), None),
        ("DELETE", pair.grant("projects", "css_adm"), None),
        ("POST", AGENCIES, {"agency": {"name": "more", "trust_domain_name": "green"}}),
        ("PUT", f"{AGENCIES}/{pair.agency}", {"agency": {"duration": "FOREVER"}}),
        ("POST", "/v3.0/OS-CREDENTIAL/credentials", {"credential": {"user_id": victim.id}}),
        ("POST", "/v3.0/OS-CREDENTIAL/credentials", {"credential": {"user_id": pair.agency}}),
        ("POST", "/v3.0/OS-CREDENTIAL/credentials", {"credential": {"user_id": pair.ann}}),
        (
            "POST",
            f"/v3/users/{pair.ann}/password",
            {"user": {"password": "Fresh-Pear-27", "original_password": "x"}},
        ),
        (
            "POST",
            "/v3.0/OS-ROLE/roles",
            {
                "role": {
                    "display_name": "all",
                    "type": "AX",
                    "policy": {
                        "Version": "1.1",
                        "Statement": [{"Effect": "Allow", "Action": ["*:*:*"]}],
                    },
                }
            },
        ),
    ]
    for method, path, body in changes:
        code = await pair.blue.code(method, path, body, token=token)
        assert code == (403, "IAM.0002"), (method, path)


async def test_a_chain_of_agencies_is_refused(pair: Pair, new_user: NewUser) -> None:
    wanted = {"name": "onward", "trust_domain_name": "blue"}
    await pair.green.make(AGENCIES, "agency", **wanted)
    await pair.blue.ask("PUT", pair.grant("domains", "te_agency"))
    token = await pair.assumed("domain")
    answer = await pair.assume(token, domain_name="green", agency_name="onward")
    assert (answer.status_code, answer.json()["error_code"]) == (403, "IAM.0002")


async def test_a_rescoped_token_stays_delegated_and_keeps_its_end(pair: Pair) -> None:
    await pair.blue.ask("PUT", pair.grant("domains", "secu_admin"))
    first = await pair.assumed("domain")
    auth = {
        "identity": {"methods": ["token"], "token": {"id": first}},
        "scope": {"project": {"name": "local_of_it"}},
    }
    answer = await pair.blue.http.post("/v3/auth/tokens", json={"auth": auth})
    told = answer.json()["token"]
    assert told["assumed_by"]["user"]["id"] == pair.ann
    assert told["methods"] == ["token", "assume_role"]
    token = answer.headers["X-Subject-Token"]
    assert await pair.blue.code("GET", pair.clusters, token=token) == (200, "")
    assert await pair.blue.code(
        "POST", "/v3/groups", {"group": {"name": "moles"}}, token=token
    ) == (403, "IAM.0002")
    elsewhere = auth | {"scope": {"domain": {"id": pair.green.domain_id}}}
    answer = await pair.blue.http.post("/v3/auth/tokens", json={"auth": elsewhere})
    assert answer.status_code == 401


async def test_it_ends_with_the_login_it_came_from(pair: Pair) -> None:
    login = await pair.green.token_of("ann", {"domain": {"id": pair.green.domain_id}})
    answer = await pair.assume(login)
    both = {"X-Auth-Token": login, "X-Subject-Token": login}
    behind = (await pair.blue.http.get("/v3/auth/tokens", headers=both)).json()["token"]
    assert answer.json()["token"]["expires_at"] == behind["expires_at"]
    token = answer.headers["X-Subject-Token"]
    assert (await pair.blue.http.delete("/v3/auth/tokens", headers=both)).status_code == 204
    assert await pair.blue.code("GET", pair.clusters, token=token) == (401, "APIGW.0301")


@pytest.mark.parametrize(
    "end",
    [
        "agency deleted",
        "agency trusts another",
        "agency's role taken",
        "operator's role taken",
        "operator disabled",
        "trusted domain disabled",
        "trusting domain disabled",
    ],
)
async def test_it_counts_only_as_long_as_everything_it_rests_on(
    pair: Pair, database: Database, new_user: NewUser, end: str
) -> None:
    await tenant(pair.blue.http, database, new_user, "red")
    token = await pair.assumed()
    assert await pair.blue.code("GET", pair.clusters, token=token) == (200, "")
    operator = f"/v3/domains/{pair.green.domain_id}/users/{pair.ann}/roles/te_agency"
    changes: dict[str, tuple[Tenant, str, str, Any]] = {
        "agency deleted": (pair.blue, "DELETE", f"{AGENCIES}/{pair.agency}", None),
        "agency trusts another": (
            pair.blue,
            "PUT",
            f"{AGENCIES}/{pair.agency}",
            {"agency": {"trust_domain_name": "red"}},
        ),
        "agency's role taken": (pair.blue, "DELETE", pair.grant("projects", "css_adm"), None),
        "operator's role taken": (pair.green, "DELETE", operator, None),
        "operator disabled": (
            pair.green,
            "PATCH",
            f"/v3/users/{pair.ann}",
            {"user": {"enabled": False}},
        ),
    }
    if end in changes:
        whose, method, path, body = changes[end]
        assert (await whose.ask(method, path, body)).status_code in (200, 204)
    else:
        gone = pair.green if end.startswith("trusted") else pair.blue
        with database.write() as connection:
            off = update(domains).where(domains.c.id == gone.domain_id)
            connection.execute(off.values(enabled=False))
            bump(connection)
    assert await pair.blue.code("GET", pair.clusters, token=token) == (401, "APIGW.0301")


async def test_ending_all_tokens_of_the_operator_ends_it(pair: Pair, database: Database) -> None:
    token = await pair.assumed()
    with database.write() as connection:
        ended = update(users).where(users.c.id == pair.ann)
        connection.execute(ended.values(valid_from=datetime.now(UTC)))
        bump(connection)
    assert await pair.blue.code("GET", pair.clusters, token=token) == (401, "APIGW.0301")


async def test_an_expired_agency_lets_nobody_in_and_bounds_the_token(pair: Pair) -> None:
    one = f"{AGENCIES}/{pair.agency}"
    day = (await pair.blue.ask("PUT", one, {"agency": {"duration": "ONEDAY"}})).json()["agency"]
    answer = await pair.assume(await pair.green.domain_token("ann"))
    assert answer.json()["token"]["expires_at"] <= day["expire_time"]


async def test_a_custom_policy_can_allow_one_agency_only(pair: Pair, new_user: NewUser) -> None:
    await pair.blue.make(AGENCIES, "agency", name="other", trust_domain_name="green")
    only = {"Resource": {"uri": [f"/iam/agencies/{pair.agency}"]}}
    policy = await pair.green.policy("one", "iam:tokens:assume", kind="AX", **only)
    bob = new_user("bob", beside=pair.green.admin)
    grant = f"/v3/domains/{pair.green.domain_id}/users/{bob.id}/roles/{policy}"
    assert (await pair.green.ask("PUT", grant)).status_code == 204
    token = await pair.green.domain_token("bob")
    assert (await pair.assume(token)).status_code == 201
    assert (await pair.assume(token, name="other")).status_code == 403
