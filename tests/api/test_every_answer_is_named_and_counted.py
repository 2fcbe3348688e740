"""No answer is without a request id, and none is missing from the figures."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.support.live_service import Live

from searchplane.api import ops
from searchplane.api.pages import Page, Visit
from searchplane.api.pipeline import MAX_BODY_BYTES, RawAnswer
from searchplane.api.routes import OPERATIONS
from searchplane.api.web import Application


@pytest.fixture
async def root(untended: Live) -> AsyncIterator[httpx.AsyncClient]:
    async with untended.client(untended.token()) as http:
        http.base_url = httpx.URL("http://127.0.0.1:9480")
        yield http


async def counted(root: httpx.AsyncClient, operation: str, status: int) -> float:
    figures = (await root.get("/metrics")).text
    line = rf'searchplane_requests_total{{operation="{operation}",status="{status}"}} (\S+)'
    found = re.search(line, figures)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/openapi.json"])
async def test_what_tools_ask_has_a_request_id(root: httpx.AsyncClient, path: str) -> None:
    ids = {(await root.get(path)).headers["X-Request-Id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nothing"), ("PUT", "/v3/auth/tokens"), ("POST", "/healthz")]
)
async def test_what_no_operation_answers_is_counted(
    root: httpx.AsyncClient, method: str, path: str
) -> None:
    before = await counted(root, "none", 404)
    assert (await root.request(method, path)).status_code == 404
    assert await counted(root, "none", 404) == before + 1


async def test_a_body_that_is_too_large_is_counted(root: httpx.AsyncClient) -> None:
    before = await counted(root, "createToken", 413)
    answer = await root.post("/v3/auth/tokens", content=b" " * (MAX_BODY_BYTES + 1))
    assert answer.status_code == 413
    assert await counted(root, "createToken", 413) == before + 1


@pytest.mark.parametrize(("path", "code"), [("/v3/broken", "IAM.0006"), ("/broken", "CSS.0005")])
async def test_a_fault_outside_every_operation_has_the_shape_of_its_path(
    untended: Live, path: str, code: str
) -> None:
    def broken(_visit: Visit) -> RawAnswer:
        raise ZeroDivisionError

    services = untended.service.services
    app = Application(OPERATIONS, services, [Page(path, broken), *ops.pages(services)])
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:9480") as http:
        before = await counted(http, "none", 500)
        answer = await http.get(path)
        assert (answer.status_code, answer.json()["error_code"]) == (500, code)
        assert answer.json()["request_id"] == answer.headers["X-Request-Id"]
        assert ("error" in answer.json()) == path.startswith("/v3")
        assert await counted(http, "none", 500) == before + 1
    app.close()


async def figure(root: httpx.AsyncClient, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", (await root.get("/metrics")).text, re.MULTILINE)
    assert found is not None, name
    return float(found[1])


async def test_lines_that_the_audit_trail_lost_are_counted(
    untended: Live, root: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = "searchplane_audit_lines_lost_total"
    before = await figure(root, lost)
    monkeypatch.setattr("searchplane.store.trail_budgets.CALLER_AT_ONCE", 2)
    monkeypatch.setattr("searchplane.store.trail_budgets.CALLER_PER_SECOND", 0.0)
    untended.add_user("curious", untended.project_id, "readonly")
    elsewhere = f"/v1.0/{'f' * 32}/clusters"
    headers = {"X-Auth-Token": untended.token("curious")}
    for _ in range(5):
        assert (await root.get(elsewhere, headers=headers)).status_code == 403
    assert await figure(root, lost) == before + 3
    refused = await root.post(elsewhere, headers=headers, json={})
    assert refused.status_code == 403
    assert await figure(root, lost) == before + 3, "a change that was refused is always told"


async def test_what_passwords_cost_is_counted(untended: Live, root: httpx.AsyncClient) -> None:
    names = ("searchplane_password_checks_total", "searchplane_password_check_cpu_seconds_total")
    before = [await figure(root, name) for name in names]
    untended.token()
    after = [await figure(root, name) for name in names]
    assert after[0] == before[0] + 1
    assert after[1] > before[1]
