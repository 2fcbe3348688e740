"""Every operation is sent secrets in every place for one; none is stored, logged or answered.

The bodies are made from the operations' own models, so one that is added is tried too.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from tests.support.live_service import PASSWORD, Live, live_service
from tests.support.running import getting_started

from searchplane.api.operation import Operation
from searchplane.api.problems import SECRET_FIELDS
from searchplane.api.routes import OPERATIONS
from searchplane.store.schema import metadata

MARK = "Wh1sper-9"
"""Part of every secret that is sent here."""
SECRET = f"{MARK}-abcdefghijklmnopqrstuvwxyz-0123456789"
SIGNED = f"SDK-HMAC-SHA256 Access={SECRET.replace('-', '')}, SignedHeaders=host, Signature={SECRET}"
KEPT = {"admin.json", "clouds.yaml"}
"""Files that hold secrets on purpose."""
IDENTITIES = {"user", "domain"}
"""What is inside a method that is called `password` and is no secret."""
BASE = "http://127.0.0.1:9480"


@dataclass(frozen=True)
class Driven:
    live: Live
    folder: Path
    answers: list[str]
    given_out: list[str]
    """Secrets that answers gave to who asked for them."""
    log: str


def filled(schema: dict[str, Any], definitions: dict[str, Any], value: Any, inside: bool) -> Any:
    """An object of the schema with `value` for every secret and something plausible besides."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return filled(choices[0], definitions, value, inside)
    if "properties" in schema:
        return {
            name: filled(
                each,
                definitions,
                value,
                name.lower() in SECRET_FIELDS or (inside and name not in IDENTITIES),
            )
            for name, each in schema["properties"].items()
        }
    if schema.get("type") == "array":
        return [filled(schema.get("items", {}), definitions, value, inside)]
    if inside:
        return value
    plausible = {"integer": 1, "boolean": True, "object": {}, "number": 1}
    return schema.get("const") or plausible.get(schema.get("type", ""), "something")


def bodies(operation: Operation) -> Iterator[Any]:
    """With secrets as texts, and as what they must not be."""
    schema = operation.body.model_json_schema() if operation.body is not None else {}
    for value in (SECRET, {"deeper": [SECRET]}, [SECRET * 200], SECRET):
        yield filled(schema, schema.get("$defs", {}), value, inside=False) if schema else None


async def drive(live: Live, token: str, operation: Operation, path: str) -> list[str]:
    """What is answered to the operation with a right token, a wrong one and a wrong signature."""
    names = dict.fromkeys(live_names(path), "something") | {"project_id": live.project_id}
    url = f"{BASE}{path.format(**names)}?password={SECRET}&token={SECRET}"
    right = {"X-Auth-Token": token, "X-Subject-Token": SECRET}
    wrong = {"X-Auth-Token": SECRET, "X-Subject-Token": SECRET, "X-Security-Token": SECRET}
    signed = {"Authorization": SIGNED, "X-Security-Token": SECRET}
    said = []
    async with live.client(None) as http:
        for body, headers in zip(bodies(operation), (right, right, wrong, signed), strict=True):
            content = None if body is None else json.dumps(body).encode()
            answer = await http.request(operation.method, url, headers=headers, content=content)
            said.append(f"{answer.text} {dict(answer.headers)}")
    return said


def live_names(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


async def use(live: Live, http: httpx.AsyncClient) -> list[str]:
    """Secrets that are right: the service must work with them, and keep none in the clear."""
    token = live.token()
    user = {"name": "admin", "password": PASSWORD, "domain": {"name": "local"}}
    login = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    issued = (await http.post(f"{BASE}/v3/auth/tokens", json=login)).headers["X-Subject-Token"]
    cluster = getting_started("secured", nodes=1)
    cluster["cluster"] |= {"authorityEnable": True, "httpsEnable": True, "adminPwd": SECRET[:16]}
    headers = {"X-Auth-Token": token}
    made = await http.post(f"{BASE}/v1.0/{live.project_id}/clusters", json=cluster, headers=headers)
    assert made.status_code == 200, made.text
    key = {"credential": {"user_id": await own_id(http, issued), "description": ""}}
    path = f"{BASE}/v3.0/OS-CREDENTIAL/credentials"
    permanent = (await http.post(path, json=key, headers={"X-Auth-Token": issued})).json()
    short = {"auth": {"identity": {"methods": ["token"], "token": {"duration_seconds": 900}}}}
    path = f"{BASE}/v3.0/OS-CREDENTIAL/securitytokens"
    temporary = (await http.post(path, json=short, headers=headers)).json()["credential"]
    secret = permanent["credential"]["secret"]
    return [token, issued, secret, temporary["secret"], temporary["securitytoken"], PASSWORD]


async def own_id(http: httpx.AsyncClient, token: str) -> str:
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    answer = await http.get(f"{BASE}/v3/auth/tokens", headers=headers)
    return str(answer.json()["token"]["user"]["id"])


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[io.StringIO]:
    """All that is logged, in every phase of the test."""
    caplog.set_level(logging.DEBUG)
    for client in ("httpx", "httpcore"):
        caplog.set_level(logging.WARNING, client)  # the test's own, which tells what it asks
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logging.root.addHandler(handler)
    yield text
    logging.root.removeHandler(handler)


@pytest.fixture
async def driven(tmp_path: Path, log: io.StringIO) -> Any:
    changes = {"audit_reads": True, "audit_file": tmp_path / "audit.jsonl"}
    answers: list[str] = []
    with live_service(tmp_path / "data", tended=False, **changes) as live:
        async with live.client(None) as http:
            given_out = await use(live, http)
        for operation in OPERATIONS:
            for path in operation.paths:
                answers += await drive(live, given_out[0], operation, path)
        assert live.service.services.audit.flush(30)
        yield Driven(live, tmp_path, answers, given_out, log.getvalue())


async def test_no_secret_is_kept(driven: Driven) -> None:
    assert [said for said in driven.answers if MARK in said] == []
    stored = []
    with driven.live.service.services.database.read() as connection:
        for table in metadata.sorted_tables:
            rows = [repr(tuple(row)) for row in connection.execute(select(table))]
            assert rows or table.name not in ("audit", "access_keys", "secrets", "users")
            stored += rows
    assert driven.log
    files = [each for each in driven.folder.rglob("*") if each.is_file()]
    assert driven.folder / "audit.jsonl" in files
    contents = [each.read_bytes() for each in files if each.name not in KEPT]
    for secret in (MARK, SECRET.replace("-", ""), *driven.given_out):
        assert [row for row in stored if secret in row] == [], secret
        assert not any(secret.encode() in content for content in contents), secret
        assert secret not in driven.log
