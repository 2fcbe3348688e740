"""What stands in a query twice, or asks for a dry run where there is none, is refused: it would
be a guess what was meant, and the wrong guess acts."""

from __future__ import annotations

import pytest

from searchplane.api import queries
from searchplane.api.operation import Operation
from searchplane.api.routes import OPERATIONS
from searchplane.errors import Refused

WITH_QUERY = [one for one in OPERATIONS if one.query is not None]
CHANGES = [one for one in OPERATIONS if one.is_change]


def has_dry_run(operation: Operation) -> bool:
    return operation.query is not None and "dry_run" in operation.query.model_fields


def refused(operation: Operation, query: str) -> str:
    with pytest.raises(Refused) as raised:
        queries.read(operation, query)
    assert raised.value.code == "CSS.0001"
    return raised.value.detail


@pytest.mark.parametrize("operation", WITH_QUERY, ids=lambda one: one.id)
def test_no_value_is_given_twice_in_any_spelling(operation: Operation) -> None:
    assert operation.query is not None
    for name, field in operation.query.model_fields.items():
        for other in {name, field.alias or name}:
            assert name in refused(operation, f"{name}=1&x=2&{other}=1"), name


def test_what_is_given_once_or_is_unknown_is_read() -> None:
    operation = next(one for one in WITH_QUERY if has_dry_run(one))
    for query in ("dry_run=true", "dryRun=true&more=1&more=2"):
        read = queries.read(operation, query)
        assert read is not None
        assert read.model_dump() == {"dry_run": True}


@pytest.mark.parametrize(
    "operation", [one for one in CHANGES if not has_dry_run(one)], ids=lambda one: one.id
)
def test_what_cannot_be_tried_is_not_done_instead(operation: Operation) -> None:
    for query in ("dry_run=true", "dryRun=True", "a=b&dry_run="):
        assert operation.id in refused(operation, query)
    queries.read(operation, "dry_run=false")


def test_changes_of_clusters_and_snapshots_can_be_tried() -> None:
    made = {"CreateAgency", "CreateCluster", "CreateClusterV2"}
    without = {one.id for one in CHANGES if not one.envelope.is_identity and not has_dry_run(one)}
    assert without == made
