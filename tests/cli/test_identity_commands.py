"""`searchplane user`, `group`, `project`, `domain`, `role` and `policy` against a service."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.services import Ran, Run, Served

Do = Callable[..., Ran]


@pytest.fixture
def do(service: Served, run: Run) -> Do:
    """A command that must succeed, as the first user."""

    def do(*words: str | Path) -> Ran:
        ran = run(*words, "--data", service.data)
        assert (ran.code, ran.err) == (0, ""), ran
        return ran

    return do


@pytest.fixture
def told(do: Do) -> Callable[..., Any]:
    """What such a command says to a program."""
    return lambda *words: json.loads(do(*words, "--json").out)


def pipe(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def column(ran: Ran, name: str) -> list[str]:
    """One column of a table."""
    head, *rows = ran.out.splitlines()
    start = head.index(name)
    return [row[start:].split("  ")[0].strip() for row in rows]


def test_a_user_from_creation_to_end(do: Do, told: Callable[..., Any]) -> None:
    made = do("user", "create", "ann", "--email", "a@b.c", "--generate").out
    password = made.split("password     ")[1].split()[0]
    assert made.endswith("It is shown only now.\n")
    assert "ann" in column(do("user", "list"), "NAME")
    shown = do("user", "show", "ann").out
    assert "email        a@b.c" in shown
    assert password not in shown
    user = told("user", "show", "ann")
    assert told("user", "update", user["id"], "--name", "anne")["name"] == "anne"
    assert do("user", "disable", "anne").out == "anne is disabled.\n"
    assert told("user", "show", "anne")["enabled"] is False
    assert do("user", "enable", "anne").out == "anne is enabled.\n"
    assert do("user", "unlock", "anne").out == "anne was not locked and had no failed logins\n"
    assert do("user", "delete", "anne").out == "anne is deleted.\n"
    assert "anne" not in column(do("user", "list"), "NAME")


def test_a_user_logs_in_with_the_password_that_was_read_from_a_pipe(
    service: Served, run: Run, do: Do, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pipe(monkeypatch, "Fresh-Pear-27\n")
    do("user", "create", "pia")
    do("role", "grant", "readonly", "--user", "pia", "--project", "local")
    monkeypatch.setenv("OS_AUTH_URL", f"{service.service.settings.base_url}/v3")
    monkeypatch.setenv("OS_USER_DOMAIN_NAME", "local")
    monkeypatch.setenv("OS_USERNAME", "pia")
    monkeypatch.setenv("OS_PASSWORD", "Fresh-Pear-27")
    monkeypatch.setenv("OS_PROJECT_NAME", "local")
    assert run("cluster", "list").code == 0
    (tmp_path / "new").write_text("Another-Pear-27\n")
    assert run("user", "password", "--password-file", tmp_path / "new").code == 0
    refused = run("cluster", "list")
    assert (refused.code, refused.out) == (1, "")
    monkeypatch.setenv("OS_PASSWORD", "Another-Pear-27")
    assert run("cluster", "list").code == 0
    forbidden = run("user", "list")
    assert forbidden.code == 1
    assert forbidden.err.startswith("searchplane: IAM.0002: ")


def test_a_weak_password_is_a_sentence_without_it(
    service: Served, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe(monkeypatch, "weakling\n")
    refused = run("user", "create", "joe", "--data", service.data)
    assert refused.code == 1
    assert refused.err.startswith("searchplane: 1118: password: 8 to 128 characters")
    assert "weakling" not in refused.err
    pipe(monkeypatch, "")
    missing = run("user", "create", "joe", "--data", service.data)
    assert missing.err == (
        "searchplane: there is no password in standard input; its first line is read\n"
    )


def test_a_group_its_members_and_what_it_gives(do: Do, told: Callable[..., Any]) -> None:
    do("user", "create", "gus", "--no-password")
    do("group", "create", "readers", "--description", "who reads")
    assert do("group", "add", "readers", "gus").out == "gus is in readers.\n"
    assert "users        gus" in do("group", "show", "readers").out
    assert column(do("user", "list", "--group", "readers"), "NAME") == ["gus"]
    do("role", "grant", "CSS FullAccess", "--group", "readers", "--all-projects")
    granted = do("role", "assignments").out
    assert ["CSS", "FullAccess", "group", "readers", "all", "projects", "the", "domain"] in [
        line.split() for line in granted.splitlines()
    ]
    do("role", "revoke", "CSS FullAccess", "--group", "readers", "--all-projects")
    assert "readers" not in do("role", "assignments").out
    assert do("group", "remove", "readers", "gus").out == "gus is not in readers.\n"
    do("group", "delete", "readers")
    assert told("group", "list") == []


def test_projects_and_domains(service: Served, run: Run, do: Do) -> None:
    do("project", "create", "local_shop")
    assert "local_shop" in column(do("project", "list"), "NAME")
    assert do("project", "disable", "local_shop").out == "local_shop is disabled.\n"
    assert "enabled      no" in do("project", "show", "local_shop").out
    do("project", "enable", "local_shop")
    do("project", "delete", "local_shop")
    refused = run("project", "create", "shop", "--data", service.data)
    assert refused.code == 1
    assert "a name that begins with local_ is right" in refused.err

    do("domain", "create", "globex")
    do("user", "create", "sue", "--domain", "globex", "--no-password")
    do("role", "grant", "secu_admin", "--user", "sue", "--on-domain", "--domain", "globex")
    assert column(do("user", "list", "--domain", "globex"), "NAME") == ["sue"]
    assert run("domain", "delete", "globex", "--data", service.data).code == 1
    do("domain", "disable", "globex")
    do("domain", "delete", "globex")
    assert "globex" not in column(do("domain", "list"), "NAME")


def test_an_administrator_of_a_domain_without_projects_makes_the_first(
    service: Served, run: Run, do: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    do("domain", "create", "initech")
    pipe(monkeypatch, "Fresh-Pear-27\n")
    do("user", "create", "ira", "--domain", "initech")
    do("role", "grant", "secu_admin", "--user", "ira", "--on-domain", "--domain", "initech")
    monkeypatch.setenv("OS_AUTH_URL", f"{service.service.settings.base_url}/v3")
    monkeypatch.setenv("OS_USER_DOMAIN_NAME", "initech")
    monkeypatch.setenv("OS_USERNAME", "ira")
    monkeypatch.setenv("OS_PASSWORD", "Fresh-Pear-27")
    assert run("project", "create", "local_initech").code == 0
    granted = run("role", "grant", "te_admin", "--user", "ira", "--project", "local_initech")
    assert (granted.code, granted.out) == (0, "te_admin is granted.\n")
    monkeypatch.setenv("OS_PROJECT_NAME", "local_initech")
    assert run("cluster", "list").code == 0


def test_policies_come_from_json(do: Do, told: Callable[..., Any], tmp_path: Path) -> None:
    statement = {"Effect": "Allow", "Action": ["css:cluster:list"]}
    document = tmp_path / "policy.json"
    document.write_text(json.dumps({"Version": "1.1", "Statement": [statement]}))
    do("policy", "create", "Listers", "--file", document)
    assert "css:cluster:list" in do("policy", "show", "Listers").out
    statement["Action"].append("css:cluster:get")
    document.write_text(json.dumps({"Version": "1.1", "Statement": [statement]}))
    do("policy", "update", "Listers", "--file", document, "--description", "lists")
    shown = told("policy", "show", "Listers")
    assert shown["description"] == "lists"
    assert shown["policy"]["Statement"][0]["Action"] == statement["Action"]
    assert "Listers" in do("role", "list").out
    do("policy", "delete", "Listers")
    assert told("policy", "list") == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("role", "grant", "readonly", "--project", "local"), "either --user or --group is right"),
        (("role", "grant", "readonly", "--user", "x"), "one of --project, --on-domain and"),
        (("user", "create", "x", "--generate", "--password-file", "pyproject.toml"), "exclude"),
        (("user", "update", "admin"), "nothing is to be changed"),
        (("user", "show", "nobody"), "no user has the id or name 'nobody'"),
        (("user", "list", "--domain", "nowhere"), "no domain has the id or name 'nowhere'"),
        (("policy", "create", "x", "--file", "pyproject.toml"), "pyproject.toml is not JSON"),
    ],
)
def test_mistakes_are_sentences(
    service: Served, run: Run, words: tuple[str, ...], sentence: str
) -> None:
    ran = run(*words, "--data", service.data)
    assert ran.code != 0
    assert ran.out == ""
    assert sentence in ran.err
