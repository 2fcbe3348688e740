"""`searchplane keys` beside a service that runs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import select
from tests.cli.services import Run, Served

from searchplane.iam.sealing import Seals
from searchplane.store.audit import Wanted, newest
from searchplane.store.schema import access_keys


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


def test_secrets_are_sealed_anew_beside_a_service_that_runs(run: Run, service: Served) -> None:
    folder, database = service.data / "seals", service.service.services.database
    old = {path.name for path in folder.iterdir()}
    ran = run("keys", "seal", "--data", service.data, "--json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert {path.name for path in folder.iterdir()} == old | {str(told["number"])}
    seals = Seals(folder)
    with database.read() as connection:
        stored = list(connection.execute(select(access_keys.c.secret)).scalars())
        (line,) = newest(connection, Wanted(operation="keysSeal"), 10)
    assert told["sealed"] == len(stored) == 1, "the first user has an access key"
    assert stored[0].startswith(seals.current)
    assert line.line.resource == str(told["number"])
    for name in old:
        (folder / name).unlink()
    assert Seals(folder).unseal(stored[0])


def test_a_secret_that_cannot_be_read_stops_it_before_there_is_a_new_key(
    run: Run, service: Served
) -> None:
    folder = service.data / "seals"
    (first,) = folder.iterdir()
    first.write_bytes(Fernet.generate_key())
    ran = run("keys", "seal", "--data", service.data)
    assert ran.code == 1
    assert "restore that folder from a backup" in ran.err
    assert list(folder.iterdir()) == [first]
