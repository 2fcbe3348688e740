"""What the audit trail tells of requests, and what is not done while it cannot be written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from tests.support.audit_examples import told
from tests.support.logins import PASSWORD, Login, NewUser, login_body
from tests.support.running import getting_started

from searchplane.api.services import Services
from searchplane.domain.audit import AuditLine, Outcome, Who
from searchplane.domain.observed import HostCapacity
from searchplane.errors import Transient
from searchplane.iam.bootstrap import Credentials
from searchplane.store import audit, capacity, clusters

Only = Callable[[httpx.Response], AuditLine]


@pytest.fixture
def only(services: Services) -> Only:
    """The one line that the trail has of a request."""

    def find(answer: httpx.Response) -> AuditLine:
        assert services.audit.flush(30)
        (line,) = told(services.database, answer.headers["X-Request-Id"])
        return line

    return find


@pytest.fixture
def clusters_url(credentials: Credentials) -> str:
    return f"/v1.0/{credentials.project_id}/clusters"


@pytest.fixture
def admitted(services: Services) -> None:
    """The host has been looked at and carries a cluster."""
    with services.database.write() as connection:
        capacity.record(connection, HostCapacity(64_000, 64_000, 2**40, datetime.now(UTC)))


async def test_a_login_names_the_user_and_how(
    client: httpx.AsyncClient, credentials: Credentials, only: Only
) -> None:
    answer = await client.post("/v3/auth/tokens", json=login_body(credentials))
    line = only(answer)
    assert (line.outcome, line.operation, line.status) == (Outcome.ALLOWED, "createToken", 201)
    assert line.who.user_id == answer.json()["token"]["user"]["id"]
    assert (line.who.user_name, line.who.domain_name) == ("admin", credentials.domain)
    assert line.who.credential == "password"
    assert line.project_id == credentials.project_id
    assert line.source == "127.0.0.1"


@pytest.mark.parametrize("user", [{"password": "wrong-" + PASSWORD}, {"name": "nobody"}])
async def test_a_failed_login_names_the_user_that_was_tried(
    client: httpx.AsyncClient, credentials: Credentials, only: Only, user: dict[str, str]
) -> None:
    answer = await client.post("/v3/auth/tokens", json=login_body(credentials, **user))
    line = only(answer)
    assert (line.outcome, line.status, line.code) == (Outcome.REFUSED, 401, "IAM.0001")
    tried = user.get("name", "admin")
    assert line.who == Who("", tried, "", credentials.domain, "password")


async def test_a_name_that_was_tried_is_made_fit(
    client: httpx.AsyncClient, credentials: Credentials, only: Only
) -> None:
    body = login_body(credentials, name="x\n\x1b[31m" + "y" * 200)
    name = only(await client.post("/v3/auth/tokens", json=body)).who.user_name
    assert name.startswith("x??[31myyy")
    assert len(name) == 64


async def test_a_change_names_what_was_made_and_what_was_deleted(
    *,
    client: httpx.AsyncClient,
    headers: dict[str, str],
    clusters_url: str,
    credentials: Credentials,
    only: Only,
    admitted: None,
) -> None:
    answer = await client.post(clusters_url, headers=headers, json=getting_started())
    made = answer.json()["cluster"]["id"]
    line = only(answer)
    assert (line.outcome, line.action, line.resource) == (
        Outcome.ALLOWED,
        "css:cluster:create",
        made,
    )
    assert line.project_id == credentials.project_id
    assert (line.who.user_name, line.who.credential) == ("admin", "token")
    line = only(await client.delete(f"{clusters_url}/{made}", headers=headers))
    assert (line.operation, line.resource) == ("DeleteCluster", made)


async def test_a_refused_change_is_told_whatever_was_wrong(
    client: httpx.AsyncClient, headers: dict[str, str], clusters_url: str, only: Only
) -> None:
    line = only(await client.post(clusters_url, headers=headers, json={}))
    assert (line.outcome, line.status, line.code) == (Outcome.REFUSED, 400, "CSS.0001")
    assert line.who.user_name == "admin"
    line = only(await client.delete(f"{clusters_url}/unknown", headers=headers))
    assert (line.status, line.code, line.resource) == (404, "CSS.0015", "unknown")


@pytest.mark.parametrize(
    ("sent", "credential"),
    [
        ({}, "none"),
        ({"X-Auth-Token": "gAAAAA-not-a-token"}, "token"),
        ({"Authorization": "SDK-HMAC-SHA256 Access=AKIDEXAMPLE, Signature=00"}, "AKIDEXAMPLE"),
        (
            {"Authorization": "V11-HMAC-SHA256 Credential=AKIDEXAMPLE/2026/eu/css, Signature=00"},
            "AKIDEXAMPLE",
        ),
        ({"Authorization": f"SDK-HMAC-SHA256 Access={'s' * 40}, Signature=00"}, "signature"),
    ],
)
async def test_a_read_with_a_bad_credential_is_told(
    *,
    client: httpx.AsyncClient,
    clusters_url: str,
    credentials: Credentials,
    only: Only,
    sent: dict[str, str],
    credential: str,
) -> None:
    line = only(await client.get(clusters_url, headers=sent))
    assert (line.outcome, line.operation, line.status) == (
        Outcome.REFUSED,
        "ListClustersDetails",
        401,
    )
    assert line.who == Who(credential=credential)
    assert line.project_id == credentials.project_id


async def test_a_forbidden_read_names_who_it_was(
    client: httpx.AsyncClient, login: Login, new_user: NewUser, only: Only
) -> None:
    ann = new_user("ann", project=("readonly",))
    token = await login(name="ann")
    answer = await client.get("/v1.0/another/clusters", headers={"X-Auth-Token": token})
    line = only(answer)
    assert (line.status, line.code) == (403, "APIGW.0302")
    assert (line.who.user_id, line.who.user_name) == (ann.id, "ann")
    assert line.project_id == "another"


async def test_an_allowed_read_is_not_told(
    client: httpx.AsyncClient, services: Services, headers: dict[str, str], clusters_url: str
) -> None:
    answers = [
        await client.get(clusters_url, headers=headers),
        await client.get(f"{clusters_url}/unknown", headers=headers),
        await client.get(f"{clusters_url}?limit=0", headers=headers),
    ]
    assert services.audit.flush(30)
    for answer in answers:
        assert told(services.database, answer.headers["X-Request-Id"]) == []


class TestReads:
    @pytest.fixture
    def settings(self, settings: Any) -> Any:
        return settings.model_copy(update={"audit_reads": True})

    async def test_an_allowed_read_is_told_where_that_is_wished(
        self,
        client: httpx.AsyncClient,
        headers: dict[str, str],
        clusters_url: str,
        only: Only,
    ) -> None:
        line = only(await client.get(clusters_url, headers=headers))
        assert (line.outcome, line.operation) == (Outcome.ALLOWED, "ListClustersDetails")
        line = only(await client.get(f"{clusters_url}/unknown", headers=headers))
        assert (line.outcome, line.resource) == (Outcome.REFUSED, "unknown")
        line = only(await client.get("/v3"))
        assert (line.outcome, line.who) == (Outcome.ALLOWED, Who())


@pytest.fixture
def unwritable(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """While it is set, no line can be stored."""
    append, fails = audit.Writer.append, threading.Event()

    def refusing(*given: Any) -> None:
        if fails.is_set():
            raise Transient("the disk is full")
        append(*given)

    monkeypatch.setattr(audit.Writer, "append", refusing)
    yield fails
    fails.clear()


async def test_nothing_is_changed_that_cannot_be_told(
    *,
    client: httpx.AsyncClient,
    services: Services,
    headers: dict[str, str],
    credentials: Credentials,
    clusters_url: str,
    only: Only,
    admitted: None,
    unwritable: threading.Event,
) -> None:
    unwritable.set()
    first = await client.post(clusters_url, headers=headers, json=getting_started("the-last"))
    second = await client.post(clusters_url, headers=headers, json=getting_started("one-more"))
    logged_in = await client.post("/v3/auth/tokens", json=login_body(credentials))
    for answer in (first, second):
        assert (answer.status_code, answer.json()["errCode"]) == (503, "APIGW.0613")
        assert "the disk is full" in answer.text
    assert logged_in.status_code == 503
    assert "X-Subject-Token" not in logged_in.headers
    shown = await client.get(clusters_url, headers=headers)
    assert [one["name"] for one in shown.json()["clusters"]] == ["the-last"]
    assert (await client.get(clusters_url)).status_code == 401
    unwritable.clear()
    assert only(first).outcome is Outcome.ALLOWED  # it was done, and is told as soon as it can be
    assert only(second).outcome is Outcome.FAILED
    services.audit.check()
    with services.database.read() as connection:
        assert len(clusters.all_ids(connection)) == 1
