"""One look at a cluster: the first node that speaks for a master wins, the rest is a sentence."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import json
import secrets
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from searchplane.domain.ids import ClusterId
from searchplane.domain.observed import ClientIdentity, EngineView, Health, Target, Unknown
from searchplane.engine.certificates import KeyPair, issue_admin, issue_node, new_authority
from searchplane.engine.probe import IDLE_SECONDS, Probe

NOW = datetime.now(UTC)
CLUSTER = ClusterId("5f1fcc6b-31a3-4b4c-8a9c-5d0e6a9c2f11")
ADDRESSES = ("127.0.0.11", "127.0.0.12", "127.0.0.13")
NAMES = {address: f"es-{number}" for number, address in enumerate(ADDRESSES, 1)}
PLAIN = Target(ADDRESSES)
AUTHORITY = new_authority("ES-Test", CLUSTER, NOW)
CONTROL = issue_admin(AUTHORITY, CLUSTER, NOW)
IDENTITY = ClientIdentity(AUTHORITY.certificate_pem, CONTROL.certificate_pem, CONTROL.key_pem)
SECURED = Target(ADDRESSES, https=True, identity=IDENTITY)
TOKENS = Target(ADDRESSES, https=False, identity=IDENTITY)

NO_MASTER_7_10 = {"error": {"type": "master_not_discovered_exception"}, "status": 503}
NO_MASTER_2_19 = {"error": {"type": "cluster_manager_not_discovered_exception"}, "status": 503}
NOT_READY = {"message": "Not initialized", "mode": "strict", "status": "DOWN"}


class Nodes(httpx.AsyncBaseTransport):
    """Nodes that answer as told, and remember what they were asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.requests: list[httpx.Request] = []
        self.silent: set[str] = set()
        self.not_ready: set[str] = set()
        self.members = set(ADDRESSES)
        self.uuid = "UUID"
        self.status = "green"
        self.instead: Callable[[str], httpx.Response | None] = lambda _: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host, path = request.url.host, request.url.path
        self.asked.append((host, path.split("/")[2] if path != "/" else path))
        self.requests.append(request)
        if host in self.silent:
            raise httpx.ConnectError("refused", request=request)
        if path == "/_plugins/_security/health":
            down = host in self.not_ready
            return httpx.Response(503 if down else 200, json=NOT_READY if down else {})
        return self.instead(path) or httpx.Response(200, json=self.answer(path))

    def answer(self, path: str) -> dict[str, Any]:
        if path == "/_cluster/health":
            shards = {"initializing_shards": 1, "relocating_shards": 2, "unassigned_shards": 3}
            return {"status": self.status, **shards}
        nodes = {
            f"id-{host}": {
                "name": NAMES[host],
                "transport_address": f"{host}:9300",
                "version": "7.10.2",
            }
            for host in self.members
        }
        return {"cluster_uuid": self.uuid, "master_node": f"id-{ADDRESSES[1]}", "nodes": nodes}

    def asked_hosts(self) -> list[str]:
        hosts = [host for host, _ in self.asked]
        self.asked.clear()
        return list(dict.fromkeys(hosts))


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def utc(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)


@pytest.fixture
def nodes() -> Nodes:
    return Nodes()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def probe(nodes: Nodes, clock: Clock) -> AsyncIterator[Probe]:
    probe = Probe(transport=nodes, clock=clock.utc, monotonic=clock.monotonic)
    yield probe
    await probe.close()


async def reason(probe: Probe, target: Target = PLAIN) -> str:
    seen = await probe.view(target)
    assert isinstance(seen, Unknown)
    return seen.reason


async def members(probe: Probe, target: Target) -> set[str]:
    seen = await probe.view(target)
    assert isinstance(seen, EngineView)
    return set(seen.members)


async def test_the_view_is_what_the_master_says(probe: Probe) -> None:
    assert await probe.view(PLAIN) == EngineView(
        cluster_uuid="UUID",
        master="es-2",
        members=frozenset({"es-1", "es-2", "es-3"}),
        health=Health.GREEN,
        initializing=1,
        relocating=2,
        unassigned=3,
        versions=dict.fromkeys(NAMES.values(), "7.10.2"),
    )


async def test_a_look_at_a_plain_cluster_is_two_requests_to_one_node(
    probe: Probe, nodes: Nodes
) -> None:
    await probe.view(PLAIN)
    assert sorted(nodes.asked) == [(ADDRESSES[0], "health"), (ADDRESSES[0], "state")]


