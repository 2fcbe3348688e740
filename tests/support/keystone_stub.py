"""A server that answers as a Keystone might on a bad day, on a port of loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROJECT, DOMAIN = "a" * 32, {"id": "default", "name": "Default"}
OWN_TOKEN = "token-of-the-service"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Said:
    """An answer; `pieces` are sent one after another, each when the iterator gives it."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Iterator[bytes] | tuple[bytes, ...] = ()


def token(seconds: float = 3600, **changes: Any) -> dict[str, Any]:
    """A member of the project, as Keystone describes a token."""
    described = {
        "expires_at": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(),
        "user": {"id": "b" * 32, "name": "mia", "domain": DOMAIN},
        "project": {"id": PROJECT, "name": "search", "domain": DOMAIN},
        "roles": [{"id": "c" * 32, "name": "Member"}, {"id": "d" * 32, "name": "observer"}],
    }
    return {"token": described | changes}


def yes(subject: str, description: Any = None, **headers: str) -> Said:
    content = json.dumps(description or token()).encode()
    return Said(200, JSON | {"X-Subject-Token": subject} | headers, (content,))


def no(status: int = 404) -> Said:
    return Said(status, JSON, (json.dumps({"error": {"code": status}}).encode(),))


@dataclass
class Stub:
    """`check` answers the question about a token, `log_in` the login; both are counted."""

    check: Callable[[str], Said] = yes
    log_in: Callable[[], Said] = lambda: Said(201, JSON | {"X-Subject-Token": OWN_TOKEN}, (b"{}",))
    url: str = ""
    checks: int = 0
    logins: int = 0
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, handler: BaseHTTPRequestHandler) -> Said:
        with self.lock:
            if handler.command == "POST":
                self.logins += 1
            else:
                self.checks += 1
        if handler.command == "POST":
            handler.rfile.read(int(handler.headers["Content-Length"]))
            return self.log_in()
        return self.check(handler.headers["X-Subject-Token"])

    def arrived(self, change: int) -> None:
        with self.lock:
            self.at_once += change
            self.most_at_once = max(self.most_at_once, self.at_once)


@contextmanager
def stub() -> Iterator[Stub]:
    one = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            one.arrived(1)
            try:
                self._say(one.answer(self))
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # whoever asked has given up
            finally:
                one.arrived(-1)

        do_POST = do_GET  # noqa: N815 - the library calls it by the name

        def _say(self, said: Said) -> None:
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            pieces = said.pieces
            if isinstance(pieces, tuple):
                self.send_header("Content-Length", str(sum(map(len, pieces))))
            else:
                self.send_header("Connection", "close")
            self.end_headers()
            for piece in pieces:
                self.wfile.write(piece)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: tests look at what is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    one.url = f"http://127.0.0.1:{server.server_port}/v3"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
