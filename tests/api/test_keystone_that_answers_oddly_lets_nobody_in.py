"""A Keystone that is slow, wrong or gone means 503; its yes is believed for a while, its no never.

A stub stands for it here; tests/clients has the real one.
"""

from __future__ import annotations

import gzip
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from tests.support.keystone_stub import JSON, OWN_TOKEN, PROJECT, Said, Stub, no, stub, token, yes
from tests.support.logins import presented

from searchplane.domain.access import Actor, ProjectScope
from searchplane.errors import Transient, Unauthenticated
from searchplane.iam import believed, waiting
from searchplane.iam.external import ExternalIdentity, open_external
from searchplane.iam.keystone import CALLS_AT_ONCE, MAX_ANSWER_BYTES
from searchplane.settings import IamMode, Settings
from searchplane.store.database import Database

PATIENCE_SECONDS = 20.0
PASSWORD = "the-service's-own"


@pytest.fixture
def server() -> Iterator[Stub]:
    with stub() as one:
        yield one


@contextmanager
def behind(server: Stub, settings: Settings, database: Database, **more: Any) -> Iterator[Any]:
    chosen = {
        "iam_mode": IamMode.KEYSTONE,
        "keystone_url": server.url,
        "keystone_user": "service",
        "keystone_password": SecretStr(PASSWORD),
        **more,
    }
    with open_external(settings.model_copy(update=chosen), database) as identity:
        yield identity


@pytest.fixture
def identity(server: Stub, settings: Settings, database: Database) -> Iterator[ExternalIdentity]:
    """It asks each time."""
    with behind(server, settings, database, keystone_cache_seconds=0) as one:
        yield one


@pytest.fixture
def believing(server: Stub, settings: Settings, database: Database) -> Iterator[ExternalIdentity]:
    with behind(server, settings, database, keystone_timeout_seconds=10) as one:
        yield one


def ask(identity: ExternalIdentity, value: str = "user-token") -> Actor:
    return identity.authenticate(presented(value), datetime.now(UTC))


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.01)


def test_a_yes_becomes_an_actor_with_the_roles_that_are_mapped(identity: ExternalIdentity) -> None:
    actor = ask(identity)
    assert (actor.user_name, actor.domain_name) == ("mia", "Default")
    assert isinstance(actor.scope, ProjectScope)
    assert (actor.scope.id, actor.scope.name) == (PROJECT, "search")
    assert actor.roles == ("system_all_153",)
    assert actor.delegated


def plain(content: bytes, status: int = 200) -> Callable[[str], Said]:
    return lambda subject: Said(status, JSON | {"X-Subject-Token": subject}, (content,))


