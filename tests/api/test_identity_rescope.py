"""A token for a token: another scope, the same end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.support.logins import PASSWORD, Login

from searchplane.errors import Unauthenticated
from searchplane.iam import issuing
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


async def follow(client: httpx.AsyncClient, token: str) -> str:
    answer = await client.post(PATH, json=body(token, {"project": {"name": "local"}}))
    assert answer.status_code == 201, answer.text
    return answer.headers["X-Subject-Token"]


async def counts(client: httpx.AsyncClient, token: str) -> bool:
    answer = await client.get("/v3/auth/projects", headers={"X-Auth-Token": token})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


async def test_a_token_revoked_in_the_middle_takes_along_what_came_from_it(
    client: httpx.AsyncClient, login: Login
) -> None:
    first = await login(None)
    middle = await follow(client, first)
    beside = await follow(client, first)
    below = await follow(client, middle)
    lowest = await follow(client, await follow(client, below))
    revoked = await client.delete(PATH, headers={"X-Auth-Token": first, "X-Subject-Token": middle})
    assert revoked.status_code == 204
    ended = [not await counts(client, token) for token in (middle, below, lowest)]
    assert ended == [True, True, True]
    assert await counts(client, first)
    assert await counts(client, beside)
    again = await client.delete(PATH, headers={"X-Auth-Token": first, "X-Subject-Token": lowest})
    assert again.status_code == 404, "it is ended already"
    assert (await client.post(PATH, json=body(lowest))).status_code == 401


async def test_a_temporary_key_ends_with_a_token_in_the_middle(
    client: httpx.AsyncClient, login: Login, identity: Identity
) -> None:
    first = await login(None)
    middle = await follow(client, first)
    below = await follow(client, await follow(client, middle))
    now = datetime.now(UTC)
    identity.temporary.issue(below, timedelta(hours=1), None, now)
    await client.delete(PATH, headers={"X-Auth-Token": first, "X-Subject-Token": middle})
    with pytest.raises(Unauthenticated, match="revoked"):
        identity.temporary.issue(below, timedelta(hours=1), None, now)


async def test_a_chain_has_an_end_that_is_said(
    client: httpx.AsyncClient, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "MOST_BETWEEN", 1)
    third = await follow(client, await follow(client, await login(None)))
    answer = await client.post(PATH, json=body(third))
    assert (answer.status_code, answer.json()["error_code"]) == (400, "IAM.0073")
    assert "a chain of 3" in answer.json()["error_msg"]
