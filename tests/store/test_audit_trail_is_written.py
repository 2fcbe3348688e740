"""The trail: what waits for its commit, and what happens when it cannot be written."""

from __future__ import annotations

import json
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.audit_examples import ANN, line, operations, stored
from tests.support.cluster_examples import NOW

from searchplane.domain.audit import Outcome, Who
from searchplane.domain.ids import DomainId, ProjectId
from searchplane.errors import Transient
from searchplane.store import audit, trail, trail_budgets
from searchplane.store.audit import Wanted
from searchplane.store.audit_file import AuditFile
from searchplane.store.database import Database
from searchplane.store.identity import Directory
from searchplane.store.trail import Trail
from searchplane.store.trail_budgets import LOST

KEEP = timedelta(days=36500)
BOB = replace(ANN, user_id="bob" * 8, user_name="bob")
PATIENCE_SECONDS = 20.0


@pytest.fixture
def written(database: Database) -> Iterator[Trail]:
    made = Trail(database, KEEP)
    yield made
    made.close()


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """The table cannot be written until what this gives is called."""
    append, fails = audit.Writer.append, threading.Event()
    fails.set()

    def refusing(*given: object) -> None:
        if fails.is_set():
            raise Transient("the disk is full")
        append(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(audit.Writer, "append", refusing)
    yield fails.clear
    fails.clear()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def accepts(one: Trail) -> bool:
    try:
        one.check()
    except Transient:
        return False
    return True


def test_a_committed_line_is_there_when_the_call_returns(
    database: Database, written: Trail
) -> None:
    for place in range(3):
        written.commit(line(f"op-{place}"))
        assert operations(database)[-1] == f"op-{place}"
    assert stored(database)[0].line == line("op-0")


def test_lines_of_many_threads_share_commits_and_are_all_there(
    database: Database, written: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, batches = audit.Writer.append, []

    def counting(connection: object, lines: list[object]) -> None:
        batches.append(len(lines))
        append(connection, lines)  # type: ignore[arg-type]

    monkeypatch.setattr(audit.Writer, "append", counting)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda place: written.commit(line(f"op-{place}")), range(400)))
    assert sorted(operations(database)) == sorted(f"op-{place}" for place in range(400))
    assert len(batches) < 400


def test_a_noted_line_comes_by_itself_and_holds_nobody_up(
    database: Database, written: Trail
) -> None:
    with database.write():  # whoever waited for the line would wait for ever
        written.note(line("noted"))
        written.note_within_budget(line("stranger", who=Who()))
    until(lambda: operations(database) == ["noted", "stranger"])


def test_a_flush_writes_what_waits(
    database: Database, written: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "LINGER_SECONDS", 3600.0)
    written.note(line("noted"))
    assert written.flush(PATIENCE_SECONDS)
    assert operations(database) == ["noted"]


def test_the_end_writes_what_waits_and_takes_nothing_after(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "LINGER_SECONDS", 3600.0)
    one = Trail(database, KEEP)
    one.note(line("noted"))
    one.close(PATIENCE_SECONDS)
    assert operations(database) == ["noted"]
    with pytest.raises(Transient, match="ended"):
        one.commit(line("late"))
    one.note_within_budget(line("late", who=Who()))
    assert operations(database) == ["noted"]


def test_changes_are_refused_until_the_trail_can_be_written_again(
    database: Database,
    written: Trail,
    broken: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trail, "RETRY_SECONDS", 0.05)
    written.check()
    with pytest.raises(Transient, match="the disk is full"):
        written.commit(line("unlucky"))
    with pytest.raises(Transient, match="the disk is full"):
        written.check()
    broken()
    until(lambda: accepts(written))
    assert operations(database) == ["unlucky"]
    written.commit(line("lucky"))
    assert operations(database) == ["unlucky", "lucky"]


def test_a_queue_has_an_end(
    database: Database, broken: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "MOST_WAITING", 3)
    one = Trail(database, KEEP)
    with database.write():  # so that the first attempt does not end
        for place in range(3):
            one.note(line(f"op-{place}"))
        with pytest.raises(Transient, match="3 lines wait"):
            one.check()
        with pytest.raises(Transient, match="3 lines wait"):
            one.note(line("one too many"))
        one.note_within_budget(line("stranger", who=Who()))
        broken()
    one.close(PATIENCE_SECONDS)
    assert operations(database) == ["op-0", "op-1", "op-2", LOST]


def test_strangers_have_a_budget_and_what_is_over_it_is_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail_budgets, "STRANGERS_AT_ONCE", 5)
    monkeypatch.setattr(trail_budgets, "STRANGERS_PER_SECOND", 0.0)
    one = Trail(database, KEEP)
    for _ in range(12):
        one.note_within_budget(line("stranger", who=Who()))
    one.note(line("known"))
    one.close(PATIENCE_SECONDS)
    assert operations(database).count("stranger") == 5
    assert operations(database).count("known") == 1
    told = sum(
        int(entry.line.resource.split()[0]) for entry in stored(database, Wanted(operation=LOST))
    )
    assert told == 7
    assert one.lost == 7


def test_each_known_caller_has_a_budget_and_is_named_for_what_is_over_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail_budgets, "CALLER_AT_ONCE", 3)
    monkeypatch.setattr(trail_budgets, "CALLER_PER_SECOND", 0.0)
    one = Trail(database, KEEP)
    for _ in range(5):
        one.note_within_budget(line("denied", who=ANN), ANN.user_id)
    one.note_within_budget(line("denied", who=BOB), BOB.user_id)
    one.close(PATIENCE_SECONDS)
    assert operations(database).count("denied") == 4
    (lost,) = stored(database, Wanted(operation=LOST))
    assert lost.line.who.user_id == ANN.user_id
    assert lost.line.resource == "2 lines about reads that were refused"


