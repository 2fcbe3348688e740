"""`searchplane keys` beside a service that runs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet, InvalidToken
from tests.cli.services import Run, Served


def keys(run: Run, data: Path, verb: str) -> list[dict[str, Any]]:
    ran = run("keys", verb, "--data", data, "--json")
    assert ran.code == 0, ran.err
    found: list[dict[str, Any]] = json.loads(ran.out)
    return found


def new_token(service: Served) -> str:
    with service.client() as client:
        return str(client.headers["X-Auth-Token"])


def counts(service: Served, token: str) -> bool:
    url = f"{service.service.settings.base_url}/v3/auth/tokens"
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    return httpx.get(url, headers=headers).status_code == 200


def test_a_running_service_notices_and_old_tokens_stay_valid(run: Run, service: Served) -> None:
    old = new_token(service)
    before = keys(run, service.data, "list")
    after = keys(run, service.data, "rotate")
    assert [key["use"] for key in before] == ["primary", "staged"]
    assert [key["use"] for key in after] == ["primary", "old", "staged"]
    assert after[1]["kept_until"] > after[0]["since"]
    deadline = time.monotonic() + 10
    staged = (service.data / "keys" / "2").read_bytes()
    while not made_with(staged, new_token(service)):
        assert time.monotonic() < deadline, "the service goes on with its old key"
    assert counts(service, old)


def made_with(key: bytes, token: str) -> bool:
    try:
        Fernet(key).decrypt(token + "=" * (-len(token) % 4))
    except InvalidToken:
        return False
    return True


def test_a_table_is_the_default(run: Run, service: Served) -> None:
    ran = run("keys", "list", "--data", service.data)
    assert ran.out.splitlines()[0].split() == ["NUMBER", "USE", "SINCE", "KEPT", "UNTIL"]


def test_a_folder_nobody_serves_is_said(run: Run, tmp_path: Path) -> None:
    ran = run("keys", "rotate", "--data", tmp_path)
    assert ran.code == 1
    assert "is not a service's data folder" in ran.err
