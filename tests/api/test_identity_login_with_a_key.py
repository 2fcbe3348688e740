"""A token for an access key and its secret: it counts as long as the key does."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from tests.support.audit_examples import told
from tests.support.logins import Login

from searchplane.api.routes import OPERATIONS
from searchplane.api.services import Services
from searchplane.api.web import Application
from searchplane.errors import Unauthenticated
from searchplane.iam.bootstrap import Credentials
from searchplane.iam.sessions import ScopeRequest
from searchplane.store.identity import Reference, Target

PATH = "/v3/auth/tokens"
WRONG = "The access key or its secret is wrong."


@pytest.fixture
def pair(credentials: Credentials) -> tuple[str, str]:
    """The first user's access key and its secret."""
    return credentials.access_key, credentials.secret_key


def body(access: str, secret: str, **more: Any) -> dict[str, Any]:
    shown = {"access": {"key": access}, "secret": {"key": secret}} | more
    identity = {"methods": ["hw_ak_sk"], "hw_ak_sk": shown}
    return {"auth": {"identity": identity, "scope": {"project": {"name": "local"}}}}


async def counts(client: httpx.AsyncClient, token: str) -> bool:
    answer = await client.get("/v3/auth/projects", headers={"X-Auth-Token": token})
    return answer.status_code == 200


def refusal(answer: httpx.Response) -> str:
    assert (answer.status_code, answer.json()["error_code"]) == (401, "IAM.0001")
    return str(answer.json()["error_msg"])


async def test_it_is_the_keys_user(
    client: httpx.AsyncClient,
    services: Services,
    credentials: Credentials,
    pair: tuple[str, str],
) -> None:
    answer = await client.post(PATH, json=body(*pair))
    assert answer.status_code == 201, answer.text
    token = answer.json()["token"]
    assert (token["user"]["name"], token["methods"]) == (credentials.user, ["hw_ak_sk"])
    assert token["project"]["id"] == credentials.project_id
    clusters = f"/v1.0/{credentials.project_id}/clusters"
    headers = {"X-Auth-Token": answer.headers["X-Subject-Token"]}
    assert (await client.get(clusters, headers=headers)).status_code == 200
    (line,) = told(services.database, answer.headers["X-Request-Id"])
    assert (line.who.user_name, line.who.credential) == (credentials.user, pair[0])


async def test_a_token_ends_with_its_key_and_so_does_what_came_from_it(
    client: httpx.AsyncClient, login: Login, pair: tuple[str, str]
) -> None:
    admin = {"X-Auth-Token": await login("domain")}
    first = (await client.post(PATH, json=body(*pair))).headers["X-Subject-Token"]
    again = {"identity": {"methods": ["token"], "token": {"id": first}}}
    followed = (await client.post(PATH, json={"auth": again})).headers["X-Subject-Token"]
    key = f"/v3.0/OS-CREDENTIAL/credentials/{pair[0]}"
    for wish, holds in (("active", True), ("inactive", False), ("active", True)):
        changed = await client.put(key, json={"credential": {"status": wish}}, headers=admin)
        assert changed.status_code == 200, changed.text
        assert [await counts(client, token) for token in (first, followed)] == [holds, holds]
    assert (await client.delete(key, headers=admin)).status_code == 204
    assert [await counts(client, token) for token in (first, followed)] == [False, False]


@pytest.mark.parametrize("wrong", ["secret", "access", "project", "inactive"])
async def test_what_is_wrong_is_not_told(
    client: httpx.AsyncClient, login: Login, pair: tuple[str, str], wrong: str
) -> None:
    access, secret = pair
    if wrong == "inactive":
        admin, inactive = {"X-Auth-Token": await login()}, {"credential": {"status": "inactive"}}
        await client.put(f"/v3.0/OS-CREDENTIAL/credentials/{access}", json=inactive, headers=admin)
    shown = {"secret": (access, f"{secret}x"), "access": ("A" * 20, secret)}
    sent = body(*shown.get(wrong, pair))
    if wrong == "project":
        sent["auth"]["scope"] = {"project": {"name": "nowhere"}}
    assert refusal(await client.post(PATH, json=sent)) == WRONG


async def test_guessing_locks_the_guesser_and_not_the_owner(
    services: Services, credentials: Credentials, pair: tuple[str, str]
) -> None:
    access, secret = pair
    scope = ScopeRequest(Target.PROJECT, Reference(name="local"))

    def log_in(secret: str, source: str) -> str:
        login = services.identity.login_with_key
        return login(access, secret, scope, datetime.now(UTC), source).token.value

    for _ in range(6):
        with pytest.raises(Unauthenticated, match=re.escape(WRONG)):
            log_in("guessed", "203.0.113.9")
    with pytest.raises(Unauthenticated, match=re.escape(WRONG)):
        log_in(secret, "203.0.113.9")
    assert log_in(secret, "192.0.2.1")


async def test_a_temporary_key_gets_none(client: httpx.AsyncClient, pair: tuple[str, str]) -> None:
    answer = await client.post(PATH, json=body(*pair, security_token={"key": "x"}))
    assert "takes permanent access keys" in refusal(answer)


async def test_a_secret_in_the_wrong_place_is_not_repeated(
    client: httpx.AsyncClient, services: Services, pair: tuple[str, str]
) -> None:
    access, secret = pair
    answer = await client.post(PATH, json=body(secret, access))
    assert secret not in answer.text
    assert services.audit.flush(30)
    (line,) = told(services.database, answer.headers["X-Request-Id"])
    assert line.who.credential == "hw_ak_sk"


@pytest.mark.parametrize(
    ("public_url", "source", "is_let_in"),
    [
        (None, "192.0.2.1", False),
        ("http://search.example.org", "192.0.2.1", False),
        ("https://search.example.org", "192.0.2.1", True),
        (None, "::1", True),
    ],
)
async def test_others_must_not_be_able_to_read_along(
    *,
    services: Services,
    pair: tuple[str, str],
    public_url: str | None,
    source: str,
    is_let_in: bool,
) -> None:
    settings = services.settings.model_copy(update={"public_url": public_url})
    app = Application(OPERATIONS, replace(services, settings=settings))
    transport = httpx.ASGITransport(app=app, client=(source, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.post(PATH, json=body(*pair))
    app.close()
    assert (answer.status_code == 201) is is_let_in, answer.text
    if not is_let_in:
        assert "needs TLS" in refusal(answer)
