"""Whatever a client sends or keeps back, it holds a bounded amount of memory, and not for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.services import PATIENCE_SECONDS, Served, fake, served
from tests.cli.wire import connected, exchange, is_ended, read, send

from searchplane.api import ops
from searchplane.cli import protocol

MEGABYTE = 1024 * 1024
START = b"GET /v3/auth/catalog HTTP/1.1\r\nHost: here\r\n"
CHUNKED = b"POST /v3/auth/tokens HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
PING = b"GET /nothing HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.mark.parametrize(
    ("beginning", "status", "code"),
    [
        pytest.param(b"GET /", 414, "APIGW.0203", id="url"),
        pytest.param(START + b"X-A: ", 431, "APIGW.0202", id="header value"),
        pytest.param(START + b"X-", 431, "APIGW.0202", id="header name"),
        pytest.param(CHUNKED + b"1;", 431, "APIGW.0202", id="chunk extension"),
        pytest.param(CHUNKED + b"0\r\nX-A: ", 431, "APIGW.0202", id="trailer"),
    ],
)
def test_what_never_ends_is_refused(
    service: Served, beginning: bytes, status: int, code: str
) -> None:
    with connected(service) as one:
        send(one, beginning, *[b"a" * MEGABYTE] * 20)
        answer = read(one)[-1]
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["connection"] == "close"


def test_a_long_token_and_a_long_url_are_still_read(service: Served) -> None:
    token = START + b"X-Auth-Token: " + b"M" * 32_000 + b"\r\n\r\n"
    url = b"GET /nothing?" + b"x" * 32_000 + b" HTTP/1.1\r\nHost: here\r\n\r\n"
    answers = exchange(service, token + url, answers=2)
    assert [answer.status for answer in answers] == [401, 404]


@pytest.mark.parametrize("many", [255, 256])
def test_the_number_of_headers_has_a_bound(service: Served, many: int) -> None:
    lines = b"".join(b"X-%d: y\r\n" % number for number in range(many))
    [answer] = exchange(service, START + lines + b"\r\n", answers=1)
    assert (answer.status, answer.code) == (
        (401, "APIGW.0301") if many == 255 else (431, "APIGW.0202")
    )


def test_requests_ahead_of_their_answers_have_a_bound(service: Served) -> None:
    few = exchange(service, PING * 50, answers=50)
    assert [answer.status for answer in few] == [404] * 50
    many = exchange(service, PING * 5000)
    assert len(many) <= protocol.MAX_PIPELINED


@pytest.fixture
def hasty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A service that waits for nobody long."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    with served(fake(tmp_path)) as one:
        yield one


def test_a_head_that_does_not_end_in_time_is_refused(hasty: Served) -> None:
    [first] = exchange(hasty, b"GET /v3 HT")
    assert (first.status, first.code) == (408, "APIGW.0204")
    later = exchange(hasty, PING + b"GET /v3 HT")
    assert [answer.status for answer in later] == [404, 408]


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n"], ids=["nothing", "empty lines"])
def test_a_connection_without_a_request_is_closed(hasty: Served, sent: bytes) -> None:
    assert exchange(hasty, sent) == []


def test_empty_lines_do_not_keep_a_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("searchplane.cli.server.KEEP_ALIVE_SECONDS", 0.3)
    with served(fake(tmp_path)) as service, connected(service) as one:
        send(one, PING)
        assert len(read(one, 1)) == 1
        send(one, b"\r\n")
        assert is_ended(one)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Served]:
    """A service for two connections."""
    with served(fake(tmp_path, max_connections=2)) as one:
        yield one


@pytest.mark.parametrize("sent", [b"", PING, b"GET /v3 HT", CHUNKED + b"1\r\na"])
def test_a_client_that_is_waited_for_makes_room(small: Served, sent: bytes) -> None:
    with connected(small) as first, connected(small) as second:
        for one in (first, second):
            send(one, sent)
            assert len(read(one, 1)) == 1 if sent == PING else True
        [answer] = exchange(small, PING, answers=1)
        assert answer.status == 404
        assert is_ended(first)


def test_a_request_at_work_does_not_make_room(
    small: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()

    def problem(_services: object) -> None:
        begun.release()
        go_on.wait(PATIENCE_SECONDS)

    monkeypatch.setattr(ops, "_problem", problem)
    health = b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n"
    with connected(small) as first, connected(small) as second:
        for one in (first, second):
            send(one, health)
            assert begun.acquire(timeout=PATIENCE_SECONDS)
        [refused] = exchange(small, PING)
        assert (refused.status, refused.code) == (429, "APIGW.0308")
        assert refused.headers["retry-after"] == "1"
        go_on.set()
        assert [read(one, 1)[0].status for one in (first, second)] == [200, 200]
