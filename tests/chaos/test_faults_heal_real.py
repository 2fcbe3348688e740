"""What goes wrong on a machine, with a real node: a sentence says it, and mending it is enough.

CI takes two of them, others every day.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.chaos import victim
from tests.chaos.accepting import accept_create, records
from tests.chaos.full_disk import mounted
from tests.chaos.real_nodes import data_folder, kill_nodes, watched
from tests.chaos.victim import KILLED, Point
from tests.support.rotation import in_rotation
from tests.support.running import running_service

from searchplane.domain.engines import ELASTICSEARCH_7_10_2
from searchplane.domain.ports import REST_PORT
from searchplane.engine.home import home_path
from searchplane.settings import DriverKind, default_cache

pytestmark = [pytest.mark.engine, pytest.mark.chaos, pytest.mark.timeout(900)]


def a_busy_port_is_named_and_taken_once_it_is_free(data: Path) -> None:
    accept_create(data, nodes=1)
    assert victim.tend(data, Point("PlaceNode", 1), DriverKind.PROCESS) == KILLED
    (placed,) = records(data)
    address = placed.nodes[0].address
    assert address is not None
    with ExitStack() as taken, running_service(data, {}) as service:
        taken.enter_context(socket.create_server((address, REST_PORT)))
        with service.project_client() as css:
            cluster = watched(service, css)
            cluster.says("does not run", "in use")
            taken.close()
            cluster.available()


def a_file_in_place_of_the_nodes_folder_is_named(data: Path) -> None:
    cluster_id = accept_create(data, nodes=1)
    (data / "nodes").write_text("not a folder")
    with running_service(data, {}) as service, service.project_client() as css:
        cluster = watched(service, css)
        cluster.says(str(data / "nodes"), "Not a directory")
        (data / "nodes").unlink()
        cluster.available()
    assert [one.id for one in records(data)] == [cluster_id]


def a_full_disk_of_the_nodes_is_named_and_costs_nothing(data: Path) -> None:
    cluster_id = accept_create(data, nodes=1)
    (data / "nodes").mkdir()
    with mounted(data / "nodes", megabytes=64) as disk:
        disk.fill()
        with running_service(data, {}) as service, service.project_client() as css:
            cluster = watched(service, css)
            cluster.says("No space is left on the disk", str(data / "nodes"))
            disk.free()
            cluster.available()
        kill_nodes(data)
    assert [one.id for one in records(data)] == [cluster_id]


def a_damaged_engine_is_mended_before_it_is_used(data: Path) -> None:
    """The damage: one byte of the engine's own jar, as a bad disk would leave it."""
    with data_folder() as cache:
        for part in ("java", "artifacts", "archives"):
            shutil.copytree(default_cache() / part, cache / part, copy_function=os.link)
        home = home_path(default_cache(), ELASTICSEARCH_7_10_2, secured=False)
        copy = home_path(cache, ELASTICSEARCH_7_10_2, secured=False)
        shutil.copytree(home, copy, copy_function=os.link)
        (jar,) = copy.glob("lib/elasticsearch-7.10.2.jar")
        right = jar.read_bytes()
        jar.unlink()  # a link to the real one, which must stay as it is
        jar.write_bytes(right[:1000] + bytes([right[1000] ^ 1]) + right[1001:])
        accept_create(data, nodes=1)
        environment = {"SEARCHPLANE_CACHE": str(cache)}
        with running_service(data, environment) as service, service.project_client() as css:
            watched(service, css).available()
        assert jar.read_bytes() == right


FAULTS = [
    a_busy_port_is_named_and_taken_once_it_is_free,
    a_file_in_place_of_the_nodes_folder_is_named,
    a_full_disk_of_the_nodes_is_named_and_costs_nothing,
    a_damaged_engine_is_mended_before_it_is_used,
]


@pytest.mark.parametrize("fault", in_rotation("fault", FAULTS), ids=lambda one: one.__name__)
def test_a_fault_is_healed(fault: Callable[[Path], None], data: Path) -> None:
    fault(data)
