"""What another process changes is seen at the very next call, though tokens are remembered.

The other process is a second `Database` on the same file: nothing is shared with the first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import Connection, delete, update
from tests.support.logins import PASSWORD, presented

from searchplane.errors import Unauthenticated
from searchplane.iam.bootstrap import Credentials
from searchplane.iam.issuing import Issued
from searchplane.iam.passwords import hash_password
from searchplane.iam.remembered import Remembered
from searchplane.iam.service import Identity
from searchplane.iam.sessions import ScopeRequest
from searchplane.settings import Settings
from searchplane.store.database import Database
from searchplane.store.identity import Reference, Target, bump, end_tokens
from searchplane.store.identity_version import version_reader
from searchplane.store.own_connections import OwnConnections
from searchplane.store.schema import domains, projects, role_assignments, users
from searchplane.store.users import set_password

Change = Callable[[Connection, Issued], None]


@pytest.fixture
def elsewhere(database: Database, settings: Settings) -> Iterator[Database]:
    """The same database, opened by another process."""
    other = Database(database.url)
    yield other
    other.close()


@pytest.fixture
def issued(identity: Identity, credentials: Credentials) -> Issued:
    admin = Reference(name=credentials.user, domain=Reference(id=credentials.domain_id))
    scope = ScopeRequest(Target.PROJECT, Reference(id=credentials.project_id))
    issued = identity.login(admin, PASSWORD, scope, datetime.now(UTC))
    uses(identity, issued)
    return issued


def uses(identity: Identity, issued: Issued) -> None:
    identity.authenticate(presented(issued.token.value), datetime.now(UTC))


def disable_user(connection: Connection, issued: Issued) -> None:
    user = users.c.id == issued.session.actor.user_id
    connection.execute(update(users).where(user).values(enabled=False))
    bump(connection)


def disable_project(connection: Connection, _issued: Issued) -> None:
    connection.execute(update(projects).values(enabled=False))
    bump(connection)


def disable_domain(connection: Connection, _issued: Issued) -> None:
    connection.execute(update(domains).values(enabled=False))
    bump(connection)


def change_password(connection: Connection, issued: Issued) -> None:
    end_tokens(connection, issued.session.actor.user_id)


def remove_role(connection: Connection, _issued: Issued) -> None:
    connection.execute(delete(role_assignments))
    bump(connection)


def delete_user(connection: Connection, _issued: Issued) -> None:
    connection.execute(delete(role_assignments))
    connection.execute(delete(users))
    bump(connection)


@pytest.mark.parametrize(
    "change",
    [disable_user, disable_project, disable_domain, change_password, remove_role, delete_user],
)
def test_it_is_refused_at_the_next_call(
    identity: Identity, issued: Issued, elsewhere: Database, change: Change
) -> None:
    with elsewhere.write() as connection:
        change(connection, issued)
    with pytest.raises(Unauthenticated):
        uses(identity, issued)


def test_a_token_revoked_elsewhere_is_refused_at_the_next_call(
    identity: Identity, issued: Issued, elsewhere: Database, settings: Settings
) -> None:
    other = Identity.open(elsewhere, settings)
    other.revoke(issued.session.actor, issued.token.value, datetime.now(UTC))
    with pytest.raises(Unauthenticated, match="revoked"):
        uses(identity, issued)


def test_a_change_that_is_rolled_back_changes_nothing(
    identity: Identity, issued: Issued, elsewhere: Database
) -> None:
    with pytest.raises(RuntimeError), elsewhere.write() as connection:
        disable_user(connection, issued)
        raise RuntimeError
    uses(identity, issued)


def test_a_refusal_is_not_remembered(
    identity: Identity, issued: Issued, elsewhere: Database
) -> None:
    user = users.c.id == issued.session.actor.user_id
    with elsewhere.write() as connection:
        disable_user(connection, issued)
    with pytest.raises(Unauthenticated):
        uses(identity, issued)
    with elsewhere.write() as connection:
        connection.execute(update(users).where(user).values(enabled=True))
        bump(connection)
    uses(identity, issued)


def test_a_remembered_token_still_expires(identity: Identity, issued: Issued) -> None:
    late = issued.token.claims.expires
    identity.authenticate(presented(issued.token.value), late - timedelta(microseconds=1))
    with pytest.raises(Unauthenticated, match="expired"):
        identity.authenticate(presented(issued.token.value), late)


def test_an_unchanged_identity_is_looked_up_once(
    identity: Identity, issued: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked_up(*_: object) -> None:
        raise AssertionError("looked up again")

    monkeypatch.setattr(identity, "_look_up", looked_up)
    uses(identity, issued)


def test_a_change_during_the_look_makes_the_entry_old() -> None:
    version = 1
    remembered = Remembered[str, str](lambda: version)

    def look_up() -> str:
        nonlocal version
        version = 2
        return "as it was before the change"

    remembered.get("token", look_up)
    assert remembered.get("token", lambda: "as it is") == "as it is"


def test_the_oldest_are_forgotten_first() -> None:
    remembered = Remembered[int, int](lambda: 1, most=2)
    for key in (1, 2, 1, 3):
        remembered.get(key, lambda key=key: key)
    assert remembered.get(1, lambda: 0) == 1
    assert remembered.get(2, lambda: 0) == 0


def test_every_thread_reads_the_number_and_closing_ends_it(
    database: Database, elsewhere: Database
) -> None:
    read = version_reader(elsewhere)
    before, seen = read(), list[int]()
    with database.write() as connection:
        bump(connection)
    threads = [threading.Thread(target=lambda: seen.append(read())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [before + 1] * 4


def logs_in(identity: Identity, credentials: Credentials) -> Issued:
    """As `issued` did: all but the hash is remembered."""
    admin = Reference(name=credentials.user, domain=Reference(id=credentials.domain_id))
    scope = ScopeRequest(Target.PROJECT, Reference(id=credentials.project_id))
    return identity.login(admin, PASSWORD, scope, datetime.now(UTC))


@pytest.mark.sqlite
@pytest.mark.usefixtures("issued")
def test_a_login_like_the_last_one_needs_no_transaction(
    identity: Identity,
    credentials: Credentials,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def opened() -> None:
        raise AssertionError("a transaction was opened")

    with monkeypatch.context() as patch:
        for kind in ("read", "write"):
            patch.setattr(database, kind, opened)
        again = logs_in(identity, credentials)
    uses(identity, again)


def test_logins_that_are_alike_give_tokens_that_are_not(
    identity: Identity, credentials: Credentials, issued: Issued
) -> None:
    again = logs_in(identity, credentials)
    assert again.session.actor == issued.session.actor
    first, second = issued.token.claims, again.token.claims
    assert second.audit_id != first.audit_id
    assert second.expires > first.expires
    now = datetime.now(UTC)
    identity.revoke(again.session.actor, again.token.value, now)
    uses(identity, issued)


@pytest.mark.parametrize("change", [disable_user, disable_project, remove_role, delete_user])
def test_a_login_is_refused_after_a_change(
    *,
    identity: Identity,
    credentials: Credentials,
    issued: Issued,
    elsewhere: Database,
    change: Change,
) -> None:
    with elsewhere.write() as connection:
        change(connection, issued)
    with pytest.raises(Unauthenticated):
        logs_in(identity, credentials)


def test_a_password_that_is_being_changed_does_not_count(
    identity: Identity, credentials: Credentials, issued: Issued, elsewhere: Database
) -> None:
    """The login is checked against the old one, and then waits for who changes it."""
    with ThreadPoolExecutor(1) as threads:
        with elsewhere.write() as connection:
            user_id = issued.session.actor.user_id
            set_password(connection, user_id, hash_password("another one"), datetime.now(UTC))
            login = threads.submit(logs_in, identity, credentials)
            with pytest.raises(TimeoutError):
                login.result(timeout=0.5)
        with pytest.raises(Unauthenticated):
            login.result()


@pytest.mark.sqlite
async def test_a_request_reads_the_number_once(
    client: httpx.AsyncClient, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    assert (await client.get("/v3/auth/tokens", headers=headers)).status_code == 200
    first, asked = OwnConnections.first, list[str]()

    def counted(own: OwnConnections, sql: str, *values: object) -> object:
        asked.append(sql)
        return first(own, sql, *values)  # type: ignore[arg-type]

    monkeypatch.setattr(OwnConnections, "first", counted)
    assert (await client.get("/v3/auth/tokens", headers=headers)).status_code == 200
    assert len(asked) == 1
