"""Status, actions and progress are computed from the record, as clients wait for them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.cluster_examples import NOW, cluster, doomed, live

from searchplane.domain.cluster import Cluster, Failure
from searchplane.domain.status import action_progress, actions, cluster_status, node_status

FAILED = Failure("CSS.6000", "es-test-ess-esn-1-1 does not run", NOW)
NODE_AWAY = replace(
    live(), nodes=(replace(live().nodes[0], ready=False), *live().nodes[1:]), progress=50
)


@pytest.mark.parametrize(
    ("record", "status", "shown", "nodes"),
    [
        pytest.param(cluster(), "100", ("CREATING",), "100 100 100", id="new"),
        pytest.param(live(), "200", (), "200 200 200", id="whole"),
        pytest.param(NODE_AWAY, "200", ("RECOVERING",), "100 200 200", id="a node is away"),
        pytest.param(
            live(unhealthy_since=NOW), "200", ("RECOVERING",), "200 200 200", id="primaries gone"
        ),
        pytest.param(cluster(failure=FAILED), "303", (), "303 303 303", id="creation failed"),
        pytest.param(live(failure=FAILED), "303", (), "200 200 200", id="failed, nodes there"),
        pytest.param(doomed(), "100", ("DELETING",), "100 100 100", id="deleting"),
        pytest.param(doomed(failure=FAILED), "100", ("DELETING",), "100 100 100", id="failed goes"),
    ],
)
def test_what_clients_read(
    record: Cluster, status: str, shown: tuple[str, ...], nodes: str
) -> None:
    assert cluster_status(record) == status
    assert actions(record) == shown
    assert " ".join(node_status(record, node) for node in record.nodes) == nodes


def test_progress_is_text_by_action_and_empty_when_idle() -> None:
    assert action_progress(cluster(progress=0)) == {"CREATING": "0%"}
    assert action_progress(NODE_AWAY) == {"RECOVERING": "50%"}
    assert action_progress(live(progress=100)) == {}
