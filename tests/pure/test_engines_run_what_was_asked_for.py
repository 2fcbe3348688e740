"""Which engine runs a datastore, and which may be secured."""

from __future__ import annotations

import pytest
from tests.support.cluster_examples import refused

from searchplane.domain.engines import (
    DATASTORES,
    DEFAULT_DATASTORE,
    ENGINES,
    Datastore,
    engine_for,
    reports_as_elasticsearch,
    supports_security,
)

ELASTICSEARCH = Datastore("elasticsearch", "7.10.2")


@pytest.mark.parametrize(
    ("kind", "version", "secured", "engine"),
    [
        ("elasticsearch", "7.10.2", False, "Elasticsearch 7.10.2"),
        ("elasticsearch", "7.10.2", True, "OpenSearch 2.19.1"),
        ("opensearch", "1.3.6", False, "OpenSearch 1.3.6"),
        ("opensearch", "2.11.0", False, "OpenSearch 2.11.0"),
        ("opensearch", "2.17.1", False, "OpenSearch 2.17.1"),
        ("opensearch", "2.19.0", False, "OpenSearch 2.19.1"),
        ("opensearch", "2.19.1", True, "OpenSearch 2.19.1"),
        ("opensearch", "2.19.0", True, "OpenSearch 2.19.1"),
    ],
)
def test_the_engine_that_runs(kind: str, version: str, secured: bool, engine: str) -> None:
    assert str(engine_for(Datastore(kind, version), secured=secured)) == engine


@pytest.mark.parametrize(
    ("kind", "version", "secured", "code", "says"),
    [
        ("logstash", "7.10.0", False, "CSS.5002", "'logstash'; the types here are elasticsearch"),
        ("Elasticsearch", "7.10.2", False, "CSS.5002", "'Elasticsearch'"),
        ("elasticsearch", "7.6.2", False, "CSS.5003", "'7.6.2'; the versions of elasticsearch"),
        ("opensearch", "", False, "CSS.5003", "1.3.6, 2.11.0, 2.17.1, 2.19.0, 2.19.1"),
        ("opensearch", "1.3.6", True, "CSS.5169", "opensearch 2.19.1 has"),
        ("opensearch", "2.11.0", True, "CSS.5169", "2.11.0 has no security mode"),
        ("opensearch", "2.17.1", True, "CSS.5169", "2.17.1 has no security mode"),
        ("opensearch", "9.9", True, "CSS.5003", "'9.9'"),
    ],
)
def test_what_cannot_run_is_refused_with_what_can(
    kind: str, version: str, secured: bool, code: str, says: str
) -> None:
    error = refused(lambda: engine_for(Datastore(kind, version), secured=secured))
    assert error.code == code
    assert says in error.detail


def test_the_default_can_be_had() -> None:
    assert DEFAULT_DATASTORE == ELASTICSEARCH
    assert set(DATASTORES.values()) == set(ENGINES)


def test_security_is_offered_exactly_where_it_is_accepted() -> None:
    for datastore in DATASTORES:
        if supports_security(datastore):
            engine_for(datastore, secured=True)
        else:
            error = refused(lambda wanted=datastore: engine_for(wanted, secured=True))
            assert error.code == "CSS.5169"


def test_only_elasticsearch_on_another_engine_hides_what_runs() -> None:
    def hides(datastore: Datastore, *, secured: bool) -> bool:
        return reports_as_elasticsearch(datastore, engine_for(datastore, secured=secured))

    assert hides(ELASTICSEARCH, secured=True)
    assert not hides(ELASTICSEARCH, secured=False)
    assert not hides(Datastore("opensearch", "2.19.1"), secured=True)
