"""Doctor's finding about the database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.support.postgres import Server

from searchplane.cli.checks import Verdict
from searchplane.cli.database_check import judged, look
from searchplane.settings import Settings
from searchplane.store.database import Database, open_database
from searchplane.store.description import Description
from searchplane.store.migrate import NEWEST, migrate

FINE = Description("PostgreSQL 15.18", NEWEST, "UTF8")


def settings(data: Path, url: str) -> Settings:
    return Settings(data=data, database_url=SecretStr(url))


def test_a_server_is_found_and_said_not_to_wait_for_its_disk(
    tmp_path: Path, database: Database
) -> None:
    found = look(settings(tmp_path, database.url))
    assert found.verdict is Verdict.WARNING
    assert "does not wait for its disk" in found.sentence
    assert found.sentence.startswith("PostgreSQL ")


def test_a_server_that_does_not_let_us_in_is_a_problem(tmp_path: Path, postgres: Server) -> None:
    wrong = postgres.url().replace(postgres.password, "wrong-secret")
    found = look(settings(tmp_path, wrong))
    assert found.verdict is Verdict.PROBLEM
    assert "password authentication failed" in found.sentence
    assert "wrong-secret" not in f"{found}"


@pytest.mark.parametrize(
    ("change", "verdict", "sentence"),
    [
        ({}, Verdict.OK, f"PostgreSQL 15.18 answers, schema {NEWEST}"),
        ({"schema": None}, Verdict.OK, "no schema yet"),
        ({"schema": "0001"}, Verdict.WARNING, "holds schema 0001"),
        ({"encoding": "LATIN1"}, Verdict.PROBLEM, "stores text as LATIN1"),
        ({"is_writable": False}, Verdict.PROBLEM, "is a standby"),
        ({"is_safe": False}, Verdict.WARNING, "a crash may lose"),
    ],
)
def test_what_it_finds_is_judged(
    change: dict[str, object], verdict: Verdict, sentence: str
) -> None:
    found = judged(replace(FINE, **change))
    assert found.verdict is verdict
    assert sentence in found.sentence


def test_a_file_of_sqlite_is_looked_at_and_none_is_made(tmp_path: Path) -> None:
    assert "first start makes" in look(Settings(data=tmp_path)).sentence
    assert list(tmp_path.iterdir()) == []
    database = open_database(Settings(data=tmp_path))
    migrate(database)
    database.close()
    assert look(Settings(data=tmp_path)).sentence.startswith("SQLite ")
