"""What identity services got wrong before, Keystone's and our own: each once, and never here.

Those of signatures, temporary keys, agencies and roles are in the tests of those.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event, func, select, update
from tests.support.logins import PASSWORD, Login, NewUser, login_body, presented

from searchplane.api.identity.tokens import is_unhashed
from searchplane.errors import NotFound, Unauthenticated
from searchplane.iam.bootstrap import Credentials
from searchplane.iam.issuing import Issued
from searchplane.iam.keys import retire, rotate
from searchplane.iam.service import Identity
from searchplane.iam.sessions import ScopeRequest
from searchplane.settings import Settings
from searchplane.store import identity as store
from searchplane.store.database import Database
from searchplane.store.identity import Reference, Target, bump, end_tokens
from searchplane.store.schema import domains, revocations, users

PATH = "/v3/auth/tokens"
NOW = datetime.now(UTC)


def about(subject: str, auth: str | None = None) -> dict[str, str]:
    return {"X-Auth-Token": auth or subject, "X-Subject-Token": subject}


def rescoping(token: str, **scope: Any) -> dict[str, Any]:
    auth: dict[str, Any] = {"identity": {"methods": ["token"], "token": {"id": token}}}
    return {"auth": auth | ({"scope": scope} if scope else {})}


@pytest.fixture
def admin(credentials: Credentials) -> Reference:
    return Reference(name=credentials.user, domain=Reference(id=credentials.domain_id))


@pytest.fixture
def project(credentials: Credentials) -> ScopeRequest:
    return ScopeRequest(Target.PROJECT, Reference(id=credentials.project_id))


def counts(identity: Identity, issued: Issued, when: datetime | None = None) -> bool:
    try:
        identity.authenticate(presented(issued.token.value), when or datetime.now(UTC))
    except Unauthenticated:
        return False
    return True


async def test_cve_2012_3426_and_5563_rescoping_does_not_prolong_a_token(
    identity: Identity, admin: Reference, project: ScopeRequest
) -> None:
    first = identity.login(admin, PASSWORD, None, NOW)
    last = first
    for hours in (8, 16, 23):
        last = identity.rescope(last.token.value, project, NOW + timedelta(hours=hours))
    assert last.token.claims.expires == first.token.claims.expires
    with pytest.raises(Unauthenticated):
        identity.rescope(last.token.value, project, first.token.claims.expires)


async def test_cve_2013_1865_a_revoked_or_expired_token_is_not_checked_as_good(
    client: httpx.AsyncClient, login: Login, identity: Identity, admin: Reference
) -> None:
    kept, gone = await login(), await login()
    assert (await client.get(PATH, headers=about(gone, auth=kept))).status_code == 200
    await client.delete(PATH, headers=about(gone, auth=kept))
    assert (await client.get(PATH, headers=about(gone, auth=kept))).status_code == 404
    old = identity.login(admin, PASSWORD, None, NOW - timedelta(hours=24)).token.value
    assert (await client.get(PATH, headers=about(old, auth=kept))).status_code == 404


async def test_cve_2014_5253_disabling_a_domain_ends_what_was_issued_in_it(
    client: httpx.AsyncClient, token: str, database: Database
) -> None:
    assert (await client.get(PATH, headers=about(token))).status_code == 200
    with database.write() as connection:
        connection.execute(update(domains).values(enabled=False))
        bump(connection)
    assert (await client.get(PATH, headers=about(token))).status_code == 401


async def test_cve_2015_7546_no_other_spelling_of_a_revoked_token_counts(
    client: httpx.AsyncClient, login: Login
) -> None:
    kept, gone = await login(), await login()
    await client.delete(PATH, headers=about(gone, auth=kept))
    for spelling in (gone + "=", gone + "==", f" {gone}\t", gone.replace("_", "/"), f"{gone}A"):
        answer = await client.get("/v3/auth/projects", headers={"X-Auth-Token": spelling})
        assert answer.status_code == 401, spelling


async def test_revoking_the_first_token_of_a_chain_ends_those_made_from_it(
    client: httpx.AsyncClient, login: Login, credentials: Credentials
) -> None:
    first, other = await login(None), await login()
    scope = {"project": {"id": credentials.project_id}}
    child = (await client.post(PATH, json=rescoping(first, **scope))).headers["X-Subject-Token"]
    grandchild = (await client.post(PATH, json=rescoping(child))).headers["X-Subject-Token"]
    for token in (child, grandchild):
        assert (await client.get(PATH, headers=about(token))).status_code == 200
    await client.delete(PATH, headers=about(first, auth=other))
    for token in (child, grandchild):
        assert (await client.get(PATH, headers=about(token))).status_code == 401
        assert (await client.post(PATH, json=rescoping(token))).status_code == 401
        assert (await client.delete(PATH, headers=about(token, auth=other))).status_code == 404


async def test_revoking_a_token_of_a_chain_ends_only_that_one(
    client: httpx.AsyncClient, login: Login
) -> None:
    first = await login(None)
    one, two = [
        (await client.post(PATH, json=rescoping(first))).headers["X-Subject-Token"]
        for _ in range(2)
    ]
    await client.delete(PATH, headers=about(one))
    assert (await client.get(PATH, headers=about(one, auth=first))).status_code == 404
    for kept in (first, two):
        assert (await client.get(PATH, headers=about(kept))).status_code == 200


async def test_a_token_that_is_revoked_twice_at_once_is_not_found_the_second_time(
    client: httpx.AsyncClient, login: Login
) -> None:
    kept, gone = await login(), await login()
    answers = await asyncio.gather(
        *(client.delete(PATH, headers=about(gone, auth=kept)) for _ in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [204] + [404] * 5


def test_ending_all_tokens_is_sharp_to_the_microsecond(
    identity: Identity, admin: Reference, database: Database
) -> None:
    old = identity.login(admin, PASSWORD, None, datetime.now(UTC))
    with database.write() as connection:
        end_tokens(connection, old.session.actor.user_id)
        ended = connection.execute(select(users.c.valid_from)).scalar_one()
    assert ended is not None
    assert not counts(identity, old)
    early = identity.login(admin, PASSWORD, None, ended - timedelta(seconds=1))
    assert early.token.claims.issued == ended + timedelta(microseconds=1)
    assert counts(identity, early)
    assert not counts(identity, identity_token(identity, early, ended))


def identity_token(identity: Identity, like: Issued, issued: datetime) -> Issued:
    """The same token, sealed as if it had been issued then."""
    return replace(like, token=identity._tokens.seal(replace(like.token.claims, issued=issued)))


def test_a_login_that_overlaps_a_change_of_the_password_does_not_survive_it(
    identity: Identity, admin: Reference, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old password is found right, and changed before the token is made."""
    first = identity.login(admin, PASSWORD, None, datetime.now(UTC))

    def verify(_stored: object, _password: object) -> bool:
        with database.write() as connection:
            connection.execute(update(users).values(password_hash="of another password"))
            end_tokens(connection, first.session.actor.user_id)
        return True

    monkeypatch.setattr("searchplane.iam.passwords.verify", verify)
    with pytest.raises(Unauthenticated):
        identity.login(admin, PASSWORD, None, datetime.now(UTC))