async def test_the_node_that_answered_last_is_asked_first(probe: Probe, nodes: Nodes) -> None:
    nodes.silent = {ADDRESSES[0], ADDRESSES[1]}
    assert await members(probe, PLAIN)
    assert nodes.asked_hosts() == list(ADDRESSES)
    assert await members(probe, PLAIN)
    assert nodes.asked_hosts() == [ADDRESSES[2]]


async def test_silence_is_unknown(probe: Probe, nodes: Nodes) -> None:
    nodes.silent = set(ADDRESSES)
    assert await reason(probe) == "no node of 3 answers on port 9200"


async def test_without_addresses_there_is_nobody_to_ask(probe: Probe) -> None:
    assert await reason(probe, Target(())) == "no node has an address yet"


@pytest.mark.parametrize("body", [NO_MASTER_7_10, NO_MASTER_2_19])
async def test_a_node_without_a_master_says_so_in_either_engines_words(
    probe: Probe, nodes: Nodes, body: dict[str, Any]
) -> None:
    nodes.silent = {ADDRESSES[0]}
    nodes.instead = lambda _: httpx.Response(503, json=body)
    expected = "2 of 3 nodes answer but have not elected a master yet"
    assert await reason(probe) == expected


async def test_a_master_that_still_reads_its_state_is_unknown(probe: Probe, nodes: Nodes) -> None:
    nodes.uuid = "_na_"
    expected = "the elected master has not recovered the cluster's state yet"
    assert await reason(probe) == expected


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_credential_is_named(probe: Probe, nodes: Nodes, status: int) -> None:
    nodes.instead = lambda _: httpx.Response(status, text="Unauthorized")
    expected = "127.0.0.11 refuses the control plane's credential"
    assert await reason(probe, SECURED) == expected


async def test_a_certificate_refused_after_the_handshake_is_a_refused_credential(
    probe: Probe, nodes: Nodes
) -> None:
    """TLS 1.3 says so while the answer is read, and httpx passes the bare error on."""

    def refuse(_: str) -> httpx.Response:
        raise ssl.SSLError("[SSL: SSLV3_ALERT_CERTIFICATE_UNKNOWN] sslv3 alert certificate unknown")

    nodes.instead = refuse
    expected = "127.0.0.11 refuses the control plane's credential"
    assert await reason(probe, SECURED) == expected


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>hello</html>"),
        httpx.Response(200, json=["a", "list"]),
        httpx.Response(200, json={"status": "purple"}),
        httpx.Response(200, json={}),
        httpx.Response(500, text="oops"),
    ],
)
async def test_an_answer_that_is_not_an_engines_is_unknown(
    probe: Probe, nodes: Nodes, answer: httpx.Response
) -> None:
    nodes.instead = lambda _: answer
    assert "127.0.0.11:9200 answers" in await reason(probe)


async def test_security_that_is_not_initialized_is_unknown_and_asked_without_login(
    probe: Probe, nodes: Nodes
) -> None:
    nodes.not_ready = set(ADDRESSES)
    assert await reason(probe, SECURED) == "OpenSearch Security is not initialized yet"
    assert {path for _, path in nodes.asked} == {"_security"}


async def test_a_node_is_a_member_only_once_users_can_log_in(probe: Probe, nodes: Nodes) -> None:
    nodes.not_ready = {ADDRESSES[2]}
    assert await members(probe, SECURED) == {"es-1", "es-2"}
    nodes.not_ready = set()
    assert await members(probe, SECURED) == {"es-1", "es-2", "es-3"}


async def test_ready_nodes_are_not_asked_again_until_they_have_been_away(
    probe: Probe, nodes: Nodes
) -> None:
    await probe.view(SECURED)
    nodes.asked.clear()
    nodes.members = set(ADDRESSES[:2])
    await probe.view(SECURED)
    assert "_security" not in {path for _, path in nodes.asked}
    nodes.members = set(ADDRESSES)
    nodes.not_ready = {ADDRESSES[2]}
    assert await members(probe, SECURED) == {"es-1", "es-2"}


async def test_without_tls_a_signed_token_is_sent_and_renewed_at_half_its_life(
    probe: Probe, nodes: Nodes, clock: Clock
) -> None:
    sent: list[str] = []
    for moment in (0, 29, 30):
        clock.seconds = moment
        await probe.view(TOKENS)
        sent.append(nodes.requests[-1].headers["Authorization"].removeprefix("Bearer "))
    assert sent[0] == sent[1] != sent[2]
    assert jwt.get_unverified_header(sent[0])["alg"] == "ES256"


async def test_plain_clusters_and_tls_clusters_are_sent_no_token(
    probe: Probe, nodes: Nodes
) -> None:
    await probe.view(PLAIN)
    await probe.view(SECURED)
    assert not [request for request in nodes.requests if "Authorization" in request.headers]
    assert {str(request.url.scheme) for request in nodes.requests} == {"http", "https"}


