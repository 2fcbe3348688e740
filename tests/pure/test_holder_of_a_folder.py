"""A process is named as the folder's only while it holds the lock, and only then asked to end."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from searchplane.cli import down
from searchplane.lock import NAME, FolderLock, holder


def test_the_holder_is_named_and_nobody_after_it(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    with FolderLock(tmp_path):
        assert holder(tmp_path) == os.getpid()
    assert (tmp_path / NAME).read_text() == f"{os.getpid()}\n"
    assert holder(tmp_path) is None


def test_the_one_before_is_not_named_while_a_new_one_has_not_written_yet(tmp_path: Path) -> None:
    with (tmp_path / NAME).open("w+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("1\n")
        file.flush()
        assert holder(tmp_path) is None


def test_a_process_that_let_go_in_the_meantime_is_not_asked_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr("signal.pidfd_send_signal", lambda _handle, number: sent.append(number))
    down._ask_to_end(os.getpid(), tmp_path)
    assert sent == []
    with FolderLock(tmp_path):
        down._ask_to_end(os.getpid(), tmp_path)
    assert len(sent) == 1
