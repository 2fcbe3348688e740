"""Artifacts come from a mirror, are kept, and are never used when they are not the lock file's."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from searchplane.engine import installer
from searchplane.engine.installer import ArtifactStore
from searchplane.engine.lock import Artifact
from searchplane.errors import Permanent, Transient

CONTENT = {name: name.encode() * 10_000 for name in ("one", "two", "three")}


def artifact(name: str) -> Artifact:
    content = CONTENT[name]
    digest = hashlib.sha256(content).hexdigest()
    return Artifact("org.example", name, "1.0", "jar", digest, len(content), f"{name}.jar")


ALL = tuple(artifact(name) for name in CONTENT)


class Mirror(ThreadingHTTPServer):
    """A Maven repository; `answers` are what it gives instead, one after the other."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = {f"/maven/{one.path}": CONTENT[one.name] for one in ALL}
        self.answers: dict[str, list[int | bytes]] = {}
        self.asked: Counter[str] = Counter()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/maven/"

    def answer(self, name: str, *answers: int | bytes) -> None:
        self.answers[f"/maven/{artifact(name).path}"] = list(answers)


class _Handler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        queue = self.server.answers.get(self.path, [])
        answer = queue.pop(0) if queue else self.server.files.get(self.path, 404)
        if isinstance(answer, int):
            self.send_error(answer)
            return
        self.send_response(200)
        whole = self.server.files.get(self.path, answer)
        self.send_header("Content-Length", str(max(len(answer), len(whole))))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Tests say what they want to know."""


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setattr(installer, "PAUSES", (0.0, 0.0, 0.0))
    server = Mirror()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_all_files_come_from_the_mirror_and_progress_ends_at_the_total(
    mirror: Mirror, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    store = ArtifactStore(tmp_path, mirror.address)

    store.fetch(ALL, lambda _what, done, total: seen.append((done, total)))

    assert [store.path(one).read_bytes() for one in ALL] == list(CONTENT.values())
    total = sum(one.size for one in ALL)
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)
    assert not list(tmp_path.glob(".fetch-*"))


def test_files_that_are_there_need_no_network(mirror: Mirror, tmp_path: Path) -> None:
    ArtifactStore(tmp_path, mirror.address).fetch(ALL)

    ArtifactStore(tmp_path, "http://127.0.0.1:1/").fetch(ALL)


def test_a_damaged_file_is_fetched_again(mirror: Mirror, tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path, mirror.address)
    store.fetch(ALL)
    store.path(ALL[1]).write_bytes(b"rot")

    store.fetch(ALL)

    assert store.path(ALL[1]).read_bytes() == CONTENT["two"]
    assert mirror.asked[f"/maven/{ALL[0].path}"] == 1


def test_another_file_than_the_locked_one_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    forged = b"x" * ALL[0].size
    mirror.answer("one", forged)
    store = ArtifactStore(tmp_path, mirror.address)

    with pytest.raises(Permanent) as refused:
        store.fetch(ALL)

    message = str(refused.value)
    assert "one-1.0.jar" in message
    assert ALL[0].sha256 in message
    assert hashlib.sha256(forged).hexdigest() in message
    assert not store.path(ALL[0]).exists()


def test_an_interrupted_installation_goes_on_with_what_is_missing(
    mirror: Mirror, tmp_path: Path
) -> None:
    store = ArtifactStore(tmp_path, mirror.address)
    mirror.answer("three", 500, 500, 500)
    with pytest.raises(Transient, match=r"org\.example:three:1\.0"):
        store.fetch(ALL)
    mirror.asked.clear()

    store.fetch(ALL)

    assert mirror.asked[f"/maven/{ALL[0].path}"] == 0
    assert mirror.asked[f"/maven/{ALL[2].path}"] == 1
    assert store.path(ALL[2]).read_bytes() == CONTENT["three"]


@pytest.mark.parametrize("fault", [503, CONTENT["two"][:20_000]], ids=["refused", "cut off"])
def test_a_passing_fault_is_tried_again(fault: int | bytes, mirror: Mirror, tmp_path: Path) -> None:
    mirror.answer("two", fault)
    seen: list[int] = []
    store = ArtifactStore(tmp_path, mirror.address)

    store.fetch(ALL, lambda _what, done, _total: seen.append(done))

    assert store.path(ALL[1]).read_bytes() == CONTENT["two"]
    assert seen[-1] == sum(one.size for one in ALL)


def test_an_unreachable_mirror_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installer, "PAUSES", (0.0,))
    store = ArtifactStore(tmp_path, "http://user:hidden@127.0.0.1:1/maven")
    with pytest.raises(Transient, match="cannot fetch") as failed:
        store.fetch(ALL[:1])

    assert "one-1.0.jar" in str(failed.value)
    assert "hidden" not in str(failed.value)


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_repository_that_does_not_give_a_file_is_told_as_that(
    status: int, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.answer("one", status, status, status)
    with pytest.raises(Transient) as failed:
        ArtifactStore(tmp_path, mirror.address).fetch(ALL[:1])

    assert "the repository did not give it: missing there, or access is refused" in str(
        failed.value
    )


def test_an_address_that_is_none_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installer, "PAUSES", (0.0,))
    with pytest.raises(Transient, match="cannot fetch") as failed:
        ArtifactStore(tmp_path, "http://user:hidden@host:port/maven").fetch(ALL[:1])

    assert "hidden" not in str(failed.value)


def test_a_worker_that_dies_fails_the_whole(tmp_path: Path) -> None:
    def work(one: Artifact) -> None:
        raise ZeroDivisionError(one.name)

    with pytest.raises(ZeroDivisionError, match="one"):
        installer.in_parallel(work, ALL[:1])
