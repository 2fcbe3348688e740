"""The program, run in this process, and a service for it to talk to."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.services import Ran, Run, Served, fake, served

from searchplane.cli import main as program


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("down", "--data", folder)` is the whole program in this process."""
    root = logging.getLogger()

    def run(*words: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["searchplane", *map(str, words)])
        handlers, level = root.handlers[:], root.level
        with pytest.raises(SystemExit) as ended:
            program.main()
        root.handlers[:] = handlers  # the program's own write to what is captured here
        root.setLevel(level)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Ran(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that the tests of a module share; each makes clusters of its own names."""
    with served(fake(tmp_path_factory.mktemp("data"))) as one:
        yield one
