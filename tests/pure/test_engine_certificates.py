"""A cluster's certificates are what both the engine and a strict TLS client accept."""

from __future__ import annotations

import asyncio
import fnmatch
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from searchplane.domain.ids import ClusterId
from searchplane.engine.certificates import (
    NODES_DN,
    KeyPair,
    admin_dn,
    expires,
    issue_admin,
    issue_node,
    new_authority,
)

CLUSTER = ClusterId("5f1fcc6b-31a3-4b4c-8a9c-5d0e6a9c2f11")
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def authority() -> KeyPair:
    return new_authority("ES-Test", CLUSTER, NOW)


def subject(pair: KeyPair) -> str:
    return x509.load_pem_x509_certificate(pair.certificate_pem.encode()).subject.rfc4514_string()


def node(
    authority: KeyPair, address: str = "127.0.0.1", name: str = "es-test-ess-esn-1-1"
) -> KeyPair:
    return issue_node(authority, name=name, address=address, now=NOW)


def context(side: ssl.Purpose, trusted: str, pair: KeyPair, folder: Path) -> ssl.SSLContext:
    made = ssl.create_default_context(side, cadata=trusted)
    made.verify_mode = ssl.CERT_REQUIRED
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    file = folder / f"{side.name}.pem"
    file.write_text(pair.certificate_pem + pair.key_pem)
    made.load_cert_chain(file)
    return made


async def handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0, ssl=server) as listener:
        port = listener.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client, server_hostname=host
        )
        assert await reader.read() == b"hello"
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "es-test-ess-esn-1-1"])
async def test_node_and_control_plane_accept_each_other_strictly(
    authority: KeyPair, tmp_path: Path, host: str
) -> None:
    trusted = authority.certificate_pem
    server = context(ssl.Purpose.CLIENT_AUTH, trusted, node(authority), tmp_path)
    admin = issue_admin(authority, CLUSTER, NOW)
    await handshake(server, context(ssl.Purpose.SERVER_AUTH, trusted, admin, tmp_path), host)


async def test_a_node_is_not_accepted_at_an_address_that_is_not_its_own(
    authority: KeyPair, tmp_path: Path
) -> None:
    trusted = authority.certificate_pem
    elsewhere = node(authority, address="127.9.9.9")
    server = context(ssl.Purpose.CLIENT_AUTH, trusted, elsewhere, tmp_path)
    client = context(ssl.Purpose.SERVER_AUTH, trusted, node(authority), tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"127\.0\.0\.1"):
        await handshake(server, client, "127.0.0.1")


async def test_a_node_of_another_cluster_is_not_accepted(
    authority: KeyPair, tmp_path: Path
) -> None:
    stranger = new_authority("ES-Test", CLUSTER, NOW)
    server = context(ssl.Purpose.CLIENT_AUTH, stranger.certificate_pem, node(stranger), tmp_path)
    client = context(ssl.Purpose.SERVER_AUTH, authority.certificate_pem, node(authority), tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(server, client, "127.0.0.1")


def test_names_tell_nodes_from_the_control_plane(authority: KeyPair) -> None:
    admin = subject(issue_admin(authority, CLUSTER, NOW))
    assert admin == admin_dn(CLUSTER) == f"CN={CLUSTER},OU=control plane,O=searchplane"
    assert fnmatch.fnmatchcase(subject(node(authority)), NODES_DN)
    assert not fnmatch.fnmatchcase(admin, NODES_DN)
    assert not fnmatch.fnmatchcase(subject(authority), NODES_DN)


def test_a_node_name_longer_than_a_common_name_is_kept_whole_in_the_alternative_names(
    authority: KeyPair,
) -> None:
    name = "n" * 60 + "-ess-esn-10-1"
    certificate = x509.load_pem_x509_certificate(
        node(authority, name=name).certificate_pem.encode()
    )
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert name in names.get_values_for_type(x509.DNSName)


def test_a_host_name_may_stand_for_an_address(authority: KeyPair) -> None:
    pair = node(authority, address="es-1.search.svc")
    certificate = x509.load_pem_x509_certificate(pair.certificate_pem.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "es-1.search.svc" in names.get_values_for_type(x509.DNSName)
    assert names.get_values_for_type(x509.IPAddress) == []


def test_expiry_is_counted_from_now_and_ends_with_the_authority() -> None:
    short = new_authority("ES-Test", CLUSTER, NOW, days=10)
    assert expires(short.certificate_pem) == NOW + timedelta(days=10)
    assert expires(node(short).certificate_pem) == NOW + timedelta(days=10)
    five = issue_node(short, name="a", address="127.0.0.1", now=NOW, days=5)
    assert expires(five.certificate_pem) == NOW + timedelta(days=5)


def test_keys_are_pkcs8_and_never_shown(authority: KeyPair) -> None:
    assert authority.key_pem.startswith("-----BEGIN PRIVATE KEY-----")
    assert "PRIVATE KEY" not in repr(authority)
    assert authority.key_pem.splitlines()[1] not in f"{authority} {(authority,)}"
