"""`searchplane audit` and `searchplane quota` beside a service that runs."""

from __future__ import annotations

import json
import os
import pwd
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cli.services import Run, Served
from tests.support.running import getting_started

from searchplane.cli.operating import RESOURCES
from searchplane.domain.quota import Resource

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def project(service: Served) -> str:
    return str(json.loads((service.data / "admin.json").read_text())["project_id"])


def lines(run: Run, service: Served, *words: str) -> list[dict[str, Any]]:
    ran = run("audit", "--data", service.data, "--json", *words)
    assert ran.code == 0, ran.err
    found: list[dict[str, Any]] = json.loads(ran.out)
    return found


def test_a_change_is_shown_with_all_that_is_known(run: Run, service: Served, project: str) -> None:
    made = service.create("seen-by-audit")
    (line,) = lines(run, service, "--operation", "CreateCluster", "--resource", made)
    assert datetime.now(UTC) - datetime.fromisoformat(line.pop("at")) < timedelta(minutes=5)
    assert len(line.pop("request_id")) == 32
    assert line.pop("id") > 0
    assert len(line.pop("user_id")) == len(line.pop("domain_id")) == 32
    assert line == {
        "outcome": "allowed",
        "operation": "CreateCluster",
        "action": "css:cluster:create",
        "resource": made,
        "project_id": project,
        "user_name": "admin",
        "domain_name": "local",
        "credential": "token",
        "source": "127.0.0.1",
        "status": 200,
        "code": "",
    }


def test_a_table_is_the_default(run: Run, service: Served, project: str) -> None:
    made = service.create("seen-in-a-table")
    ran = run("audit", "--data", service.data, "--resource", made)
    head, row = ran.out.splitlines()
    assert head.split()[:4] == ["TIME", "OUTCOME", "USER", "OPERATION"]
    for shown in ("allowed", "admin@local", "CreateCluster", made, project, "127.0.0.1", "200"):
        assert shown in row.split()


def test_lines_are_chosen(run: Run, service: Served, project: str) -> None:
    made = service.create("chosen")
    about = ("--resource", made)
    for fitting in (
        ("--user", "admin"),
        ("--project", project),
        ("--project", "local"),
        ("--outcome", "allowed"),
        ("--since", "5m"),
        ("--until", "2999-01-01"),
        ("--since", "2020-01-01T00:00+02:00"),
    ):
        assert len(lines(run, service, *about, *fitting)) == 1, fitting
    for other in (
        ("--user", "bob"),
        ("--project", "elsewhere"),
        ("--outcome", "refused"),
        ("--operation", "DeleteCluster"),
        ("--since", "2999-01-01"),
        ("--until", "1w"),
    ):
        assert lines(run, service, *about, *other) == [], other
    assert len(lines(run, service, "--limit", "1")) == 1


@pytest.mark.parametrize("time", ["yesterday", "5x", "2026-13-01", "9999999w", "999999w"])
def test_a_wrong_time_is_a_sentence(run: Run, service: Served, time: str) -> None:
    ran = run("audit", "--data", service.data, "--since", time)
    assert ran.code == 2
    assert f"--since is {time!r}" in ran.err
    assert "7d is right" in ran.err


def test_follow_shows_what_comes(service: Served) -> None:
    command = (sys.executable, "-m", "searchplane.cli.main", "audit", "--json", "--follow")
    words = ("--data", str(service.data), "--operation", "CreateCluster")
    with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, text=True) as following:
        made = service.create("followed")
        assert following.stdout is not None
        for text in following.stdout:
            if json.loads(text)["resource"] == made:
                break
        following.terminate()


@pytest.mark.parametrize("words", [("audit",), ("quota", "show", "local")])
def test_a_folder_without_a_service_is_named_and_not_made(
    run: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    ran = run(*words, "--data", tmp_path / "nothing")
    assert ran.code == 1
    assert "is not a service's data folder" in ran.err
    assert not (tmp_path / "nothing").exists()


def test_a_database_of_another_version_is_left_alone(run: Run, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "searchplane.db")) as other, other:
        other.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        other.execute("INSERT INTO alembic_version VALUES ('0001')")
    ran = run("audit", "--data", tmp_path)
    assert ran.code == 1
    assert "another version" in ran.err


def test_the_options_are_the_quotas_there_are() -> None:
    assert list(RESOURCES) == [one.value for one in Resource]


def quotas(run: Run, service: Served, *words: str) -> dict[str, Any]:
    ran = run("quota", *words, "--data", service.data, "--json")
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def test_a_quota_that_is_set_holds_at_once_and_the_trail_tells(
    run: Run, service: Served, project: str
) -> None:
    service.create("in-use")
    shown = quotas(run, service, "show", "local")
    assert shown["clusters"]["used"] >= 1
    assert shown["vcpu"]["used"] == 2 * shown["nodes"]["used"]
    assert {one["limit"] for one in shown.values()} == {None}
    used = shown["clusters"]["used"]
    shown = quotas(run, service, "set", project, "--clusters", str(used), "--disk-gb", "unlimited")
    assert shown["clusters"] == {"used": used, "limit": used, "default": False}
    assert shown["disk_gb"]["default"] is False
    assert shown["nodes"]["default"] is True
    with service.client() as client:
        answer = client.post("/clusters", json=getting_started("one-too-many"))
    assert (answer.status_code, answer.json()["errCode"]) == (400, "CSS.1112")
    assert f"{used} of {used} are in use" in answer.json()["externalMessage"]
    (told,) = lines(run, service, "--operation", "quotaSet")
    assert (told["user_name"], told["credential"], told["source"]) == (ME, "operator", "local")
    assert told["resource"] == f"clusters={used},disk_gb=unlimited"
    assert told["project_id"] == project
    quotas(run, service, "set", "local", "--clusters", "default", "--disk-gb", "default")
    service.create("fits-again")


def test_the_table_of_quotas(run: Run, service: Served) -> None:
    ran = run("quota", "set", "local", "--data", service.data, "--nodes", "100000")
    assert ran.out.splitlines()[0].split() == ["RESOURCE", "USED", "LIMIT", "SET"]
    rows = {row.split()[0]: row for row in ran.out.splitlines()[1:]}
    assert list(rows) == list(RESOURCES)
    assert "100000" in rows["nodes"]
    assert "for this project" in rows["nodes"]
    assert "unlimited" in rows["vcpu"]
    assert "by default" in rows["vcpu"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--clusters", "-1"), "--clusters is '-1'"),
        (("--memory-gb", "1e3"), "--memory-gb is '1e3'"),
        (("--nodes", "2147483648"), "`unlimited` or `default` is right"),
        ((), "nothing is to be set"),
    ],
)
def test_a_wrong_quota_is_a_sentence(
    run: Run, service: Served, words: tuple[str, ...], sentence: str
) -> None:
    ran = run("quota", "set", "local", "--data", service.data, *words)
    assert ran.code == 2
    assert sentence in ran.err


def test_an_unknown_project_is_named(run: Run, service: Served) -> None:
    ran = run("quota", "show", "elsewhere", "--data", service.data)
    assert ran.code == 1
    assert "no project has the id or name 'elsewhere'" in ran.err
