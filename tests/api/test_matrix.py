"""Every operation, asked for rightly and wrongly by somebody who may.

The cases are made from the declarations, so an operation that is added is tested without anybody
having to remember it. No answer may carry a code that the operation does not declare. Who may not
is in test_matrix_lets_nobody_in.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.changeable import Changeable, is_change_of_cluster
from tests.support.live_service import live_service
from tests.support.matrix import (
    BODIES,
    UNKNOWN,
    World,
    ask,
    cases,
    fresh,
    populated,
    right_body,
)
from tests.support.snapshot_examples import listed

import searchplane
from searchplane.api.codes import CODES
from searchplane.api.operation import Operation
from searchplane.api.routes import OPERATIONS

BAD_VALUES = {"limit": "0", "offset": "-1", "start": "x", "after": "-1", "datastore_type": "solr"}
"""Query parameters that have a wrong value."""
QUERIES = {"ShowResizeFlavors": "?clusterId={cluster_id}"}
"""What an operation must have in its query."""
ELSEWHERE = {
    "RebuildCluster",  # needs a cluster of which nothing is left
    "RetryUpgradeTask",  # needs a task that failed
    "ShowVpcepConnection",  # needs a private endpoint
}
"""Operations whose right request needs more than this world has; they are tested by themselves."""
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
SOURCE = Path(searchplane.__file__).parent
FAILURES = {"CSS.6000", "CSS.6001", "CSS.6002"}
"""Codes of failedReason, which is no error answer."""
NAME = re.compile(r"\{([a-z_]+)\}")
CODE = re.compile(r"((CSS|APIGW|IAM)\.[0-9]{4}|1[01][0-9]{2})\Z")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    with live_service(tmp_path_factory.mktemp("matrix")) as live:
        yield await populated(live)


def has_ids(operation: Operation) -> bool:
    return bool(set(NAME.findall(operation.paths[0])) - {"project_id"})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def changeable(world: World) -> AsyncIterator[Changeable]:
    async with world.live.client(world.tokens["right"]) as css:
        yield Changeable(css, world.url("/v2.0/{project_id}/clusters"))


async def prepared(
    world: World, changeable: Changeable, operation: Operation, path: str
) -> dict[str, str]:
    """Make what the operation ends or needs; gives the values that are not the samples."""
    if operation.id == "DeleteCluster":
        async with world.live.client(world.tokens["right"]) as css:
            answer = await css.post("/clusters", json=BODIES["CreateCluster"]())
        return {"cluster_id": answer.json()["cluster"]["id"]}
    if operation.id == "deleteDomain":
        domain = await world.make("/v3/domains", "createDomain")
        await world.admin("PATCH", f"/v3/domains/{domain}", {"domain": {"enabled": False}})
        return {"domain_id": domain}
    if operation.id == "CreateAgency":
        return {"domain_id": world.samples["domain_id"]}
    if operation.id == "changePassword":
        name = fresh("user")
        world.live.add_user(name, world.live.project_id, "readonly")
        (user,) = (await world.admin("GET", f"/v3/users?name={name}")).json()["users"]
        world.tokens["changing"] = world.live.token(name)
        return {"user_id": user["id"]}
    ids: dict[str, str] = {}
    if is_change_of_cluster(operation):
        ids = await changeable.ids_for(operation, fresh("changed"))
    if "{snapshot_id}" in path:
        # A new one each time: what is only listed, and in no bucket, the loop takes for failed.
        cluster = ids.get("cluster_id", world.samples["cluster_id"])
        ids["snapshot_id"] = listed(world.live, cluster)
    if ids:
        return ids
    if operation.method == "DELETE" or operation.id == "createAccessKey":
        made = await world.objects()
        changed = made | ({"role_id": made["policy_id"]} if "/OS-ROLE/" in path else {})
    else:
        changed = {}
    if operation.id.startswith(("checkRole", "revokeRole", "checkUser", "removeUser")):
        await world.admin("PUT", world.url(path, **changed).removeprefix("http://127.0.0.1:9480"))
    return changed


@pytest.mark.parametrize(("operation", "path"), cases(lambda one: one.id not in ELSEWHERE))
async def test_right(world: World, changeable: Changeable, operation: Operation, path: str) -> None:
    subject = world.live.token() if operation.id == "revokeToken" else None
    changed = await prepared(world, changeable, operation, path)
    url = world.url(path, **changed) + QUERIES.get(operation.id, "").format(**world.samples)
    body = right_body(operation, **changed)
    who = "changing" if operation.id == "changePassword" else "right"
    answer = await ask(world, operation, url, json=body, subject=subject, who=who)
    assert answer.status_code == operation.status, answer.text
    if operation.answer is not None:
        operation.answer.model_validate(answer.json())


def test_every_body_is_known() -> None:
    assert set(BODIES) == {one.id for one in OPERATIONS if one.body is not None}


@pytest.mark.parametrize(("operation", "path"), cases(lambda one: one.body is not None))
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"null", b'{"a": "\\ud800"}'])
async def test_malformed_body(
    world: World, operation: Operation, path: str, content: bytes
) -> None:
    answer = await ask(world, operation, world.url(path), content=content)
    assert answer.status_code == 400


@pytest.mark.parametrize(("operation", "path"), cases(lambda one: one.query is not None))
async def test_wrong_query(world: World, operation: Operation, path: str) -> None:
    assert operation.query is not None
    for name in set(operation.query.model_fields) & set(BAD_VALUES):
        url = f"{world.url(path)}?{name}={BAD_VALUES[name]}"
        answer = await ask(world, operation, url)
        assert answer.status_code == 400, name
        assert name in answer.text


@pytest.mark.parametrize(("operation", "path"), cases(has_ids))
async def test_unknown_ids(world: World, operation: Operation, path: str) -> None:
    names = [name for name in NAME.findall(path) if name != "project_id"]
    if not names:
        return  # an older spelling has the official one's only name written out
    body = right_body(operation)
    for unknown in (UNKNOWN, "x", "%00", "%ff", "a" * 2000):
        for changed in (dict.fromkeys(names, unknown), {names[-1]: unknown}):
            url = world.url(path, **changed)
            answer = await ask(world, operation, url, json=body, audited=unknown == "x")
            allowed = (403,) if operation.id == "changePassword" else (400, 404)  # one's own only
            assert answer.status_code in allowed, url
            if operation.method != "HEAD":
                assert answer.json()["error_code"] in (*operation.errors, "CSS.0001")


@pytest.mark.parametrize("path", sorted({path for one in OPERATIONS for path in one.paths}))
async def test_methods_that_a_path_does_not_have(world: World, path: str) -> None:
    known = {one.method for one in OPERATIONS if path in one.paths}
    url = world.url(path)
    async with world.live.client(world.tokens["right"]) as http:
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
    creates = [one for one in OPERATIONS if one.id in ("CreateCluster", "CreateClusterV2")]
    rules = [
        "creation",
        "makeup",
        "exposure",
        "texts",
        "backup",
        "passwords",
        "engines",
        "admission",
        "quota",
    ]
    broken = {code for name in rules for code in codes_in(SOURCE / "domain" / f"{name}.py")}
    assert [broken <= set(create.errors) for create in creates] == [True, True]


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
