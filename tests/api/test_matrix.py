"""Every operation against everything that can be wrong with a request.

The cases are made from the declarations, so an operation that is added is tested without anybody
having to remember it. Nothing may be let in that should not be, and no answer may carry a code
that the operation does not declare.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.audit_examples import told
from tests.support.live_service import PASSWORD, Live, live_service, until
from tests.support.running import getting_started

import searchplane
from searchplane.api.codes import CODES
from searchplane.api.openapi import error_codes
from searchplane.api.operation import Operation
from searchplane.api.routes import OPERATIONS
from searchplane.api.services import Services
from searchplane.domain.audit import outcome_of

UNKNOWN = "00000000-0000-0000-0000-000000000000"
SECURED = {"authorityEnable": True, "httpsEnable": True, "adminPwd": "Fresh-Pear-27"}
BAD_VALUES = {"limit": "0", "offset": "0", "start": "x", "after": "-1", "datastore_type": "solr"}
"""Query parameters that have a wrong value."""
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
SOURCE = Path(searchplane.__file__).parent
FAILURES = {"CSS.6000", "CSS.6002"}
"""Codes of failedReason, which is no error answer."""
CODE = re.compile(r"(CSS|APIGW|IAM)\.[0-9]{4}\Z")


@dataclass(frozen=True)
class World:
    """A service with one secured cluster, and the tokens of everybody who may ask.

    `samples` are values for the names in paths.
    """

    live: Live
    tokens: dict[str, str]
    samples: dict[str, str]

    def url(self, path: str, **changed: str) -> str:
        return f"http://127.0.0.1:9480{path.format(**(self.samples | changed))}"


def right_body(operation: Operation) -> Any:
    if operation.id == "CreateCluster":
        return getting_started("from-the-matrix", nodes=1)
    if operation.id == "createToken":
        user = {"name": "admin", "password": PASSWORD, "domain": {"name": "local"}}
        return {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    return None


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with live_service(tmp_path_factory.mktemp("matrix")) as live:
        theirs = live.add_project("local_theirs")
        live.add_user("eve", theirs, "te_admin")
        live.add_user("nobody", live.project_id, "te_agency")
        tokens = {
            "right": live.token(),
            "expired": live.token(age=timedelta(hours=25)),
            "other project": live.token("eve", theirs),
            "no role": live.token("nobody"),
            "garbage": "gAAAAABnot-a-token",
        }
        yield World(live, tokens, {"project_id": live.project_id})


@pytest.fixture
async def ready(world: World) -> World:
    """The world with its cluster made."""
    async with world.live.client(world.tokens["right"]) as css:
        if not world.samples.get("cluster_id"):
            body = getting_started("matrix", nodes=1)
            body["cluster"] |= SECURED
            made = (await css.post("/clusters", json=body)).json()["cluster"]["id"]

            async def is_available() -> bool:
                return (await css.get(f"/clusters/{made}")).json()["status"] == "200"

            await until(is_available, "the cluster is not available")
            flavors = (await css.get("/flavors")).json()["versions"][0]["flavors"]
            world.samples["cluster_id"] = made
            world.samples["flavor_id"] = flavors[0]["flavor_id"]
            world.samples["datastore_id"] = "cf7e2c8f-096c-4fcf-b174-1ebe060679fb"
    return world


def cases(fits: Callable[[Operation], bool] = lambda _: True) -> list[Any]:
    """Every spelling of every operation that fits."""
    return [
        pytest.param(operation, path, id=f"{operation.id} {path}")
        for operation in OPERATIONS
        for path in operation.paths
        if fits(operation)
    ]


def has_ids(operation: Operation) -> bool:
    return "_id}" in operation.paths[0].replace("{project_id}", "")


async def ask(
    world: World,
    operation: Operation,
    url: str,
    *,
    who: str | None = "right",
    subject: str | None = None,
    **how: Any,
) -> httpx.Response:
    headers = {} if who is None else {"X-Auth-Token": world.tokens[who]}
    if "X-Subject-Token" in operation.request_headers:
        headers["X-Subject-Token"] = subject or world.tokens["right"]
    async with world.live.client(None) as http:
        answer = await http.request(operation.method, url, headers=headers, **how)
    check(operation, answer)
    check_audit(world.live.service.services, operation, answer)
    return answer


def check_audit(services: Services, operation: Operation, answer: httpx.Response) -> None:
    """A change, a login and whoever is refused have one line in the audit trail, a read none."""
    assert services.audit.flush(30)
    lines = told(services.database, answer.headers["X-Request-Id"])
    if operation.method in ("GET", "HEAD") and answer.status_code not in (401, 403, 429):
        assert lines == []
        return
    (line,) = lines
    assert (line.operation, line.action) == (operation.id, operation.action or "")
    assert (line.status, line.outcome) == (answer.status_code, outcome_of(answer.status_code))
    assert line.source == "127.0.0.1"
    if answer.status_code < 400:
        assert line.who.user_id
    elif operation.method != "HEAD":
        assert line.code == answer.json()["error_code"]


def check(operation: Operation, answer: httpx.Response) -> None:
    """What holds for every answer of an operation, whatever was asked."""
    assert answer.headers["X-Request-Id"]
    assert answer.status_code < 500, answer.text
    if answer.status_code < 400 or operation.method == "HEAD":
        return
    code = answer.json()["error_code"]
    assert code in error_codes(operation), f"{operation.id} does not declare {code}"
    assert CODES[code].status == answer.status_code


@pytest.mark.parametrize(("operation", "path"), cases())
async def test_right(ready: World, operation: Operation, path: str) -> None:
    subject, changed = None, {}
    if operation.id == "revokeToken":
        subject = ready.live.token()
    if operation.id == "DeleteCluster":
        body = getting_started("to-delete", nodes=1)
        async with ready.live.client(ready.tokens["right"]) as css:
            changed["cluster_id"] = (await css.post("/clusters", json=body)).json()["cluster"]["id"]
    url, body = ready.url(path, **changed), right_body(operation)
    answer = await ask(ready, operation, url, json=body, subject=subject)
    assert answer.status_code == operation.status, answer.text
    if operation.answer is not None:
        operation.answer.model_validate(answer.json())


@pytest.mark.parametrize(("operation", "path"), cases(lambda one: one.body is not None))
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"null", b'{"a": "\\ud800"}'])
async def test_malformed_body(
    ready: World, operation: Operation, path: str, content: bytes
) -> None:
    answer = await ask(ready, operation, ready.url(path), content=content)
    assert answer.status_code == 400


@pytest.mark.parametrize(("operation", "path"), cases(lambda one: one.query is not None))
async def test_wrong_query(ready: World, operation: Operation, path: str) -> None:
    assert operation.query is not None
    for name in set(operation.query.model_fields) & set(BAD_VALUES):
        url = f"{ready.url(path)}?{name}={BAD_VALUES[name]}"
        answer = await ask(ready, operation, url)
        assert answer.status_code == 400, name
        assert name in answer.text


@pytest.mark.parametrize(("operation", "path"), cases(lambda one: one.action is not None))
@pytest.mark.parametrize("who", [None, "garbage", "expired"])
async def test_who_asks_is_not_proven(
    ready: World, operation: Operation, path: str, who: str | None
) -> None:
    for changed in ({}, dict.fromkeys(ready.samples, UNKNOWN)):
        url = ready.url(path, **changed)
        answer = await ask(ready, operation, url, who=who, json=right_body(operation))
        assert answer.status_code == 401
        if operation.method != "HEAD":
            assert answer.json()["error_code"] == "APIGW.0301"


@pytest.mark.parametrize(("operation", "path"), cases(lambda one: "{project_id}" in one.paths[0]))
async def test_another_projects_token(ready: World, operation: Operation, path: str) -> None:
    for changed in ({}, {"cluster_id": UNKNOWN}, {"project_id": UNKNOWN}):
        url = ready.url(path, **changed)
        answer = await ask(ready, operation, url, who="other project", json=right_body(operation))
        assert (answer.status_code, answer.json()["error_code"]) == (403, "APIGW.0302")


@pytest.mark.parametrize(
    ("operation", "path"), cases(lambda one: one.action is not None and not one.self_service)
)
async def test_a_role_without_the_action(ready: World, operation: Operation, path: str) -> None:
    for changed in ({}, {"cluster_id": UNKNOWN}):
        url = ready.url(path, **changed)
        answer = await ask(ready, operation, url, who="no role", json=right_body(operation))
        assert (answer.status_code, answer.json()["error_code"]) == (403, "CSS.0051")


@pytest.mark.parametrize(("operation", "path"), cases(has_ids))
@pytest.mark.parametrize("unknown", [UNKNOWN, "x", "%00", "%ff", "a" * 2000])
async def test_unknown_id(ready: World, operation: Operation, path: str, unknown: str) -> None:
    changed = dict.fromkeys(set(ready.samples) - {"project_id"}, unknown)
    answer = await ask(ready, operation, ready.url(path, **changed))
    assert answer.status_code in (400, 404)
    assert answer.json()["error_code"] in operation.errors


@pytest.mark.parametrize("path", sorted({path for one in OPERATIONS for path in one.paths}))
async def test_methods_that_a_path_does_not_have(ready: World, path: str) -> None:
    known = {one.method for one in OPERATIONS if path in one.paths}
    url = ready.url(path)
    async with ready.live.client(ready.tokens["right"]) as http:
        for method in sorted(set(METHODS) - known):
            answer = await http.request(method, url)
            assert answer.status_code == 404, method
            assert answer.headers["X-Request-Id"]
            if method != "HEAD":
                assert answer.json()["error_code"] == "APIGW.0101"


def test_operations_are_declared_once() -> None:
    routes = [(one.method, path) for one in OPERATIONS for path in one.paths]
    assert len(set(routes)) == len(routes)
    assert len({one.id for one in OPERATIONS}) == len(OPERATIONS)


def test_declared_errors_are_known() -> None:
    for operation in OPERATIONS:
        assert set(operation.errors) <= set(CODES), operation.id
        assert len(set(operation.errors)) == len(operation.errors), operation.id


def test_every_code_is_raised_somewhere_and_every_raised_code_is_known() -> None:
    raised = {code for path in SOURCE.rglob("*.py") for code in codes_in(path)}
    assert raised - FAILURES == set(CODES)


def test_a_create_declares_every_rule_it_can_break() -> None:
    (create,) = (one for one in OPERATIONS if one.id == "CreateCluster")
    rules = ("creation", "backup", "passwords", "engines", "admission", "quota")
    broken = {code for name in rules for code in codes_in(SOURCE / "domain" / f"{name}.py")}
    assert broken <= set(create.errors)


def codes_in(path: Path) -> set[str]:
    """The codes in a file's code, where it does not only declare them."""
    if path == SOURCE / "api" / "codes.py":
        return set()
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.keyword) and node.arg == "errors":
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {node.value} if CODE.match(node.value) else set()
        waiting += ast.iter_child_nodes(node)
    return found
