"""Engines by name: what is listed, and which requests are refused before anything is fetched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.services import Run


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEARCHPLANE_CACHE", str(tmp_path))


def test_every_engine_is_listed_with_its_secured_variant(run: Run) -> None:
    found = json.loads(run("engine", "list", "--json").out)
    assert [one["version"] for one in found if one["security"]] == ["2.19.1"]
    assert [one["version"] for one in found if not one["security"]] == [
        "7.10.2",
        "1.3.6",
        "2.11.0",
        "2.17.1",
        "2.19.1",
    ]
    assert not any(one["installed"] for one in found)
    assert all(one["download_bytes"] > 40e6 and one["disk_bytes"] == 0 for one in found)


def test_the_table_says_what_is_installed(run: Run) -> None:
    head, *rows = run("engine", "list").out.splitlines()
    assert head.split() == ["ENGINE", "SECURITY", "INSTALLED", "DOWNLOAD", "ON", "DISK"]
    assert rows[0].split() == ["Elasticsearch", "7.10.2", "no", "no", "52", "MB", "-"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--version", "9"), 2, "--version is '9'; 7.10.2, 1.3.6, 2.11.0, 2.17.1, 2.19.0, 2.19.1"),
        (("--version", "2.11.0", "--security"), 1, "has no security mode here"),
        (("--all", "--security"), 2, "leave the other options out"),
    ],
)
def test_what_there_is_not_is_refused(
    run: Run, words: tuple[str, ...], code: int, sentence: str
) -> None:
    ran = run("engine", "install", *words)
    assert ran.code == code
    assert sentence in ran.err
