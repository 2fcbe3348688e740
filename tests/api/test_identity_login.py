"""Logging in: `POST /v3/auth/tokens`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from tests.support.logins import PASSWORD, Login, NewUser, login_body

from searchplane.iam.bootstrap import Credentials
from searchplane.settings import Settings
from searchplane.store.database import Database
from searchplane.store.schema import domains, projects, users

PATH = "/v3/auth/tokens"
WRONG = "The username or password is wrong."
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")

Body = dict[str, Any]


async def test_a_project_token_is_described_as_documented(
    client: httpx.AsyncClient, credentials: Credentials
) -> None:
    answer = await client.post(PATH, json=login_body(credentials))
    assert answer.status_code == 201
    assert 100 < len(answer.headers["X-Subject-Token"]) < 250
    token = answer.json()["token"]
    home = {"id": credentials.domain_id, "name": "acme"}
    assert token["methods"] == ["password"]
    assert token["user"]["name"] == "admin"
    assert token["user"]["domain"] == home
    assert token["user"]["password_expires_at"] is None
    assert token["project"] == {"id": credentials.project_id, "name": "local", "domain": home}
    assert token["roles"] == [
        {"id": "0", "name": "secu_admin"},
        {"id": "0", "name": "te_admin"},
    ]
    assert "domain" not in token
    assert TIME.match(token["issued_at"])
    assert TIME.match(token["expires_at"])


async def test_a_token_is_valid_for_24_hours(
    client: httpx.AsyncClient, credentials: Credentials
) -> None:
    token = (await client.post(PATH, json=login_body(credentials))).json()["token"]
    issued, expires = (datetime.fromisoformat(token[key]) for key in ("issued_at", "expires_at"))
    assert expires - issued == timedelta(hours=24)


async def test_a_domain_token_has_no_project_and_no_search_service(
    client: httpx.AsyncClient, credentials: Credentials
) -> None:
    token = (await client.post(PATH, json=login_body(credentials, "domain"))).json()["token"]
    assert token["domain"] == {"id": credentials.domain_id, "name": "acme"}
    assert "project" not in token
    assert {entry["type"] for entry in token["catalog"]} == {"iam", "identity"}


@pytest.mark.parametrize("scope", [None, "unscoped"])
async def test_without_a_scope_a_token_has_no_roles(
    client: httpx.AsyncClient, credentials: Credentials, scope: str | None
) -> None:
    token = (await client.post(PATH, json=login_body(credentials, scope))).json()["token"]
    assert not {"project", "domain", "roles"} & set(token)


async def test_the_catalogue_points_at_the_project(
    client: httpx.AsyncClient, credentials: Credentials, settings: Settings
) -> None:
    token = (await client.post(PATH, json=login_body(credentials))).json()["token"]
    [css] = [entry for entry in token["catalog"] if entry["type"] == "css"]
    [endpoint] = css["endpoints"]
    assert endpoint["url"] == f"{settings.base_url}/v1.0/{credentials.project_id}"
    assert endpoint["interface"] == "public"
    assert endpoint["region"] == endpoint["region_id"] == settings.region


@pytest.mark.parametrize("query", ["?nocatalog", "?nocatalog=true", "?nocatalog="])
async def test_the_catalogue_can_be_left_out(
    client: httpx.AsyncClient, credentials: Credentials, query: str
) -> None:
    answer = await client.post(PATH + query, json=login_body(credentials))
    assert "catalog" not in answer.json()["token"]


def by_ids(known: Credentials) -> list[Body]:
    """Scopes that all mean the first project."""
    return [
        {"project": {"id": known.project_id}},
        {"project": {"name": known.project}},
        {"project": {"name": known.project, "domain": {"name": known.domain}}},
        {"project": {"name": known.project, "domain": {"id": known.domain_id}}},
        {"project": {"name": known.project}, "domain": {"name": known.domain}},
    ]


@pytest.mark.parametrize("number", range(5))
async def test_a_project_is_named_in_every_documented_way(
    client: httpx.AsyncClient, credentials: Credentials, number: int
) -> None:
    body = login_body(credentials, by_ids(credentials)[number])
    token = (await client.post(PATH, json=body)).json()["token"]
    assert token["project"]["id"] == credentials.project_id


async def test_a_user_is_named_by_id_without_a_domain(
    client: httpx.AsyncClient, credentials: Credentials, new_user: NewUser
) -> None:
    ann = new_user("ann", project=("readonly",))
    body = login_body(credentials, id=ann.id, name=None, domain=None)
    token = (await client.post(PATH, json=body)).json()["token"]
    assert token["user"]["name"] == "ann"
    assert token["roles"] == [{"id": "0", "name": "readonly"}]


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json;charset=utf8", "application/json; x=1"]
)
async def test_any_json_content_type_is_read(
    client: httpx.AsyncClient, credentials: Credentials, content_type: str
) -> None:
    answer = await client.post(
        PATH, json=login_body(credentials), headers={"Content-Type": content_type}
    )
    assert answer.status_code == 201


Refusal = Callable[[Credentials, NewUser, Database], Body]


def wrong_password(known: Credentials, _new: NewUser, _database: Database) -> Body:
    return login_body(known, password="wrong")


def empty_password(known: Credentials, _new: NewUser, _database: Database) -> Body:
    return login_body(known, password="")


def unknown_user(known: Credentials, _new: NewUser, _database: Database) -> Body:
    return login_body(known, name="nobody")


def unknown_user_id(known: Credentials, _new: NewUser, _database: Database) -> Body:
    return login_body(known, id="f" * 32)


def unknown_domain(known: Credentials, _new: NewUser, _database: Database) -> Body:
    return login_body(known, domain={"name": "nowhere"})


def disabled_user(known: Credentials, new: NewUser, database: Database) -> Body:
    ann = new("ann", project=("te_admin",))
    with database.write() as connection:
        connection.execute(update(users).where(users.c.id == ann.id).values(enabled=False))
    return login_body(known, name="ann")


def disabled_domain(known: Credentials, _new: NewUser, database: Database) -> Body:
    with database.write() as connection:
        connection.execute(update(domains).values(enabled=False))
    return login_body(known)


def disabled_project(known: Credentials, _new: NewUser, database: Database) -> Body:
    with database.write() as connection:
        connection.execute(update(projects).values(enabled=False))
    return login_body(known)


def unknown_project(known: Credentials, _new: NewUser, _database: Database) -> Body:
    return login_body(known, {"project": {"name": "nothing"}})


def no_role_on_project(known: Credentials, new: NewUser, _database: Database) -> Body:
    new("ann", domain=("te_admin",))
    return login_body(known, name="ann")


def no_role_on_domain(known: Credentials, new: NewUser, _database: Database) -> Body:
    new("ann", project=("te_admin",))
    return login_body(known, "domain", name="ann")


def project_of_another_domain(known: Credentials, new: NewUser, _database: Database) -> Body:
    new("ann", domain=("te_admin",), in_new_domain="other")
    scope = {"project": {"name": known.project, "domain": {"name": known.domain}}}
    return login_body(known, scope, name="ann", domain={"name": "other"})


def project_by_name_alone_is_in_the_own_domain(
    known: Credentials, new: NewUser, _database: Database
) -> Body:
    new("eve", project=("te_admin",), in_new_domain="other")
    return login_body(known, name="eve", domain={"name": "other"})


REFUSALS: list[Refusal] = [
    wrong_password,
    empty_password,
    unknown_user,
    unknown_user_id,
    unknown_domain,
    disabled_user,
    disabled_domain,
    disabled_project,
    unknown_project,
    no_role_on_project,
    no_role_on_domain,
    project_of_another_domain,
    project_by_name_alone_is_in_the_own_domain,
]


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_every_refusal_is_the_same(
    client: httpx.AsyncClient,
    credentials: Credentials,
    new_user: NewUser,
    database: Database,
    refusal: Refusal,
) -> None:
    answer = await client.post(PATH, json=refusal(credentials, new_user, database))
    assert answer.status_code == 401
    assert answer.json().pop("request_id") == answer.headers["X-Request-Id"]
    assert answer.json() | {"request_id": ""} == {
        "error": {"code": 401, "title": "Unauthorized", "message": WRONG},
        "error_code": "IAM.0001",
        "error_msg": WRONG,
        "request_id": "",
    }
    assert "X-Subject-Token" not in answer.headers


@pytest.mark.usefixtures("usual_hashes")
@pytest.mark.parametrize("refusal", [unknown_user, unknown_domain, disabled_user, unknown_project])
async def test_every_refusal_takes_the_same_time(
    client: httpx.AsyncClient,
    credentials: Credentials,
    new_user: NewUser,
    database: Database,
    refusal: Refusal,
) -> None:
    async def cost(body: Body) -> float:
        # Processor time of this process: neighbours on the machine do not count.
        start = time.process_time()
        await client.post(PATH, json=body)
        return time.process_time() - start

    wrong = login_body(credentials, password="wrong")
    other = refusal(credentials, new_user, database)
    await cost(wrong)
    known = sorted([await cost(wrong) for _ in range(5)])[2]
    unknown = sorted([await cost(other) for _ in range(5)])[2]
    assert 0.6 < unknown / known < 1.6


def changed(path: str, value: object) -> Callable[[Body], Body]:
    """The body with the field at a dotted path replaced, or removed when the value is `...`."""

    def change(body: Body) -> Body:
        *parents, last = path.split(".")
        part: Any = body
        for name in parents:
            part = part[name]
        if value is ...:
            del part[last]
        else:
            part[last] = value
        return body

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed("auth", ...), "auth is missing"),
        (changed("auth", 5), "auth is 5"),
        (changed("auth.identity", ...), "auth.identity is missing"),
        (changed("auth.identity.methods", ...), "auth.identity.methods is missing"),
        (changed("auth.identity.methods", []), "auth.identity.methods is a list"),
        (changed("auth.identity.methods", "password"), "auth.identity.methods is 'password'"),
        (changed("auth.identity.password", ...), "auth.identity.password is missing"),
        (changed("auth.identity.methods", ["token"]), "auth.identity.token is missing"),
        (changed("auth.identity.password.user", ...), "auth.identity.password.user is missing"),
        (changed("auth.identity.password.user.password", ...), "user.password is missing"),
        (changed("auth.identity.password.user.name", ...), "has neither id nor name"),
        (changed("auth.identity.password.user.domain", ...), "user.domain is missing"),
        (changed("auth.identity.password.user.domain", {}), "user.domain has neither"),
        (changed("auth.identity.password.user.name", "a\x00b"), "user.name is"),
        (changed("auth.scope", {}), "auth.scope names neither"),
        (changed("auth.scope", "elsewhere"), "auth.scope"),
        (changed("auth.scope", {"project": {}}), "auth.scope.project has neither"),
        (changed("auth.scope.project.domain", {}), "auth.scope.project.domain has neither"),
        (changed("auth.scope", {"domain": {}}), "auth.scope.domain has neither"),
    ],
)
async def test_a_wrong_field_is_named(
    client: httpx.AsyncClient,
    credentials: Credentials,
    change: Callable[[Body], Body],
    said: str,
) -> None:
    answer = await client.post(PATH, json=change(login_body(credentials)))
    assert answer.status_code == 400
    assert answer.json()["error"]["title"] == "Bad Request"
    assert said in answer.json()["error"]["message"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"\xff"', b"[" * 60_000])
async def test_a_malformed_body_is_refused(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post(PATH, content=content)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == 400


@pytest.mark.parametrize(
    "change",
    [
        changed("auth.identity.password.user.password", "hidden" * 1000),
        changed("auth.identity.password.user.password", ["hidden"]),
        changed("auth.identity.password.user", "hidden"),
        changed("auth.identity.password", "hidden"),
        changed("auth.identity", [{"password": "hidden"}]),
        changed("auth.identity.token", {"id": {"of": "hidden"}}),
        changed("auth.identity.token", "hidden"),
        changed("auth.identity.methods", {"name": "hidden"}),
    ],
)
async def test_a_message_never_repeats_a_secret(
    client: httpx.AsyncClient, credentials: Credentials, change: Callable[[Body], Body]
) -> None:
    answer = await client.post(PATH, json=change(login_body(credentials)))
    assert answer.status_code == 400
    assert "hidden" not in answer.text


@pytest.mark.parametrize("methods", [["totp"], ["password", "totp"], ["hw_access_key"], [""]])
async def test_a_method_there_is_not_is_refused(
    client: httpx.AsyncClient, credentials: Credentials, methods: list[str]
) -> None:
    body = changed("auth.identity.methods", methods)(login_body(credentials))
    answer = await client.post(PATH, json=body)
    assert answer.status_code == 401
    assert "unsupported method" in answer.json()["error"]["message"]


async def test_nothing_secret_is_logged(
    client: httpx.AsyncClient,
    credentials: Credentials,
    login: Login,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    token = await login()
    await client.get("/v3/auth/catalog", headers={"X-Auth-Token": token})
    await client.post(PATH, json=login_body(credentials, password=PASSWORD + "!"))
    assert token not in caplog.text
    assert PASSWORD not in caplog.text
