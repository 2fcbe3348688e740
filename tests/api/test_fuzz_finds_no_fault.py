"""Property-based fuzzing of every route from the OpenAPI description.

A whole service runs on the fake driver. Requests are made from the description, valid and invalid
ones; half of them name the real project and, where there is one, a real cluster. No answer may be
a 5xx or one the description does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from litestar import Litestar
from litestar.testing import TestClient
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from searchplane.api.openapi import describe
from searchplane.api.routes import OPERATIONS
from searchplane.app import LoopThread, open_service
from searchplane.iam.bootstrap import read_admin_file
from searchplane.settings import DriverKind, Settings

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
SCHEMA = schemathesis.openapi.from_dict(describe(OPERATIONS))
PLENTY = 1_000_000


@dataclass(frozen=True)
class Running:
    """A service with one cluster, and a token for its project."""

    application: Litestar
    project_id: str
    token: str
    cluster_id: str


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("fuzz")
    with open_service(Settings(data=folder, driver=DriverKind.FAKE)) as service:
        loop = LoopThread(service)
        loop.start()
        with TestClient(service.api()) as client:
            yield _prepared(client, folder)
        loop.stop()


def _prepared(client: TestClient[Litestar], folder: Path) -> Running:
    admin = read_admin_file(folder / "admin.json")
    assert admin is not None
    user = {"id": _user_id(client, admin), "password": admin.password}
    login = {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"id": admin.project_id}},
        }
    }
    token = client.post("/v3/auth/tokens", json=login).headers["X-Subject-Token"]
    network = {"vpcId": "vpc", "netId": "net", "securityGroupId": "group"}
    created = client.post(
        f"/v1.0/{admin.project_id}/clusters",
        headers={"X-Auth-Token": token},
        json={
            "cluster": {
                "name": "fuzzed",
                "instanceNum": 1,
                "instance": {
                    "flavorRef": "css.medium.8",
                    "volume": {"volume_type": "HIGH", "size": 40},
                    "nics": network,
                },
            }
        },
    )
    return Running(client.app, admin.project_id, token, created.json()["cluster"]["id"])


def _user_id(client: TestClient[Litestar], admin: Any) -> str:
    named = {"name": admin.user, "password": admin.password, "domain": {"name": admin.domain}}
    login = {"auth": {"identity": {"methods": ["password"], "password": {"user": named}}}}
    answer = client.post("/v3/auth/tokens", json=login)
    return str(answer.json()["token"]["user"]["id"])


@SCHEMA.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_answer_outside_the_description(case: Any, running: Running) -> None:
    parameters = case.path_parameters or {}
    if "project_id" in parameters and len(parameters["project_id"]) % 2:
        parameters["project_id"] = running.project_id
    if "cluster_id" in parameters and case.method != "DELETE":
        parameters["cluster_id"] = running.cluster_id
    headers = {"X-Auth-Token": running.token, "X-Subject-Token": running.token}
    if case.method == "DELETE":
        headers.pop("X-Subject-Token")
    response = case.call(
        session=None, headers=headers, app=running.application, base_url="http://testserver"
    )
    case.validate_response(response, checks=CHECKS)
