"""What two servers in a row could read as two different requests is refused or has one meaning."""

from __future__ import annotations

import json

import pytest
from tests.cli.services import Served
from tests.cli.wire import WireAnswer, connected, exchange, read, send

from searchplane.api import web
from searchplane.api.pipeline import RawAnswer

HOST = b"Host: here\r\n"
NEXT = b"GET /nothing HTTP/1.1\r\nHost: here\r\n\r\n"
POST = b"POST /v3/auth/tokens HTTP/1.1\r\n" + HOST
GET = b"GET /v3 HTTP/1.1\r\n" + HOST


def only(answers: list[WireAnswer]) -> WireAnswer:
    """The one answer; what came after the bad request was not taken for a request."""
    assert len(answers) == 1
    return answers[0]


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        POST + b"Content-Length: 2, 2\r\n\r\n{}",
        POST + b"Content-Length: +2\r\n\r\n{}",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 99999999999999999999\r\n\r\n",
        GET + HOST + b"\r\n",
        b"GET /v3 HTTP/1.1\r\n\r\n",
        GET + b"X-A: b\r\n c\r\n\r\n",
        GET + b"X-A: b\0c\r\n\r\n",
        GET + b"X-\0A: b\r\n\r\n",
        GET + b"X-A: b\rc: d\r\n\r\n",
        b"GET /v3\0 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /v\xe9 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /v3 x HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /v3 HTTP/1.1\nHost: here\n\n",
        b"GET /v3 HTTP/2.0\r\n" + HOST + b"\r\n",
        b"GET /v3 HTTP/1.2\r\n" + HOST + b"\r\n",
        b"GET /v3\r\n\r\n",
        b"GET v3 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http://here HTTP/1.1\r\n" + HOST + b"\r\n",
        b"CONNECT here:80 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"BREW /v3 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_a_request_of_doubtful_framing_is_refused(service: Served, request_bytes: bytes) -> None:
    answer = only(exchange(service, request_bytes + NEXT))
    assert (answer.status, answer.code) == (400, "APIGW.0602")
    assert answer.headers["connection"] == "close"


def test_garbage_behind_a_request_ends_the_connection_after_its_answer(service: Served) -> None:
    answer = only(exchange(service, NEXT + b"\0\0\0\r\n\r\n" + NEXT))
    assert (answer.status, answer.code) == (404, "APIGW.0101")


def test_an_absolute_target_is_read_as_its_path(service: Served) -> None:
    [far, near] = exchange(
        service,
        b"GET http://elsewhere:1/v3?a=b HTTP/1.1\r\n" + HOST + b"\r\n" + GET + b"\r\n",
        answers=2,
    )
    assert (far.status, far.body) == (near.status, near.body)
    assert b"elsewhere" not in far.body


def test_requests_of_every_version_and_pace_are_answered(service: Served) -> None:
    pieces = [bytes([byte]) for byte in GET + b"\r\n"]
    slowly, again = exchange(service, *pieces, NEXT, answers=2)
    assert (slowly.status, again.status) == (200, 404)
    old = only(exchange(service, b"GET /nothing HTTP/1.0\r\n\r\n"))
    assert (old.status, old.headers["connection"]) == (404, "close")
    last = only(exchange(service, GET + b"Connection: close\r\n\r\n" + NEXT))
    assert last.headers["connection"] == "close"


def test_an_upgrade_is_not_offered_and_what_follows_it_is_not_read(service: Served) -> None:
    upgrade = GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    answer = only(exchange(service, upgrade + NEXT))
    assert (answer.status, answer.headers["connection"]) == (200, "close")


def login(service: Served) -> bytes:
    admin = json.loads((service.data / "admin.json").read_text())
    user = {"name": "admin", "password": admin["password"], "domain": {"name": "local"}}
    identity = {"methods": ["password"], "password": {"user": user}}
    scope = {"project": {"id": admin["project_id"]}}
    return json.dumps({"auth": {"identity": identity, "scope": scope}}).encode()


@pytest.fixture
def check(service: Served) -> bytes:
    """The head of a request that is answered from memory, without its end."""
    body = login(service)
    [made] = exchange(service, POST + b"Content-Length: %d\r\n\r\n" % len(body) + body, answers=1)
    token = made.headers["x-subject-token"].encode()
    head = GET.replace(b"/v3", b"/v3/auth/tokens")
    head += b"X-Auth-Token: %b\r\nX-Subject-Token: %b\r\n" % (token, token)
    assert [one.status for one in exchange(service, head + b"\r\n", answers=1)] == [200]
    return head


