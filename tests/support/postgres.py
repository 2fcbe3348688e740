"""A private PostgreSQL for tests: its own folder, a free port of loopback, nothing kept.

It is started once for all tests that ask for it and ends with them, whatever ends them. It does
not wait for the disk: what is tested is ours, not its durability. Each test gets a new database,
which is three hundred files: where memory serves as a folder and has room, they never see a disk.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

BINARIES = Path("/usr/lib/postgresql")
USER, DATABASE = "searchplane", "postgres"
START_SECONDS = 60.0
MEMORY = Path("/dev/shm")
ROOM_BYTES = 2 * 1024**3
"""A server takes a tenth of it; several may run."""
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "max_connections": "100",
    "lc_messages": "C",
}


@dataclass
class Server:
    """A running server; `process` is another one after a restart."""

    folder: Path
    port: int
    password: str = field(repr=False)
    process: subprocess.Popen[bytes]

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str) -> None:
        """As the server's owner, outside a transaction."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """The URL of a new database, until the block ends."""
        name = f"test_{secrets.token_hex(6)}"
        self.run(
            f"CREATE DATABASE {name} TEMPLATE {template}" if template else f"CREATE DATABASE {name}"
        )
        try:
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)  # sessions are ended, not waited for
        self.process.wait(START_SECONDS)

    def start(self) -> None:
        self.process = _serve(self.folder, self.port)
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                log = (self.folder / "log").read_text()
                assert self.process.poll() is None, f"PostgreSQL ended: {log}"
                assert time.monotonic() < deadline, f"PostgreSQL does not answer: {error}; {log}"
            time.sleep(0.02)


@contextmanager
def server() -> Iterator[Server]:
    """A server with an empty database, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="searchplane-postgres-", dir=_quick_place()))
    try:
        password = secrets.token_hex(16)
        _initialise(folder, password)
        port = _free_port()
        made = Server(folder, port, password, _serve(folder, port))
        made._wait()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _quick_place() -> Path | None:
    """Memory, or nothing, which means the usual place for temporary files."""
    has_room = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM_BYTES
    return MEMORY if has_room else None


def program(name: str) -> str:
    """The newest that Debian's packages have put here; it is not on the PATH."""
    found = sorted(BINARIES.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    assert found, (
        f"there is no PostgreSQL in {BINARIES}; as root: apt-get install postgresql "
        "(scripts/test does that where it may)"
    )
    return str(found[-1])


def _initialise(folder: Path, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        shutil.chown(secret, "postgres", "postgres")
    command = [program("initdb"), "--pgdata", str(folder / "data"), "--username", USER]
    options = ["--pwfile", str(secret), "--auth", "scram-sha-256", "--encoding", "UTF8"]
    done = subprocess.run(
        [*_unprivileged(), *command, *options, "--locale", "C.UTF-8", "--no-sync"],
        capture_output=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, f"initdb failed: {done.stderr.decode()}"


def _serve(folder: Path, port: int) -> subprocess.Popen[bytes]:
    settings = FAST | {"listen_addresses": "127.0.0.1", "port": str(port)}
    settings |= {"unix_socket_directories": str(folder)}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [*_unprivileged(), program("postgres"), "-D", str(folder / "data"), *options],
            stdout=log,
            stderr=log,
            cwd=folder,
        )


def _unprivileged() -> list[str]:
    """PostgreSQL does not run as root; its package has made a user for it. It ends with us."""
    tied = ["setpriv", "--pdeathsig=QUIT"]
    if os.geteuid() != 0:
        return tied
    return [*tied, "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
