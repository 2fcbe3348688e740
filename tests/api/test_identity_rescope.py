"""A token for a token: another scope, the same end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.support.logins import PASSWORD, Login

from searchplane.iam.bootstrap import Credentials
from searchplane.iam.service import Identity
from searchplane.store.identity import Reference

PATH = "/v3/auth/tokens"
WRONG = "The request you have made requires authentication."


def body(token: str, scope: object = None) -> dict[str, Any]:
    auth: dict[str, Any] = {"identity": {"methods": ["token"], "token": {"id": token}}}
    return {"auth": auth | ({"scope": scope} if scope else {})}


async def test_an_unscoped_token_becomes_a_project_token(
    client: httpx.AsyncClient, credentials: Credentials, login: Login
) -> None:
    answer = await client.post(PATH, json=body(await login(None), {"project": {"name": "local"}}))
    assert answer.status_code == 201
    token = answer.json()["token"]
    assert token["project"]["id"] == credentials.project_id
    assert token["methods"] == ["password", "token"]


async def test_rescoping_keeps_the_first_expiry_and_chain(
    client: httpx.AsyncClient, login: Login
) -> None:
    first = await login(None)
    shown = [
        (await client.get(PATH, headers={"X-Auth-Token": first, "X-Subject-Token": first})).json()
    ]
    value = first
    for scope in ({"project": {"name": "local"}}, {"domain": {"name": "acme"}}):
        answer = await client.post(PATH, json=body(value, scope))
        value = answer.headers["X-Subject-Token"]
        shown.append(answer.json())
    assert len({each["token"]["expires_at"] for each in shown}) == 1
    assert len({each["token"]["issued_at"] for each in shown}) == 3
    own, *chains = (each["token"]["audit_ids"] for each in shown)
    assert [chain[1] for chain in chains] == own * 2


async def test_the_first_token_stays_valid(client: httpx.AsyncClient, login: Login) -> None:
    first = await login(None)
    await client.post(PATH, json=body(first, {"project": {"name": "local"}}))
    answer = await client.get("/v3/auth/projects", headers={"X-Auth-Token": first})
    assert answer.status_code == 200


@pytest.mark.parametrize("scope", [{"project": {"name": "nothing"}}, {"domain": {"id": "f" * 32}}])
async def test_a_scope_without_a_role_is_refused(
    client: httpx.AsyncClient, login: Login, scope: object
) -> None:
    answer = await client.post(PATH, json=body(await login(None), scope))
    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == WRONG


@pytest.mark.parametrize("token", ["", "nonsense", "x" * 30_000])
async def test_a_bad_token_is_refused(client: httpx.AsyncClient, token: str) -> None:
    answer = await client.post(PATH, json=body(token))
    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == WRONG


async def test_an_expired_token_is_refused(
    client: httpx.AsyncClient, credentials: Credentials, identity: Identity
) -> None:
    admin = Reference(name=credentials.user, domain=Reference(id=credentials.domain_id))
    past = datetime.now(UTC) - timedelta(hours=24)
    old = identity.login(admin, PASSWORD, None, past).token.value
    assert (await client.post(PATH, json=body(old))).status_code == 401


async def test_a_revoked_token_is_refused(client: httpx.AsyncClient, login: Login) -> None:
    token = await login(None)
    await client.delete(PATH, headers={"X-Auth-Token": token, "X-Subject-Token": token})
    assert (await client.post(PATH, json=body(token))).status_code == 401
