"""A signed request is its key's user, for what the request is about, until anything changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event
from tests.support.logins import NewUser
from tests.support.signing import signed_headers

from searchplane.domain.access import DomainScope, ProjectScope
from searchplane.errors import Forbidden, Unauthenticated
from searchplane.iam import signatures
from searchplane.iam.bootstrap import Credentials
from searchplane.iam.key_pair import AccessPair, new_pair
from searchplane.iam.presented import Presented
from searchplane.iam.sealing import Seals
from searchplane.iam.service import Identity
from searchplane.iam.sessions import ScopeRequest
from searchplane.settings import Settings
from searchplane.store import users
from searchplane.store.access_keys import AccessKey, KeyBook
from searchplane.store.database import Database
from searchplane.store.identity import Reference, Target, bump
from searchplane.store.roles import Grant, Holder, Reach, RoleBook

HOST = "http://127.0.0.1:9480"
NOW = datetime.now(UTC)
LOCKED = "AK access failed to reach the limit,forbidden"
WRONG = "verify aksk signature fail"


@dataclass(frozen=True)
class Signer:
    """Somebody with an access key."""

    pair: AccessPair
    user_id: str
    source: str = "192.0.2.1"
    extra: dict[str, str] = field(default_factory=dict)

    def present(
        self, path: str = "/v3/projects", now: datetime = NOW, *, derived: bool = False
    ) -> Presented:
        headers = signed_headers(
            "GET", HOST + path, self.pair.access, self.pair.secret, now=now, derived=derived
        )
        target, _mark, query = path.partition("?")
        return Presented("GET", target, query, headers | self.extra, frozenset(), b"", self.source)

    def with_wrong_secret(self) -> Signer:
        return replace(self, pair=AccessPair(self.pair.access, new_pair().secret))


NewSigner = Callable[..., Signer]


@pytest.fixture
def new_signer(database: Database, identity: Identity, new_user: NewUser) -> NewSigner:
    """`new_signer("ann", project=("readonly",))` makes a user with a key."""

    def make(name: str, **roles: tuple[str, ...]) -> Signer:
        user_id, pair = new_user(name, **roles).id, new_pair()
        with database.write() as transaction:
            identity.permanent.add(transaction, user_id, "", pair, NOW)
        return Signer(pair, user_id)

    return make


def stored(database: Database, signer: Signer) -> AccessKey:
    with database.read() as transaction:
        found = KeyBook(transaction).find(signer.pair.access)
    assert found is not None
    return found


def refusal(identity: Identity, presented: Presented, now: datetime = NOW) -> str:
    with pytest.raises(Unauthenticated) as refused:
        identity.authenticate(presented, now)
    assert refused.value.code == "APIGW.0301"
    return refused.value.detail


@pytest.mark.parametrize("derived", [False, True])
def test_the_project_is_that_of_the_header_or_the_path(
    identity: Identity, credentials: Credentials, new_signer: NewSigner, derived: bool
) -> None:
    ann = new_signer("ann", project=("readonly",))
    path = f"/v1.0/{credentials.project_id}/clusters"
    headed = replace(ann, extra={"x-project-id": credentials.project_id})
    for presented in (
        ann.present(path, derived=derived),
        headed.present(path, derived=derived),
        headed.present("/v3/projects", derived=derived),
        ann.present(f"/v1.0/extend/{credentials.project_id}/clusters/x", derived=derived),
    ):
        actor = identity.authenticate(presented, NOW)
        assert isinstance(actor.scope, ProjectScope)
        assert actor.scope.id == credentials.project_id
        assert (actor.user_id, actor.roles) == (ann.user_id, ("readonly",))
        assert (actor.credential, actor.delegated) == (ann.pair.access, False)


def test_without_a_project_it_is_the_users_domain_or_nothing(
    identity: Identity, credentials: Credentials, new_signer: NewSigner
) -> None:
    admin = new_signer("root", domain=("secu_admin",))
    for signer in (admin, replace(admin, extra={"x-domain-id": credentials.domain_id})):
        actor = identity.authenticate(signer.present(), NOW)
        assert isinstance(actor.scope, DomainScope)
        assert actor.scope.id == credentials.domain_id
        assert actor.roles == ("secu_admin",)
    ann = identity.authenticate(new_signer("ann", project=("readonly",)).present(), NOW)
    assert (ann.scope, ann.roles, ann.policies) == (None, (), ())


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-project-id", "0" * 32),
        ("x-project-id", "\u00e9 or '1'='1'"),
        ("x-domain-id", "0" * 32),
        ("x-project-id", None),
    ],
)
def test_what_the_user_has_no_role_on_is_forbidden(
    identity: Identity,
    credentials: Credentials,
    new_signer: NewSigner,
    header: str,
    value: str | None,
) -> None:
    signer = new_signer("ann", domain=("secu_admin",))
    extra = {header: value or credentials.project_id}
    with pytest.raises(Forbidden, match="no role on the") as refused:
        identity.authenticate(replace(signer, extra=extra).present(), NOW)
    assert refused.value.code == "APIGW.0302"


def disable(database: Database, signer: Signer) -> None:
    with database.write() as transaction:
        user = users.find(transaction, signer.user_id)
        assert user is not None
        users.save(transaction, replace(user, enabled=False))
        bump(transaction)


def delete_user(database: Database, signer: Signer) -> None:
    with database.write() as transaction:
        users.remove(transaction, signer.user_id)
        bump(transaction)


def deactivate(database: Database, signer: Signer) -> None:
    with database.write() as transaction:
        KeyBook(transaction).change(signer.pair.access, active=False, description="")


def delete_key(database: Database, signer: Signer) -> None:
    with database.write() as transaction:
        KeyBook(transaction).remove(signer.pair.access)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (disable, "disabled"),
        (delete_user, "not exist"),
        (deactivate, "inactive"),
        (delete_key, "not exist"),
    ],
)
def test_a_change_counts_at_the_next_request(
    database: Database,
    identity: Identity,
    new_signer: NewSigner,
    change: Callable[[Database, Signer], None],
    why: str,
) -> None:
    ann = new_signer("ann", project=("readonly",))
    identity.authenticate(ann.present(), NOW)
    change(database, ann)
    assert why in refusal(identity, ann.present())


def test_a_removed_role_counts_at_the_next_request(
    database: Database, identity: Identity, credentials: Credentials, new_signer: NewSigner
) -> None:
    ann = new_signer("ann", project=("readonly",))
    presented = ann.present(f"/v1.0/{credentials.project_id}/clusters")
    identity.authenticate(presented, NOW)
    grant = Grant(Holder.USER, ann.user_id, Reach.PROJECT, credentials.project_id, "readonly")
    with database.write() as transaction:
        RoleBook(transaction).revoke(grant)
    with pytest.raises(Forbidden):
        identity.authenticate(presented, NOW)


def test_an_unknown_key_and_a_wrong_secret_have_the_public_texts(
    identity: Identity, new_signer: NewSigner
) -> None:
    ann = new_signer("ann")
    assert refusal(identity, ann.with_wrong_secret().present()) == WRONG
    unknown = Signer(new_pair(), "nobody")
    assert refusal(identity, unknown.present()) == f"ak {unknown.pair.access} not exist"


def test_an_unknown_key_costs_the_same_work_as_a_wrong_secret(
    identity: Identity, new_signer: NewSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    work: list[str] = []

    def counted(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def call(*given: Any) -> Any:
            work.append(name)
            return original(*given)

        monkeypatch.setattr(owner, name, call)

    counted(signatures, "agrees")
    counted(Seals, "unseal")
    refusal(identity, new_signer("ann").with_wrong_secret().present())
    wrong, work[:] = list(work), []
    refusal(identity, Signer(new_pair(), "nobody").present())
    assert work == wrong == ["unseal", "agrees"]


def test_more_than_five_wrong_signatures_in_a_row_lock_that_source_for_five_minutes(
    identity: Identity, new_signer: NewSigner
) -> None:
    ann = new_signer("ann")
    identity.authenticate(ann.present(), NOW)
    wrong = ann.with_wrong_secret().present()
    for _ in range(5):
        assert refusal(identity, wrong) == WRONG
    identity.authenticate(ann.present(), NOW)
    for _ in range(6):
        assert refusal(identity, wrong) == WRONG
    assert refusal(identity, wrong) == LOCKED
    assert refusal(identity, ann.present()) == LOCKED
    identity.authenticate(ann.present(), NOW + timedelta(minutes=5))


def test_a_lock_is_known_to_other_processes_and_after_a_restart(
    identity: Identity, database: Database, settings: Settings, new_signer: NewSigner
) -> None:
    ann = new_signer("ann")
    guess(identity, ann)
    another = Identity.open(database, settings)
    assert refusal(another, ann.present()) == LOCKED


def guess(identity: Identity, signer: Signer, times: int = 6) -> None:
    for _ in range(times):
        refusal(identity, signer.with_wrong_secret().present())


def elsewhere(signer: Signer, number: int) -> Signer:
    return replace(signer, source=f"203.0.113.{number}")


def test_a_stranger_locks_out_nobody_but_themselves(
    identity: Identity, new_signer: NewSigner
) -> None:
    ann = new_signer("ann")
    guess(identity, elsewhere(ann, 9))
    assert refusal(identity, elsewhere(ann, 9).present()) == LOCKED
    identity.authenticate(ann.present(), NOW)
    identity.authenticate(elsewhere(ann, 10).present(), NOW)


def test_guessing_from_everywhere_locks_out_whoever_is_new_and_nobody_else(
    identity: Identity, database: Database, settings: Settings, new_signer: NewSigner
) -> None:
    ann = new_signer("ann")
    identity.authenticate(ann.present(), NOW)
    for number in range(1, 11):
        guess(identity, elsewhere(ann, number), 5)
    another = Identity.open(database, settings)
    for process in (identity, another):
        assert refusal(process, elsewhere(ann, 99).present()) == LOCKED
        assert refusal(process, elsewhere(ann, 99).with_wrong_secret().present()) == LOCKED
        process.authenticate(ann.present(), NOW)
        process.authenticate(replace(ann, source="127.0.0.1").present(), NOW)
    guess(identity, ann)
    assert refusal(another, ann.present()) == LOCKED
    identity.authenticate(elsewhere(ann, 99).present(), NOW + timedelta(minutes=5))


def test_a_right_signature_ends_what_its_source_had_wrong_and_nothing_else(
    identity: Identity, new_signer: NewSigner
) -> None:
    ann = new_signer("ann")
    guess(identity, elsewhere(ann, 9), 5)
    for _ in range(3):
        guess(identity, ann, 5)
        identity.authenticate(ann.present(), NOW)
    guess(identity, elsewhere(ann, 9), 1)
    assert refusal(identity, elsewhere(ann, 9).present()) == LOCKED


def test_making_a_locked_key_active_unlocks_it_and_it_can_be_locked_again(
    database: Database, identity: Identity, new_signer: NewSigner
) -> None:
    ann = new_signer("ann")
    guess(identity, ann)
    with database.write() as transaction:
        KeyBook(transaction).change(ann.pair.access, active=True, description="")
    identity.authenticate(ann.present(), NOW)
    guess(identity, ann)
    assert refusal(identity, ann.present()) == LOCKED


def test_use_is_written_once_a_minute_and_wrong_signatures_once_a_lock(
    database: Database, identity: Identity, new_signer: NewSigner
) -> None:
    ann = new_signer("ann")
    commits: list[object] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def count(connection: Any, _cursor: object, statement: str, *_rest: object) -> None:
        work = connection.get_transaction()
        if statement.startswith(("UPDATE", "INSERT", "DELETE")) and work not in commits:
            commits.append(work)

    assert stored(database, ann).last_used is None
    for second in (0, 1, 59):
        identity.authenticate(ann.present(), NOW + timedelta(seconds=second))
    assert len(commits) == 1
    assert stored(database, ann).last_used == NOW
    identity.authenticate(ann.present(), NOW + timedelta(seconds=60))
    assert len(commits) == 2
    guess(identity, ann, 20)
    assert len(commits) == 3


def test_beside_a_signature_a_token_must_count_and_changes_nothing(
    identity: Identity, new_signer: NewSigner, credentials: Credentials
) -> None:
    ann = new_signer("ann", project=("readonly",))
    assert "token is invalid" in refusal(
        identity, replace(ann, extra={"x-auth-token": "gAAAAABno"}).present()
    )
    admin = Reference(name="admin", domain=Reference(id=credentials.domain_id))
    scope = ScopeRequest(Target.PROJECT, Reference(id=credentials.project_id))
    token = identity.login(admin, credentials.password, scope, NOW).token.value
    both = replace(ann, extra={"x-auth-token": token})
    assert identity.authenticate(both.present(), NOW).user_id == ann.user_id
    assert refusal(identity, both.with_wrong_secret().present()) == WRONG


async def test_over_http_a_wrong_secret_is_401_with_a_request_id(
    client: httpx.AsyncClient, credentials: Credentials, new_signer: NewSigner
) -> None:
    ann = new_signer("ann", project=("readonly",))
    url = f"{HOST}/v1.0/{credentials.project_id}/clusters?limit=10&start=1"
    headers = signed_headers("GET", url, ann.pair.access, ann.pair.secret)
    assert (await client.get(url, headers=headers)).status_code == 200
    wrong = await client.get(url, headers=signed_headers("GET", url, ann.pair.access, "x"))
    assert (wrong.status_code, wrong.json()["error_code"]) == (401, "APIGW.0301")
    assert WRONG in wrong.json()["error_msg"]
    assert wrong.json()["request_id"] == wrong.headers["X-Request-Id"]
    assert ann.pair.secret not in wrong.text
