"""Doctor tries what a check of a token needs, and names the command that mends what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.cli.services import Run, fake
from tests.support.keystone_stub import JSON, OWN_TOKEN, Said, Stub, no, stub

from searchplane.cli.checks import Finding, Verdict
from searchplane.cli.keystone_check import look
from searchplane.settings import IamMode

LISTED = b'{"token": {"catalog": [{"type": "css", "endpoints": [{"url": "http://here"}]}]}}'


@pytest.fixture
def server() -> Iterator[Stub]:
    with stub() as one:
        yield one


def found(server: Stub, **changes: Any) -> Finding:
    given = {
        "iam_mode": IamMode.KEYSTONE,
        "keystone_url": server.url,
        "keystone_user": "service",
        "keystone_password": SecretStr("hidden-one"),
        "public_url": "https://css.example.org",
        "region": "here",
    }
    one = look(fake(Path("/none"), **given | changes))
    assert "hidden-one" not in f"{one.sentence}{one.mend}"
    return one


def test_a_catalogue_without_the_service_is_told_with_the_two_commands(server: Stub) -> None:
    one = found(server)
    assert one.verdict is Verdict.WARNING
    assert one.mend == (
        "openstack service create --name css css && openstack endpoint create --region here css "
        "public 'https://css.example.org/v1.0/%(project_id)s'"
    )


def test_a_keystone_that_has_everything_is_fine(server: Stub) -> None:
    server.log_in = lambda: Said(201, JSON | {"X-Subject-Token": OWN_TOKEN}, (LISTED,))
    one = found(server)
    assert (one.verdict, one.mend) == (Verdict.OK, None)


@pytest.mark.parametrize("where", ["login", "check"])
def test_an_account_without_its_right_is_told_how_to_get_it(server: Stub, where: str) -> None:
    if where == "login":
        server.log_in = lambda: no(401)
    else:
        server.check = lambda _: no(403)
    one = found(server)
    assert one.verdict is Verdict.PROBLEM
    assert one.mend == (
        "openstack role add --user service --user-domain Default --project service "
        "--project-domain Default service"
    )


def test_a_keystone_that_is_gone_is_a_problem(server: Stub) -> None:
    one = found(server, keystone_url="http://127.0.0.1:9/v3", keystone_timeout_seconds=2)
    assert one.verdict is Verdict.PROBLEM
    assert "does not answer" in one.sentence
    assert one.mend == "curl -fsS http://127.0.0.1:9/v3"


def test_a_missing_setting_is_a_problem(server: Stub) -> None:
    one = found(server, keystone_user=None)
    assert one.verdict is Verdict.PROBLEM
    assert "SEARCHPLANE_KEYSTONE_USER is not set" in one.sentence


def test_quickstart_says_that_it_needs_the_local_admin(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEARCHPLANE_IAM_MODE", "keystone")
    ran = run("quickstart", "--data", tmp_path / "data")
    assert ran.code == 1
    assert "the local admin" in ran.err
    assert not (tmp_path / "data").exists()
