"""Requests as bytes on a socket, for what no well-behaved client would send."""

from __future__ import annotations

import io
import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from tests.cli.services import PATIENCE_SECONDS, Served


@dataclass(frozen=True)
class WireAnswer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def code(self) -> str:
        """The error code; the answer is of the service's one shape."""
        assert re.fullmatch("[0-9a-f]{32}", self.headers["x-request-id"])
        assert self.json["request_id"] == self.headers["x-request-id"]
        return str(self.json["error_code"])


@contextmanager
def connected(service: Served) -> Iterator[socket.socket]:
    place = urlsplit(service.service.settings.base_url)
    assert place.hostname is not None
    with socket.create_connection((place.hostname, place.port or 80), PATIENCE_SECONDS) as one:
        yield one


def exchange(service: Served, *parts: bytes, answers: int | None = None) -> list[WireAnswer]:
    """Send the parts and read all answers: so many, or until the service ends the connection."""
    with connected(service) as one:
        send(one, *parts)
        return read(one, answers)


def send(one: socket.socket, *parts: bytes) -> None:
    for part in parts:
        try:
            one.sendall(part)
        except OSError:  # refused in the middle of it; the answer is still to be read
            return


def read(one: socket.socket, answers: int | None = None) -> list[WireAnswer]:
    stream, found = one.makefile("rb"), list[WireAnswer]()
    while (answers is None or len(found) < answers) and (answer := _next(stream)):
        found.append(answer)
    return found


def is_ended(one: socket.socket) -> bool:
    """Waits until the service ends the connection; False if it says something instead."""
    try:
        return one.recv(1) == b""
    except ConnectionResetError:
        return True


class _Stream:
    """The library's reader wants a socket and asks it for a stream only."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream

    def makefile(self, _mode: str) -> io.BufferedReader:
        return self._stream


class _Unclosed(HTTPResponse):
    """Leaves the stream open for the next answer."""

    def _close_conn(self) -> None:
        pass


def _next(stream: Any) -> WireAnswer | None:
    if not stream.peek(1):
        return None
    answer = _Unclosed(_Stream(stream), method="GET")  # type: ignore[arg-type]
    answer.begin()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    return WireAnswer(answer.status, headers, answer.read())
