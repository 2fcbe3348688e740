"""Checking and ending tokens, and what a token is worth after a change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import delete, func, select, update
from tests.support.logins import PASSWORD, Login, NewUser, presented

from searchplane.iam.bootstrap import Credentials
from searchplane.iam.service import Identity
from searchplane.settings import Settings
from searchplane.store.database import Database
from searchplane.store.identity import Reference, bump
from searchplane.store.schema import domains, projects, revocations, role_assignments, users

PATH = "/v3/auth/tokens"
OTHER = {"name": "other"}


def about(subject: str, auth: str | None = None) -> dict[str, str]:
    return {"X-Auth-Token": auth or subject, "X-Subject-Token": subject}


def old_token(identity: Identity, known: Credentials, age: timedelta) -> str:
    admin = Reference(name=known.user, domain=Reference(id=known.domain_id))
    return identity.login(admin, PASSWORD, None, datetime.now(UTC) - age).token.value


async def test_a_token_shows_itself_as_when_it_was_made(
    client: httpx.AsyncClient, credentials: Credentials, token: str
) -> None:
    answer = await client.get(PATH, headers=about(token))
    assert answer.status_code == 200
    assert answer.headers["X-Subject-Token"] == token
    shown = answer.json()["token"]
    assert shown["project"]["id"] == credentials.project_id
    assert "catalog" in shown


async def test_the_catalogue_can_be_left_out(client: httpx.AsyncClient, token: str) -> None:
    answer = await client.get(PATH + "?nocatalog", headers=about(token))
    assert "catalog" not in answer.json()["token"]


async def test_head_is_get_without_a_body(client: httpx.AsyncClient, token: str) -> None:
    answer = await client.head(PATH, headers=about(token))
    assert answer.status_code == 200
    assert answer.headers["X-Subject-Token"] == token
    assert answer.content == b""


async def test_spaces_around_a_token_do_not_matter(client: httpx.AsyncClient, token: str) -> None:
    answer = await client.get(PATH, headers=about(f"  {token} "))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("auth", "why"), [(None, "missing"), ("", "missing"), ("x", "invalid"), ("é", "invalid")]
)
async def test_a_missing_or_bad_token_is_refused(
    client: httpx.AsyncClient, auth: str | None, why: str
) -> None:
    headers = {} if auth is None else {"X-Auth-Token": auth.encode("latin-1")}
    answer = await client.get("/v3/auth/projects", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error_code"] == "APIGW.0301"
    assert why in answer.json()["error"]["message"]


async def test_an_expired_token_is_refused_with_its_time(
    client: httpx.AsyncClient, credentials: Credentials, identity: Identity
) -> None:
    token = old_token(identity, credentials, timedelta(hours=24))
    answer = await client.get("/v3/auth/projects", headers={"X-Auth-Token": token})
    assert answer.status_code == 401
    assert "expired at 20" in answer.json()["error"]["message"]


async def test_a_token_counts_until_its_last_minute(
    client: httpx.AsyncClient, credentials: Credentials, identity: Identity
) -> None:
    token = old_token(identity, credentials, timedelta(hours=23, minutes=59))
    answer = await client.get("/v3/auth/projects", headers={"X-Auth-Token": token})
    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_a_bad_subject_is_not_found(
    client: httpx.AsyncClient, token: str, method: str
) -> None:
    answer = await client.request(method, PATH, headers=about("nonsense", auth=token))
    assert answer.status_code == 404
    if method != "HEAD":
        assert answer.json()["error"]["message"] == "X-Subject-Token is invalid in the request"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_a_missing_subject_is_said(
    client: httpx.AsyncClient, token: str, method: str
) -> None:
    answer = await client.request(method, PATH, headers={"X-Auth-Token": token})
    assert answer.status_code == 400


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_a_subject_alone_proves_nothing(
    client: httpx.AsyncClient, token: str, method: str
) -> None:
    answer = await client.request(method, PATH, headers={"X-Subject-Token": token})
    assert answer.status_code == 401


async def test_a_revoked_token_is_refused_and_others_are_not(
    client: httpx.AsyncClient, login: Login
) -> None:
    gone, kept = await login(), await login()
    answer = await client.delete(PATH, headers=about(gone, auth=kept))
    assert (answer.status_code, answer.content) == (204, b"")
    answer = await client.get("/v3/auth/projects", headers={"X-Auth-Token": gone})
    assert answer.status_code == 401
    assert "revoked" in answer.json()["error"]["message"]
    assert (await client.get(PATH, headers=about(gone, auth=kept))).status_code == 404
    assert (await client.delete(PATH, headers=about(gone, auth=kept))).status_code == 404
    assert (await client.get(PATH, headers=about(kept))).status_code == 200


async def test_a_revoked_token_stays_revoked_after_a_restart(
    client: httpx.AsyncClient, login: Login, database: Database, settings: Settings
) -> None:
    gone, kept = await login(), await login()
    await client.delete(PATH, headers=about(gone))
    again = Identity.open(database, settings)
    now = datetime.now(UTC)
    assert again.authenticate(presented(kept), now).user_name == "admin"
    with pytest.raises(Exception, match="revoked"):
        again.authenticate(presented(gone), now)


async def test_an_expired_token_can_be_ended_and_leaves_no_record(
    client: httpx.AsyncClient,
    credentials: Credentials,
    identity: Identity,
    token: str,
    database: Database,
) -> None:
    old = old_token(identity, credentials, timedelta(days=2))
    answer = await client.delete(PATH, headers=about(old, auth=token))
    assert answer.status_code == 204
    assert revoked(database) == 0


async def test_revocations_are_forgotten_once_the_token_has_expired(
    identity: Identity, credentials: Credentials, database: Database
) -> None:
    start = datetime.now(UTC)
    admin = Reference(name=credentials.user, domain=Reference(id=credentials.domain_id))
    for days in range(3):
        now = start + timedelta(days=days)
        issued = identity.login(admin, PASSWORD, None, now)
        identity.revoke(issued.session.actor, issued.token.value, now)
        assert revoked(database) == 1


async def test_own_tokens_need_no_permission(
    client: httpx.AsyncClient, login: Login, new_user: NewUser
) -> None:
    new_user("ann", project=("readonly",))
    scoped, unscoped = await login(name="ann"), await login(None, name="ann")
    assert (await client.get(PATH, headers=about(scoped, auth=unscoped))).status_code == 200
    assert (await client.delete(PATH, headers=about(scoped, auth=unscoped))).status_code == 204


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("role", ["readonly", "css_adm"])
async def test_anothers_token_needs_an_administrator(
    client: httpx.AsyncClient,
    token: str,
    login: Login,
    new_user: NewUser,
    *,
    method: str,
    role: str,
) -> None:
    new_user("ann", project=(role,))
    answer = await client.request(method, PATH, headers=about(token, auth=await login(name="ann")))
    assert answer.status_code == 403
    assert (await client.get(PATH, headers=about(token))).status_code == 200


@pytest.mark.parametrize("scope", ["project", "domain"])
@pytest.mark.parametrize("role", ["secu_admin"])
async def test_an_administrator_sees_and_ends_tokens_of_the_domain(
    client: httpx.AsyncClient, token: str, login: Login, new_user: NewUser, *, role: str, scope: str
) -> None:
    new_user("ann", project=(role,), domain=(role,))
    auth = await login(scope, name="ann")
    answer = await client.get(PATH, headers=about(token, auth=auth))
    assert answer.json()["token"]["user"]["name"] == "admin"
    assert (await client.delete(PATH, headers=about(token, auth=auth))).status_code == 204


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_an_administrator_of_another_domain_does_not(
    client: httpx.AsyncClient, token: str, login: Login, new_user: NewUser, method: str
) -> None:
    new_user("eve", domain=("secu_admin",), in_new_domain="other")
    auth = await login({"domain": OTHER}, name="eve", domain=OTHER)
    answer = await client.request(method, PATH, headers=about(token, auth=auth))
    assert answer.status_code == 403


async def test_a_guest_who_rules_elsewhere_does_not_rule_at_home(
    client: httpx.AsyncClient, login: Login, new_user: NewUser, credentials: Credentials
) -> None:
    eve = new_user("eve", project=("te_admin",), in_new_domain="other")
    new_user("amy", domain=("readonly",), beside=eve)
    guest = await login({"project": {"id": credentials.project_id}}, name="eve", domain=OTHER)
    subject = await login({"domain": OTHER}, name="amy", domain=OTHER)
    assert (await client.get(PATH, headers=about(subject, auth=guest))).status_code == 403


async def test_a_guest_whose_own_domain_is_disabled_is_refused(
    client: httpx.AsyncClient,
    login: Login,
    new_user: NewUser,
    credentials: Credentials,
    database: Database,
) -> None:
    new_user("eve", project=("te_admin",), in_new_domain="other")
    guest = await login({"project": {"id": credentials.project_id}}, name="eve", domain=OTHER)
    assert (await client.get(PATH, headers=about(guest))).status_code == 200
    with database.write() as connection:
        connection.execute(update(domains).where(domains.c.name == "other").values(enabled=False))
        bump(connection)
    assert (await client.get(PATH, headers=about(guest))).status_code == 401


@pytest.mark.parametrize("table", [users, domains, projects])
async def test_what_is_disabled_is_refused_at_the_next_call(
    client: httpx.AsyncClient, token: str, database: Database, table: object
) -> None:
    assert (await client.get(PATH, headers=about(token))).status_code == 200
    with database.write() as connection:
        connection.execute(update(table).values(enabled=False))
        bump(connection)
    assert (await client.get(PATH, headers=about(token))).status_code == 401
    with database.write() as connection:
        connection.execute(update(table).values(enabled=True))
        bump(connection)
    assert (await client.get(PATH, headers=about(token))).status_code == 200


async def test_a_role_taken_away_is_gone_at_the_next_call(
    client: httpx.AsyncClient, token: str, database: Database
) -> None:
    with database.write() as connection:
        connection.execute(delete(role_assignments).where(role_assignments.c.role == "te_admin"))
        bump(connection)
    shown = (await client.get(PATH, headers=about(token))).json()["token"]
    assert [role["name"] for role in shown["roles"]] == ["secu_admin"]
    with database.write() as connection:
        connection.execute(delete(role_assignments))
        bump(connection)
    assert (await client.get(PATH, headers=about(token))).status_code == 401


async def test_a_deleted_user_is_refused(
    client: httpx.AsyncClient, login: Login, new_user: NewUser, database: Database
) -> None:
    ann = new_user("ann", project=("readonly",))
    token = await login(name="ann")
    with database.write() as connection:
        connection.execute(delete(users).where(users.c.id == ann.id))
        bump(connection)
    assert (await client.get(PATH, headers=about(token))).status_code == 401


async def test_identity_headers_of_a_client_say_nothing(
    client: httpx.AsyncClient, login: Login, new_user: NewUser, credentials: Credentials
) -> None:
    new_user("ann", project=("readonly",))
    forged = {
        "X-User-Id": "0" * 32,
        "X-User-Name": "admin",
        "X-Roles": "te_admin",
        "X-Project-Id": "1" * 32,
        "X-Domain-Id": "2" * 32,
        "X-Identity-Status": "Confirmed",
    }
    assert (await client.get("/v3/auth/projects", headers=forged)).status_code == 401
    token = await login(name="ann")
    answer = await client.get(PATH, headers=about(token) | forged)
    shown = answer.json()["token"]
    assert shown["user"]["name"] == "ann"
    assert shown["roles"] == [{"id": "0", "name": "readonly"}]
    assert shown["project"]["id"] == credentials.project_id


def revoked(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(revocations)).scalar_one()
