"""A request whose headers never end costs the service a bounded amount of memory and time."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from tests.support.running import running_service

MEGABYTE = 1024 * 1024


def test_a_head_without_end_is_refused(tmp_path: Path) -> None:
    with running_service(tmp_path, {"SEARCHPLANE_DRIVER": "fake"}) as service:
        place = urlsplit(service.url)
        assert place.hostname is not None and place.port is not None
        with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: here\r\nX-A: ")
            assert _is_cut_off(connection, b"a" * MEGABYTE, times=20)
        httpx.get(f"{service.url}/healthz").raise_for_status()


def test_a_long_token_is_still_read(tmp_path: Path) -> None:
    with running_service(tmp_path, {"SEARCHPLANE_DRIVER": "fake"}) as service:
        answer = httpx.get(f"{service.url}/v3/auth/catalog", headers={"X-Auth-Token": "M" * 20_000})
    assert answer.status_code == httpx.codes.UNAUTHORIZED


def _is_cut_off(connection: socket.socket, chunk: bytes, times: int) -> bool:
    """Whether the other side ends the connection before all of it is sent."""
    try:
        for _ in range(times):
            connection.sendall(chunk)
    except OSError:
        return True
    return connection.recv(100).startswith(b"HTTP/1.1 4")
