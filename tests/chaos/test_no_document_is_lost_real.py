"""Every change to a cluster of real nodes while clients write and search: no document is lost.

One cluster goes through several operations in a row. What may fail meanwhile depends on the
operation: nothing, where nodes go and come one after the other and indices have replicas.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.chaos.driven import Driven, Operations, driven
from tests.support.rotation import in_rotation

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(900)]


def serves_all_the_time(driven: Driven, operation: Callable[[], None]) -> None:
    tally = driven.during(operation)
    assert tally.lost == 0
    assert tally.has_no_failures, tally.reasons


def loses_nothing(driven: Driven, operation: Callable[[], None]) -> None:
    assert driven.during(operation).lost == 0


@pytest.mark.parametrize("then", in_rotation("rolling change", ["roll", "replace_master"]))
def test_one_node_more_one_less_and_each_changed(data: Path, then: str) -> None:
    with driven(data) as cluster:
        do = Operations(cluster)
        serves_all_the_time(cluster, do.extend)
        serves_all_the_time(cluster, do.offline)
        serves_all_the_time(cluster, getattr(do, then))
        cluster.nothing_is_lost()
        assert len(cluster.instances()) == 3


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_all_of_them_one_after_the_other(data: Path) -> None:
    with driven(data) as cluster:
        do = Operations(cluster)
        for operation in (do.extend, do.shrink, do.replace, do.extend, do.offline, do.roll):
            serves_all_the_time(cluster, operation)
        for operation in (do.restart, do.restart_one, do.replace_dead):
            loses_nothing(cluster, operation)
        cluster.nothing_is_lost()


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_a_cluster_with_masters_of_its_own(data: Path) -> None:
    with driven(data, {"ess-master": 3, "ess": 2}) as cluster:
        do = Operations(cluster)
        for operation in (do.roll, do.extend_by_role, do.replace_master, do.replace, do.shrink):
            serves_all_the_time(cluster, operation)
        for operation in (do.restart_one, do.replace_dead, do.restart):
            loses_nothing(cluster, operation)
        cluster.nothing_is_lost()


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_a_cluster_of_masters_clients_and_data_nodes(data: Path) -> None:
    with driven(data, {"ess-master": 3, "ess": 3}) as cluster:
        do = Operations(cluster)
        for operation in (
            do.independent_clients,
            do.flavor_of_data_nodes,
            do.shrink_clients_and_data,
            do.extend_by_role,
            do.offline_data,
        ):
            serves_all_the_time(cluster, operation)
        cluster.nothing_is_lost()
        types = Counter(one["type"] for one in cluster.instances())
        assert types == {"ess-master": 3, "ess-client": 1, "ess": 2}


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_dedicated_masters_come_to_a_cluster_that_has_none(data: Path) -> None:
    with driven(data, {"ess": 2}) as cluster:
        serves_all_the_time(cluster, Operations(cluster).independent_masters)
        cluster.nothing_is_lost()
        types = Counter(one["type"] for one in cluster.instances())
        assert types == {"ess-master": 3, "ess": 2}
