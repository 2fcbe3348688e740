"""Temporary keys: what their token stands for, at most; no longer than it; and never more keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.support.logins import PASSWORD, Login, NewUser
from tests.support.signing import signed_headers

from searchplane.errors import Forbidden, Unauthenticated
from searchplane.iam.bootstrap import Credentials
from searchplane.iam.presented import Presented
from searchplane.iam.service import Identity
from searchplane.iam.sessions import ScopeRequest
from searchplane.store import users
from searchplane.store.database import Database
from searchplane.store.identity import Reference, Target, bump, end_tokens

HOST = "http://127.0.0.1:9480"
PATH = "/v3.0/OS-CREDENTIAL/securitytokens"
NOW = datetime.now(UTC)
READS = {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["css:*:list*"]}]}


@dataclass(frozen=True)
class Temporary:
    """A temporary key, and the token it was asked for with."""

    access: str
    secret: str
    security_token: str
    parent: str = field(default="", repr=False)

    def headers(self, method: str, url: str, body: bytes = b"", **more: str) -> dict[str, str]:
        extra = {"x-security-token": self.security_token} | more
        return signed_headers(method, url, self.access, self.secret, body=body, headers=extra)

    def present(self, path: str, now: datetime = NOW) -> Presented:
        extra = {"x-security-token": self.security_token}
        headers = signed_headers(
            "GET", HOST + path, self.access, self.secret, headers=extra, now=now
        )
        return Presented("GET", path, "", headers, frozenset(), b"", "192.0.2.1")


Issue = Callable[..., Temporary]


@pytest.fixture
def issue(identity: Identity, credentials: Credentials, new_user: NewUser) -> Issue:
    """`issue()` is a key of ann's for the project; `scope` may be another, or None."""
    ann = new_user("ann", project=("te_admin",), domain=("secu_admin",))
    project = ScopeRequest(Target.PROJECT, Reference(id=credentials.project_id))

    def make(scope: ScopeRequest | None = project, seconds: int = 900) -> Temporary:
        parent = identity.login(Reference(id=ann.id), PASSWORD, scope, NOW).token.value
        made = identity.temporary.issue(parent, timedelta(seconds=seconds), None, NOW)
        return Temporary(made.key.access, made.key.secret, made.security_token, parent)

    return make


@pytest.fixture
def clusters(credentials: Credentials) -> str:
    return f"/v1.0/{credentials.project_id}/clusters"


def refusal(identity: Identity, presented: Presented, now: datetime = NOW) -> str:
    with pytest.raises(Unauthenticated) as refused:
        identity.authenticate(presented, now)
    assert refused.value.code == "APIGW.0301"
    return refused.value.detail


def test_it_is_its_tokens_user_and_delegated(
    identity: Identity, issue: Issue, clusters: str
) -> None:
    key = issue()
    actor = identity.authenticate(key.present(clusters), NOW)
    assert (actor.user_name, actor.roles) == ("ann", ("te_admin",))
    assert (actor.credential, actor.delegated) == (key.access, True)


def test_it_ends_when_it_said_and_no_later_than_its_token(
    identity: Identity, issue: Issue, clusters: str
) -> None:
    key, end = issue(), NOW + timedelta(seconds=900)
    identity.authenticate(key.present(clusters, end), end - timedelta(microseconds=1))
    assert "token expires" in refusal(identity, key.present(clusters, end), end)
    late = NOW + timedelta(hours=23)
    parent = identity.temporary.issue(key.parent, timedelta(seconds=86400), None, late)
    assert parent.key.expires == NOW + timedelta(hours=24)


def revoke(identity: Identity, database: Database, key: Temporary) -> None:
    actor = identity.authenticate(
        Presented("GET", "/", "", {"x-auth-token": key.parent}, frozenset(), b"", ""), NOW
    )
    identity.revoke(actor, key.parent, NOW)


def end_all(identity: Identity, database: Database, key: Temporary) -> None:
    with database.write() as transaction:
        end_tokens(transaction, _user(identity, key))
        bump(transaction)


