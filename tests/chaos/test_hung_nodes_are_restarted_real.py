"""SIGSTOP of a node: its process is there and answers nobody. It is back with every document.

That takes as long as a node counts as merely slow, so it belongs to the nightly mode.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from tests.chaos.driven import Driven, Operations, driven
from tests.chaos.real_nodes import document_ids, index_documents, waited_for

from searchplane.domain.safety import HANGS

pytestmark = [
    pytest.mark.engine,
    pytest.mark.chaos,
    pytest.mark.nightly,
    pytest.mark.timeout(1800),
]

NOTICED_SECONDS = 180.0
"""For the engine to leave the node out, on a busy machine."""
BACK_SECONDS = HANGS.total_seconds() + 300.0
DOCUMENTS = 300


def hangs(cluster: Driven, node_id: str, documents: set[str]) -> None:
    process = cluster.process(node_id)
    process.send_signal(signal.SIGSTOP)
    try:
        waited_for(lambda: says(cluster, node_id), "nobody missed the node", NOTICED_SECONDS)
        assert process.is_running(), "it was not waited for"
        waited_for(lambda: not process.is_running(), "the node still hangs", BACK_SECONDS)
    finally:
        if process.is_running():
            process.send_signal(signal.SIGCONT)
    cluster.is_done()
    for endpoint in cluster.endpoints():
        assert document_ids(endpoint) == documents


def says(cluster: Driven, node_id: str) -> bool:
    """The cluster tells of the node, and until when it is waited for."""
    shown = cluster.cluster.shown()
    (name,) = (one["name"] for one in shown["instances"] if one["id"] == node_id)
    is_refused = shown["refusedBy"] == "is_missed_for_long"
    return is_refused and f"{name} is started again if" in shown["sentence"]


def test_a_data_node_and_then_the_elected_master(data: Path) -> None:
    with driven(data) as cluster:
        documents = index_documents(cluster.endpoints()[0], DOCUMENTS, replicas=1)
        do = Operations(cluster)
        master = do.master()["id"]
        other = next(one["id"] for one in cluster.instances() if one["id"] != master)
        hangs(cluster, other, documents)
        hangs(cluster, do.master()["id"], documents)