async def test_a_client_that_no_look_uses_any_more_is_closed(
    nodes: Nodes, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[float] = []

    async def aclose() -> None:
        closed.append(clock.seconds)

    monkeypatch.setattr(nodes, "aclose", aclose)
    probe = Probe(transport=nodes, monotonic=clock.monotonic)
    other = Target(ADDRESSES[:2])
    await probe.view(PLAIN)
    clock.seconds = 10
    await probe.view(PLAIN)
    clock.seconds = IDLE_SECONDS + 10
    await probe.view(other)
    assert closed == []
    clock.seconds = IDLE_SECONDS + 11
    await probe.view(other)
    assert closed == [IDLE_SECONDS + 11]
    await probe.close()
    assert len(closed) == 2


async def test_a_node_that_hangs_does_not_hold_a_look_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Hanging(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError(request)

    monkeypatch.setattr("searchplane.engine.probe.LONGEST_LOOK_SECONDS", 0.05)
    probe = Probe(transport=Hanging())
    async with asyncio.timeout(5):
        assert "no complete answer of 3 nodes" in await reason(probe)
    await probe.close()


# With real TLS


@pytest.fixture
def address() -> str:
    """A loopback address of our own, so that a real node's port 9200 is not in the way."""
    return str(ipaddress.ip_address("127.120.0.0") + 1 + secrets.randbelow(2**16 - 2))


def server_context(pair: KeyPair, folder: Path) -> ssl.SSLContext:
    file = folder / "node.pem"
    file.write_text(pair.certificate_pem + pair.key_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=AUTHORITY.certificate_pem)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_cert_chain(file)
    return context


@asynccontextmanager
async def tls_node(address: str, context: ssl.SSLContext) -> AsyncIterator[list[str]]:
    """Answers for a one-node cluster; yields the common names of the certificates it was shown."""
    shown: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        certificate = writer.get_extra_info("peercert") or {}
        names = itertools.chain.from_iterable(certificate.get("subject", ()))
        shown.extend(value for key, value in names if key == "commonName")
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        node = {"name": "es-1", "transport_address": f"{address}:9300"}
        shards = {"initializing_shards": 0, "relocating_shards": 0, "unassigned_shards": 0}
        state = {"cluster_uuid": "U", "master_node": "a", "nodes": {"a": node}}
        body = json.dumps(state if "/state/" in head else {"status": "green", **shards})
        length = f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(f"HTTP/1.1 200 OK\r\n{length}{body}".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, address, 9200, ssl=context):
        yield shown


async def test_the_control_plane_shows_its_certificate(address: str, tmp_path: Path) -> None:
    pair = issue_node(AUTHORITY, name="es-1", address=address, now=NOW)
    probe = Probe()
    async with tls_node(address, server_context(pair, tmp_path)) as shown:
        seen = await probe.view(Target((address,), https=True, identity=IDENTITY))
        await probe.close()
    assert isinstance(seen, EngineView)
    assert set(shown) == {CLUSTER}


@pytest.mark.parametrize("wrong", ["authority", "address"])
async def test_a_node_that_cannot_prove_itself_is_not_believed(
    address: str, tmp_path: Path, wrong: str
) -> None:
    authority = new_authority("x", CLUSTER, NOW) if wrong == "authority" else AUTHORITY
    own = "127.0.0.99" if wrong == "address" else address
    pair = issue_node(authority, name="es-1", address=own, now=NOW)
    probe = Probe()
    async with tls_node(address, server_context(pair, tmp_path)) as shown:
        target = Target((address,), https=True, identity=IDENTITY)
        said = await reason(probe, target)
        await probe.close()
    assert said == f"the certificate of {address} is not one of this cluster's authority"
    assert shown == []


def test_an_identity_never_shows_its_key() -> None:
    assert CONTROL.key_pem.splitlines()[1] not in repr(SECURED)


async def test_a_node_that_was_not_ready_is_a_member_once_it_answers_itself(
    probe: Probe, nodes: Nodes
) -> None:
    """The master has not noticed yet that the node ended, and the new process still starts."""
    nodes.silent = {ADDRESSES[1]}
    seen = await probe.view(PLAIN, unsure={ADDRESSES[1]})
    assert isinstance(seen, EngineView)
    assert seen.members == {"es-1", "es-3"}
    nodes.silent = set()
    seen = await probe.view(PLAIN, unsure={ADDRESSES[1]})
    assert isinstance(seen, EngineView)
    assert seen.members == {"es-1", "es-2", "es-3"}
