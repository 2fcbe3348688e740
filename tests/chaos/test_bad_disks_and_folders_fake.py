"""A full disk and folders that are not folders: a sentence, no lost record, and it heals."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.chaos.accepting import accept_create, records
from tests.chaos.full_disk import small_disk
from tests.chaos.real_nodes import made, watched
from tests.support.running import getting_started, running_service

pytestmark = pytest.mark.chaos

FAKE = {"SEARCHPLANE_DRIVER": "fake", "SEARCHPLANE_DISK_FLOOR_MB": "0"}

SERVE = [sys.executable, "-m", "searchplane.cli.main", "serve"]


def refusal(data: Path) -> str:
    """What a service that cannot serve the folder says as it ends."""
    ended = subprocess.run(
        [*SERVE, "--data", str(data), "--listen", "127.0.0.1:0"],
        env=os.environ | FAKE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_disk_that_fills_up_costs_no_record_and_is_said() -> None:
    with (
        small_disk(8) as disk,
        running_service(disk.data, FAKE) as service,
        service.project_client() as css,
    ):
        first = made(service, css, 3)
        before = first.available()
        disk.fill()
        answer = css.post("/clusters", json=getting_started("does-not-fit"))
        assert answer.status_code == 503
        assert "disk is full" in answer.json()["externalMessage"]
        assert first.shown() == before
        assert css.get("/clusters").json()["totalSize"] == 1
        disk.free()
        assert css.delete(f"/clusters/{first.cluster_id}").status_code == 200
        second = css.post("/clusters", json=getting_started("fits-again"))
        assert second.status_code == 200


def test_a_full_disk_at_the_start_is_said_and_waited_out() -> None:
    with small_disk(8) as disk:
        cluster_id = accept_create(disk.data)
        disk.fill()
        assert "disk may be full" in refusal(disk.data)
        disk.free()
        assert [one.id for one in records(disk.data)] == [cluster_id]
        with running_service(disk.data, FAKE) as service, service.project_client() as css:
            watched(service, css).available()


def a_file_is_the_data_folder(data: Path) -> None:
    data.write_text("not a folder")


def a_folder_is_the_lock(data: Path) -> None:
    (data / "serve.lock").mkdir(parents=True)


def a_folder_is_the_database(data: Path) -> None:
    (data / "searchplane.db").mkdir(parents=True)


def a_folder_is_the_admin_file(data: Path) -> None:
    (data / "admin.json").mkdir(parents=True)


def a_file_is_the_key_folder(data: Path) -> None:
    data.mkdir()
    (data / "keys").write_text("not a folder")


def the_database_is_damaged(data: Path) -> None:
    data.mkdir()
    (data / "searchplane.db").write_bytes(b"no database" * 1000)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (a_file_is_the_data_folder, "File exists"),
        (a_folder_is_the_lock, "serve.lock"),
        (a_folder_is_the_database, "searchplane.db cannot be opened"),
        (a_folder_is_the_admin_file, "admin.json cannot be read"),
        (a_file_is_the_key_folder, "keys"),
        (the_database_is_damaged, "the database is damaged"),
    ],
)
def test_a_spoilt_data_folder_is_named(
    tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    data = tmp_path / "data"
    spoil(data)
    said = refusal(data)
    assert says in said
    assert str(data) in said or "damaged" in said


def test_a_folder_that_is_served_already_is_refused_with_who_serves_it(tmp_path: Path) -> None:
    with running_service(tmp_path, FAKE) as service:
        assert f"served already, by process {service.process.pid}" in refusal(tmp_path)