COMPRESSED = gzip.compress(json.dumps(token()).encode())
ODD = {
    "no JSON": plain(b"<html>"),
    "no object": plain(b"[]"),
    "nothing": plain(b""),
    "nested without end": plain(b"[" * 100_000),
    "no token": plain(b'{"token": {}}'),
    "a 404 of a proxy": plain(b"<html>not here</html>", 404),
    "a redirect": lambda _: Said(302, {"Location": "http://127.0.0.1:9/v3/auth/tokens"}),
    "a fault": lambda _: no(500),
    "busy": lambda _: no(503),
    "throttled": lambda _: no(429),
    "no content": lambda subject: Said(204, {"X-Subject-Token": subject}),
    "another token": lambda _: yes("another"),
    "larger than allowed": plain(json.dumps(token()).encode() + b" " * MAX_ANSWER_BYTES),
    "a fault that describes a token": plain(json.dumps(token()).encode(), 500),
    "compressed": lambda subject: Said(
        200, {"X-Subject-Token": subject, "Content-Encoding": "gzip"}, (COMPRESSED,)
    ),
    "a project without a domain": lambda subject: yes(
        subject, token(project={"id": PROJECT, "name": "search"})
    ),
    "a project id that is none": lambda subject: yes(
        subject, token(project={"id": "../x", "name": "s", "domain": {"id": "d", "name": "D"}})
    ),
    "a time without its zone": lambda subject: yes(
        subject, token(expires_at="2099-01-01T00:00:00")
    ),
    "no time": lambda subject: yes(subject, token(expires_at=None)),
    "cut off": lambda subject: Said(
        200, JSON | {"X-Subject-Token": subject, "Content-Length": "500"}, iter([b'{"token"'])
    ),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_answer_lets_nobody_in(server: Stub, identity: ExternalIdentity, odd: str) -> None:
    server.check = ODD[odd]
    with pytest.raises(Transient, match="cannot be asked about the token at the moment"):
        ask(identity)
    server.check = yes
    assert ask(identity)


def test_two_tokens_are_not_taken_to_where_a_redirect_leads(
    server: Stub, identity: ExternalIdentity
) -> None:
    answers = iter([Said(307, {"Location": f"{server.url}/auth/tokens"})])
    server.check = lambda subject: next(answers, None) or yes(subject)
    with pytest.raises(Transient):
        ask(identity)
    assert server.checks == 1


def test_a_token_that_keystone_does_not_know_is_sent_there(
    server: Stub, believing: ExternalIdentity
) -> None:
    server.check = lambda _: no()
    for _ in range(2):
        with pytest.raises(Unauthenticated, match="does not know the token") as refused:
            ask(believing)
        assert refused.value.challenge == f'Keystone uri="{server.url}"'
    assert server.checks == 2, "a no is asked for again"


def test_an_expired_token_is_refused_whatever_keystone_says(
    server: Stub, identity: ExternalIdentity
) -> None:
    server.check = lambda subject: yes(subject, token(seconds=-1))
    with pytest.raises(Unauthenticated, match="expired at"):
        ask(identity)


@pytest.mark.parametrize("value", ["", "   ", "ü", "a\tb", "a" * 16_385])
def test_what_is_no_token_is_not_asked_about(
    server: Stub, identity: ExternalIdentity, value: str
) -> None:
    with pytest.raises(Unauthenticated):
        ask(identity, value)
    assert server.checks == server.logins == 0


def dripping() -> Iterator[bytes]:
    for _ in range(1000):
        yield b" "
        time.sleep(0.02)


@pytest.mark.parametrize("kind", ["silent", "dripping", "silent at the login"])
def test_a_slow_keystone_has_its_time_and_no_more(
    server: Stub, settings: Settings, database: Database, kind: str
) -> None:
    ended = threading.Event()

    def silent(*_: str) -> Said:
        ended.wait(300)
        return no()

    if kind == "silent at the login":
        server.log_in = silent
    elif kind == "silent":
        server.check = silent
    else:
        server.check = lambda subject: Said(200, {"X-Subject-Token": subject}, dripping())
    with behind(server, settings, database, keystone_timeout_seconds=0.3) as identity:
        began = time.monotonic()
        with pytest.raises(Transient):
            ask(identity)
        assert 0.2 < time.monotonic() - began < 3
    ended.set()


def test_nothing_answers(settings: Settings, database: Database) -> None:
    with stub() as server:
        pass
    with behind(server, settings, database) as identity, pytest.raises(Transient):
        ask(identity)


def test_what_is_believed_is_not_asked_again(server: Stub, believing: ExternalIdentity) -> None:
    first = ask(believing)
    server.check = lambda _: no(500)
    assert ask(believing) == first
    assert server.checks == 1


class Clock:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_belief_ends_with_its_time_and_with_its_token() -> None:
    clock, now = Clock(), datetime.now(UTC)
    beliefs = believed.Believed(60, clock)
    actor = Actor("u", "mia", "d", "Default", None, ())  # type: ignore[arg-type]
    beliefs.put(b"long", actor, now + timedelta(hours=1), asked=clock.now)
    beliefs.put(b"short", actor, now + timedelta(seconds=5), asked=clock.now)
    beliefs.put(b"slow", actor, now + timedelta(hours=1), asked=clock.now - 60)
    assert beliefs.get(b"long", now) is actor
    assert beliefs.get(b"slow", now) is None, "a belief is as old as its question"
    assert beliefs.get(b"short", now + timedelta(seconds=5)) is None
    clock.now += 60
    assert beliefs.get(b"long", now) is None


def test_beliefs_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(believed, "MOST_BELIEVED", 2)
    clock, now = Clock(), datetime.now(UTC)
    beliefs = believed.Believed(60, clock)
    actor = Actor("u", "mia", "d", "Default", None, ())  # type: ignore[arg-type]
    for key in (b"1", b"2", b"3"):
        beliefs.put(key, actor, now + timedelta(hours=1), asked=clock.now)
    assert [beliefs.get(key, now) for key in (b"1", b"2", b"3")] == [None, actor, actor]


def test_many_with_one_token_ask_once(server: Stub, identity: ExternalIdentity) -> None:
    asked = threading.Event()

    def when_asked(subject: str) -> Said:
        asked.wait(PATIENCE_SECONDS)
        return yes(subject)

    server.check = when_asked
    with ThreadPoolExecutor(8) as threads:
        actors = [threads.submit(ask, identity) for _ in range(8)]
        until(lambda: len(identity._queue._began) == 8)
        asked.set()
        assert {one.result().user_name for one in actors} == {"mia"}
    assert server.checks == 1


def test_keystone_is_asked_by_few_at_once(server: Stub, believing: ExternalIdentity) -> None:
    asked = threading.Event()

    def when_asked(subject: str) -> Said:
        asked.wait(PATIENCE_SECONDS)
        return yes(subject)

    server.check = when_asked
    with ThreadPoolExecutor(12) as threads:
        actors = [threads.submit(ask, believing, f"token-{one}") for one in range(12)]
        until(lambda: server.at_once == CALLS_AT_ONCE and len(believing._queue._began) == 12)
        asked.set()
        for one in actors:
            one.result()
    assert server.most_at_once == CALLS_AT_ONCE
    assert server.logins == 1


def test_when_keystone_hangs_more_are_refused_and_the_believed_go_on(
    server: Stub, believing: ExternalIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "HANGS_SECONDS", 0.1)
    actor = ask(believing)
    ended = threading.Event()

    def silent(subject: str) -> Said:
        ended.wait(PATIENCE_SECONDS)
        return yes(subject)

    server.check = silent
    with ThreadPoolExecutor(waiting.MOST_WAITING) as threads:
        others = [
            threads.submit(ask, believing, f"token-{one}") for one in range(waiting.MOST_WAITING)
        ]
        until(lambda: len(believing._queue._began) == waiting.MOST_WAITING)
        until(believing._queue._hangs)
        began = time.monotonic()
        with pytest.raises(Transient, match="too many requests wait"):
            ask(believing, "one more")
        assert time.monotonic() - began < 1
        assert ask(believing) == actor
        ended.set()
        for one in others:
            one.result()


def test_our_own_token_is_made_anew_when_it_counts_no_more(
    server: Stub, identity: ExternalIdentity
) -> None:
    ask(identity)
    answers = iter([no(401)])
    server.check = lambda subject: next(answers, None) or yes(subject)
    assert ask(identity)
    assert server.logins == 2


def test_a_login_that_is_refused_is_not_repeated_at_once(
    server: Stub, identity: ExternalIdentity, caplog: pytest.LogCaptureFixture
) -> None:
    server.log_in = lambda: no(401)
    for _ in range(3):
        with pytest.raises(Transient):
            ask(identity)
    assert (server.logins, server.checks) == (1, 0)
    assert caplog.text.count("refuses the login of 'service'") == 1, "it is said once"


def test_an_account_without_the_right_is_a_sentence(
    server: Stub, identity: ExternalIdentity, caplog: pytest.LogCaptureFixture
) -> None:
    server.check = lambda _: no(403)
    with pytest.raises(Transient):
        ask(identity)
    assert "needs the role `service`" in caplog.text


def test_no_secret_is_told(
    server: Stub, identity: ExternalIdentity, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "searchplane")
    told = ""
    for odd in (*ODD.values(), lambda _: no()):
        server.check = odd
        with pytest.raises((Transient, Unauthenticated)) as refused:
            ask(identity, "a-user's-token")
        told += str(refused.value)
    told += "".join(one.getMessage() for one in caplog.records if "searchplane" in one.name)
    for secret in (PASSWORD, OWN_TOKEN, "a-user's-token"):
        assert secret not in told


def test_those_who_wait_when_the_service_ends_are_cut_off(
    server: Stub, settings: Settings, database: Database
) -> None:
    asked, ended = threading.Event(), threading.Event()

    def silent(_: str) -> Said:
        asked.set()
        ended.wait(PATIENCE_SECONDS)
        return no()

    server.check = silent
    with ThreadPoolExecutor(1) as threads:
        with behind(server, settings, database, keystone_timeout_seconds=60) as identity:
            cut_off = threads.submit(ask, identity)
            assert asked.wait(PATIENCE_SECONDS)
            began = time.monotonic()
        assert time.monotonic() - began < 3
        with pytest.raises(Transient):
            cut_off.result()
    with pytest.raises(Transient):
        ask(identity)
    ended.set()