def disable(identity: Identity, database: Database, key: Temporary) -> None:
    user_id = _user(identity, key)
    with database.write() as transaction:
        user = users.find(transaction, user_id)
        assert user is not None
        users.save(transaction, replace(user, enabled=False))
        bump(transaction)


def _user(identity: Identity, key: Temporary) -> str:
    return identity.authenticate(key.present("/v3/projects"), NOW).user_id


@pytest.mark.parametrize("change", [revoke, end_all, disable])
def test_it_dies_with_its_token(
    identity: Identity,
    database: Database,
    issue: Issue,
    clusters: str,
    change: Callable[[Identity, Database, Temporary], None],
) -> None:
    key = issue()
    identity.authenticate(key.present(clusters), NOW)
    change(identity, database, key)
    refusal(identity, key.present(clusters))


@pytest.mark.parametrize(
    ("off", "why"),
    [
        (lambda key, other: replace(key, security_token=other.security_token), "another"),
        (lambda key, _: replace(key, security_token=key.security_token[:-1]), "decrypt token fail"),
        (lambda key, _: replace(key, security_token="x"), "decrypt token fail"),
        (lambda key, _: replace(key, security_token="x" * 20_000), "decrypt token fail"),
        (lambda key, _: replace(key, security_token=key.parent), "decrypt token fail"),
        (lambda key, other: replace(key, secret=other.secret), "verify aksk signature fail"),
        (lambda key, _: replace(key, security_token=""), "not exist"),
    ],
)
def test_key_secret_and_security_token_belong_together(
    identity: Identity,
    issue: Issue,
    clusters: str,
    off: Callable[[Temporary, Temporary], Temporary],
    why: str,
) -> None:
    assert why in refusal(identity, off(issue(), issue()).present(clusters))


def test_every_byte_of_the_security_token_counts(
    identity: Identity, issue: Issue, clusters: str
) -> None:
    key = issue()
    for place in range(0, len(key.security_token), 7):
        other = "A" if key.security_token[place] != "A" else "B"
        text = key.security_token
        changed = replace(key, security_token=text[:place] + other + text[place + 1 :])
        assert refusal(identity, changed.present(clusters)) == "decrypt token fail"


def test_a_project_token_is_for_its_project_and_others_for_what_they_can_reach(
    identity: Identity, issue: Issue, clusters: str, credentials: Credentials
) -> None:
    elsewhere = f"/v1.0/{'0' * 32}/clusters"
    domain = ScopeRequest(Target.DOMAIN, Reference(id=credentials.domain_id))
    for key in (issue(), issue(domain), issue(None)):
        assert identity.authenticate(key.present(clusters), NOW).roles == ("te_admin",)
        with pytest.raises(Forbidden, match="no role on the project"):
            identity.authenticate(key.present(elsewhere), NOW)
    assert identity.authenticate(issue(domain).present("/v3/projects"), NOW).roles == (
        "secu_admin",
    )


async def ask_for(client: httpx.AsyncClient, bearer: str, **identity: Any) -> httpx.Response:
    wanted = {"methods": ["token"]} | identity
    return await client.post(
        PATH, json={"auth": {"identity": wanted}}, headers={"X-Auth-Token": bearer}
    )


async def test_over_http_it_signs_and_its_policy_narrows_it(
    client: httpx.AsyncClient, login: Login, clusters: str
) -> None:
    token = await login()
    answer = await ask_for(client, token, token={"duration_seconds": "1800"}, policy=READS)
    assert answer.status_code == 201, answer.text
    told = answer.json()["credential"]
    assert set(told) == {"access", "secret", "securitytoken", "expires_at"}
    key = Temporary(told["access"], told["secret"], told["securitytoken"])
    url = HOST + clusters
    assert (await client.get(url, headers=key.headers("GET", url))).status_code == 200
    url = f"{HOST}{clusters}/00000000-0000-0000-0000-000000000000"
    denied = await client.delete(url, headers=key.headers("DELETE", url))
    assert (denied.status_code, denied.json()["error_code"]) == (403, "CSS.0051")


OWN_READS = ("/v3/auth/projects", "/v3/auth/domains", "/v3/projects", "/v3/auth/catalog")


