"""`serve --tls`: who is trusted, for which names, and how certificates change while it serves."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml
from cryptography import x509
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session
from tests.cli.services import PATIENCE_SECONDS, Run, Served, fake, served
from tests.cli.wire import read
from tests.support.running import running_service

from searchplane.cli import tls
from searchplane.cli.authority import ensure_server_file, served_names
from searchplane.cli.tls import ServerTls, open_tls
from searchplane.domain.ids import ClusterId
from searchplane.engine.certificates import issue_server, new_authority
from searchplane.settings import Settings

NOW = datetime.now(UTC)
PING = b"GET /nothing HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with an authority of its own."""
    with served(fake(tmp_path_factory.mktemp("secure"), tls=True)) as one:
        yield one


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key, as a company would give them."""
    place = tmp_path / "given.crt", tmp_path / "given.key"
    give(*place)
    return place


def give(certificate: Path, key: Path) -> None:
    """A new pair for loopback, each file whole at every moment."""
    authority = new_authority("company", ClusterId("it"), NOW)
    pair = issue_server(authority, names=["127.0.0.1"], now=NOW, days=30)
    for path, text in ((key, pair.key_pem), (certificate, pair.certificate_pem)):
        draft = path.with_suffix(".new")
        draft.write_text(text)
        draft.replace(path)


def open_to(settings: Settings, ca: Path | None = None, host: str | None = None) -> ssl.SSLSocket:
    """A connection that trusts `ca`, or anybody."""
    context = ssl.create_default_context(cafile=ca)
    if ca is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    plain = socket.create_connection((settings.host, settings.port), PATIENCE_SECONDS)
    return context.wrap_socket(plain, server_hostname=host or settings.host)


def serial(settings: Settings) -> int:
    """Of the certificate that a new connection is shown."""
    with closing(open_to(settings)) as one:
        return x509.load_der_x509_certificate(one.getpeercert(True) or b"").serial_number


def serial_in(path: Path) -> int:
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


def answers(one: ssl.SSLSocket) -> bool:
    one.sendall(PING)
    return [answer.status for answer in read(one, 1)] == [404]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def test_clients_find_all_they_need_in_the_data_folder(secure: Served, run: Run) -> None:
    admin = json.loads((secure.data / "admin.json").read_text())
    assert admin["auth_url"].startswith("https://127.0.0.1:")
    assert Path(admin["cacert"]) == secure.data / "tls" / "ca.crt"
    with secure.client() as client:
        answer = client.get("/clusters")
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert run("cluster", "list", "--data", secure.data).code == 0


def test_keystoneauth_logs_in_with_clouds_yaml(secure: Served) -> None:
    content = yaml.safe_load((secure.data / "clouds.yaml").read_text())
    cloud = content["clouds"]["searchplane"]
    session = Session(auth=Password(**cloud["auth"]), verify=cloud["cacert"])
    assert session.get_token()
    assert session.get_endpoint(service_type="css").startswith("https://")
    session.session.close()


def test_who_does_not_trust_the_authority_is_not_talked_into_it(secure: Served) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{secure.service.settings.base_url}/healthz")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_certificate_is_for_the_names_it_is_reached_by(secure: Served, host: str) -> None:
    with closing(open_to(secure.service.settings, secure.data / "tls" / "ca.crt", host)) as one:
        assert answers(one)


def test_the_certificate_is_for_no_other_host(secure: Served) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        open_to(secure.service.settings, secure.data / "tls" / "ca.crt", "elsewhere.example")


def test_plain_requests_to_the_port_are_no_answer_and_no_harm(secure: Served) -> None:
    settings = secure.service.settings
    with socket.create_connection((settings.host, settings.port), PATIENCE_SECONDS) as plain:
        plain.sendall(PING)
        assert b"HTTP" not in plain.recv(100)
    assert serial(settings) == serial_in(secure.data / "tls" / "server.pem")


def test_keys_are_for_their_owner_only(secure: Served) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in (secure.data / "tls").iterdir()}
    assert modes == {"ca.key": 0o600, "server.pem": 0o600, "ca.crt": 0o644}


def test_nothing_below_tls_1_2_is_spoken(tmp_path: Path) -> None:
    found = open_tls(fake(tmp_path, tls=True))
    assert found is not None
    assert found.context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_without_the_setting_there_is_no_tls(tmp_path: Path) -> None:
    assert open_tls(fake(tmp_path)) is None
    assert not (tmp_path / "tls").exists()


@pytest.mark.parametrize("age", [timedelta(days=368), timedelta(days=500)])
def test_a_certificate_that_ends_is_made_anew_by_the_same_authority(
    tmp_path: Path, age: timedelta
) -> None:
    settings = fake(tmp_path, tls=True)
    server = ensure_server_file(settings, NOW - age)
    first, trusted = serial_in(server), settings.own_ca_file.read_bytes()
    ensure_server_file(settings, NOW - age + timedelta(days=300))
    assert serial_in(server) == first
    with served(settings) as service:
        assert serial(service.service.settings) == serial_in(server) != first
        assert (tmp_path / "tls" / "ca.crt").read_bytes() == trusted


def test_a_new_name_needs_a_new_certificate(tmp_path: Path) -> None:
    first = serial_in(ensure_server_file(fake(tmp_path, tls=True), NOW))
    named = fake(tmp_path, tls=True, public_url="https://search.example.org")
    server = ensure_server_file(named, NOW)
    assert serial_in(server) != first
    names = x509.load_pem_x509_certificate(server.read_bytes()).extensions
    found = names.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "search.example.org" in found.get_values_for_type(x509.DNSName)


def test_an_authority_that_is_lost_is_replaced_with_all_it_signed(tmp_path: Path) -> None:
    settings = fake(tmp_path, tls=True)
    first = serial_in(ensure_server_file(settings, NOW))
    settings.own_ca_file.with_name("ca.key").unlink()
    server = ensure_server_file(settings, NOW)
    assert serial_in(server) != first
    issuer = x509.load_pem_x509_certificate(settings.own_ca_file.read_bytes())
    x509.load_pem_x509_certificate(server.read_bytes()).verify_directly_issued_by(issuer)


def test_a_listener_on_all_addresses_has_a_name_for_each(tmp_path: Path) -> None:
    everywhere = Settings(data=tmp_path, listen="0.0.0.0:9480", tls=True)
    assert {"127.0.0.1", "localhost"} <= set(served_names(everywhere))


def test_a_new_certificate_is_for_new_connections_and_old_ones_go_on(
    tmp_path: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "LOOK_SECONDS", 0.05)
    settings = fake(tmp_path / "data", tls_cert=files[0], tls_key=files[1])
    with served(settings) as service:
        bound = service.service.settings
        assert bound.base_url.startswith("https://")
        with closing(open_to(bound)) as old:
            assert answers(old)
            before = serial(bound)
            give(*files)
            until(lambda: serial(bound) == serial_in(files[0]))
            assert serial(bound) != before
            assert answers(old)


def test_files_that_do_not_fit_change_nothing_and_are_told_once(
    files: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    found = ServerTls(*files, lambda: None)
    certificate = files[0].read_text()
    give(*files)
    files[0].write_text(certificate)  # of another key
    with caplog.at_level(logging.WARNING):
        assert [found.look() for _ in range(3)] == [False] * 3
        files[1].unlink()
        assert [found.look() for _ in range(3)] == [False] * 3
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "the certificate in use stays"
    ] * 2
    give(*files)
    assert found.look()


async def test_a_look_can_be_asked_for(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "LOOK_SECONDS", 3600)
    looked, asked = asyncio.Event(), asyncio.Event()
    watching = asyncio.create_task(ServerTls(*files, looked.set).watch(asked))
    asked.set()
    await asyncio.wait_for(looked.wait(), PATIENCE_SECONDS)
    watching.cancel()


def test_a_hangup_ends_nothing(tmp_path: Path) -> None:
    with running_service(tmp_path, {"SEARCHPLANE_DRIVER": "fake"}) as service:
        os.kill(service.process.pid, signal.SIGHUP)
        httpx.get(f"{service.url}/healthz").raise_for_status()


def test_a_certificate_without_its_key_is_a_sentence(run: Run, tmp_path: Path) -> None:
    ran = run("serve", "--data", tmp_path, "--tls-cert", tmp_path / "a.crt")
    assert ran.code != 0
    assert "tls_cert and tls_key together are right" in ran.err


def test_files_that_cannot_be_used_are_a_sentence(run: Run, tmp_path: Path) -> None:
    for name in ("a.crt", "a.key"):
        (tmp_path / name).write_text("no PEM")
    words = ["--tls-cert", tmp_path / "a.crt", "--tls-key", tmp_path / "a.key"]
    ran = run("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", *words)
    assert ran.code == 1
    assert "cannot be used for TLS" in ran.err
