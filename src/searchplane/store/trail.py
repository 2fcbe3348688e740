"""The one writer of audit lines: a queue, a thread, and commits that many lines share.

A change is not answered before its line is committed: `commit` waits. What changed nothing does
not wait (`note`), and such lines linger a moment, so that a storm of refusals costs few commits.
While lines cannot be written they are kept and tried again, and `check` refuses further changes:
the queue is bounded, and nothing is to happen that the trail does not tell.

Lines about requests that anybody can make as often as they like have budgets (trail_budgets.py),
so that nobody can fill the disk with them: what is over is counted, and lines say how many.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from math import inf

from searchplane.domain.audit import AuditLine
from searchplane.errors import SearchplaneError, Transient
from searchplane.store import audit
from searchplane.store.audit_file import AuditFile
from searchplane.store.database import Database
from searchplane.store.trail_budgets import Budgets

log = logging.getLogger(__name__)

MOST_WAITING = 10_000
"""Lines that may wait to be written; beyond that changes are refused."""
BATCH = 500
"""Lines of one commit."""
LINGER_SECONDS = 0.1
"""How long a line that nobody waits for may wait for others to share its commit."""
RETRY_SECONDS = 0.5
CLOSE_SECONDS = 1.5
PRUNE_SECONDS = 3600.0
PRUNE_BATCH = 1000
REPORT_SECONDS = 60.0
"""Between two lines that say how many were lost."""


@dataclass(frozen=True)
class _Waiting:
    """A line, and who waits for it."""

    line: AuditLine
    written: Future[None] | None = None


class Trail:
    """The audit trail of one process; safe to share between threads."""

    def __init__(self, database: Database, keep: timedelta, file: AuditFile | None = None) -> None:
        """Lines older than `keep` are dropped; `file` gets a copy of every line."""
        self._database = database
        self._writer = audit.Writer(database)
        self._keep = keep
        self._file = file
        self._changed = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._is_urgent = False
        self._is_ending = False
        self._trouble: str | None = None
        self._budgets = Budgets()
        self._next_report = time.monotonic()
        self._next_prune = time.monotonic()
        self._thread: threading.Thread | None = None

    @property
    def lost(self) -> int:
        """Lines that were only counted, since the service was started."""
        return self._budgets.all_lost

    def check(self) -> None:
        """Raises Transient while a change could not be recorded."""
        trouble = self._trouble
        if trouble is None and len(self._queue) >= MOST_WAITING:
            trouble = f"{MOST_WAITING} lines wait to be written"
        if trouble is not None:
            raise Transient(f"the audit trail cannot be written: {trouble}")

    def commit(self, line: AuditLine) -> None:
        """Returns once the line is stored.

        Raises Transient when that did not come off; the line is kept then, and tried again.
        """
        written: Future[None] = Future()
        with self._changed:
            self._put(_Waiting(line, written))
            self._is_urgent = True
            self._changed.notify_all()
        written.result()

    def note(self, line: AuditLine) -> None:
        """Have a line written soon. Raises Transient when too many wait."""
        with self._changed:
            if len(self._queue) >= MOST_WAITING:
                self.check()
            self._put(_Waiting(line))

    def note_within_budget(self, line: AuditLine, caller: str = "") -> None:
        """Have a line written soon, or counted once there are too many.

        `caller` is the id of a user who is proven; without one it is a stranger's.
        """
        with self._changed:
            is_over = self._is_ending or len(self._queue) >= MOST_WAITING
            if is_over or not self._budgets.take(caller):
                self._budgets.lose(line, caller)
            else:
                self._put(_Waiting(line))

    def flush(self, seconds: float) -> bool:
        """Write what waits now; False when it took longer than that."""
        with self._changed:
            self._is_urgent = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._queue, seconds)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Write what waits, if that is done in time, and end."""
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)
        if self._queue:
            log.error("%d lines of the audit trail were not written", len(self._queue))
        if self._file is not None:
            self._file.close()

    def _put(self, waiting: _Waiting) -> None:
        """The caller holds the lock."""
        if self._is_ending:
            raise Transient("the audit trail has ended, as the service does")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
            self._thread.start()
        self._queue.append(waiting)
        if len(self._queue) in (1, BATCH):
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            while self._wait() and self._work():
                pass
        except Exception:
            log.exception("the writer of the audit trail ended by itself; nothing is changed now")
        finally:
            self._end()

    def _wait(self) -> bool:
        """Until there is something to do; False when that is to end."""
        with self._changed:
            next_look = min(self._next_report if self._budgets.has_lost else inf, self._next_prune)
            self._changed.wait_for(
                lambda: self._queue or self._is_ending, max(0.0, next_look - time.monotonic())
            )
            if self._queue:
                self._changed.wait_for(self._is_hurried, LINGER_SECONDS)
            return bool(self._queue or self._budgets.has_lost or not self._is_ending)

    def _is_hurried(self) -> bool:
        return self._is_urgent or self._is_ending or len(self._queue) >= BATCH

    def _work(self) -> bool:
        """Write what waits, and look after the rest; False when it cannot be and we are to end."""
        with self._changed:
            self._report_lost()
            batch = list(islice(self._queue, BATCH))
        if batch and not self._write(batch):
            with self._changed:
                return not self._changed.wait_for(lambda: self._is_ending, RETRY_SECONDS)
        if time.monotonic() >= self._next_prune and not self._is_ending:
            self._prune()
        return True

    def _write(self, batch: Sequence[_Waiting]) -> bool:
        lines = [waiting.line for waiting in batch]
        try:
            self._writer.append(lines)
        except SearchplaneError as error:
            self._trouble = str(error)
            _tell(batch, Transient(f"the audit trail cannot be written: {error}"))
            return False
        _tell(batch, None)
        if self._file is not None:
            self._file.write(lines)
        with self._changed:
            self._trouble = None
            for _ in batch:
                self._queue.popleft()
            self._is_urgent = self._is_urgent and bool(self._queue)
            self._changed.notify_all()
        return True

    def _report_lost(self) -> None:
        """Queue lines about those that were lost, when the last ones are long enough ago."""
        due = time.monotonic() >= self._next_report or self._is_ending
        if self._budgets.has_lost and due:
            self._queue.extend(_Waiting(line) for line in self._budgets.told())
            self._next_report = time.monotonic() + REPORT_SECONDS

    def _prune(self) -> None:
        """One batch; the next comes at once while there are more."""
        found = 0
        try:
            with self._database.write() as connection:
                found = audit.prune(connection, datetime.now(UTC) - self._keep, PRUNE_BATCH)
        except SearchplaneError as error:
            log.warning("old lines of the audit trail stay for now: %s", error)
        if found < PRUNE_BATCH:
            self._next_prune = time.monotonic() + PRUNE_SECONDS

    def _end(self) -> None:
        with self._changed:
            ended_by_itself = not self._is_ending
            self._is_ending = True
            if ended_by_itself:
                self._trouble = "its writer ended by itself, and the log says why"
            _tell(self._queue, Transient("the audit trail has ended"))
            self._changed.notify_all()


def _tell(batch: Iterable[_Waiting], error: Transient | None) -> None:
    """Let those who wait go on, once each."""
    for waiting in batch:
        if waiting.written is None or waiting.written.done():
            continue
        if error is None:
            waiting.written.set_result(None)
        else:
            waiting.written.set_exception(error)