@pytest.mark.parametrize("path", OWN_READS)
async def test_its_policy_is_for_reads_about_oneself_too(
    client: httpx.AsyncClient, login: Login, path: str
) -> None:
    everything = {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["iam:*:*"]}]}
    for policy, status in ((READS, 403), (everything, 200), (None, 200)):
        more = {"policy": policy} if policy is not None else {}
        told = (await ask_for(client, await login(), **more)).json()["credential"]
        key = Temporary(told["access"], told["secret"], told["securitytoken"])
        answer = await client.get(HOST + path, headers=key.headers("GET", HOST + path))
        assert answer.status_code == status, (policy, answer.text)


async def test_a_temporary_key_makes_no_keys_and_changes_no_password(
    client: httpx.AsyncClient, login: Login
) -> None:
    """Whoever has it for an hour would have it for ever (CVE-2026-90460 of Keystone)."""
    told = (await ask_for(client, await login("domain"))).json()["credential"]
    key = Temporary(told["access"], told["secret"], told["securitytoken"])
    attempts = {
        "/v3.0/OS-CREDENTIAL/credentials": b'{"credential": {}}',
        PATH: b'{"auth": {"identity": {"methods": ["token"]}}}',
        "/v3/users": b'{"user": {"name": "mole", "password": "Fresh-Pear-27"}}',
    }
    for path, body in attempts.items():
        headers = key.headers("POST", HOST + path, body, **{"content-type": "application/json"})
        answer = await client.post(HOST + path, content=body, headers=headers)
        assert (answer.status_code, answer.json()["error_code"]) == (403, "IAM.0002"), path


async def test_it_acts_through_an_agency(
    client: httpx.AsyncClient,
    login: Login,
    new_user: NewUser,
    clusters: str,
    credentials: Credentials,
) -> None:
    new_user("mel", in_new_domain="blue", domain=("te_agency",))
    admin = {"X-Auth-Token": await login("domain")}
    wanted = {"name": "helpers", "trust_domain_name": "blue"}
    agencies = "/v3.0/OS-AGENCY/agencies"
    made = await client.post(agencies, json={"agency": wanted}, headers=admin)
    agency_id = made.json()["agency"]["id"]
    where = f"projects/{credentials.project_id}/agencies/{agency_id}"
    path = f"/v3.0/OS-AGENCY/{where}/roles/readonly"
    assert (await client.put(path, headers=admin)).status_code == 204
    mels = await login({"domain": {"name": "blue"}}, name="mel", domain={"name": "blue"})
    agency = {"domain_name": credentials.domain, "agency_name": "helpers"}
    answer = await ask_for(client, mels, methods=["assume_role"], assume_role=agency)
    assert answer.status_code == 201, answer.text
    told = answer.json()["credential"]
    key = Temporary(told["access"], told["secret"], told["securitytoken"])
    url = HOST + clusters
    assert (await client.get(url, headers=key.headers("GET", url))).status_code == 200
    gone = await client.delete(f"{agencies}/{agency_id}", headers=admin)
    assert gone.status_code == 204
    assert (await client.get(url, headers=key.headers("GET", url))).status_code == 401


@pytest.mark.parametrize(
    ("wanted", "code", "sentence"),
    [
        ({"methods": ["password"]}, "IAM.0073", "['token'] or ['assume_role'] is right"),
        ({"methods": ["assume_role"]}, "IAM.0072", "assume_role is missing"),
        ({"token": {"duration_seconds": 899}}, "IAM.0073", "duration"),
        ({"token": {"duration_seconds": 86401}}, "IAM.0073", "duration"),
        ({"policy": {"Version": "5.0"}}, "IAM.1024", "Version"),
        ({"methods": ["assume_role"], "assume_role": {"domain_name": "x"}}, "IAM.0072", "agency"),
    ],
)
async def test_what_is_wrong_is_named(
    client: httpx.AsyncClient, token: str, wanted: dict[str, Any], code: str, sentence: str
) -> None:
    answer = await ask_for(client, token, **wanted)
    assert (answer.status_code, answer.json()["error_code"]) == (400, code)
    assert sentence in answer.json()["error"]["message"]
