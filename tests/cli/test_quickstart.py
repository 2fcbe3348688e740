"""The main job by one command, on the fake driver, through its own HTTP API."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.services import PATIENCE_SECONDS

LAST_LINE = "Ctrl-C stops the nodes and keeps their data."


@contextmanager
def quickstart(data: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command, until the end of the block at the latest."""
    command = [sys.executable, "-m", "searchplane.cli.main", "quickstart", "--data", str(data)]
    with subprocess.Popen(
        [*command, "--listen", "127.0.0.1:0", *words],
        env=os.environ | {"SEARCHPLANE_DRIVER": "fake"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hears_the_terminal,  # noqa: PLW1509 - it takes no lock
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _hears_the_terminal() -> None:
    """Whoever started the tests may ignore SIGHUP (nohup does), and a child would inherit that."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def until_green(process: subprocess.Popen[str]) -> str:
    """What it says until it stays."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(LAST_LINE):
            return "".join(lines)
    raise AssertionError("".join(lines))


def ended(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, out + err


def test_quickstart_makes_a_cluster_and_a_second_run_brings_it_back(tmp_path: Path) -> None:
    with quickstart(tmp_path) as process:
        first = until_green(process)
        code, end = ended(process, signal.SIGINT)
    assert "create: POST http://127.0.0.1:" in first
    assert "steady: all 3 nodes joined; the cluster is green" in first
    assert f"credentials  {tmp_path / 'admin.json'}" in first
    assert re.search(r"curl 'http://127[.\d]+:9200/_search\?q=searches&pretty'", first)
    assert "\x1b" not in first
    assert code == 0
    assert "stop: 3 of 3 nodes stopped" in end
    assert f"The data in {tmp_path} is kept" in end
    with quickstart(tmp_path) as process:
        second = until_green(process)
        code, _said = ended(process, signal.SIGTERM)
    assert code == 0
    assert "cluster: ES-Test exists already: " in second
    assert "es-test-ess-esn-3-1 does not run; starting it again" in second
    assert "create:" not in second
    assert endpoint(second) == endpoint(first)


def test_a_terminal_that_is_closed_stops_the_nodes_too(tmp_path: Path) -> None:
    with quickstart(tmp_path) as process:
        until_green(process)
        code, _said = ended(process, signal.SIGHUP)
    assert code == 0
    nodes = [json.loads(path.read_text()) for path in tmp_path.glob("fake/*/*.json")]
    assert [node["phase"] for node in nodes] == ["stopped"] * 3


def test_a_refusal_is_a_sentence_and_leaves_no_service(tmp_path: Path) -> None:
    with quickstart(tmp_path, "--name", "1") as process:
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert re.match(r"searchplane: CSS\.\d+: .*name", err)
    assert "Traceback" not in out + err


def endpoint(said: str) -> str:
    return said.partition("endpoint")[2].splitlines()[0].strip()
