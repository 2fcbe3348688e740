"""The service is killed as soon as it has answered: what it answered is in the audit trail."""

from __future__ import annotations

from pathlib import Path

from tests.support.audit_examples import told
from tests.support.running import getting_started, running_service

from searchplane.domain.audit import Outcome
from searchplane.settings import DriverKind, Settings
from searchplane.store.database import open_database

FAKE = {"SEARCHPLANE_DRIVER": DriverKind.FAKE.value}


def test_an_answered_change_is_in_the_trail_after_a_kill(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_service(data, FAKE) as service, service.project_client() as client:
        answer = client.post("/clusters", json=getting_started("killed", nodes=1))
        service.process.kill()
        service.process.wait()
    assert answer.status_code == 200, answer.text
    database = open_database(Settings(data=data))
    (line,) = told(database, answer.headers["X-Request-Id"])
    database.close()
    assert (line.operation, line.outcome) == ("CreateCluster", Outcome.ALLOWED)
    assert line.resource == answer.json()["cluster"]["id"]


def test_what_nobody_waited_for_is_written_when_the_service_ends(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_service(data, FAKE) as service, service.project_client() as client:
        answer = client.get("/clusters", headers={"X-Auth-Token": "wrong"})
        service.process.terminate()
        service.process.wait()
    database = open_database(Settings(data=data))
    (line,) = told(database, answer.headers["X-Request-Id"])
    database.close()
    assert (line.status, line.outcome) == (401, Outcome.REFUSED)