def test_what_is_in_memory_is_answered_in_the_order_of_the_requests(
    service: Served, check: bytes
) -> None:
    ask = check + b"\r\n"
    answers = exchange(service, ask + NEXT + ask + ask + NEXT, ask, answers=6)
    assert [one.status for one in answers] == [200, 404, 200, 200, 404, 200]
    assert len({one.headers["x-request-id"] for one in answers}) == 6


def test_what_is_in_memory_ends_connections_as_everything_does(
    service: Served, check: bytes
) -> None:
    for last in (b"Connection: close\r\n\r\n", b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"):
        answer = only(exchange(service, check + last + NEXT))
        assert (answer.status, answer.headers["connection"]) == (200, "close")
    answer = only(exchange(service, check + b"\r\n\0\0\0\r\n\r\n" + NEXT))
    assert answer.status == 200


def test_a_body_that_comes_with_what_is_in_memory_is_no_request(
    service: Served, check: bytes
) -> None:
    whole = check + b"Content-Length: %d\r\n\r\n" % len(NEXT) + NEXT
    answers = exchange(service, whole + check + b"\r\n", answers=2)
    assert [one.status for one in answers] == [200, 200]


def test_a_body_is_asked_for_when_the_client_waits(service: Served) -> None:
    body = login(service)
    with connected(service) as one:
        send(one, POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert one.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        send(one, body)
        assert read(one, 1)[0].status == 201


def test_a_trailer_is_no_header(service: Served) -> None:
    body = login(service)
    token = exchange(service, POST + b"Content-Length: %d\r\n\r\n" % len(body) + body, answers=1)[
        0
    ].headers["x-subject-token"]
    head = b"GET /v3/auth/catalog HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    trailer = b"0\r\nX-Auth-Token: %s\r\n\r\n" % token.encode()
    assert only(exchange(service, head + trailer + NEXT)).status == 401


def test_headers_of_a_trusted_proxy_are_nothing_to_us(service: Served) -> None:
    admin = json.loads((service.data / "admin.json").read_text())
    claims = (
        b"X-User-Id: admin\r\nX-User-Name: admin\r\nX-Roles: te_admin,secu_admin\r\n"
        b"X-Project-Id: %s\r\nX-Identity-Status: Confirmed\r\nX-Domain-Id: %s\r\n"
        b"X-Service-Token: x\r\nX-Is-Admin-Project: True\r\nRemote-User: admin\r\n"
        % (admin["project_id"].encode(), admin["domain_id"].encode())
    )
    path = b"/v1.0/%s/clusters" % admin["project_id"].encode()
    [answer] = exchange(
        service, b"GET " + path + b" HTTP/1.1\r\n" + HOST + claims + b"\r\n", answers=1
    )
    assert (answer.status, answer.code) == (401, "APIGW.0301")


@pytest.mark.parametrize("second", [b"X-Auth-Token", b"x-auth-token", b"X-AUTH-TOKEN"])
def test_two_tokens_are_refused(service: Served, second: bytes) -> None:
    head = b"GET /v3/auth/catalog HTTP/1.1\r\n" + HOST
    [answer] = exchange(service, head + b"X-Auth-Token: a\r\n" + second + b": b\r\n\r\n", answers=1)
    assert answer.status == 400
    assert "x-auth-token" in answer.json["error_msg"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1.0/{0}%2Fclusters",
        "/v1.0/{0}/clusters%2f",
        "/v1.0%2f{0}/clusters",
        "/v1.0/{0}/clusters%5c..",
        "/v1.0/x%2e%2e/%2e%2e/v3",
    ],
)
def test_an_encoded_slash_is_no_slash(service: Served, path: str) -> None:
    admin = json.loads((service.data / "admin.json").read_text())
    target = path.format(admin["project_id"]).encode()
    [answer] = exchange(service, b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n", answers=1)
    assert (answer.status, answer.code) == (404, "APIGW.0101")


def test_the_answer_to_head_has_no_body_and_the_next_one_follows(service: Served) -> None:
    head = b"HEAD /v3/auth/catalog HTTP/1.1\r\n" + HOST + b"\r\n"
    with connected(service) as one:
        send(one, head + NEXT.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        said = one.makefile("rb").read()
    first, second = said.split(b"\r\n\r\n", 1)
    assert first.startswith(b"HTTP/1.1 4")
    assert b"content-length" in first.lower()
    assert second.startswith(b"HTTP/1.1 404")


def test_an_answer_cannot_hold_a_line_more_than_it_has_headers(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = RawAnswer(200, {"X-A": "b\r\nSet-Cookie: c"}, b"")
    monkeypatch.setattr(web, "unknown_route", lambda *_: split)
    answer = only(exchange(service, b"PUT" + NEXT[3:].replace(b"/nothing", b"/v3")))
    assert answer.status >= 400
    assert "set-cookie" not in answer.headers
