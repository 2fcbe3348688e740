"""kill -9 of the control plane after every single step of create and of delete.

The steps are not listed here: a recording run of each scenario tells them. For each, a service is
killed right there and another one on the same data folder finishes: the cluster is available once,
or gone, and nothing is left over.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.chaos import victim
from tests.chaos.accepting import accept_create, accept_delete, records
from tests.chaos.victim import KILLED, Point, Request
from tests.support.live_service import live_service
from tests.support.running import getting_started

from searchplane.store.database import Database, private_sqlite
from searchplane.store.schema import events, nodes
from searchplane.store.schema import secrets as secrets_table

pytestmark = pytest.mark.chaos

AT_ONCE = 4
"""Victims at the same time; each mostly waits for its next pass."""
CREATE_STEPS = {"PlaceNode", "StartNode", "EndBootstrap", "CompleteAction"}
DELETE_STEPS = {"StopNode", "RemoveNode", "ForgetCluster", "node folder set aside"}
"""Some of what a recording must hold, so that an empty one cannot pass."""
OWN_FILES = {"admin.json", "clouds.yaml", "serve.lock", "folder.id", "searchplane.db"} | {
    "keys/0",
    "keys/1",
    "seals/1",
}
BESIDE_THE_DATABASE = {"searchplane.db-wal", "searchplane.db-shm"}


@dataclass(frozen=True)
class Scenario:
    """A data folder in which something was accepted and nothing done yet."""

    name: str
    secured: bool
    deletes: bool
    folder: Path

    def copy(self, place: Path) -> Path:
        return Path(shutil.copytree(self.folder, place / "data"))


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scenario]:
    made: dict[str, Scenario] = {}
    for secured in (False, True):
        kind = "secured" if secured else "plain"
        create = tmp_path_factory.mktemp(kind) / "data"
        accept_create(create, secured=secured)
        made[f"create {kind}"] = Scenario(f"create {kind}", secured, False, create)
        delete = Path(shutil.copytree(create, tmp_path_factory.mktemp(kind) / "data"))
        assert victim.tend(delete) == 0
        accept_delete(delete)
        made[f"delete {kind}"] = Scenario(f"delete {kind}", secured, True, delete)
    return made


NAMES = ["create plain", "create secured", "delete plain", "delete secured"]


@pytest.mark.parametrize("name", NAMES)
def test_killed_after_every_step(scenarios: dict[str, Scenario], name: str, tmp_path: Path) -> None:
    scenario = scenarios[name]
    recorded = scenario.copy(tmp_path / "recorded")
    assert victim.tend(recorded) == 0
    finished(scenario, recorded)
    points = victim.points(recorded)
    kinds = DELETE_STEPS if scenario.deletes else CREATE_STEPS
    assert kinds <= {point.name for point in points}

    def one(point: Point) -> str | None:
        data = scenario.copy(tmp_path / str(point))
        code = victim.tend(data, point)
        try:
            assert code == KILLED, f"the run ended ({code}) before it came to this step"
            assert victim.tend(data) == 0
            finished(scenario, data)
        except AssertionError as error:
            return f"killed at {point}: {error}"
        shutil.rmtree(data.parent)
        return None

    with ThreadPoolExecutor(AT_ONCE) as at_once:
        wrong = [said for said in at_once.map(one, points) if said]
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def token_and_project(tmp_path: Path) -> Iterator[tuple[str, str]]:
    with live_service(tmp_path / "data", tended=False) as live:
        found = live.token(), live.project_id
    yield found


def test_killed_between_the_commit_of_a_create_and_its_answer(
    token_and_project: tuple[str, str], tmp_path: Path
) -> None:
    token, project = token_and_project
    data = tmp_path / "data"
    request = Request("POST", f"/v1.0/{project}/clusters", token, getting_started("ES-Test"))
    assert victim.killed_before_the_answer(data, request) == KILLED
    assert victim.tend(data) == 0
    finished(Scenario("create", False, False, data), data)
    again = victim.killed_before_the_answer(data, request)
    assert again == 0, "the same name was accepted a second time"


def test_killed_between_the_commit_of_a_delete_and_its_answer(
    scenarios: dict[str, Scenario], tmp_path: Path
) -> None:
    data = scenarios["create plain"].copy(tmp_path)
    assert victim.tend(data) == 0
    (cluster,) = records(data)
    with live_service(data, tended=False) as live:
        token = live.token()
    path = f"/v1.0/{cluster.project_id}/clusters/{cluster.id}"
    request = Request("DELETE", path, token)
    assert victim.killed_before_the_answer(data, request) == KILLED
    assert victim.tend(data) == 0
    finished(scenarios["delete plain"], data)


def finished(scenario: Scenario, data: Path) -> None:
    """The scenario's end, exactly: no more nodes, rows, secrets or files than there should be."""
    if scenario.deletes:
        assert records(data) == []
        assert rows(data) == {"nodes": 0, "secrets": 0, "events": 0}
        assert files(data) == OWN_FILES
        return
    (cluster,) = records(data)
    assert (cluster.action, cluster.failure, cluster.bootstrapped) == (None, None, True)
    assert cluster.unhealthy_since is None
    assert all(node.ready and node.starts == 0 for node in cluster.nodes)
    assert len({node.address for node in cluster.nodes}) == 3
    assert rows(data)["nodes"] == 3
    assert rows(data)["secrets"] == (11 if scenario.secured else 0)
    mine = {f"fake/{cluster.id}/{node.id}.json": node for node in cluster.nodes}
    assert files(data) == OWN_FILES | set(mine)
    stored = {name: json.loads((data / name).read_text()) for name in mine}
    assert {one["phase"] for one in stored.values()} == {"running"}
    assert {name: one["address"] for name, one in stored.items()} == {
        name: node.address for name, node in mine.items()
    }
    assert len({one["cluster_uuid"] for one in stored.values()}) == 1
    assert len({one["files"] for one in stored.values()}) == 3


def rows(data: Path) -> dict[str, int]:
    database = Database(private_sqlite(data))
    try:
        with database.read() as connection:
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (nodes, secrets_table, events)
            }
    finally:
        database.close()


def files(data: Path) -> set[str]:
    found = {str(path.relative_to(data)) for path in data.rglob("*") if path.is_file()}
    return found - BESIDE_THE_DATABASE