def test_callers_that_are_remembered_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail_budgets, "CALLER_AT_ONCE", 1)
    monkeypatch.setattr(trail_budgets, "MOST_CALLERS", 2)
    budgets = trail_budgets.Budgets()
    assert [budgets.take(who) for who in ("a", "b", "a", "b")] == [True, True, False, False]
    assert budgets.take("c")  # the budget of `a`, used longest ago, is forgotten
    assert budgets.take("a")


def test_a_writer_that_ends_by_itself_lets_nothing_be_changed(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(audit.Writer, "append", failing)
    one = Trail(database, KEEP)
    with pytest.raises(Transient, match="ended"):
        one.commit(line())
    with pytest.raises(Transient, match="ended by itself"):
        one.check()
    assert "ended by itself" in caplog.text
    one.close()


def test_old_lines_go_in_batches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "PRUNE_BATCH", 10)
    now = datetime.now(UTC)
    old = [line("old", at=now - timedelta(days=11)) for _ in range(35)]
    with database.write() as connection:
        audit.append(connection, [*old, line("young", at=now - timedelta(days=9))])
    one = Trail(database, timedelta(days=10))
    one.commit(line("new", at=now))
    until(lambda: "old" not in operations(database))
    assert operations(database) == ["young", "new"]
    one.close()


def test_what_is_wanted_is_found(database: Database) -> None:
    bob = Who("user-bob", "bob", "domain", "local", "token")
    lines = [
        line("CreateCluster", at=NOW),
        line("DeleteCluster", at=NOW + timedelta(hours=1), who=bob, resource="100%_x"),
        line(
            "DeleteCluster",
            at=NOW + timedelta(hours=2),
            project_id="project-2",
            status=403,
            outcome=Outcome.REFUSED,
        ),
    ]
    with database.write() as connection:
        audit.append(connection, lines)

    def found(**wanted: object) -> list[int]:
        return [lines.index(entry.line) for entry in stored(database, Wanted(**wanted))]  # type: ignore[arg-type]

    assert found() == [0, 1, 2]
    assert found(since=NOW + timedelta(hours=1)) == [1, 2]
    assert found(until=NOW + timedelta(hours=1)) == [0]
    assert found(user="ann") == found(user=ANN.user_id) == [0, 2]
    assert found(project="project-2") == [2]
    assert found(operation="DeleteCluster") == [1, 2]
    assert found(outcome=Outcome.REFUSED) == [2]
    assert found(resource="cluster") == [0, 2]
    assert found(resource="0%_") == [1]
    assert found(user="ann", operation="DeleteCluster") == [2]
    with database.read() as connection:
        last = audit.newest(connection, Wanted(), 1)
        after = audit.after(connection, Wanted(operation="DeleteCluster"), last[0].id - 2, 1)
    assert [lines.index(entry.line) for entry in (*last, *after)] == [2, 1]


def test_a_project_is_found_by_its_name_too(database: Database) -> None:
    with database.write() as connection:
        Directory(connection).add_project(ProjectId("id-3"), "three", DomainId("domain"), NOW)
        audit.append(connection, [line(project_id="project-1"), line(project_id="id-3")])
    for wanted in ("three", "id-3"):
        assert [one.line.project_id for one in stored(database, Wanted(project=wanted))] == ["id-3"]


class TestFile:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "audit.jsonl"

    @pytest.fixture
    def copied(self, database: Database, path: Path) -> Iterator[Trail]:
        made = Trail(database, KEEP, AuditFile(path))
        yield made
        made.close()

    def read(self, path: Path) -> list[str]:
        return [json.loads(text)["operation"] for text in path.read_text().splitlines()]

    def test_every_line_is_in_the_file_and_only_its_owner_reads_it(
        self, copied: Trail, path: Path
    ) -> None:
        copied.commit(line("first", resource='a "quoted" Ü'))
        copied.commit(line("second"))
        assert copied.flush(PATIENCE_SECONDS)
        assert self.read(path) == ["first", "second"]
        assert json.loads(path.read_text().splitlines()[0])["resource"] == 'a "quoted" Ü'
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_a_file_that_was_moved_away_is_made_anew(self, copied: Trail, path: Path) -> None:
        copied.commit(line("first"))
        assert copied.flush(PATIENCE_SECONDS)
        moved = path.rename(path.with_suffix(".1"))
        copied.commit(line("second"))
        assert copied.flush(PATIENCE_SECONDS)
        assert (self.read(moved), self.read(path)) == (["first"], ["second"])

    def test_a_file_that_cannot_be_written_holds_nothing_up(
        self, database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        folder = tmp_path / "missing"
        one = Trail(database, KEEP, AuditFile(folder / "audit.jsonl"))
        one.commit(line("first"))
        one.commit(line("second"))
        assert one.flush(PATIENCE_SECONDS)
        folder.mkdir()
        one.commit(line("third"))
        one.close()
        assert operations(database) == ["first", "second", "third"]
        assert self.read(folder / "audit.jsonl") == ["third"]
        assert caplog.text.count("cannot be written") == 1


def test_two_processes_write_one_trail(database: Database) -> None:
    other = Database(database.url)
    trails = [Trail(database, KEEP), Trail(other, KEEP)]

    def write(one: Trail, name: str) -> None:
        for _ in range(20):
            one.commit(replace(line(name)))

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, trails, ("left", "right")))
    for one in trails:
        one.close()
    other.close()
    assert sorted(operations(database)) == ["left"] * 20 + ["right"] * 20
