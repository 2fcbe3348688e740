"""Property-based fuzzing of every route from the OpenAPI description.

A whole service runs on the fake driver. Requests are made from the description, valid and invalid
ones; half of them name the real project, a real cluster and a real snapshot. No answer may be a 5xx
or one that the description does not have.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.support.databases import Databases
from tests.support.running import getting_started, running_service

from searchplane.api.openapi import describe
from searchplane.api.routes import OPERATIONS

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
FEW = 10
SEPARATOR = re.compile(r"[/\\]|%2F|%5C", re.IGNORECASE)
EXAMPLES = int(os.environ.get("SEARCHPLANE_FUZZ_EXAMPLES", str(FEW)))
"""For each route; the nightly mode asks for many more."""
SCHEMA = schemathesis.openapi.from_dict(describe(OPERATIONS))


@dataclass(frozen=True)
class Real:
    """What exists on the service, for requests that get past the first check."""

    url: str
    token: str
    project_id: str
    cluster_id: str
    snapshot_id: str


@pytest.fixture(scope="module")
def real(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    environment = {"SEARCHPLANE_DRIVER": "fake", "SEARCHPLANE_LOG_LEVEL": "ERROR"}
    with ExitStack() as at_end:
        where = at_end.enter_context(databases.new(tmp_path_factory.mktemp("fuzz")))
        if "database_url" in where:
            environment["SEARCHPLANE_DATABASE_URL"] = where["database_url"].get_secret_value()
        service = at_end.enter_context(running_service(where["data"], environment))
        client = at_end.enter_context(service.project_client())
        created = client.post("/clusters", json=getting_started("fuzzed"))
        cluster_id = created.json()["cluster"]["id"]
        while client.get(f"/clusters/{cluster_id}").json()["status"] != "200":
            pass  # every question is a request: the test's own time limit ends it
        taken = client.post(f"/clusters/{cluster_id}/index_snapshot", json={"name": "fuzzed"})
        snapshot_id = taken.json()["backup"]["id"]
        project_id = service.admin["project_id"]
        yield Real(service.url, service.token(), project_id, cluster_id, snapshot_id)


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= FEW,  # the same in every change, new ones in every night
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_answer_outside_the_description(case: Any, real: Real) -> None:
    parameters = case.path_parameters or {}
    for name, value in parameters.items():
        # An encoded separator is no part of a name: such a path is no operation's (docs/adr/0015).
        parameters[name] = SEPARATOR.sub("|", str(value))
    odd = sum(len(str(value)) for value in parameters.values()) % 2
    if "project_id" in parameters and odd:
        parameters["project_id"] = real.project_id
    if "cluster_id" in parameters and case.method != "DELETE":
        parameters["cluster_id"] = real.cluster_id
    if "snapshot_id" in parameters and odd:
        parameters["snapshot_id"] = real.snapshot_id
    headers = {"X-Auth-Token": real.token}
    if case.method != "DELETE":
        headers["X-Subject-Token"] = real.token
    response = case.call(headers=headers, base_url=real.url)
    case.validate_response(response, checks=CHECKS)
