"""A wrong setting ends the program with one sentence: the variable, its value, what is right."""

from __future__ import annotations

import pytest
from tests.cli.services import Run

WRONG = [
    ("LOG_LEVEL", "foo", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
    ("ZONES", "a,b", '["local-1", "local-2"] is right'),
    ("ZONES", "[]", "at least one zone is right"),
    ("ZONES", '["a", ""]', "different names"),
    ("ZONES", '["a", "a"]', "different names"),
    ("ZONES", '["a,b"]', "different names"),
    ("ZONES", '{"a": 1}', '["local-1", "local-2"] is right'),
    ("TOKEN_HOURS", "1e15", "less than or equal to 8760"),
    ("TOKEN_HOURS", "0", "greater than 0"),
    ("CREATE_DEADLINE_SECONDS", "1e15", "less than or equal to 604800"),
    ("MAVEN_MIRROR", "notaurl", "https://mirror.example.org/maven is right"),
    ("MAVEN_MIRROR", "ftp://host/x", "https://mirror.example.org/maven is right"),
    ("PUBLIC_URL", "search.example.org", "https://search.example.org is right"),
    ("PUBLIC_URL", "http://", "https://search.example.org is right"),
    ("LISTEN", "9480", "127.0.0.1:9480"),
    ("DRIVER", "pods", "'process' or 'fake'"),
    ("UNKNOWN_CLUSTER_STATUS", "405", "403 and 404 are right"),
    ("IAM_MODE", "ldap", "'local' or 'keystone'"),
    ("KEYSTONE_URL", "keystone.example.org", "https://keystone.example.org/v3 is right"),
    ("KEYSTONE_CACHE_SECONDS", "301", "less than or equal to 300"),
    ("KEYSTONE_CACHE_SECONDS", "-1", "greater than or equal to 0"),
    ("KEYSTONE_TIMEOUT_SECONDS", "0", "greater than or equal to 0.1"),
    ("KEYSTONE_ROLES", "admin", '{"member": "css_adm"} is right'),
    ("KEYSTONE_ROLES", '{"member": ["css_adm"]}', '{"member": "css_adm"} is right'),
]


@pytest.mark.parametrize(("name", "value", "right"), WRONG)
def test_a_wrong_setting_is_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, right: str
) -> None:
    monkeypatch.setenv(f"SEARCHPLANE_{name}", value)
    ran = run("engine", "list")
    assert (ran.code, ran.out) == (1, "")
    (sentence,) = ran.err.splitlines()
    assert f"SEARCHPLANE_{name} is {value!r}: " in sentence
    assert right in sentence


@pytest.mark.parametrize(
    "mirror",
    [
        "ftp://user:hidden@host/maven",
        "http://user:hid/den@host/maven",
        "user:hidden@host",
        "http://user:hidden@host:port/",
    ],
)
def test_a_password_in_a_wrong_address_is_not_repeated(
    run: Run, monkeypatch: pytest.MonkeyPatch, mirror: str
) -> None:
    monkeypatch.setenv("SEARCHPLANE_MAVEN_MIRROR", mirror)
    ran = run("engine", "list")
    assert ran.code == 1
    assert "SEARCHPLANE_MAVEN_MIRROR" in ran.err
    assert "hid" not in ran.err
    assert "den@" not in ran.err


@pytest.mark.parametrize("url", ["mysql://host/name?password=hidden", "hidden", "postgresql://"])
def test_a_wrong_database_url_is_told_without_being_repeated(
    run: Run, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("SEARCHPLANE_DATABASE_URL", url)
    ran = run("engine", "list")
    assert ran.code == 1
    assert "SEARCHPLANE_DATABASE_URL is not as it must be: postgresql://USER:PASSWORD@" in ran.err
    assert "hidden" not in ran.err


def test_what_is_right_is_taken(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "LOG_LEVEL": "debug",
        "ZONES": '["here", "there"]',
        "TOKEN_HOURS": "8760",
        "MAVEN_MIRROR": "https://user:hidden@mirror.example.org/maven/",
        "PUBLIC_URL": "http://[::1]:9480/",
    }.items():
        monkeypatch.setenv(f"SEARCHPLANE_{name}", value)
    assert run("engine", "list").code == 0
