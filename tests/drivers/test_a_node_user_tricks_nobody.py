"""What a node's own user puts into its folder shows no other file and holds nobody up."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from searchplane.drivers.process import folder, logs
from searchplane.drivers.process.identity import parse_record

SECRET = "[2026][ERROR][x] another tenant's secret"


@pytest.fixture
def node(tmp_path: Path) -> Path:
    home = tmp_path / "node"
    (home / "logs").mkdir(parents=True)
    return home


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    other = tmp_path / "foreign"
    other.mkdir()
    (other / "server.log").write_text(SECRET)
    return other


def test_a_log_is_read(node: Path) -> None:
    (node / "logs" / "server.log").write_text("[2026][ERROR][x] mine\n")
    assert logs.last_error(node, {}) == "mine"


def test_a_link_in_place_of_the_logs_folder_is_not_followed(node: Path, foreign: Path) -> None:
    (node / "logs").rmdir()
    (node / "logs").symlink_to(foreign)
    assert logs.last_error(node, {}) is None


def test_a_link_in_place_of_a_log_is_not_followed(node: Path, foreign: Path) -> None:
    (node / "logs" / "server.log").symlink_to(foreign / "server.log")
    assert logs.last_error(node, {}) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_file_of_somebody_else_is_not_read(node: Path) -> None:
    (node / "logs" / "server.log").write_text(SECRET)
    os.chown(node / "logs" / "server.log", 52009, 52009)
    assert logs.last_error(node, {}) is None


def test_a_pipe_in_place_of_a_log_holds_nobody_up(node: Path) -> None:
    os.mkfifo(node / "logs" / "server.log")
    assert logs.last_error(node, {}) is None


def test_a_line_made_to_be_slow_is_not(node: Path) -> None:
    (node / "logs" / "server.log").write_text("x.Exception " + "a." * 100_000)
    began = time.process_time()
    assert logs.last_error(node, {}) is not None
    assert time.process_time() - began < 1


def test_a_thousand_nested_folders_can_be_removed(node: Path) -> None:
    aside = folder.set_aside(node)
    inside = os.open(aside, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=inside)
        deeper = os.open("d", os.O_RDONLY, dir_fd=inside)
        os.close(inside)
        inside = deeper
    os.close(inside)
    folder.remove(aside)
    assert not aside.exists()


def test_a_negative_size_in_the_record_counts_as_none() -> None:
    text = '{"pid": 7, "start": 1, "boot": "b", "logs": {"server.log": -5}}'
    assert parse_record(text).log_sizes == {"server.log": 0}