def test_a_token_that_ends_while_it_is_rescoped_has_no_offspring(
    identity: Identity, admin: Reference, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = identity.login(admin, PASSWORD, None, datetime.now(UTC))
    counted = identity._proven

    def proven(value: str, now: datetime) -> Any:
        found = counted(value, now)
        with database.write() as connection:
            end_tokens(connection, first.session.actor.user_id)
        return found

    monkeypatch.setattr(identity, "_proven", proven)
    with pytest.raises(Unauthenticated):
        identity.rescope(first.token.value, None, datetime.now(UTC))


def test_revocations_of_one_user_are_bounded_and_nothing_revoked_comes_back(
    identity: Identity, admin: Reference, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_REVOCATIONS", 3)
    tokens = [identity.login(admin, PASSWORD, None, datetime.now(UTC)) for _ in range(5)]
    actor = tokens[0].session.actor
    for issued in tokens[:4]:
        identity.revoke(actor, issued.token.value, datetime.now(UTC))
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(revocations)).scalar_one() == 0
    assert [counts(identity, issued) for issued in tokens] == [False] * 5
    assert counts(identity, identity.login(admin, PASSWORD, None, datetime.now(UTC)))


async def test_who_administers_through_a_project_reaches_no_other_users_tokens(
    client: httpx.AsyncClient, token: str, login: Login, new_user: NewUser
) -> None:
    new_user("ann", project=("secu_admin", "te_admin"))
    ann = await login(name="ann")
    for method in ("GET", "DELETE"):
        answer = await client.request(method, PATH, headers=about(token, auth=ann))
        assert answer.status_code == 403
    assert (await client.get(PATH, headers=about(token))).status_code == 200


async def test_the_domains_own_role_is_enough_with_any_scope(
    client: httpx.AsyncClient, token: str, login: Login, new_user: NewUser
) -> None:
    new_user("ann", project=("readonly",), domain=("secu_admin",))
    for scope in ("project", "domain"):
        ann = await login(scope, name="ann")
        assert (await client.get(PATH, headers=about(token, auth=ann))).status_code == 200


def test_a_scope_that_is_not_there_costs_the_same_statements_as_one_that_is_not_ones_own(
    identity: Identity, database: Database, new_user: NewUser, credentials: Credentials
) -> None:
    new_user("ann")
    ann = Reference(name="ann", domain=Reference(id=credentials.domain_id))
    token = identity.login(ann, PASSWORD, None, datetime.now(UTC)).token.value
    told: list[list[str]] = []
    event.listen(database.engine, "before_cursor_execute", lambda *of: told[-1].append(str(of[2])))
    for project_id in (credentials.project_id, credentials.project_id, "f" * 32):
        told.append([])
        scope = ScopeRequest(Target.PROJECT, Reference(id=project_id))
        with pytest.raises(Unauthenticated):
            identity.rescope(token, scope, datetime.now(UTC))
    assert told[1] == told[2], "the first also looks up the token"


def test_a_retired_key_ends_its_tokens_in_a_running_service(
    identity: Identity, admin: Reference, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that were remembered."""
    issued = identity.login(admin, PASSWORD, None, datetime.now(UTC))
    assert counts(identity, issued)
    long_ago = datetime.now(UTC) - timedelta(days=2)
    rotate(settings.key_folder, timedelta(hours=24), long_ago)
    assert counts(identity, issued)
    retire(settings.key_folder, timedelta(hours=24), datetime.now(UTC))
    monkeypatch.setattr("searchplane.iam.key_ring.LOOK_SECONDS", 0.0)
    assert not counts(identity, issued)


@pytest.mark.parametrize(
    ("body", "quick"),
    [
        (b'{"auth":{"identity":{"methods":["token"],"token":{"id":"x"}}}}', True),
        (b'{"auth":{"identity":{"methods":["password"],"methods":["token"]}}}', True),
        (b'{"auth":{"identity":{"methods":["token"],"methods":["password"]}}}', False),
        (b'{"auth":{"identity":{"methods":["token","password"]}}}', False),
        (b'{"auth":{"identity":{"methods":"token"}}}', False),
        (b'{"auth":[]}', False),
        (b"[" * 4096, False),
        (b'{"auth":{"identity":{"methods":["token"]}}}' + b" " * 4096, False),
        (b"", False),
    ],
)
def test_a_password_is_never_checked_outside_the_bounded_pool(body: bytes, *, quick: bool) -> None:
    assert is_unhashed(body) is quick


def test_a_subject_that_is_none_is_not_found(identity: Identity, admin: Reference) -> None:
    actor = identity.login(admin, PASSWORD, None, datetime.now(UTC)).session.actor
    with pytest.raises(NotFound):
        identity.revoke(actor, "nonsense", datetime.now(UTC))


async def test_a_storm_of_logins_holds_up_neither_checking_nor_rescoping(
    client: httpx.AsyncClient,
    token: str,
    credentials: Credentials,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, finish = threading.Event(), threading.Event()

    def verify(_stored: object, _password: object) -> bool:
        begun.set()
        return finish.wait(20) and False

    monkeypatch.setattr("searchplane.iam.passwords.verify", verify)
    storm = [
        asyncio.create_task(client.post(PATH, json=login_body(credentials))) for _ in range(16)
    ]
    try:
        assert await asyncio.to_thread(begun.wait, 20)
        assert (await client.get(PATH, headers=about(token))).status_code == 200
        assert (await client.post(PATH, json=rescoping(token))).status_code == 201
        assert not any(task.done() for task in storm)
    finally:
        finish.set()
        await asyncio.gather(*storm)
